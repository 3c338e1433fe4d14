//! `regnet predict`.

mod input;
mod labels;
mod network;
mod output;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{bail, ensure};
use regnet::Backend;
use regnet::dfdx::prelude::*;
use regnet::space::Naming;
use regnet::train::Card;
use regnet::train::data::Normalise;
use regnet::train::predict::{Filter, Framing, Preprocess};
use regnet::weights::{FileElement, Precision, save_tensors};

use crate::network::NetworkArgs;
use crate::weights::{self, Subject};
use crate::{precision, threads};
use input::{Batch, Pictures, Prepared};
use network::Network;
use output::{Form, Writer};

const PREPARATION: &str = "How images are prepared";

/// Weights, images, and what to print of them.
///
/// Network, classes and preparation are those that the weights' own metadata says; or else those of a model.json beside
/// them, if they fit its network; or else those of the published model that they fit. Options here count before all of
/// these, but a network that is not the weights' own is refused. What is only guessed is said on standard error.
#[derive(clap::Args)]
pub struct Args {
    /// The model whose weights these are [default: their own, or the published one that they fit]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// A safetensors file, a PyTorch checkpoint (.pth, .pyth), a folder that `regnet train` wrote, or
    /// hf:OWNER/MODEL[@REVISION][/FILE]
    #[arg(long, value_name = "WEIGHTS")]
    weights: String,
    #[command(flatten)]
    source: Source,
    /// Height and width in pixels at which images are seen [default: those it was trained at, else 224]
    #[arg(long, value_name = "N", help_heading = PREPARATION, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(8..=1024))]
    size: Option<usize>,
    /// Pixels that the shorter side of an image is brought to before its middle is cut out; or square, to bring the
    /// largest centred square to the size [default: as in its training, else size / 0.875]
    #[arg(long, value_name = "N|square", help_heading = PREPARATION)]
    resize: Option<Resize>,
    /// How the shorter side is brought there: bicubic or bilinear [default: as in its training, else bilinear for
    /// torchvision's files and bicubic for others]
    #[arg(long, value_name = "FILTER", help_heading = PREPARATION)]
    filter: Option<Filter>,
    /// Mean of red, green and blue, of pixels from 0 to 1 [default: as in its training, else ImageNet's]
    #[arg(long, value_name = "R,G,B", help_heading = PREPARATION, value_parser = channels, allow_hyphen_values = true)]
    mean: Option<[f32; 3]>,
    /// Standard deviation of red, green and blue [default: as in its training, else ImageNet's]
    #[arg(long, value_name = "R,G,B", help_heading = PREPARATION, value_parser = channels)]
    std: Option<[f32; 3]>,
    /// How many classes to name for each image
    #[arg(long, value_name = "K", default_value_t = 5)]
    topk: usize,
    /// The names of the classes in the order of the logits, one a line or a JSON list; or imagenet_class_index.json or a
    /// model's config.json [default: the run's]
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Images to look at together
    #[arg(long, value_name = "N", default_value = "16")]
    batch: NonZeroUsize,
    /// Threads to compute with [default: one a core]
    #[arg(long, value_name = "T")]
    threads: Option<NonZeroUsize>,
    /// Threads of the frozen engine that wait go to sleep at once: where others need the cores, too
    #[arg(long)]
    no_spin: bool,
    /// Prints JSON: an object of logits and best classes, or of a folder a line an image
    #[arg(long)]
    json: bool,
    /// Element type to compute with: f32 or f64
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: Precision,
    /// The numbers that convolutions are computed with, of --dtype f32
    #[arg(long, value_enum, default_value_t = precision::Precision::F32, conflicts_with_all = ["batch_statistics", "features"])]
    precision: precision::Precision,
    /// A folder of images like those to be seen, on which int8 is calibrated
    #[arg(long, value_name = "FOLDER", required_if_eq("precision", "int8"))]
    calibrate: Option<PathBuf>,
    /// Normalises with the statistics of each batch, as in training
    #[arg(long)]
    batch_statistics: bool,
    /// Writes what the stem and each stage put out to this safetensors file
    #[arg(long, value_name = "FILE", conflicts_with = "batch_statistics")]
    features: Option<PathBuf>,
    #[command(flatten)]
    read: weights::ReadArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// How pictures are brought to the size.
#[derive(Clone, Copy)]
enum Resize {
    /// The shorter side, to so many pixels.
    Shorter(usize),
    Square,
}

impl FromStr for Resize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "square" {
            return Ok(Self::Square);
        }
        let shorter = text.parse().ok().filter(|shorter| (8..=Preprocess::LARGEST).contains(shorter));
        shorter
            .map(Self::Shorter)
            .ok_or_else(|| format!("give 8 to {} pixels, or `square`", Preprocess::LARGEST))
    }
}

