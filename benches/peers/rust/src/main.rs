//! Runs a RegNet by another Rust library and prints the logits and the time that it took, as JSON.
//!
//! Measured is one run from an image batch in the library's own tensor to logits in a `Vec`, after [`WARM_UP`] runs that
//! are not; reading, folding and optimising come before. All libraries take their threads from `RAYON_NUM_THREADS`.

mod burn;
mod candle;
mod images;
mod network;
mod tract;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::{Parser, ValueEnum};

use images::Images;
use network::Network;

// For the peers; see Cargo.toml.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs that are not measured, as for `regnet bench`.
const WARM_UP: usize = 2;

/// Runs a RegNet by another Rust library and prints how long that takes, as JSON
#[derive(Parser)]
struct Args {
    /// The library
    #[arg(value_enum)]
    peer: Peer,
    /// Weights with timm's names for candle and burn, an ONNX file for tract
    network: PathBuf,
    /// A safetensors file with at least a batch of images as `input`, N x C x H x W
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Images at once
    #[arg(long, value_name = "N", default_value = "1")]
    batch: NonZeroUsize,
    /// How many runs to measure
    #[arg(long, value_name = "R", default_value = "30")]
    runs: NonZeroUsize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    Tract,
    Candle,
    Burn,
}

/// A prepared network with its images: returns the logits of the batch, one image after another.
type Run = Box<dyn FnMut() -> anyhow::Result<Vec<f32>>>;

impl Peer {
    fn prepare(self, args: &Args, images: Images) -> anyhow::Result<Run> {
        match self {
            Peer::Tract => tract::prepare(&args.network, images),
            Peer::Candle => candle::prepare(&Network::read(&args.network)?, images),
            Peer::Burn => burn::prepare(Network::read(&args.network)?, images),
        }
    }

    /// The version in use, from the lock file.
    fn version(self) -> Option<&'static str> {
        let package = match self {
            Peer::Tract => "tract-onnx",
            Peer::Candle => "candle-core",
            Peer::Burn => "burn",
        };
        let (_, entry) =
            include_str!("../Cargo.lock").split_once(&format!("name = \"{package}\"\nversion = \""))?;
        entry.split('"').next()
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let images = Images::read(&args.input, args.batch.get())?;
    let mut run = args
        .peer
        .prepare(&args, images)
        .with_context(|| format!("cannot prepare {}", args.network.display()))?;
    let (mut logits, mut milliseconds) = (Vec::new(), Vec::new());
    for _ in 0..WARM_UP + args.runs.get() {
        let start = Instant::now();
        logits = run()?;
        milliseconds.push(1e3 * start.elapsed().as_secs_f64());
    }
    milliseconds.drain(..WARM_UP);
    milliseconds.sort_by(f64::total_cmp);
    let classes = logits.len() / args.batch;
    let figures = serde_json::json!({
        "logits": logits.chunks(classes.max(1)).take(2).collect::<Vec<_>>(),
        "median_ms": milliseconds[milliseconds.len() / 2],
        "min_ms": milliseconds[0],
        "threads": rayon::current_num_threads(),
        "version": args.peer.version(),
    });
    println!("{figures}");
    Ok(())
}
