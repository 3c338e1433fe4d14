//! `regnet train`.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use regnet::space::{AnyNet, StemKind};
use regnet::train::data::{DataSet, Source};
use regnet::train::{CheckpointEvery, EarlierRun, Interrupt, Options, OutFolder, Recipe, TrainError, train};
use regnet::{Backend, DeviceName, DynRegNet, Products, on_device};

use crate::device::{failed, on_cuda_only};
use crate::network::NetworkArgs;
use crate::report::{Exit, note};
use crate::threads;

/// Up to this side of images, a stem that keeps their resolution is worth a hint.
const SMALL: usize = 64;

/// A network, data, and how to train.
#[derive(clap::Args)]
pub struct Args {
    /// A published model, such as RegNetY-400MF or Self-Regulated-20
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
    /// builtin, cifar10:DIR, cifar100:DIR or folder:DIR, which holds train/CLASS/* and test/CLASS/*
    #[arg(long, value_name = "SOURCE", default_value = "builtin")]
    data: String,
    /// Height and width that images are brought to [default: their own 32, or 224 for a folder]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// Passes over the training images
    #[arg(long, default_value_t = Recipe::default().epochs)]
    epochs: usize,
    /// Images a step
    #[arg(long, default_value_t = Recipe::default().batch)]
    batch: usize,
    /// Learning rate that the schedule starts from
    #[arg(long, default_value_t = Recipe::default().lr)]
    lr: f64,
    /// What everything random is drawn from
    #[arg(long, default_value_t = Recipe::default().seed)]
    seed: u64,
    /// The folder to write to [default: runs/train, or where there is one, runs/train-2 and so on; the last with --resume]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Resume the run in that folder where it was stopped or killed; the result is that of an uninterrupted run, bit by bit
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Write over an earlier run in that folder
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// How much a killed run may lose: steps, such as 500, or a time, such as 90s or 10min [default: 5min]
    #[arg(long, value_name = "STEPS|TIME")]
    checkpoint_every: Option<CheckpointEvery>,
    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// What to compute on: cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: DeviceName,
    /// Steps from one reading of losses and accuracies to the next, for which the device is waited for [default: what suits
    /// the device]
    #[arg(long, value_name = "STEPS")]
    metrics_every: Option<NonZeroUsize>,
    /// What CUDA's matrix products round their factors to: f32, tf32 or bf16; all else, weights too, stays in f32
    #[arg(long, value_name = "FORMAT", default_value_t)]
    products: Products,
}

/// Trains; prints the stage table first and the test accuracy last.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(threads) = args.threads {
        threads::share(threads::on_cores(threads))?;
    }
    if args.device == DeviceName::Cpu {
        on_cuda_only(args.products)?;
    }
    let &Args { epochs, batch, lr, seed, .. } = args;
    let recipe = Recipe { epochs, batch, lr, seed, ..Recipe::default() };
    let source: Source = args.data.parse()?;
    let mut network = args.network.network(args.model.as_deref())?;
    recipe.check()?;
    let data = source.load(args.size, seed)?;
    if data.passed_over.count() > 0 {
        note(format_args!("warning: {}", data.passed_over));
    }
    let [_, height, width] = data.shape();
    *network.classes() = data.classes.len();
    let spec = network.to_anynet()?;
    if !args.network.has_stem() && width <= SMALL && spec.stem.kind != StemKind::Cifar {
        note(format_args!(
            "hint: the {} stem shrinks images of {height} x {width}; --stem cifar keeps their size",
            spec.stem
        ));
    }
    writeln!(out, "{}", spec.describe(height, width)?)?;
    out.flush()?;
    let folder = OutFolder::choose(args.out.as_deref(), Path::new("runs/train"), args.earlier())?;
    let path = folder.path();
    if args.out.is_none() {
        note(format_args!("training in {}", path.display()));
    }
    let accuracy = fit(args, &spec, &data, &recipe, path)?;
    writeln!(out, "wrote model.safetensors, model.json, metrics.jsonl and curves.svg to {}", path.display())?;
    writeln!(out, "test accuracy: {:.2} %", 100.0 * accuracy)?;
    Ok(())
}

impl Args {
    fn earlier(&self) -> EarlierRun {
        match (self.resume, self.overwrite) {
            (true, _) => EarlierRun::Resume,
            (_, true) => EarlierRun::Overwrite,
            _ => EarlierRun::Keep,
        }
    }
}

/// The accuracy on the test images, from 0 to 1.
fn fit(args: &Args, spec: &AnyNet, data: &DataSet, recipe: &Recipe, out: &Path) -> anyhow::Result<f64> {
    let interrupt = Interrupt::listen().context("cannot listen to signals")?;
    let options = Options {
        earlier: args.earlier(),
        read_every: args.metrics_every,
        checkpoint_every: args.checkpoint_every.unwrap_or_default(),
        stop: Some(interrupt.stop()),
    };
    let history = on_device!(args.device, recipe.seed, |device| {
        Backend::<f32>::round_products(&device, args.products).map_err(failed)?;
        let mut net = DynRegNet::try_new(&device, spec)?;
        train(&device, &mut net, spec, data, recipe, out, options)
    })?;
    match (history, interrupt.exit_status()) {
        (Err(stopped @ TrainError::Stopped { .. }), Some(status)) => {
            note(format_args!("{stopped} (--resume --out {})", out.display()));
            Err(Exit(status).into())
        }
        (history, _) => Ok(history?.last().map_or(0.0, |epoch| epoch.test_accuracy)),
    }
}
