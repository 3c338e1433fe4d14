//! A network that is trained by plans of whole steps against the same network trained layer by layer.
#![allow(clippy::unwrap_used)]

use dfdx::prelude::*;
use regnet_core::state::{self, Entry};
use regnet_core::{DynRegNet, Run};
use regnet_space::{AnyNet, Block, Preset, StemKind};
use regnet_train::data::Batch;
use regnet_train::{Learner, Recipe};

const SIZE: usize = 32;

fn net(name: &str, block: Block) -> AnyNet {
    let mut declared = Preset::find(name).unwrap().declaration();
    declared.classes = 7;
    let mut net = declared.to_anynet().unwrap();
    net.stem.kind = StemKind::Cifar;
    net.stages.truncate(2);
    for stage in &mut net.stages {
        stage.depth = 2;
        if block != Block::Bottleneck {
            stage.group_width = stage.width;
        }
    }
    net.block = block;
    net
}

/// Images between -1 and 1, and labels, of step `step`.
fn batch(count: usize, step: usize) -> Batch {
    let pixel = |i: usize| ((i * 7919 + step * 104_729) % 2003) as f32 / 1001.0 - 1.0;
    let images = (0..count * 3 * SIZE * SIZE).map(pixel).collect();
    let labels = (0..count).map(|i| (i * 3 + step) % 7).collect();
    Batch { images, labels }
}

// Else the steps below would be those of the layers, too.
const _: () = assert!(<DynRegNet<f32, Cpu> as Run<f32, Cpu>>::FOLLOWS_SPEC);

/// Losses of some steps, and all tensors after them.
fn train(net: &AnyNet, planned: bool) -> (Vec<f64>, Vec<Entry<f32>>) {
    let device = Cpu::seed_from_u64(3);
    let mut model = DynRegNet::try_new(&device, net).unwrap();
    let recipe = Recipe::default();
    let mut learner = Learner::new(&device, &mut model, &recipe);
    if planned {
        learner = learner.of(net);
    }
    // Of two sizes, as an epoch's last batch is.
    let losses = [8, 8, 5, 8].iter().enumerate().map(|(step, &count)| {
        let score = learner.step(&batch(count, step), 0.05).unwrap();
        score.loss()
    });
    let losses = losses.collect();
    drop(learner);
    let mut entries = Vec::new();
    state::read(&model, |entry| entries.push(entry));
    (losses, entries)
}

#[test]
fn whole_steps_are_the_steps_of_the_layers() {
    for (name, block) in [
        ("RegNetX-200MF", Block::Bottleneck),
        ("RegNetY-400MF", Block::Bottleneck),
        ("RegNetX-200MF", Block::Basic),
        ("RegNetX-200MF", Block::Vanilla),
    ] {
        let net = net(name, block);
        let (losses, entries) = train(&net, true);
        let (expected, layered) = train(&net, false);
        for (loss, expected) in losses.iter().zip(&expected) {
            assert!((loss - expected).abs() < 1e-3 * expected, "{name} {block:?}: {losses:?}, {expected:?}");
        }
        for (entry, expected) in entries.iter().zip(&layered) {
            let largest = expected.values.iter().fold(1e-2_f32, |most, value| most.max(value.abs()));
            let error = entry.values.iter().zip(&expected.values).fold(0.0_f32, |most, (a, b)| {
                most.max(if (a - b).abs() <= most { most } else { (a - b).abs() })
            });
            assert!(error < 5e-3 * largest, "{name} {block:?}: {} differs by {error}", entry.name);
        }
    }
}