/// A number for each channel.
fn channels(text: &str) -> Result<[f32; 3], String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    let numbers = numbers.ok().and_then(|numbers| numbers.try_into().ok());
    numbers.ok_or_else(|| "give three numbers, as in 0.485,0.456,0.406".to_owned())
}

/// Where images come from.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// Image files (PNG, JPEG, WebP, BMP, TIFF or GIF); or a folder, whose images are written a line each, as CSV or with --json as JSON
    #[arg(long, value_name = "PATH", num_args = 1..)]
    image: Vec<PathBuf>,
    /// A safetensors file whose tensor `input` is normalised already, n x 3 x height x width
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// Prints what a network makes of images.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(
        args.precision == precision::Precision::F32 || args.dtype == Precision::F32,
        "--precision is that of networks in f32: leave out --dtype {}",
        args.dtype
    );
    ensure!(
        args.calibrate.is_none() || args.precision == precision::Precision::Int8,
        "--calibrate is for int8: add --precision int8, or leave it out"
    );
    if let Some(count) = args.threads {
        threads::share(threads::on_cores(count))?;
    }
    let subject = weights::open(&args.weights, &args.read, args.model.as_deref(), &args.network)?;
    match args.dtype {
        Precision::F32 => predict::<f32>(args, &subject, out),
        Precision::F64 => predict::<f64>(args, &subject, out),
        other => bail!("networks compute in f32 or f64, not in {other}"),
    }
}

fn predict<E: FileElement + Into<f64>>(
    args: &Args,
    subject: &Subject,
    out: &mut dyn Write,
) -> anyhow::Result<()>
where
    Cpu: Backend<E>,
{
    let Subject { file, net: spec, card, .. } = subject;
    file.check(spec)?;
    let labels = match (&args.labels, card) {
        (Some(path), _) => Some(labels::read(path, spec.classes)?),
        (None, card) => card.as_ref().map(|card| card.classes.clone()),
    };
    if let Some(input) = &args.source.input {
        let prepared = Prepared::<E>::open(input, spec.input_channels)?;
        let mut seen = Seen::new(args, subject, prepared.size())?;
        let mut writer = Writer::new(out, Form::of(args.json, false), args.topk, labels);
        prepared.each(args.batch.get(), |batch| seen.look(batch, &mut writer))?;
        let senseless = writer.finish()?;
        seen.save_features()?;
        return check_finite(senseless);
    }
    ensure!(spec.input_channels == 3, "images have 3 channels, the network takes {}", spec.input_channels);
    let preprocess = preprocess(args, subject)?;
    let mut seen = Seen::<E>::new(args, subject, [preprocess.size; 2])?;
    say_guesses(args, subject);
    crate::report::note(format_args!("images: {preprocess}"));
    let pictures = Pictures::find(&args.source.image)?;
    let mut writer = Writer::new(out, Form::of(args.json, pictures.in_folder), args.topk, labels);
    let failed = pictures.each(&preprocess, args.batch.get(), |batch| seen.look(batch, &mut writer))?;
    let senseless = writer.finish()?;
    seen.save_features()?;
    ensure!(failed == 0, "{failed} of {} images could not be read", pictures.paths.len());
    check_finite(senseless)
}

/// That all images have a class; `senseless` have not.
fn check_finite(senseless: usize) -> anyhow::Result<()> {
    ensure!(
        senseless == 0,
        "the logits of {senseless} images are not finite; check the weights, and the input of those images"
    );
    Ok(())
}

