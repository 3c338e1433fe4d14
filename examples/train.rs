//! The main job: declare a RegNet in one line, train it on the built-in images, save what it learnt.
//!
//! ```sh
//! cargo run --release --example train
//! ```
//!
//! On a GPU (the README says what it takes to build): `--features cuda`, and `-- --device cuda`.

use std::path::PathBuf;

use clap::Parser;
use regnet::dfdx::prelude::*;
use regnet::train::{Options, Recipe, data, train};
use regnet::{Declared, DeviceName, on_device, regnet};

// d blocks; block j is w0 + wa j channels wide before widths are quantised by wm; groups of g channels.
type Net = regnet!(< d=6, w0=24, wa=30, wm=2, g=8, b=1, se=true >, stem = cifar(16), classes = 10);

/// Trains a small RegNet on the built-in data set.
#[derive(Parser)]
struct Args {
    /// The folder to write to.
    #[arg(long, default_value = "runs/train")]
    out: PathBuf,
    /// Passes over the training images.
    #[arg(long, default_value_t = Recipe::default().epochs)]
    epochs: usize,
    /// What everything random is drawn from.
    #[arg(long, default_value_t = Recipe::default().seed)]
    seed: u64,
    /// What to compute on: cpu, cuda or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceName,
}

fn main() -> anyhow::Result<()> {
    let Args { out, epochs, seed, device } = Args::parse();
    let spec = Net::spec();
    println!("{}", spec.describe(32, 32)?);

    let recipe = Recipe { epochs, seed, ..Recipe::default() };
    let data = data::builtin(None, seed)?;
    let history = on_device!(device, seed, |device| {
        let mut net = device.build_module::<Net, f32>();
        train(&device, &mut net, &spec, &data, &recipe, &out, Options::default())?
    })?;

    println!("wrote model.safetensors, model.json, metrics.jsonl and curves.svg to {}", out.display());
    let accuracy = history.last().map_or(0.0, |epoch| epoch.test_accuracy);
    println!("test accuracy: {:.2} %", 100.0 * accuracy);
    Ok(())
}
