//! NaN and infinities in weights and in images, by every instruction set, in every precision: logits that are no numbers in
//! double precision must be none here.

use regnet_space::{AnyNet, Block, Bottleneck, Cell, Stage, Stem, StemKind};

#[path = "../../../../tests/frozen/reference.rs"]
mod graph_reference;

use super::network::{Case, IMAGES};
use super::{Format, ways};
use crate::frozen::{Engine, Isa, Options, Tuning, Way};

const SIDE: usize = 9;

/// Networks that together have every kind of layer.
fn nets() -> Vec<AnyNet> {
    let stage =
        |width, group_width| Stage { depth: 2, width, stride: 2, bottleneck: Bottleneck::ONE, group_width };
    // Groups of 8, whose 3x3 convolutions can be Winograd's, 16, and 4, whose cannot.
    let bottlenecks = AnyNet {
        input_channels: 3,
        stem: Stem { kind: StemKind::Cifar, width: 12 },
        block: Block::Bottleneck,
        stages: vec![
            stage(24, 8),
            Stage { depth: 1, stride: 1, ..stage(32, 16) },
            Stage { depth: 1, ..stage(20, 4) },
        ],
        se: Some(0.25),
        regulator: None,
        classes: 5,
    };
    let depthwise =
        AnyNet { stages: vec![Stage { depth: 1, ..stage(16, 1) }], se: None, ..bottlenecks.clone() };
    let basic = AnyNet {
        stem: Stem { kind: StemKind::ResNet, width: 8 },
        block: Block::Basic,
        stages: vec![Stage::plain(1, 8, 1), Stage::plain(1, 16, 2)],
        se: None,
        ..bottlenecks.clone()
    };
    let cells = [Cell::Rnn, Cell::Gru, Cell::Lstm];
    let regulated = |cell: Cell| AnyNet {
        stages: vec![stage(16, 8)],
        se: None,
        regulator: Some(cell.into()),
        ..bottlenecks.clone()
    };
    [bottlenecks.clone(), depthwise, basic].into_iter().chain(cells.map(regulated)).collect()
}

/// The ways to compute a network: its precision, and for all 3x3 convolutions.
fn engines(case: &Case) -> Vec<(String, Option<Format>, Options)> {
    let narrow = ways().into_iter().map(|(format, isa)| (Some(format), isa, None));
    let plain = Isa::available().into_iter().flat_map(|isa| Way::ALL.map(|way| (None, isa, Some(way))));
    let options = |(format, isa, way): (Option<Format>, Isa, Option<Way>)| {
        let names = || case.graph.nodes().iter().map(|node| node.name.clone());
        let tuning = way.map(|way| Tuning { isa, ways: names().map(|name| (name, way)).collect() });
        let name = format.map_or("f32", Format::name);
        // Three threads share the images of a batch, and the last of them.
        (format!("{name} by {isa}, {way:?}"), format, Options { tuning, ..case.options(format, isa, 3) })
    };
    narrow.chain(plain).map(options).collect()
}

/// The logits in double precision.
fn expected(case: &Case) -> Vec<f64> {
    let images = case.images.chunks_exact(case.images.len() / IMAGES);
    images
        .flat_map(|image| graph_reference::run(&case.graph, &case.tensors, image).pop().expect("logits"))
        .collect()
}

/// Compares which logits are numbers: of NaN the same, of infinities at most those that are in double precision, since in
/// the engine an infinity may have met another one that is zero there.
fn check(what: &str, found: &[f32], expected: &[f64], value: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let agrees = if value.is_nan() {
            found.is_nan() == expected.is_nan()
        } else {
            expected.is_finite() || !found.is_finite()
        };
        assert!(agrees, "{value} in {what}: logit {index} is {found}, in double precision {expected}");
    }
}

#[test]
fn tensors() {
    for (net, spec) in nets().iter().enumerate() {
        let clean = Case::new(spec, SIDE);
        let engines = engines(&clean);
        let mut plain = Case::new(spec, SIDE);
        let mut places = 0;
        for tensor in clean.graph.parameters() {
            let name = &tensor.name;
            let values: &[f32] = match name.ends_with("running_var") {
                // The root of a negative number is NaN.
                true => &[f32::NAN, -5.0],
                false => &[f32::NAN, f32::INFINITY, f32::NEG_INFINITY],
            };
            for &value in values {
                let at = clean.tensors[name].len() / 2;
                let before =
                    std::mem::replace(&mut plain.tensors.get_mut(name).expect("a tensor")[at], value);
                let expected = expected(&plain);
                let value = if value == -5.0 { f32::NAN } else { value };
                places += usize::from(expected.iter().any(|logit| !logit.is_finite()));
                for (what, format, options) in &engines {
                    let engine = plain.engine_with(*format, options);
                    let what = format!("`{name}` of network {net}, {what}");
                    check(&what, &plain.logits(&engine, IMAGES), &expected, value);
                    check(&what, &plain.logits(&engine, 1), &expected[..spec.classes], value);
                }
                plain.tensors.get_mut(name).expect("a tensor")[at] = before;
            }
        }
        assert!(places > clean.tensors.len(), "most values reach the logits");
    }
}

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// The logits of each batch size, as bits.
fn every_batch(case: &Case, engine: &Engine) -> Vec<Vec<u32>> {
    (1..=IMAGES).map(|batch| bits(&case.logits(engine, batch))).collect()
}

#[test]
fn pixels_of_one_image() {
    for (net, spec) in nets().iter().enumerate() {
        let clean = Case::new(spec, SIDE);
        let image = clean.images.len() / IMAGES;
        for (what, format, options) in engines(&clean) {
            let engine = clean.engine_with(format, &options);
            let before = every_batch(&clean, &engine);
            let places = [(f32::NAN, 0..image), (f32::NAN, 40..41), (f32::INFINITY, 40..41)];
            for (value, pixels) in places {
                let mut broken = Case::new(spec, SIDE);
                broken.images[image..2 * image][pixels].fill(value);
                let expected = expected(&broken);
                assert!(expected[spec.classes..2 * spec.classes].iter().any(|logit| !logit.is_finite()));
                let found = broken.logits(&engine, IMAGES);
                let what = format!("a pixel, network {net}, {what}");
                check(&what, &found, &expected, value);
                // The images beside it are what they were, and nothing stays for the next run.
                let (first, last) = (..spec.classes, 2 * spec.classes..);
                assert_eq!(bits(&found[first]), before[IMAGES - 1][first], "{what}");
                assert_eq!(bits(&found[last.clone()]), before[IMAGES - 1][last], "{what}");
                assert_eq!(every_batch(&clean, &engine), before, "{what}: the next runs");
            }
        }
    }
}
