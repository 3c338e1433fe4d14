//! What was trained: enough to build the network again and to feed it. It is written as JSON, in `model.json` and in the
//! metadata of `model.safetensors`.
//!
//! | key | value |
//! | --- | --- |
//! | `format` | the version of this form: 1 |
//! | `network` | the network with its stem, as [`spec`](crate::spec) describes it |
//! | `data` | the data set's name |
//! | `input` | channels, height and width of the images: squares of 8 to 1024 pixels a side |
//! | `classes` | the name of each class, in the order of the logits |
//! | `framing` | how pictures are brought to that size: `square` or `{"crop":{"shorter":256,"filter":"bicubic"}}` |
//! | `mean`, `std` | of each channel, of pixels from 0 to 1: -10 to 10, and 0.0001 to 10 |
//! | `recipe` | how it was trained |
//!
//! Runs from before `format` and `framing` lack these keys; they are of format 1 and `square`.

mod origin;

use std::path::Path;

use regnet_core::text_file;
use regnet_space::AnyNet;
use serde::{Deserialize, Serialize};

pub use origin::{Note, Origin};

use crate::data::{DataSet, Normalise, Split};
use crate::difference::{Difference, first_difference};
use crate::digest::Digest;
use crate::error::TrainError;
use crate::limits::DOCUMENT;
use crate::predict::{Framing, Preprocess};
use crate::recipe::Recipe;
use crate::spec::Spec;

/// The name of a card in a run's folder.
pub const FILE: &str = "model.json";

/// The version of the JSON form that is written.
const FORMAT: u32 = 1;

/// A trained network's description. One that was read is sound: every number is in its range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    #[serde(default = "first_format")]
    format: u32,
    network: Spec,
    /// The data set's name.
    pub data: String,
    /// Channels, height and width of the images it was trained on.
    pub input: [usize; 3],
    /// The name of each class, in the order of the logits.
    pub classes: Vec<String>,
    /// How pictures are brought to the size of the images.
    #[serde(default = "square")]
    pub framing: Framing,
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
            format: FORMAT,
            network: Spec(spec.clone()),
            data: data.name.clone(),
            input: data.shape(),
            classes: data.classes.clone(),
            framing: square(),
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
    /// [`TrainError::Read`]: a file of more than [`DOCUMENT`] bytes, one that is no card, and a card with numbers out of range.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let unreadable = |reason: String| TrainError::Read { path: path.to_owned(), reason };
        let text = text_file::read(path, DOCUMENT).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&text).map_err(unreadable)
    }

    /// Reads a card's JSON.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() as u64 > DOCUMENT {
            return Err(format!("it is longer than the {DOCUMENT} bytes that describe any network"));
        }
        let card: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        card.check()?;
        Ok(card)
    }

    /// Checks every number that a network's own check does not.
    fn check(&self) -> Result<(), String> {
        let Self { format, network: Spec(net), input: [channels, height, width], classes, .. } = self;
        if *format != FORMAT {
            return Err(format!(
                "`format` is {format}, and this version of regnet reads {FORMAT}: use a later one"
            ));
        }
        if *channels != net.input_channels || height != width || !Split::SIZES.contains(height) {
            let (least, most) = (Split::SIZES.start(), Split::SIZES.end());
            return Err(format!(
                "`input` is [{channels}, {height}, {width}]; images have the network's {} channels, and are squares of {least} \
                 to {most} pixels a side",
                net.input_channels
            ));
        }
        if classes.len() != net.classes {
            return Err(format!("`classes` names {}, and the network's are {}", classes.len(), net.classes));
        }
        if let Framing::Crop { shorter, .. } = self.framing
            && !(*height..=Preprocess::LARGEST).contains(&shorter)
        {
            let most = Preprocess::LARGEST;
            return Err(format!("`shorter` is {shorter}; a side is brought to {height} to {most} pixels"));
        }
        self.normalise().check()?;
        self.recipe.check().map_err(|error| error.to_string())
    }

    /// The network's numbers; those of a card that was read are sound.
    pub fn spec(&self) -> &AnyNet {
        &self.network.0
    }

    /// How pixels become inputs.
    pub fn normalise(&self) -> Normalise {
        Normalise { mean: self.mean, std: self.std }
    }

    /// How pictures become inputs.
    pub fn preprocess(&self) -> Preprocess {
        Preprocess { framing: self.framing, size: self.input[1], normalise: self.normalise() }
    }

    /// In what this card differs from an earlier run's.
    pub(crate) fn difference(&self, before: &Self) -> Option<Difference> {
        first_difference(before, self)
    }

    /// The text of `model.json`.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect(IS_JSON) + "\n"
    }

    /// The description in the metadata of weights, which [`Origin::of`] finds: the same in one line.
    pub fn description(&self) -> String {
        serde_json::to_string(self).expect(IS_JSON)
    }
}

const IS_JSON: &str = "a struct of numbers and strings is JSON";

fn first_format() -> u32 {
    1
}

/// The framing of all training here.
fn square() -> Framing {
    Framing::Square
}
