//! Published weights in a declared network: load them, look at pictures, look inside.
//!
//! ```sh
//! cargo run --release --example predict -- --weights regnetx_002.safetensors --image cat.jpg
//! cargo run --release --example predict    # without files: weights and a picture that it makes itself
//! ```
//!
//! The file may be timm's, torchvision's or pycls's, in safetensors or as a PyTorch checkpoint.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use regnet::dfdx::prelude::*;
use regnet::space::Naming;
use regnet::train::predict::{Preprocess, best};
use regnet::weights::{self, Head, Precision, Style, WeightFile};
use regnet::{Built, Declared, Features, regnet};

type Net = regnet!(RegNetX - 200MF);

/// Classifies a picture with RegNetX-200MF.
#[derive(Parser)]
struct Args {
    /// Weights of RegNetX-200MF, of 1,000 classes.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// An image file.
    #[arg(long)]
    image: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Args { weights, image } = Args::parse();
    let device = Cpu::seed_from_u64(0);
    let mut net = device.build_module::<Net, f32>();

    let folder = tempfile::tempdir()?;
    let weights = match weights {
        Some(weights) => weights,
        None => untrained(&net, folder.path())?,
    };
    let loaded = WeightFile::open(&weights)?.load_into(&mut net, Head::Refuse)?;
    println!("{} has {}'s names", weights.display(), loaded.naming);

    // Batch, channels, height and width are the compiler's to check.
    let pixels = match image {
        Some(image) => Preprocess::imagenet(224).read(&image)?,
        None => stripes(),
    };
    let images: Tensor<Rank4<1, 3, 224, 224>, f32, _> = device.tensor_from_vec(pixels, Default::default());
    let logits: Tensor<Rank2<1, 1000>, f32, _> = net.forward(images.clone());
    for guess in best(&logits.as_vec(), 5) {
        println!("class {:4}: {:5.2} %", guess.class, 100.0 * guess.probability);
    }

    // Stage by stage, with shapes in the types; or all at once.
    let stem: Tensor<Rank4<1, 32, 112, 112>, f32, _> = net.stem.forward(images.clone());
    let first: Tensor<Rank4<1, 24, 56, 56>, f32, _> = net.stages.0.forward(stem);
    let all = net.try_features(images.try_reshape_like(&(1, 3, 224, 224))?)?;
    anyhow::ensure!(first.as_vec() == all[1].as_vec(), "both ways lead to the same features");
    for (i, map) in all.iter().enumerate() {
        println!("{}: {:?}", if i == 0 { "stem".to_owned() } else { format!("s{i}") }, map.shape());
    }
    Ok(())
}

/// A file of weights as they start, for want of trained ones, in timm's names.
fn untrained(net: &Built<Net, f32, Cpu>, folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("regnetx_002.safetensors");
    let style = Style::of(&Net::spec(), Naming::Timm, Precision::F32);
    weights::save_as(net, style, &path).context("for the example's own weights")?;
    Ok(path)
}

/// A picture of vertical stripes.
fn stripes() -> Vec<f32> {
    (0..3 * 224 * 224).map(|i| if i % 224 / 16 % 2 == 0 { 1.0 } else { -1.0 }).collect()
}
