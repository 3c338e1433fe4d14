//! The frozen engine against a plain reference.

mod reference;

use reference::Tensors;
use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::frozen::{Engine, Isa, Options, Tuning, Way};
use regnet_space::graph::Graph;
use regnet_space::{
    AnyNet, Block, Bottleneck, Cell, CellConv, Preset, Regulator, Share, Stage, Stem, StemKind,
};

/// Numbers between -1 and 1 from a 64-bit linear congruential generator (Knuth's MMIX constants).
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) as f64 / (1_u64 << 30) as f64 - 1.0) as f32
    }
}

/// Random tensors that keep activations near 1.
fn tensors(graph: &Graph, seed: u64) -> Tensors {
    let mut next = numbers(seed);
    let each = graph.parameters().map(|tensor| {
        let len: usize = tensor.shape.iter().product();
        let inputs: usize = tensor.shape[1..].iter().product();
        let value = |next: &mut dyn FnMut() -> f32| match &tensor.name {
            name if name.ends_with("running_var") => 1.0 + 0.5 * next(),
            _ if tensor.shape.len() > 1 => next() * (3.0 / inputs as f32).sqrt(),
            name if name.ends_with("bn.weight") || name.ends_with("_scale") => 1.0 + 0.5 * next(),
            _ => 0.3 * next(),
        };
        let values = (0..len).map(|_| value(&mut next)).collect();
        (tensor.name, values)
    });
    each.collect()
}

fn images(graph: &Graph, count: usize) -> Vec<f32> {
    let mut next = numbers(7);
    (0..count * graph.nodes()[0].shape.len()).map(|_| next()).collect()
}

/// Compares the logits of some batches, and all features that can be handed out, on all instruction sets.
fn compare(what: &str, net: &AnyNet, height: usize, width: usize, batches: &[usize]) {
    let graph = net.graph(height, width).expect("a network");
    let tensors = tensors(&graph, 1);
    let most = batches.iter().copied().max().unwrap_or_default();
    let images = images(&graph, most);
    let image = graph.nodes()[0].shape.len();
    let expected: Vec<f32> = images
        .chunks_exact(image)
        .flat_map(|image| reference::run(&graph, &tensors, image).pop().expect("logits"))
        .map(|value| value as f32)
        .collect();
    let scale = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    for isa in Isa::available() {
        // Every way of each convolution that has several, too.
        let ways = Way::ALL.map(|way| (2, Some(way)));
        for (threads, way) in [(1, None), (3, None)].into_iter().chain(ways) {
            let tuning = way.map(|way| all(&graph, isa, way));
            let options = Options { threads, isa, tuning, ..Options::default() };
            let engine = Engine::new(&graph, |name| tensors.get(name).cloned(), &options).expect("an engine");
            for &batch in batches {
                let mut logits = vec![f32::NAN; batch * net.classes];
                engine.run(&images[..batch * image], &mut logits).expect("a batch");
                let tolerance = Tolerance { absolute: 1e-5 * f64::from(scale), relative: 0.0 };
                let what = format!("{what}, {isa}, {threads} threads, {way:?}, batch {batch}");
                assert_close(&what, &logits, &expected[..logits.len()], tolerance);
            }
        }
    }
}

/// All layers in one way that can be.
fn all(graph: &Graph, isa: Isa, way: Way) -> Tuning {
    Tuning { isa, ways: graph.nodes().iter().map(|node| (node.name.clone(), way)).collect() }
}

fn preset(name: &str, classes: usize) -> AnyNet {
    let declaration = Preset::find(name).expect("a preset").declaration();
    AnyNet { classes, ..declaration.to_anynet().expect("a network") }
}

fn stage(depth: usize, width: usize, stride: usize, group_width: usize, bottleneck: Bottleneck) -> Stage {
    Stage { depth, width, stride, bottleneck, group_width }
}

fn net(stem: Stem, block: Block, stages: Vec<Stage>) -> AnyNet {
    AnyNet { input_channels: 3, stem, block, stages, se: None, regulator: None, classes: 10 }
}

