//! `regnet predict`.

mod input;
mod labels;
mod network;
mod output;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{bail, ensure};
use regnet::Backend;
use regnet::dfdx::prelude::*;
use regnet::train::predict::{Filter, Framing, Preprocess};
use regnet::weights::{FileElement, Precision, save_tensors};

use crate::network::NetworkArgs;
use crate::weights::{self, Subject};
use crate::{precision, threads};
use input::{Batch, Pictures, Prepared};
use network::Network;
use output::{Form, Writer};

/// Weights, images, and what to print of them.
#[derive(clap::Args)]
pub struct Args {
    /// The model whose weights these are [default: the published one that they fit, or the run's own]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// A safetensors file, a PyTorch checkpoint (.pth, .pyth), a folder that `regnet train` wrote, or
    /// hf:OWNER/MODEL[@REVISION][/FILE]
    #[arg(long, value_name = "WEIGHTS")]
    weights: String,
    #[command(flatten)]
    source: Source,
    /// Height and width in pixels at which images are seen [default: 224, or the run's]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(8..=1024))]
    size: Option<usize>,
    /// Pixels that the shorter side of an image is brought to before its middle is cut out [default: size / 0.875]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(8..=1280))]
    resize: Option<usize>,
    /// How images are resized: bicubic or bilinear [default: bilinear for torchvision's files, else bicubic]
    #[arg(long, value_name = "FILTER")]
    filter: Option<Filter>,
    /// How many classes to name for each image
    #[arg(long, value_name = "K", default_value_t = 5)]
    topk: usize,
    /// The names of the classes, one a line or a JSON list, in the order of the logits [default: the run's]
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
    network: NetworkArgs,
}

/// Where images come from.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// PNG and JPEG files; or a folder, whose images are written a line each, as CSV or with --json as JSON
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
    let subject = weights::open(&args.weights, args.model.as_deref(), &args.network)?;
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
        (None, Some(card)) => Some(card.classes.clone()).filter(|classes| classes.len() == spec.classes),
        (None, None) => None,
    };
    if let Some(input) = &args.source.input {
        let prepared = Prepared::<E>::open(input, spec.input_channels)?;
        let mut seen = Seen::new(args, subject, prepared.size())?;
        let mut writer = Writer::new(out, Form::of(args.json, false), args.topk, labels);
        prepared.each(args.batch.get(), |batch| seen.look(batch, &mut writer))?;
        writer.finish()?;
        return seen.save_features();
    }
    ensure!(spec.input_channels == 3, "images have 3 channels, the network takes {}", spec.input_channels);
    let preprocess = preprocess(args, subject);
    let mut seen = Seen::<E>::new(args, subject, [preprocess.size; 2])?;
    eprintln!("images: {preprocess}");
    let pictures = Pictures::find(&args.source.image)?;
    let mut writer = Writer::new(out, Form::of(args.json, pictures.in_folder), args.topk, labels);
    let failed = pictures.each(&preprocess, args.batch.get(), |batch| seen.look(batch, &mut writer))?;
    writer.finish()?;
    seen.save_features()?;
    ensure!(failed == 0, "{failed} of {} images could not be read", pictures.paths.len());
    Ok(())
}

/// The published preprocessing, or that of the run whose weights these are.
fn preprocess(args: &Args, Subject { file, net, card, .. }: &Subject) -> Preprocess {
    let size = args.size.or(card.as_ref().map(|card| card.input[1])).unwrap_or(224);
    let mut preprocess = Preprocess::imagenet(size);
    if let Some(card) = card {
        preprocess.normalise = regnet::train::data::Normalise { mean: card.mean, std: card.std };
        if args.resize.is_none() && args.filter.is_none() {
            preprocess.framing = Framing::Square;
            return preprocess;
        }
    }
    if let Framing::Crop { shorter, filter } = &mut preprocess.framing {
        *shorter = args.resize.unwrap_or(*shorter).max(size);
        let usual =
            if file.naming(net) == regnet::space::Naming::Torchvision { Filter::Bilinear } else { *filter };
        *filter = args.filter.unwrap_or(usual);
    }
    preprocess
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
