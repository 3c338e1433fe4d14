//! Self-regulated networks beside the ResNet that they are built on, with and without squeeze-and-excitation: all
//! trained by one recipe on the same images, from several seeds, and then asked how much their blocks repeat each other.
//!
//! ```sh
//! cargo run --release --example self_regulated
//! ```
//!
//! That is 24 runs, sized for about 25 minutes on two cores. Interrupted, it goes on where it was: a run that ended is
//! not repeated.
//!
//! What the defaults leave out: images of half the size, a quarter of the built-in training images and ten epochs are
//! far from the paper's CIFAR, and the recipe was tuned for none of these networks. The table says which of them learns
//! fast from little, not which is best in the end, and three seeds tell apart only what lies several deviations apart.
//! `--size 32 --images 8000 --epochs 40` asks more, and takes about a day; less on a GPU, where the runs train with the
//! feature `cuda` and `--device cuda`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use regnet::dfdx::prelude::*;
use regnet::space::{AnyNet, Cell};
use regnet::train::data::{DataSet, builtin_sized};
use regnet::train::{EarlierRun, EpochMetrics, Options, Recipe, Trials, comparison, note, similarity, train};
use regnet::weights;
use regnet::{DeviceName, DynRegNet, on_device};

const CLASSES: usize = 10;
/// Hidden units of squeeze-and-excitation for each channel that goes into a block: RegNetY's.
const SE: f64 = 0.25;

/// Trains a ResNet and its self-regulated forms and compares them.
#[derive(Parser)]
pub struct Args {
    /// Runs of each network; the seeds are 0, 1 and so on.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// Passes over the training images.
    #[arg(long, default_value_t = 10)]
    pub epochs: usize,
    /// Training images.
    #[arg(long, default_value_t = 2_000)]
    pub images: usize,
    /// Test images.
    #[arg(long, default_value_t = 1_000)]
    pub test_images: usize,
    /// Height and width that images are brought to, in pixels.
    #[arg(long, default_value_t = 16)]
    pub size: usize,
    /// Depth of the networks: 6n + 2 for n blocks a stage.
    #[arg(long, default_value_t = 20)]
    pub depth: usize,
    /// Cells of the regulators.
    #[arg(long, value_delimiter = ',', default_value = "rnn,gru,lstm")]
    pub cells: Vec<Cell>,
    /// What to train on: cpu, cuda or cuda:N.
    #[arg(long, default_value_t)]
    pub device: DeviceName,
    /// The folder to write to.
    #[arg(long, default_value = "runs/self-regulated")]
    pub out: PathBuf,
}

/// A network and what to call it.
struct Network {
    name: String,
    spec: AnyNet,
}

/// The ResNet and its regulated forms, or the squeeze-and-excitation variants of all.
fn networks(args: &Args, se: Option<f64>) -> anyhow::Result<Vec<Network>> {
    let (depth, prefix) = (args.depth, if se.is_some() { "SE-" } else { "" });
    // A ResNet is what is left without the regulator, whichever it is.
    let regulated = AnyNet::self_regulated(depth, Cell::default().into(), CLASSES)?;
    let plain = AnyNet { regulator: None, se, ..regulated };
    let mut networks = vec![Network { name: format!("{prefix}ResNet-{depth}"), spec: plain.clone() }];
    for &cell in &args.cells {
        let name = format!("{prefix}RegNet-{depth}(Conv{})", cell.to_string().to_uppercase());
        networks.push(Network { name, spec: AnyNet { regulator: Some(cell.into()), ..plain.clone() } });
    }
    Ok(networks)
}

/// Trains a network from one seed, unless that was done before.
fn run(
    device: DeviceName,
    spec: &AnyNet,
    data: &DataSet,
    recipe: &Recipe,
    out: &Path,
) -> anyhow::Result<Vec<EpochMetrics>> {
    note(out.display());
    let options = Options { earlier: EarlierRun::Resume, ..Options::default() };
    let history = on_device!(device, recipe.seed, |device| {
        // Shaped at run time: eight networks of one type.
        let mut net = DynRegNet::try_new(&device, spec)?;
        train(&device, &mut net, spec, data, recipe, out, options)?
    })?;
    Ok(history)
}

/// How much each block of a trained network resembles the next one of its stage, on the test images.
fn resemblance(spec: &AnyNet, data: &DataSet, run: &Path) -> anyhow::Result<Vec<Vec<f64>>> {
    let device = Cpu::default();
    let mut net = DynRegNet::try_new(&device, spec)?;
    weights::load(&mut net, &run.join("model.safetensors"))?;
    Ok(similarity::of_blocks(&device, &net, &data.test_batches(Recipe::default().batch)?)?)
}

const HEADER: &str = "| network | parameters | multiply-adds | test accuracy (%) | seconds an epoch |
| :-- | --: | --: | --: | --: |
";

/// A line of the table.
fn row(network: &Network, trials: &Trials, data: &DataSet) -> anyhow::Result<String> {
    let [_, height, width] = data.shape();
    let cost = network.spec.complexity(height, width)?;
    Ok(format!(
        "| {} | {} | {:.1} M | {} | {:.1} |\n",
        network.name,
        cost.params,
        cost.flops as f64 / 1e6,
        trials.accuracy(),
        trials.seconds().unwrap_or(f64::NAN),
    ))
}

/// Trains what was not trained before, draws `curves.svg` and `similarity.svg`, and returns the table, which it also
/// writes, as `table.md`.
pub fn compare(args: &Args) -> anyhow::Result<String> {
    let data = builtin_sized(args.images, args.test_images, Some(args.size), 0)?;
    let groups = [networks(args, None)?, networks(args, Some(SE))?];
    let (mut table, mut curves, mut resemblances) = (HEADER.to_owned(), Vec::new(), Vec::new());
    for group in &groups {
        let mut lines = Vec::new();
        for network in group {
            let folder = |seed| args.out.join(&network.name).join(format!("seed-{seed}"));
            let recipe = |seed| Recipe { epochs: args.epochs, seed, ..Recipe::default() };
            let runs = (0..args.seeds)
                .map(|seed| run(args.device, &network.spec, &data, &recipe(seed), &folder(seed)));
            let trials = Trials { name: network.name.clone(), runs: runs.collect::<Result<_, _>>()? };
            table.write_str(&row(network, &trials, &data)?)?;
            lines.push(trials);
            // One of its runs stands for the network.
            resemblances.push((network.name.clone(), resemblance(&network.spec, &data, &folder(0))?));
        }
        curves.push(lines);
    }
    let [plain, se] = [&curves[0], &curves[1]].map(Vec::as_slice);
    let titled = [("plain", plain), ("squeeze-and-excitation", se)];
    fs::write(args.out.join("curves.svg"), comparison::draw(&titled))?;
    fs::write(args.out.join("similarity.svg"), similarity::draw(&resemblances, groups[0].len()))?;
    fs::write(args.out.join("table.md"), &table)?;
    Ok(table)
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    println!("{}", compare(&args)?);
    println!("wrote table.md, curves.svg and similarity.svg to {}", args.out.display());
    Ok(())
}
