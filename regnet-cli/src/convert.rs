//! `regnet convert`.

use std::io::Write;
use std::path::PathBuf;

use regnet::space::Naming;
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
    let Subject { file, net, name, .. } =
        weights::open(&args.input, &args.read, args.model.as_deref(), &args.network)?;
    let own = file.tensors().values().find_map(|tensor| tensor.precision());
    let precision = args.dtype.or(own).unwrap_or(Precision::F32);
    let from = file.naming(&net);
    file.convert(&net, Style::of(&net, args.to, precision), &args.output)?;
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
    Ok(())
}
