//! Plans for whole networks against plain loops in double precision.
#![allow(clippy::unwrap_used)]

mod reference;

use reference::{Step, Tensors};
use regnet_engine::frozen::Isa;
use regnet_engine::training::Plan;
use regnet_space::graph::Graph;
use regnet_space::{AnyNet, Block, Bottleneck, Stage, Stem, StemKind};

/// Numbers between -1 and 1 that are the same in every run.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Parameters of about the sizes that training has, some norms' weights negative.
fn parameters(graph: &Graph) -> Vec<(String, Vec<f32>)> {
    let trainable = graph.parameters().filter(|parameter| parameter.trainable).enumerate();
    trainable
        .map(|(index, parameter)| {
            let values = numbers(parameter.shape.iter().product(), index as u64 + 1);
            let fan_in: usize = parameter.shape.iter().skip(1).product();
            let scaled = |value: &f32| match parameter.shape.len() {
                1 if parameter.name.ends_with("bn.weight") => 0.7 + 0.9 * value,
                1 => 0.3 * value,
                _ => value * (3.0 / fan_in as f32).sqrt(),
            };
            let values = values.iter().map(scaled).collect();
            (parameter.name, values)
        })
        .collect()
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// The largest difference as a part of the largest value.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-6_f64, |most, value| most.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(&a, e)| (f64::from(a) - e).abs());
    differences.fold(0.0, |most, difference| if difference <= most { most } else { difference }) / largest
}

struct Outcome {
    logits: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    statistics: Vec<(String, Vec<f32>, Vec<f32>)>,
}

fn step(plan: &Plan, images: &[f32], parameters: &[(String, Vec<f32>)], dlogits: &[f32]) -> Outcome {
    let slices: Vec<&[f32]> = parameters.iter().map(|(_, values)| &values[..]).collect();
    let mut workspace = plan.workspace();
    let mut logits = vec![f32::NAN; dlogits.len()];
    let mut gradients: Vec<Vec<f32>> = parameters.iter().map(|(_, values)| vec![0.0; values.len()]).collect();
    let mut outcome = None;
    // The second step runs in the memory that the first one has left.
    for round in 0..2 {
        gradients.iter_mut().for_each(|values| values.fill(0.0));
        plan.forward(&mut workspace, images, &slices, &mut logits);
        let statistics = plan
            .statistics(&workspace)
            .map(|it| (it.name.to_owned(), it.mean.to_vec(), it.variance.to_vec()))
            .collect();
        let mut targets: Vec<&mut [f32]> = gradients.iter_mut().map(|values| &mut values[..]).collect();
        plan.backward(&mut workspace, images, &slices, &mut dlogits.to_vec(), &mut targets);
        let found = Outcome { logits: logits.clone(), gradients: gradients.clone(), statistics };
        if let Some(before) = outcome.replace(found) {
            let now = outcome.as_ref().unwrap();
            assert!(before.logits == now.logits, "round {round}: other logits");
            for (index, (name, _)) in parameters.iter().enumerate() {
                assert!(before.gradients[index] == now.gradients[index], "round {round}: {name}");
            }
        }
    }
    outcome.unwrap()
}

/// Compares a network's training step on every instruction set, on one and three threads.
fn check(name: &str, net: &AnyNet, [height, width]: [usize; 2], batch: usize) {
    let graph = net.graph(height, width).unwrap();
    let parameters = parameters(&graph);
    let images = numbers(batch * net.input_channels * height * width, 77);
    let dlogits = numbers(batch * net.classes, 78);
    let tensors: Tensors = parameters.iter().map(|(name, values)| (name.clone(), widened(values))).collect();
    let expected = Step::new(&graph, batch, &tensors, &widened(&images));
    let gradients = expected.backward(&widened(&dlogits));
    for isa in Isa::available() {
        let outcomes = [1, 3].map(|threads| {
            let plan = Plan::new(&graph, batch, threads, isa).unwrap();
            step(&plan, &images, &parameters, &dlogits)
        });
        let [found, with_threads] = &outcomes;
        assert!(found.logits == with_threads.logits, "{name}, {isa}: logits depend on threads");
        assert!(found.gradients == with_threads.gradients, "{name}, {isa}: gradients depend on threads");
        let mut worst = (error(&found.logits, expected.logits()), "logits");
        for ((name, _), found) in parameters.iter().zip(&found.gradients) {
            let error = error(found, &gradients[name]);
            worst = if error <= worst.0 { worst } else { (error, name) };
        }
        for (name, mean, variance) in &found.statistics {
            let [means, variances] = &expected.statistics[name];
            let error = error(mean, means).max(error(variance, variances));
            worst = if error <= worst.0 { worst } else { (error, name) };
        }
        println!("{name}, {isa}, batch {batch}: {:.1e} in {}", worst.0, worst.1);
        assert!(worst.0 < 1e-4, "{name}, {isa}, batch {batch}: {:.1e} in {}", worst.0, worst.1);
    }
}

