//! The weights that a command is about, and the network they are of.

use std::path::{Path, PathBuf};

use anyhow::Context;
use regnet::space::AnyNet;
use regnet::train::Card;
use regnet::weights::{ReadOptions, WeightFile, WeightsError};

use crate::network::NetworkArgs;
use crate::report;

/// How files of weights are read.
#[derive(clap::Args)]
pub struct ReadArgs {
    /// Goes on with weights that hold NaN, infinite numbers or negative variances, and gives what they give
    #[arg(long)]
    allow_non_finite: bool,
    /// Takes the weights themselves where a checkpoint has their moving average (EMA), too
    #[arg(long)]
    no_ema: bool,
}

impl ReadArgs {
    /// Opens a file of weights and says what was chosen of it.
    pub fn open(&self, path: &Path) -> anyhow::Result<WeightFile> {
        let options = ReadOptions { allow_non_finite: self.allow_non_finite, ema: !self.no_ema };
        let file = WeightFile::open_with(path, options)?;
        if file.is_ema() {
            let keys = file.state_dict_path().trim_end_matches('.');
            report::note(format_args!(
                "weights: the moving average in `{keys}`; --no-ema takes those beside it"
            ));
        }
        Ok(file)
    }
}

/// Weights and their network.
pub struct Subject {
    /// The opened file.
    pub file: WeightFile,
    /// The network, with as many classes as the file's head.
    pub net: AnyNet,
    /// What was trained, where the weights are a run of `regnet train`.
    pub card: Option<Card>,
    /// What to call the network.
    pub name: String,
}

/// Opens weights: a file here or on the hub, or the folder of a run. The network is the one named or, failing that, the
/// run's own or the published model whose tensors these are.
pub fn open(
    argument: &str,
    read: &ReadArgs,
    model: Option<&str>,
    network: &NetworkArgs,
) -> anyhow::Result<Subject> {
    let folder = Path::new(argument);
    let card = folder.is_dir().then(|| Card::read(&folder.join("model.json"))).transpose()?;
    let file = read.open(&path(argument)?)?;
    let (net, name) = match (&card, model.is_some() || network.is_given()) {
        (Some(card), false) => (card.spec().clone(), "the run's network".to_owned()),
        (None, false) => published(&file)?,
        (_, true) => {
            let net = network.network(model)?.to_anynet()?;
            (net, model.unwrap_or("the network").to_owned())
        }
    };
    let net = file.with_classes(&net);
    Ok(Subject { file, net, card, name })
}

fn published(file: &WeightFile) -> anyhow::Result<(AnyNet, String)> {
    let unknown = || WeightsError::UnknownModel { path: file.path().to_owned() };
    let preset = file
        .fits()
        .into_iter()
        .next()
        .ok_or_else(unknown)
        .context("give --model or the network's parameters")?;
    let net = preset.declaration().to_anynet().map_err(report::parameters)?;
    Ok((net, preset.name.to_owned()))
}

/// The file that a `--weights` argument means: a file of the hub (`hf:OWNER/MODEL`), downloaded unless it is in the cache;
/// the weights in a folder that `regnet train` wrote; or the file itself.
pub fn path(argument: &str) -> anyhow::Result<PathBuf> {
    if argument.starts_with("hf:") {
        return from_hub(argument);
    }
    let path = PathBuf::from(argument);
    Ok(if path.is_dir() { path.join("model.safetensors") } else { path })
}

#[cfg(feature = "hub")]
fn from_hub(reference: &str) -> anyhow::Result<PathBuf> {
    Ok(regnet::train::hub::resolve(reference)?)
}

#[cfg(not(feature = "hub"))]
fn from_hub(reference: &str) -> anyhow::Result<PathBuf> {
    anyhow::bail!(
        "{reference} is on the hub, and this regnet was built without it: build it with --features hub"
    )
}
