//! The main job: declare a RegNet in one line, train it on the built-in images, save what it learnt.
//!
//! ```sh
//! cargo run --release --example train
//! ```
//!
//! On a GPU (the README says what it takes to build): `--features cuda`, and `-- --device cuda`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use regnet::dfdx::prelude::*;
use regnet::train::{EarlierRun, Interrupt, Options, OutFolder, Recipe, TrainError, data, note, train};
use regnet::{Declared, DeviceName, on_device, regnet};

// d blocks; block j is w0 + wa j channels wide before widths are quantised by wm; groups of g channels.
type Net = regnet!(< d=6, w0=24, wa=30, wm=2, g=8, b=1, se=true >, stem = cifar(16), classes = 10);

/// Trains a small RegNet on the built-in data set.
#[derive(Parser)]
struct Args {
    /// The folder to write to [default: runs/train, or where there is one, runs/train-2 and so on; the last with --resume].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Resume the run in that folder where it was stopped or killed.
    #[arg(long)]
    resume: bool,
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

fn main() -> anyhow::Result<ExitCode> {
    let Args { out, resume, epochs, seed, device } = Args::parse();
    let spec = Net::spec();
    println!("{}", spec.describe(32, 32)?);

    let recipe = Recipe { epochs, seed, ..Recipe::default() };
    let data = data::builtin(None, seed)?;
    let earlier = if resume { EarlierRun::Resume } else { EarlierRun::Keep };
    let folder = OutFolder::choose(out.as_deref(), Path::new("runs/train"), earlier)?;
    let out = folder.path();
    note(format_args!("training in {}", out.display()));
    // Ctrl-C ends the training with a checkpoint.
    let interrupt = Interrupt::listen()?;
    let options = Options { earlier, stop: Some(interrupt.stop()), ..Options::default() };
    let history = on_device!(device, seed, |device| {
        let mut net = device.build_module::<Net, f32>();
        train(&device, &mut net, &spec, &data, &recipe, out, options)
    })?;
    if let (Err(stopped @ TrainError::Stopped { .. }), Some(status)) = (&history, interrupt.exit_status()) {
        note(format_args!("{stopped} (--resume --out {})", out.display()));
        return Ok(status.into());
    }

    let accuracy = history?.last().map_or(0.0, |epoch| epoch.test_accuracy);
    println!("wrote model.safetensors, model.json, metrics.jsonl and curves.svg to {}", out.display());
    println!("test accuracy: {:.2} %", 100.0 * accuracy);
    Ok(ExitCode::SUCCESS)
}
