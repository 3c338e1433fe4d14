//! How long a training step of a self-regulated CIFAR network takes: `cargo bench -p regnet-train --bench regulated`,
//! or with `-- 'gru(conv = efficient)'` that of another regulator than lstm.
//!
//! Depth 20, batch 128, 32x32: forward, backward and SGD, on images and labels that stay the same. It prints the
//! seconds of the steps after the first; `benches/peers/regulated.py` runs it in turn with PyTorch's.

use std::error::Error;
use std::time::Instant;

use dfdx::prelude::*;
use regnet_core::DynRegNet;
use regnet_space::{AnyNet, Cell, Regulator};
use regnet_train::data::Batch;
use regnet_train::{Learner, Recipe};

const DEPTH: usize = 20;
const CLASSES: usize = 10;
const BATCH: usize = 128;
const SIDE: usize = 32;
const STEPS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let named = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let regulator: Regulator = named.map_or(Ok(Cell::Lstm.into()), |text| text.parse())?;
    let spec = AnyNet::self_regulated(DEPTH, regulator, CLASSES)?;
    let recipe = Recipe::default();
    let device = Cpu::seed_from_u64(recipe.seed);
    device.enable_cache();
    let mut net = DynRegNet::<f32, _>::try_new(&device, &spec)?;
    let mut learner = Learner::new(&device, &mut net, &recipe);
    let batch = batch();
    learner.step(&batch, recipe.lr)?;
    for _ in 0..STEPS {
        let start = Instant::now();
        learner.step(&batch, recipe.lr)?;
        println!("{:.4}", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Noise, and labels in turn.
fn batch() -> Batch {
    let pixel = |i: usize| (i * 7919 % 1009) as f32 / 504.0 - 1.0;
    Batch {
        images: (0..BATCH * 3 * SIDE * SIDE).map(pixel).collect(),
        labels: (0..BATCH).map(|image| image % CLASSES).collect(),
    }
}
