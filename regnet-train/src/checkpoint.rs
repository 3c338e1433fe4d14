//! A network in training as bytes: safetensors with the weights, the running statistics and the optimiser's velocity,
//! and beside them, as JSON in the file's metadata, what is trained and the figures of the epochs so far.
//!
//! All of it is one file, so that it is replaced as a whole or not at all. A digest of all its bytes is part of it, so that
//! a file that changed since is not gone on from.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ::safetensors::SafeTensors;
use ::safetensors::tensor::{Dtype as FileDtype, TensorView};
use dfdx::prelude::*;
use regnet_core::Backend;
use regnet_core::state::{self, Entry};
use serde::{Deserialize, Serialize};

use crate::card::Card;
use crate::error::TrainError;
use crate::learner::Score;
use crate::metrics::{EpochMetrics, from_json_lines, to_json_lines};
use crate::optim::Sgd;

/// The name of such a file in a run's folder.
pub(crate) const FILE: &str = "checkpoint.safetensors";

/// A tensor's velocity has its name after this.
const VELOCITY: &str = "velocity.";
const CARD: &str = "card";
const EPOCHS: &str = "epochs";
const EPOCH: &str = "epoch";

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reached {
    /// The epochs that are done.
    pub(crate) history: Vec<EpochMetrics>,
    /// The one behind them.
    pub(crate) epoch: BegunEpoch,
}

/// An epoch as far as it was trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BegunEpoch {
    /// Steps that are done.
    pub(crate) steps: usize,
    /// The score of all of them.
    pub(crate) score: Score,
    /// Seconds that they took.
    pub(crate) seconds: f64,
}

/// The bytes of a checkpoint; `None` if the network or its velocity is not finite, from where nothing could go on.
pub(crate) fn to_bytes<M: TensorCollection<f32, D>, D: Backend<f32>>(
    card: &Card,
    reached: &Reached,
    model: &M,
    sgd: &mut Sgd<f32, D>,
) -> Result<Option<Vec<u8>>, TrainError> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    state::read(model, |Entry { name, dims, values, .. }| tensors.push((name, dims, values)));
    for (name, values) in sgd.velocity(model).map_err(TrainError::device)? {
        tensors.push((format!("{VELOCITY}{name}"), vec![values.len()], values));
    }
    if !tensors.iter().all(|(.., values)| values.iter().all(|value| value.is_finite())) {
        return Ok(None);
    }
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(.., values)| bytes(values)).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, dims, _), bytes)| {
        let view = TensorView::new(FileDtype::F32, dims.clone(), bytes);
        (name, view.expect("a tensor's bytes are as many as its shape says"))
    });
    let epoch = serde_json::to_string(&reached.epoch).expect("a struct of numbers is JSON");
    let metadata = [
        (CARD, card.to_json()),
        (EPOCHS, to_json_lines(&reached.history)),
        (EPOCH, epoch),
        (seal::KEY, seal::BLANK.to_owned()),
    ];
    let metadata: HashMap<String, String> = metadata.map(|(key, text)| (key.to_owned(), text)).into();
    let mut file =
        ::safetensors::serialize(views, Some(metadata)).expect("names and shapes always serialise");
    seal::close(&mut file);
    Ok(Some(file))
}

/// Takes up what [`to_bytes`] put down, if the card is the same; nothing changes otherwise.
pub(crate) fn load<M: TensorCollection<f32, D>, D: Backend<f32>>(
    path: &Path,
    card: &Card,
    model: &mut M,
    sgd: &mut Sgd<f32, D>,
) -> Result<Reached, TrainError> {
    let unreadable = |reason: String| TrainError::Read { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let file = Contents::parse(&bytes).map_err(&unreadable)?;
    if let Some(difference) = card.difference(&file.card) {
        return Err(TrainError::OtherRun { path: path.to_owned(), difference: Box::new(difference) });
    }
    let (mut tensors, velocity) = file.tensors_of(model).map_err(unreadable)?;
    state::write(model, |entry: Entry<f32>| tensors.remove(&entry.name));
    sgd.set_velocity(model, velocity).map_err(TrainError::device)?;
    Ok(file.reached)
}

/// The card of a file, if the file is as it was written.
pub(crate) fn card(bytes: &[u8]) -> Result<Card, String> {
    Contents::parse(bytes).map(|file| file.card)
}

/// What a file holds.
struct Contents<'a> {
    card: Card,
    reached: Reached,
    tensors: SafeTensors<'a>,
}

