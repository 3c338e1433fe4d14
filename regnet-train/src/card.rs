//! What was trained, in `model.json`: enough to build the network again and to feed it.

use std::path::Path;

use regnet_space::{AnyNet, Block, Bottleneck, ParamError, Stage, Stem};
use serde::{Deserialize, Serialize};

use crate::data::{DataSet, Normalise};
use crate::error::TrainError;
use crate::recipe::Recipe;

/// A trained network's description; its weights are in `model.safetensors`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    network: Network,
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
}

/// An [`AnyNet`]. Cards from before a field was there lack it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Network {
    input_channels: usize,
    stem: String,
    stem_width: usize,
    #[serde(default = "bottleneck")]
    block: String,
    stages: Vec<StageCard>,
    se: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regulator: Option<String>,
    classes: usize,
}

fn bottleneck() -> String {
    Block::Bottleneck.to_string()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StageCard {
    depth: usize,
    width: usize,
    stride: usize,
    bottleneck: f64,
    group_width: usize,
}

impl Card {
    /// The card of a network.
    pub fn new(spec: &AnyNet, data: &DataSet, recipe: &Recipe) -> Self {
        let Normalise { mean, std } = data.normalise;
        Self {
            network: Network::new(spec),
            data: data.name.clone(),
            input: data.shape(),
            classes: data.classes.clone(),
            mean,
            std,
            recipe: recipe.clone(),
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
        let card: Self = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        card.network.spec().map_err(unreadable)?;
        Ok(card)
    }

    /// The network's numbers.
    ///
    /// # Errors
    ///
    /// What is wrong with them, for a card that was not written by this crate.
    pub fn spec(&self) -> Result<AnyNet, String> {
        self.network.spec()
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a struct of numbers and strings is JSON") + "\n"
    }
}

impl Network {
    fn new(spec: &AnyNet) -> Self {
        let stage = |stage: &Stage| StageCard {
            depth: stage.depth,
            width: stage.width,
            stride: stage.stride,
            bottleneck: stage.bottleneck.ratio(),
            group_width: stage.group_width,
        };
        Self {
            input_channels: spec.input_channels,
            stem: spec.stem.kind.to_string(),
            stem_width: spec.stem.width,
            block: spec.block.to_string(),
            stages: spec.stages.iter().map(stage).collect(),
            se: spec.se,
            regulator: spec.regulator.map(|regulator| regulator.to_string()),
            classes: spec.classes,
        }
    }

    fn spec(&self) -> Result<AnyNet, String> {
        let in_words = |error: ParamError| error.to_string();
        let kind = self.stem.parse().map_err(in_words)?;
        let block = block(&self.block)?;
        let regulator = self.regulator.as_deref().map(str::parse).transpose().map_err(in_words)?;
        let stages = self.stages.iter().map(StageCard::spec).collect::<Result<_, _>>()?;
        let spec = AnyNet {
            input_channels: self.input_channels,
            stem: Stem { kind, width: self.stem_width },
            block,
            stages,
            se: self.se,
            regulator,
            classes: self.classes,
        };
        match spec.check() {
            Ok(()) => Ok(spec),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        }
    }
}

fn block(name: &str) -> Result<Block, String> {
    let all = [Block::Vanilla, Block::Basic, Block::Bottleneck];
    all.into_iter()
        .find(|block| block.to_string() == name)
        .ok_or_else(|| format!("no block is called `{name}`"))
}

impl StageCard {
    fn spec(&self) -> Result<Stage, String> {
        let &Self { depth, width, stride, bottleneck, group_width } = self;
        let bottleneck = Bottleneck::from_ratio(bottleneck).map_err(|error| error.to_string())?;
        Ok(Stage { depth, width, stride, bottleneck, group_width })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use regnet_space::{Cell, Preset, Regulator};

    use super::*;

    fn network(json: &str) -> AnyNet {
        serde_json::from_str::<Network>(json).unwrap().spec().unwrap()
    }

    #[test]
    fn networks_read_back() {
        let published = Preset::find("RegNetY-400MF").unwrap().declaration().to_anynet().unwrap();
        let regulator = Regulator { carry: true, ..Cell::Gru.into() };
        let regulated = AnyNet::self_regulated(20, regulator, 7).unwrap();
        for net in [published, regulated] {
            let json = serde_json::to_string(&Network::new(&net)).unwrap();
            assert_eq!(network(&json), net, "{json}");
            assert_eq!(json.contains("regulator"), net.regulator.is_some(), "{json}");
        }
    }

    /// As cards were before there were other blocks than bottlenecks.
    #[test]
    fn old_cards_are_read() {
        let json = r#"{"input_channels": 3, "stem": "simple", "stem_width": 32, "se": null, "classes": 10, "stages": [
            {"depth": 2, "width": 16, "stride": 2, "bottleneck": 1.0, "group_width": 8}]}"#;
        let net = network(json);
        assert_eq!((net.block, net.regulator, net.stages[0].depth), (Block::Bottleneck, None, 2));
    }

    #[test]
    fn a_card_that_was_spoilt_is_refused() {
        let json = r#"{"input_channels": 3, "stem": "simple", "stem_width": 32, "block": "basic", "se": null,
            "classes": 10, "stages": [], "regulator": "gru(conv = fast)"}"#;
        let error = |json: &str| serde_json::from_str::<Network>(json).unwrap().spec().unwrap_err();
        assert_eq!(error(json), "`fast` is no convolution of a regulator; there are `full` and `efficient`");
        assert_eq!(error(&json.replace("basic", "plain")), "no block is called `plain`");
    }
}
