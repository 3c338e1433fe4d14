//! One network of a population, and what became of it.

use regnet_space::{AnyNet, Complexity, RegNetParams, SpecError};
use serde::{Deserialize, Serialize};

use crate::metrics::EpochMetrics;
use crate::spec::Spec;

/// A network to train: a line of `population.jsonl`, as `regnet space sample` writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The network.
    pub network: Spec,
    /// Channels, height and width of its images.
    pub input: [usize; 3],
}

impl Trial {
    /// Its numbers.
    pub fn spec(&self) -> &AnyNet {
        &self.network.0
    }

    /// What it costs for one image.
    ///
    /// # Errors
    ///
    /// Images that the network does not take.
    pub fn complexity(&self) -> Result<Complexity, SpecError> {
        let [_, height, width] = self.input;
        self.spec().complexity(height, width)
    }

    /// Generating parameters whose network it is; `None` where no quantised line gives its widths.
    pub fn params(&self) -> Option<RegNetParams> {
        regnet_space::Declaration::from_anynet(self.spec()).map(|declaration| declaration.params)
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was trained for every epoch of the recipe.
    Finished,
    /// It was given up early, in favour of better ones.
    Stopped,
    /// Its loss became infinite or not a number.
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
        /// The step in the epoch, from 1.
        step: usize,
    },
}

/// A trial that ended: `trials/NNNN/result.json` in a sweep's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Its line in the population, from 0.
    pub index: usize,
    /// The network.
    #[serde(flatten)]
    pub trial: Trial,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The epochs that were trained.
    pub epochs: Vec<EpochMetrics>,
}

impl TrialResult {
    /// Part of the test images that are classified wrongly after the last epoch, from 0 to 1; `None` unless the trial
    /// was trained to the end.
    pub fn error(&self) -> Option<f64> {
        match self.outcome {
            Outcome::Finished => Some(1.0 - self.epochs.last()?.test_accuracy),
            Outcome::Stopped | Outcome::Diverged { .. } => None,
        }
    }
}

/// The trials of one space or sweep that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// What to call it, such as the space's name.
    pub name: String,
    /// In the order of their index.
    pub results: Vec<TrialResult>,
}