type Values = BTreeMap<String, Vec<f32>>;

impl<'a> Contents<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let say = |error: ::safetensors::SafeTensorError| error.to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(say)?;
        let text = |key: &str| {
            let text = header.metadata().as_ref().and_then(|metadata| metadata.get(key));
            text.ok_or_else(|| format!("this is no checkpoint: its metadata has no `{key}`"))
        };
        seal::check(bytes, text(seal::KEY)?)?;
        let card = serde_json::from_str(text(CARD)?).map_err(|error| format!("`{CARD}`: {error}"))?;
        let history = from_json_lines(text(EPOCHS)?).map_err(|error| format!("`{EPOCHS}`: {error}"))?;
        let epoch = serde_json::from_str(text(EPOCH)?).map_err(|error| format!("`{EPOCH}`: {error}"))?;
        let reached = Reached { history, epoch };
        Ok(Self { card, reached, tensors: SafeTensors::deserialize(bytes).map_err(say)? })
    }

    /// The elements of each of the model's tensors, and the velocity of each that is trained.
    fn tensors_of<M: TensorCollection<f32, D>, D: Backend<f32>>(
        &self,
        model: &M,
    ) -> Result<(Values, Values), String> {
        let (mut tensors, mut velocity) = (Values::new(), Values::new());
        let mut missing = None;
        let mut find = |name: String, count: usize, values: &mut Values, key: String| match self.values(&name)
        {
            Some(found) if found.len() == count => drop(values.insert(key, found)),
            _ => drop(missing.get_or_insert(name)),
        };
        state::read(model, |Entry { name, trained, values, .. }: Entry<f32>| {
            find(name.clone(), values.len(), &mut tensors, name.clone());
            if trained {
                find(format!("{VELOCITY}{name}"), values.len(), &mut velocity, name);
            }
        });
        match missing {
            Some(name) => Err(format!("the tensor `{name}` is missing or of another size")),
            None => Ok((tensors, velocity)),
        }
    }

    fn values(&self, name: &str) -> Option<Vec<f32>> {
        let view = self.tensors.tensor(name).ok().filter(|view| view.dtype() == FileDtype::F32)?;
        Some(view.data().as_chunks().0.iter().copied().map(f32::from_le_bytes).collect())
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The digest in a file of the file itself, taken with zeros in the digest's place.
mod seal {
    use crate::digest::{Digest, Hasher};

    pub(super) const KEY: &str = "sha256";
    pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    /// Where the digest stands. No other text can look like this, because quotes in JSON strings are escaped.
    fn place(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
        let before = format!("\"{KEY}\":\"");
        let start = bytes.windows(before.len()).position(|text| text == before.as_bytes())? + before.len();
        bytes.get(start..start + BLANK.len()).map(|place| start..start + place.len())
    }

    /// Puts the digest into a file whose place for it is blank.
    pub(super) fn close(bytes: &mut [u8]) {
        let digest = Digest::of(bytes).to_string();
        let place = place(bytes).expect("the place was made for it");
        bytes[place].copy_from_slice(digest.as_bytes());
    }

    /// Whether a file is as it was when it was closed; `found` is its digest.
    pub(super) fn check(bytes: &[u8], found: &str) -> Result<(), String> {
        let found: Digest = found.parse().map_err(|error| format!("`{KEY}`: {error}"))?;
        let place = place(bytes).ok_or_else(|| format!("the place of `{KEY}` is not found"))?;
        let mut hasher = Hasher::default();
        hasher.bytes(&bytes[..place.start]);
        hasher.bytes(BLANK.as_bytes());
        hasher.bytes(&bytes[place.end..]);
        if hasher.finish() == found {
            return Ok(());
        }
        Err("its contents are not those that were written (the SHA-256 digest differs); it is damaged"
            .to_owned())
    }
}
