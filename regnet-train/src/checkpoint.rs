//! A network in training as bytes: safetensors with the weights, the running statistics and the optimiser's velocity,
//! and beside them, as JSON in the file's metadata, what is trained and the figures of the epochs so far.
//!
//! All of it is one file, so that it is replaced as a whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ::safetensors::SafeTensors;
use ::safetensors::tensor::{Dtype as FileDtype, TensorView};
use dfdx::prelude::*;
use regnet_core::Backend;
use regnet_core::state::{self, Entry};

use crate::card::Card;
use crate::error::TrainError;
use crate::metrics::{EpochMetrics, from_json_lines, to_json_lines};
use crate::optim::Sgd;

/// The name of such a file in a run's folder.
pub(crate) const FILE: &str = "checkpoint.safetensors";

/// A tensor's velocity has its name after this.
const VELOCITY: &str = "velocity.";
const CARD: &str = "card";
const EPOCHS: &str = "epochs";

/// The bytes of a checkpoint.
pub(crate) fn to_bytes<M: TensorCollection<f32, D>, D: Backend<f32>>(
    card: &Card,
    history: &[EpochMetrics],
    model: &M,
    sgd: &mut Sgd<f32, D>,
) -> Result<Vec<u8>, TrainError> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    state::read(model, |Entry { name, dims, values, .. }| tensors.push((name, dims, bytes(&values))));
    for (name, values) in sgd.velocity(model).map_err(TrainError::device)? {
        tensors.push((format!("{VELOCITY}{name}"), vec![values.len()], bytes(&values)));
    }
    let views = tensors.iter().map(|(name, dims, bytes)| {
        let view = TensorView::new(FileDtype::F32, dims.clone(), bytes);
        (name, view.expect("a tensor's bytes are as many as its shape says"))
    });
    let metadata = [(CARD, card.to_json()), (EPOCHS, to_json_lines(history))];
    let metadata: HashMap<String, String> = metadata.map(|(key, text)| (key.to_owned(), text)).into();
    Ok(::safetensors::serialize(views, Some(metadata)).expect("names and shapes always serialise"))
}

/// Takes up what [`to_bytes`] put down, if the card is the same; nothing changes otherwise.
pub(crate) fn load<M: TensorCollection<f32, D>, D: Backend<f32>>(
    path: &Path,
    card: &Card,
    model: &mut M,
    sgd: &mut Sgd<f32, D>,
) -> Result<Vec<EpochMetrics>, TrainError> {
    let unreadable = |reason: String| TrainError::Read { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let file = Contents::parse(&bytes).map_err(&unreadable)?;
    if let Some(differs) = card.difference(&file.card) {
        return Err(TrainError::OtherRun { path: path.to_owned(), differs });
    }
    let (mut tensors, velocity) = file.tensors_of(model).map_err(unreadable)?;
    state::write(model, |entry: Entry<f32>| tensors.remove(&entry.name));
    sgd.set_velocity(model, velocity).map_err(TrainError::device)?;
    Ok(file.history)
}

/// What can be told of a file's bytes without its network: the card, and the first tensor that is not finite.
pub(crate) fn inspect(bytes: &[u8]) -> Result<(Card, Option<String>), String> {
    let file = Contents::parse(bytes)?;
    let finite = |name: &str| file.values(name).is_some_and(|values| values.iter().all(|x| x.is_finite()));
    let mut names: Vec<&str> = file.tensors.names();
    names.sort_unstable();
    let not_finite = names.into_iter().find(|name| !finite(name)).map(str::to_owned);
    Ok((file.card, not_finite))
}

/// What a file holds.
struct Contents<'a> {
    card: Card,
    history: Vec<EpochMetrics>,
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
        let card = serde_json::from_str(text(CARD)?).map_err(|error| format!("`{CARD}`: {error}"))?;
        let history = from_json_lines(text(EPOCHS)?).map_err(|error| format!("`{EPOCHS}`: {error}"))?;
        Ok(Self { card, history, tensors: SafeTensors::deserialize(bytes).map_err(say)? })
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
