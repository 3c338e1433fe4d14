//! `regnet export`.

use std::io::Write;
use std::path::PathBuf;

use regnet::dfdx::prelude::Cpu;
use regnet::space::text::grouped;
use regnet::train::{Card, Spec};
use regnet::weights::Head;
use regnet::{DynRegNet, onnx, weights};
use serde_json::{Value, json};

use crate::report::Usage;
use crate::subject::{Subject, SubjectArgs};
use crate::weights::{ReadArgs, check_stated, identify};

/// A network, its weights, and how to write them.
#[derive(clap::Args)]
pub struct Args {
    /// The ONNX file to write
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
    #[command(flatten)]
    subject: SubjectArgs,
    /// A file of weights, a folder that `regnet train` wrote, or hf:OWNER/MODEL[@REVISION][/FILE], of MODEL or, where
    /// none is named, of the network that they say they are of [default: those of the folder that MODEL is]
    #[arg(long, value_name = "WEIGHTS")]
    weights: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Starts from random weights instead, drawn from this seed
    #[arg(long, value_name = "N", conflicts_with = "weights")]
    seed: Option<u64>,
    /// Makes batch norms part of the convolutions before them
    #[arg(long)]
    fold_batch_norm: bool,
    /// Version of ONNX's operators: 17 to 23
    #[arg(long, value_name = "N", default_value_t = *onnx::OPSETS.start())]
    opset: usize,
    /// Images in a batch [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    static_batch: Option<u32>,
    /// Leaves the height and width of images to whoever runs the file
    #[arg(long, conflicts_with = "size")]
    dynamic_size: bool,
}

/// Writes the file and says what is in it.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let weights = args.weights.clone().or_else(|| args.subject.folder().filter(|_| args.seed.is_none()));
    let opened = weights.as_deref().map(|weights| identify(weights, &args.read)).transpose()?;
    let card = opened.as_ref().and_then(|(_, card)| card.as_ref());
    let Subject { network, title, net: spec, image, .. } = args.subject.subject_or(card)?;
    let mut net = DynRegNet::<f32, Cpu>::try_new(&Cpu::seed_from_u64(args.seed.unwrap_or(0)), &spec)?;
    match &opened {
        Some((file, card)) => {
            if let Some(card) = card {
                check_stated(file, card.spec(), network)?;
            }
            file.load_into(&mut net, Head::Refuse)?;
        }
        None if args.seed.is_some() => {}
        None => {
            let missing = "no weights: give a file or a folder with --weights, or --seed for random ones";
            return Err(Usage(missing.to_owned()).into());
        }
    }
    let mut metadata = vec![("network", json!(Spec(spec.clone())))];
    metadata.extend(card.into_iter().flat_map(of_run));
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect();
    let options = onnx::Options {
        name: title.clone(),
        opset: args.opset,
        batch: args.static_batch.map(|batch| batch as usize),
        image: (!args.dynamic_size).then_some(image),
        fold_batch_norm: args.fold_batch_norm,
        metadata,
    };
    let bytes = onnx::to_bytes(&net, &spec, &options)?;
    weights::write_whole(&args.onnx, &bytes)?;
    let size = grouped(bytes.len() as u64);
    writeln!(out, "wrote {title} to {}: {size} bytes, opset {}", args.onnx.display(), args.opset)?;
    Ok(())
}

/// What the images of a run were: names of classes, and what they were normalised with.
fn of_run(card: &Card) -> [(&'static str, Value); 5] {
    [
        ("classes", json!(card.classes)),
        ("mean", json!(card.mean)),
        ("std", json!(card.std)),
        ("input", json!(card.input)),
        ("data", json!(card.data)),
    ]
}
