//! `regnet sweep init`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use regnet::space::text::printable;
use regnet::text_file;
use regnet::train::data::{DataSet, Source};
use regnet::train::sweep::{
    DataId, FORMAT, Fit, Halving, Manifest, Plan, RETRIES, Sweep, low_compute, parse_specs,
};
use regnet::train::{Recipe, limits};

use super::Folder;
use crate::words;

/// A population, data, and how to train.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// The population: a JSON line for each network, as `regnet space sample` writes them; - for standard input
    #[arg(long, value_name = "FILE")]
    specs: String,
    /// What to call the population [default: the folder's name]
    #[arg(long)]
    name: Option<String>,
    /// builtin, cifar10:DIR, cifar100:DIR or folder:DIR, which holds train/CLASS/* and test/CLASS/*
    #[arg(long, value_name = "SOURCE", default_value = "builtin")]
    data: String,
    /// Height and width of images, for networks that do not say [default: the data's own 32, or 224 for a folder]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    #[command(flatten)]
    recipe: RecipeArgs,
    /// Keeps the best one of so many networks at each rung, and gives up the others early
    #[arg(long, value_name = "ETA")]
    halving: Option<usize>,
    /// Rungs before the last epoch [default: as many as there is room for]
    #[arg(long, value_name = "N", requires = "halving")]
    rungs: Option<usize>,
    /// How often a network that crashed is tried again without getting an epoch further
    #[arg(long, value_name = "N", default_value_t = RETRIES)]
    retries: usize,
    /// Keeps the weights of networks that were trained to the end
    #[arg(long)]
    keep_weights: bool,
    /// Does not measure how fast this machine trains
    #[arg(long)]
    no_calibrate: bool,
}

/// How to train; the defaults are ten epochs of the RegNet paper's low-compute regime.
#[derive(clap::Args)]
#[command(next_help_heading = "Recipe")]
struct RecipeArgs {
    /// Passes over the training images
    #[arg(long, default_value_t = low_compute().epochs)]
    epochs: usize,
    /// Images a step
    #[arg(long, default_value_t = low_compute().batch)]
    batch: usize,
    /// Learning rate that the cosine starts from
    #[arg(long, default_value_t = low_compute().lr)]
    lr: f64,
    /// L2 penalty on every trained tensor
    #[arg(long, default_value_t = low_compute().weight_decay)]
    weight_decay: f64,
    /// Epochs over which the learning rate rises
    #[arg(long, value_name = "EPOCHS", default_value_t = low_compute().warmup_epochs)]
    warmup: f64,
    /// The part of a label that is spread over all classes
    #[arg(long, value_name = "PART", default_value_t = low_compute().label_smoothing)]
    label_smoothing: f64,
    /// Crops are shifted by up to this many pixels
    #[arg(long, value_name = "PIXELS", default_value_t = low_compute().crop_padding)]
    crop_padding: usize,
    /// Does not mirror images
    #[arg(long)]
    no_flip: bool,
    /// What the seeds of all networks are drawn from
    #[arg(long, default_value_t = low_compute().seed)]
    seed: u64,
}

impl RecipeArgs {
    fn recipe(&self) -> Recipe {
        let &Self { epochs, batch, lr, weight_decay, label_smoothing, crop_padding, seed, .. } = self;
        Recipe {
            epochs,
            batch,
            lr,
            weight_decay,
            label_smoothing,
            warmup_epochs: self.warmup,
            seed,
            flip: !self.no_flip,
            crop_padding,
            ..low_compute()
        }
    }
}

/// Writes the folder, and prints the plan.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let dir = &args.folder.dir;
    Sweep::check_free(dir)?;
    let recipe = args.recipe.recipe();
    recipe.check()?;
    let halving = args.halving.map(|eta| {
        let most = Halving::of(eta, recipe.epochs);
        Halving { rungs: args.rungs.unwrap_or(most.rungs), ..most }
    });
    halving.map_or(Ok(()), |halving| halving.check(recipe.epochs))?;
    let source = absolute(args.data.parse()?)?;
    let (text, place) = read(&args.specs)?;
    let data = source.load(args.size, recipe.seed)?;
    if data.passed_over.count() > 0 {
        crate::report::note(format_args!("warning: {}", data.passed_over));
    }
    let fit = Fit { classes: data.classes.len(), size: data.train.size() };
    let trials = parse_specs(&text, fit).with_context(|| place)?;
    let manifest = Manifest {
        format: FORMAT,
        name: args.name.clone().unwrap_or_else(|| usual_name(dir)),
        data: DataId::new(&source, &data),
        recipe,
        halving,
        retries: args.retries,
        keep_weights: args.keep_weights,
        networks: Vec::new(),
    };
    // The plan is made of images of the size that the first network takes.
    let size = trials[0].input[1];
    let sweep = Sweep::create(dir, manifest, trials)?;
    print_plan(&sweep, (!args.no_calibrate).then_some((data, size)), out)
}

fn print_plan(sweep: &Sweep, measure: Option<(DataSet, usize)>, out: &mut dyn Write) -> anyhow::Result<()> {
    let manifest = sweep.manifest();
    let data = match measure {
        Some((data, size)) if data.train.size() == size => Some(data),
        Some((_, size)) => Some(manifest.data.load(size, manifest.recipe.seed)?),
        None => None,
    };
    let Plan { trials, epochs, flops, memory, mean_memory, time } = Plan::new(sweep, data.as_ref())?;
    let Manifest { recipe, data, name, .. } = manifest;
    let [train, test] = data.images;
    writeln!(
        out,
        "{}: {trials} networks, {} epochs each, on {train} images of {}, tested on {test}",
        printable(name),
        recipe.epochs,
        printable(&data.source)
    )?;
    if let Some(halving) = manifest.halving {
        let rungs: Vec<String> = sweep.rungs().iter().map(ToString::to_string).collect();
        writeln!(out, "one in {} goes on after epoch {}", halving.eta, rungs.join(" and "))?;
    }
    writeln!(out, "epochs  {epochs:.0}")?;
    writeln!(out, "flops   {flops:.2e} multiply-adds")?;
    writeln!(out, "memory  {} a network, at most {}", words::bytes(mean_memory), words::bytes(memory))?;
    if let Some(time) = time {
        writeln!(out, "time    about {} on this machine", words::duration(time))?;
    }
    writeln!(out, "start with: regnet sweep run {}", sweep.dir().display())?;
    Ok(())
}

/// A source that means the same from every folder.
fn absolute(source: Source) -> anyhow::Result<Source> {
    let path = |path: PathBuf| {
        std::path::absolute(&path).with_context(|| format!("cannot find the folder {}", path.display()))
    };
    Ok(match source {
        Source::Builtin | Source::BuiltinSized { .. } => source,
        Source::Cifar(cifar, dir) => Source::Cifar(cifar, path(dir)?),
        Source::Folder(dir) => Source::Folder(path(dir)?),
    })
}

/// The text of the population, and what to call where it came from.
fn read(specs: &str) -> anyhow::Result<(String, String)> {
    if specs != "-" {
        let text = text_file::read(Path::new(specs), limits::RECORDS);
        return Ok((text.with_context(|| format!("cannot read {specs}"))?, specs.to_owned()));
    }
    let text =
        text_file::read_from(std::io::stdin(), limits::RECORDS).context("cannot read standard input")?;
    Ok((text, "standard input".to_owned()))
}

fn usual_name(dir: &Path) -> String {
    let name =
        std::path::absolute(dir).ok().and_then(|dir| Some(dir.file_name()?.to_string_lossy().into_owned()));
    name.unwrap_or_else(|| "sweep".to_owned())
}