/// The preparation of images: what the command line says, else what the weights' card says, else the published one.
fn preprocess(args: &Args, Subject { file, net, card, .. }: &Subject) -> anyhow::Result<Preprocess> {
    let published = published(file.naming(net));
    let usual = card.as_ref().map_or(published, Card::preprocess);
    let size = args.size.unwrap_or(usual.size);
    let shorter = match (args.resize, usual.framing) {
        (Some(Resize::Square), _) | (None, Framing::Square) => None,
        (Some(Resize::Shorter(shorter)), _) => Some(shorter),
        (None, Framing::Crop { shorter, .. }) => Some(shorter * size / usual.size),
    };
    let framing = match shorter {
        None => {
            ensure!(
                args.filter.is_none(),
                "--filter is about a shorter side that is resized: add --resize N"
            );
            Framing::Square
        }
        Some(shorter) => {
            ensure!(shorter >= size, "--resize {shorter} leaves less than the {size} pixels of --size");
            let usual = [usual.framing, published.framing].into_iter().find_map(|framing| match framing {
                Framing::Crop { filter, .. } => Some(filter),
                Framing::Square => None,
            });
            Framing::Crop { shorter, filter: args.filter.or(usual).unwrap_or(Filter::Bicubic) }
        }
    };
    let Normalise { mean, std } = usual.normalise;
    let normalise = Normalise { mean: args.mean.unwrap_or(mean), std: args.std.unwrap_or(std) };
    normalise.check().map_err(anyhow::Error::msg)?;
    Ok(Preprocess { framing, size, normalise })
}

/// The preparation that a library documents for its published weights.
fn published(naming: Naming) -> Preprocess {
    let mut preprocess = Preprocess::imagenet(224);
    if let (Naming::Torchvision, Framing::Crop { filter, .. }) = (naming, &mut preprocess.framing) {
        *filter = Filter::Bilinear;
    }
    preprocess
}

/// Says what of the preparation neither the command line nor the weights tell, unless they are a published model's.
fn say_guesses(args: &Args, Subject { file, net, card, .. }: &Subject) {
    if card.is_some() || weights::is_published(net) {
        return;
    }
    let resized = !matches!(args.resize, Some(Resize::Square));
    let options = [
        ("--size", args.size.is_none()),
        ("--resize", args.resize.is_none()),
        ("--filter", args.filter.is_none() && resized),
        ("--mean", args.mean.is_none()),
        ("--std", args.std.is_none()),
    ];
    let guessed: Vec<_> =
        options.into_iter().filter(|(_, guessed)| *guessed).map(|(option, _)| option).collect();
    if !guessed.is_empty() {
        crate::report::note(format_args!(
            "guessed: {} does not say how its images were prepared; ImageNet's preparation is assumed for {}",
            file.path().display(),
            guessed.join(", ")
        ));
    }
}

/// A network that looks at images.
struct Seen<'a, E: Dtype> {
    network: Network<E>,
    args: &'a Args,
    /// Dimensions and elements of each part's maps so far.
    features: Vec<(Vec<usize>, Vec<E>)>,
}

impl<'a, E: FileElement + Into<f64>> Seen<'a, E>
where
    Cpu: Backend<E>,
{
    fn new(args: &'a Args, subject: &Subject, size: [usize; 2]) -> anyhow::Result<Self> {
        Ok(Self { network: Network::new(args, subject, size)?, args, features: Vec::new() })
    }

    fn look(&mut self, mut batch: Batch<E>, writer: &mut Writer<'_>) -> anyhow::Result<()> {
        let names = std::mem::take(&mut batch.names);
        let (logits, maps) = self.network.look(batch, self.args)?;
        if !maps.is_empty() {
            self.keep(maps);
        }
        writer.write(&names, &logits)
    }

    fn keep(&mut self, maps: Vec<regnet::tensors::Map<E, Cpu>>) {
        self.features.resize_with(maps.len(), Default::default);
        for ((dims, values), map) in self.features.iter_mut().zip(maps) {
            let &(n, c, h, w) = map.shape();
            let before = dims.first().copied().unwrap_or(0);
            *dims = vec![before + n, c, h, w];
            values.extend(map.as_vec());
        }
    }

    fn save_features(self) -> anyhow::Result<()> {
        let Some(path) = &self.args.features else { return Ok(()) };
        let named = self.features.into_iter().enumerate().map(|(i, (dims, values))| {
            let name = if i == 0 { "stem".to_owned() } else { format!("s{i}") };
            (name, dims, values)
        });
        Ok(save_tensors(named.collect(), path)?)
    }
}
