//! `regnet convert`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::ensure;
use regnet::space::{AnyNet, Layout, Naming, Preset, StemKind, presets, torchvision_presets};
use regnet::train::Card;
use regnet::weights::{Precision, Style};

use crate::network::NetworkArgs;
use crate::weights::{self, Subject};

/// Weights, and how to write them.
#[derive(clap::Args)]
pub struct Args {
    /// A safetensors file, a PyTorch checkpoint (.pth, .pyth), the folder of a run, or
    /// hf:OWNER/MODEL[@REVISION][/FILE]; whose names it has is detected
    #[arg(value_name = "IN")]
    input: String,
    /// The safetensors file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Whose names to write: pycls, timm or torchvision
    #[arg(long, value_name = "NAMING")]
    to: Naming,
    /// Element type to write: f16, bf16, f32 or f64 [default: the file's]
    #[arg(long, value_name = "TYPE")]
    dtype: Option<Precision>,
    /// The model whose weights these are [default: the published one that they fit]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    #[command(flatten)]
    read: weights::ReadArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Writes the file and says what was in it.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let Subject { file, net, name, card } =
        weights::open(&args.input, &args.read, args.model.as_deref(), &args.network)?;
    check_library(&net, args.to)?;
    let own = file.tensors().values().find_map(|tensor| tensor.precision());
    let precision = args.dtype.or(own).unwrap_or(Precision::F32);
    let from = file.naming(&net);
    let description = card.as_ref().map(Card::description);
    file.convert(&net, Style::of(&net, args.to, precision), description.as_deref(), &args.output)?;
    if file.takes_bgr() {
        writeln!(out, "turned the first convolution from pycls's blue, green, red to red, green, blue")?;
    }
    writeln!(
        out,
        "wrote {} tensors of {name}, {} classes, to {}: {from}'s names to {}'s, {precision}",
        file.tensors().len(),
        net.classes,
        args.output.display(),
        args.to,
    )?;
    if args.to != Naming::Pycls && !models(args.to).any(|preset| is_of(preset, &net)) {
        crate::report::note(format_args!(
            "note: {} has no model of this network; what reads the file has to be built with its numbers",
            args.to
        ));
    }
    Ok(())
}

/// Refuses a network that the library's model would take for another one of the same tensors.
fn check_library(net: &AnyNet, library: Naming) -> anyhow::Result<()> {
    // pycls builds any network from its configuration.
    if library == Naming::Pycls {
        return Ok(());
    }
    let (class, stem, first) = match Layout::of(net) {
        Layout::RegNet => ("RegNet", StemKind::Simple, 2),
        Layout::ResNet => ("ResNet", StemKind::ResNet, 1),
    };
    let strides: Vec<usize> = net.stages.iter().map(|stage| stage.stride).collect();
    let theirs: Vec<usize> = (0..strides.len()).map(|i| if i == 0 { first } else { 2 }).collect();
    ensure!(
        net.stem.kind == stem && strides == theirs,
        "{library}'s {class} has a {stem} stem and stages of strides {theirs:?}; this network has a {} stem and strides \
         {strides:?}, and its weights would be taken for another network's: write it with --to pycls",
        net.stem.kind,
    );
    Ok(())
}

/// Whether a network is this model, whatever its classes.
fn is_of(preset: &Preset, net: &AnyNet) -> bool {
    let published = preset.declaration().to_anynet();
    published.is_ok_and(|published| AnyNet { classes: net.classes, ..published } == *net)
}

/// The RegNets that a library has by name.
fn models(library: Naming) -> impl Iterator<Item = &'static Preset> {
    const TORCHVISION: [&str; 8] = ["400MF", "800MF", "1.6GF", "3.2GF", "8.0GF", "16GF", "32GF", "128GF"];
    let own =
        |preset: &Preset| torchvision_presets().iter().any(|own| own.name == format!("{}-tv", preset.name));
    let in_torchvision = move |preset: &Preset| {
        TORCHVISION.iter().any(|size| preset.name.ends_with(&format!("-{size}"))) && !own(preset)
    };
    let published =
        presets().iter().filter(move |preset| library != Naming::Torchvision || in_torchvision(preset));
    published.chain(torchvision_presets())
}
