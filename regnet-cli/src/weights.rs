//! The weights that a command is about, and the network they are of.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use regnet::space::{AnyNet, Stage, presets, torchvision_presets};
use regnet::train::card::{Card, Note, Origin};
use regnet::weights::{ReadOptions, WeightFile, WeightsError};

use crate::network::{Network, NetworkArgs};
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
    /// What was trained, where the weights or the folder they lie in say so.
    pub card: Option<Card>,
    /// What to call the network.
    pub name: String,
}

/// Opens weights: a file here or on the hub, or the folder of a run. The network is the file's own, as its metadata or the
/// `model.json` beside it says, which one that was named may not contradict; failing that, the one named; or else the
/// published model whose tensors these are.
pub fn open(
    argument: &str,
    read: &ReadArgs,
    model: Option<&str>,
    network: &NetworkArgs,
) -> anyhow::Result<Subject> {
    let (file, card) = identify(argument, read)?;
    let named = model.is_some() || network.is_given();
    let (net, name) = match &card {
        Some(card) => {
            let own = card.spec();
            if named || network.changes() {
                let stated = if named {
                    network.network(model)?
                } else {
                    network.network_of(own.clone(), argument)?
                };
                check_stated(&file, own, stated)?;
            }
            (own.clone(), model.unwrap_or("the run's network").to_owned())
        }
        None if named => {
            let net = network.network(model)?.to_anynet()?;
            (file.with_classes(&net), model.unwrap_or("the network").to_owned())
        }
        None => published(&file, network)?,
    };
    Ok(Subject { file, net, card, name })
}

/// Opens weights, and what their own metadata or the `model.json` beside them says of them.
pub fn identify(argument: &str, read: &ReadArgs) -> anyhow::Result<(WeightFile, Option<Card>)> {
    let file = read.open(&path(argument)?)?;
    let Origin { card, note } = Origin::of(&file)?;
    match note {
        // Who names a run's folder means what is in it.
        Some(note @ Note::Ignored { .. }) if Path::new(argument).is_dir() => bail!("{note}"),
        Some(note) => report::note(format_args!("note: {note}")),
        None => {}
    }
    Ok((file, card))
}

/// Refuses a network that is not the weights' own, whatever its classes.
pub fn check_stated(file: &WeightFile, own: &AnyNet, mut stated: Network) -> anyhow::Result<()> {
    *stated.classes() = own.classes;
    let stated = stated.to_anynet()?;
    let stages = |net: &AnyNet| {
        let stage = |stage: &Stage| format!("{} x {} / {}", stage.depth, stage.width, stage.stride);
        net.stages.iter().map(stage).collect::<Vec<_>>().join(", ")
    };
    let or_none = |part: Option<String>| part.unwrap_or_else(|| "none".to_owned());
    let parts = |net: &AnyNet| {
        [
            ("stem", net.stem.to_string()),
            ("block", net.block.to_string()),
            ("stages (depth x width / stride)", stages(net)),
            ("squeeze-and-excitation", or_none(net.se.map(|se| se.to_string()))),
            ("regulator", or_none(net.regulator.map(|regulator| regulator.to_string()))),
        ]
    };
    let differs = parts(own).into_iter().zip(parts(&stated)).find(|(own, stated)| own != stated);
    match differs {
        None if *own == stated => Ok(()),
        None => {
            bail!("{} is of another network than the one named: leave its flags out", file.path().display())
        }
        Some(((part, own), (_, stated))) => bail!(
            "{} is of another network than the one named: its {part}: {own}, not {stated}; leave the network's flags out",
            file.path().display()
        ),
    }
}

/// The published model that a file fits, with what was given in place of its own. Weights show neither strides nor
/// which of several stems they belong to; a head of ImageNet's classes is taken for the published weights.
fn published(file: &WeightFile, network: &NetworkArgs) -> anyhow::Result<(AnyNet, String)> {
    let unknown = || WeightsError::UnknownModel { path: file.path().to_owned() };
    let fits = file.fits();
    let preset = match fits[..] {
        [] => return Err(unknown()).context("give --model or the network's parameters"),
        [preset] => preset,
        _ => {
            let names: Vec<_> = fits.iter().map(|preset| preset.name).collect();
            bail!("{} fits {}: name one with --model", file.path().display(), names.join(" and "))
        }
    };
    let net = file.with_classes(&network.network(Some(preset.name))?.to_anynet()?);
    if !is_published(&net) && !network.has_stem() {
        report::note(format_args!(
            "guessed: {} does not say which network it is of; it fits {}, whose stem and strides are assumed \
             (--model, --stem)",
            file.path().display(),
            preset.name
        ));
    }
    Ok((net, preset.name.to_owned()))
}

/// Whether a network is a published one, as it tells ImageNet's classes apart.
pub fn is_published(net: &AnyNet) -> bool {
    let models = presets().iter().chain(torchvision_presets());
    models.into_iter().any(|preset| preset.declaration().to_anynet().is_ok_and(|published| published == *net))
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
