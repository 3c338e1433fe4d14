//! What was trained, in `model.json`: enough to build the network again and to feed it.

use std::path::Path;

use regnet_space::AnyNet;
use serde::{Deserialize, Serialize};

use crate::data::{DataSet, Normalise};
use crate::difference::{Difference, first_difference};
use crate::digest::Digest;
use crate::error::TrainError;
use crate::recipe::Recipe;
use crate::spec::Spec;

/// A trained network's description; its weights are in `model.safetensors`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    network: Spec,
    /// The data set's name.
    pub data: String,
    /// Channels, height and width of the images it was trained on.
    pub input: [usize; 3],
    /// The name of each class, in the order of the logits.
    pub classes: Vec<String>,
    /// Mean of each channel, of pixels from 0 to 1, that inputs are normalised with.
    pub mean: [f32; 3],
    /// Standard deviation of each channel.
    pub std: [f32; 3],
    /// How it was trained.
    pub recipe: Recipe,
    /// The data's [`DataSet::fingerprint`]; none where the card was written without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
}

impl Card {
    /// The card of a network.
    pub fn new(spec: &AnyNet, data: &DataSet, recipe: &Recipe) -> Self {
        let Normalise { mean, std } = data.normalise;
        Self {
            network: Spec(spec.clone()),
            data: data.name.clone(),
            input: data.shape(),
            classes: data.classes.clone(),
            mean,
            std,
            recipe: recipe.clone(),
            fingerprint: Some(data.fingerprint()),
        }
    }

    /// Reads a `model.json`.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`].
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let unreadable = |reason: String| TrainError::Read { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
    }

    /// The network's numbers; those of a card that was read are sound.
    pub fn spec(&self) -> &AnyNet {
        &self.network.0
    }

    /// In what this card differs from an earlier run's.
    pub(crate) fn difference(&self, before: &Self) -> Option<Difference> {
        first_difference(before, self)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a struct of numbers and strings is JSON") + "\n"
    }
}