#[test]
fn threads_are_as_many_as_processors_at_most() {
    let graph = net(
        Stem { kind: StemKind::Cifar, width: 8 },
        Block::Bottleneck,
        vec![stage(1, 16, 1, 8, Bottleneck::ONE)],
    )
    .graph(8, 8)
    .expect("a network");
    let tensors = tensors(&graph, 1);
    let processors = std::thread::available_parallelism().expect("processors").get();
    for (asked, expected) in [(0, 1), (1, 1), (100_000, processors), (usize::MAX, processors)] {
        for spin in [true, false] {
            let options = Options { threads: asked, spin, ..Options::default() };
            let engine = Engine::new(&graph, |name| tensors.get(name).cloned(), &options).expect("an engine");
            assert_eq!(engine.threads(), expected, "{asked} asked for");
        }
    }
}

#[test]
fn presets_of_every_group_width() {
    for name in ["RegNetX-200MF", "RegNetY-200MF", "RegNetX-400MF"] {
        compare(name, &preset(name, 10), 64, 64, &[1, 3, 17]);
    }
    compare("odd", &preset("RegNetY-400MF", 7), 45, 67, &[1, 4]);
}

#[test]
fn what_is_faster_is_measured_for_the_layers_that_have_several_ways() {
    let stages = vec![stage(1, 16, 1, 8, Bottleneck::ONE), stage(2, 24, 2, 12, Bottleneck::ONE)];
    let graph = net(Stem { kind: StemKind::Cifar, width: 8 }, Block::Bottleneck, stages).graph(16, 16);
    let graph = graph.expect("a network");
    let options = Options { threads: 1, ..Options::default() };
    let tuning = Tuning::measure(&graph, &options, 2, 3).expect("times");
    assert_eq!(tuning.isa, options.isa);
    // Groups of 12 are no octets, and the other convolutions are 1x1 or of images.
    assert_eq!(tuning.ways.keys().collect::<Vec<_>>(), ["s1.b1.f.b"]);
}

#[test]
fn group_widths_and_odd_channels() {
    let stem = Stem { kind: StemKind::Cifar, width: 12 };
    for (width, group) in [
        (8, 1),
        (24, 2),
        (20, 4),
        (40, 8),
        (24, 12),
        (36, 12),
        (32, 16),
        (48, 24),
        (80, 40),
        (56, 56),
        (72, 72),
        (60, 20),
        (45, 15),
        (33, 3),
    ] {
        let stages =
            vec![stage(2, width, 1, group, Bottleneck::ONE), stage(1, width, 2, group, Bottleneck::ONE)];
        for side in [11, 16] {
            compare(
                &format!("w = {width}, g = {group}"),
                &net(stem, Block::Bottleneck, stages.clone()),
                side,
                side + 1,
                &[1, 5],
            );
        }
    }
}

#[test]
fn residual_and_plain_networks() {
    for block in [Block::Basic, Block::Vanilla] {
        for (kind, side) in [(StemKind::Cifar, 13), (StemKind::ResNet, 41), (StemKind::Simple, 20)] {
            let stages = vec![Stage::plain(2, 16, 1), Stage::plain(2, 40, 2), Stage::plain(1, 23, 1)];
            let mut net = net(Stem { kind, width: 16 }, block, stages);
            compare(&format!("{block:?}, {kind:?}"), &net, side, side + 3, &[1, 3]);
            if block == Block::Basic {
                net.se = Some(0.25);
                compare(&format!("{block:?}, {kind:?}, excited"), &net, side, side, &[1, 2]);
            }
        }
    }
}

#[test]
fn self_regulated_networks() {
    for cell in [Cell::Rnn, Cell::Gru, Cell::Lstm] {
        for conv in [CellConv::Full, CellConv::Efficient] {
            for (share, carry) in [(Share::Stage, false), (Share::Block, true)] {
                for block in [Block::Basic, Block::Bottleneck] {
                    let wide = if block == Block::Basic { 24 } else { 8 };
                    let stages = vec![
                        stage(2, 16, 1, if block == Block::Basic { 16 } else { 8 }, Bottleneck::ONE),
                        stage(2, 24, 2, wide, Bottleneck::ONE),
                    ];
                    let stem = Stem { kind: StemKind::Cifar, width: 16 };
                    let mut net = net(stem, block, stages);
                    net.regulator = Some(Regulator { cell, conv, share, carry });
                    compare(&format!("{cell} {conv} {share} {carry} {block:?}"), &net, 9, 10, &[1, 3]);
                }
            }
        }
    }
}