fn stage(depth: usize, width: usize, stride: usize, bottleneck: Bottleneck, group_width: usize) -> Stage {
    Stage { depth, width, stride, bottleneck, group_width }
}

fn net(block: Block, stem: StemKind, stages: Vec<Stage>, se: Option<f64>) -> AnyNet {
    AnyNet {
        input_channels: 3,
        stem: Stem { kind: stem, width: 12 },
        block,
        stages,
        se,
        regulator: None,
        classes: 5,
    }
}

#[test]
fn bottlenecks_of_all_group_widths() {
    let one = Bottleneck::ONE;
    for (width, group) in [(24, 8), (40, 8), (16, 16), (48, 24), (24, 1), (40, 40), (56, 28), (12, 4)] {
        let stages = vec![stage(2, width, 2, one, group), stage(1, width, 2, one, group)];
        let net = net(Block::Bottleneck, StemKind::Simple, stages, None);
        check(&format!("width {width} in groups of {group}"), &net, [17, 22], 3);
    }
}

#[test]
fn squeeze_and_excitation() {
    for block in [Block::Bottleneck, Block::Basic] {
        let group = |width| if block == Block::Basic { width } else { 8 };
        let stages =
            vec![stage(1, 24, 2, Bottleneck::ONE, group(24)), stage(2, 40, 2, Bottleneck::ONE, group(40))];
        check(&format!("excited {block:?}"), &net(block, StemKind::Simple, stages, Some(0.25)), [21, 18], 4);
    }
}

#[test]
fn basic_and_vanilla_blocks() {
    let stages = vec![stage(2, 12, 1, Bottleneck::ONE, 12), stage(2, 24, 2, Bottleneck::ONE, 24)];
    for block in [Block::Basic, Block::Vanilla] {
        check(&format!("{block:?}"), &net(block, StemKind::Cifar, stages.clone(), None), [9, 12], 3);
    }
}

#[test]
fn stems_and_batches() {
    let stages = vec![stage(1, 12, 1, Bottleneck::ONE, 4), stage(1, 32, 2, Bottleneck::ONE, 16)];
    for stem in [StemKind::Simple, StemKind::Cifar, StemKind::ResNet] {
        for batch in [1, 3, 16] {
            check(&format!("{stem:?}"), &net(Block::Bottleneck, stem, stages.clone(), None), [19, 14], batch);
        }
    }
}

#[test]
fn a_profile_has_every_layer() {
    let stages = vec![stage(1, 24, 2, Bottleneck::ONE, 8)];
    let net = net(Block::Bottleneck, StemKind::Simple, stages, Some(0.25));
    let graph = net.graph(12, 12).unwrap();
    let (plan, parameters) = (Plan::new(&graph, 2, 1, Isa::best()).unwrap(), parameters(&graph));
    let slices: Vec<&[f32]> = parameters.iter().map(|(_, values)| &values[..]).collect();
    let times = plan.profile(&mut plan.workspace(), &numbers(2 * 3 * 12 * 12, 5), &slices);
    for layer in ["stem.conv", "s1.b1.proj", "s1.b1.f.a", "s1.b1.f.b", "s1.b1.f.se", "s1.b1.f.c", "head.fc"] {
        for pass in ["forward", "backward"] {
            let name = format!("{layer} {pass}");
            assert!(times.iter().any(|time| time.name == name && time.seconds > 0.0), "{name}");
        }
    }
    // Every multiply-add once forward; backward twice, but for the gradient of the images.
    let counted = |pass: &str| -> usize {
        times.iter().filter(|time| time.name.contains(pass)).map(|time| time.multiply_adds).sum()
    };
    let forward = counted("forward");
    assert!(counted("backward") + counted("weight gradient") < 2 * forward && forward > 0);
}

/// Many channels and few pixels: weight gradients are summed over all pixels at once.
#[test]
fn wide_layers_of_few_pixels() {
    let stages = vec![stage(1, 200, 2, Bottleneck::ONE, 40), stage(2, 264, 2, Bottleneck::ONE, 24)];
    check("wide", &net(Block::Bottleneck, StemKind::Simple, stages, Some(0.25)), [16, 16], 6);
}
