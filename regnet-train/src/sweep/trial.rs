//! One network of a population, and what became of it.

use std::fmt;

use regnet_space::{AnyNet, Complexity, RegNetParams, SpecError};
use serde::{Deserialize, Serialize};

use super::bad_file::{BadFile, Owner, Problem};
use super::folder::Sweep;
use super::record::{Contents, digest};
use crate::digest::Digest;
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

    /// The digest of its JSON.
    pub fn digest(&self) -> Digest {
        digest(self)
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
        /// The step in the epoch, from 1; 0 if it was seen before its first.
        step: usize,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Diverged { .. } => "diverged",
        })
    }
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

/// `result.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct Ended {
    #[serde(flatten)]
    pub(super) result: TrialResult,
    /// The digest of the weights' file, if they were kept.
    pub(super) weights: Option<Digest>,
}

impl Contents for Ended {
    fn owner(&self) -> Owner {
        Owner::Network(self.result.index)
    }

    fn check(&self, sweep: &Sweep) -> Result<(), Problem> {
        let TrialResult { outcome, epochs, .. } = &self.result;
        let (all, found) = (sweep.manifest().recipe.epochs, epochs.len());
        let sound = match outcome {
            Outcome::Finished => found == all,
            Outcome::Stopped => sweep.rungs().contains(&found),
            Outcome::Diverged { epoch, .. } => found + 1 == *epoch,
        };
        if !sound {
            return Err(Problem::OutOfRange(format!(
                "it has {found} epochs, which is not when a network of {all} epochs can have {outcome}"
            )));
        }
        check_epochs(epochs)
    }
}

/// `progress.json`: how far a trial is that has not ended.
#[derive(Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) index: usize,
    pub(super) epochs: Vec<EpochMetrics>,
}

impl Contents for Progress {
    fn owner(&self) -> Owner {
        Owner::Network(self.index)
    }

    fn check(&self, sweep: &Sweep) -> Result<(), Problem> {
        let (all, found) = (sweep.manifest().recipe.epochs, self.epochs.len());
        if found > all {
            return Err(Problem::OutOfRange(format!("it has {found} epochs of {all}")));
        }
        check_epochs(&self.epochs)
    }
}

/// Epochs that follow each other, of numbers that can be.
fn check_epochs(epochs: &[EpochMetrics]) -> Result<(), Problem> {
    let part = |value: f64| (0.0..=1.0).contains(&value);
    let at_least_0 = |value: f64| value.is_finite() && value >= 0.0;
    for (number, epoch) in (1..).zip(epochs) {
        let rules: [(_, _, &dyn Fn(f64) -> bool, _); 7] = [
            ("train_accuracy", epoch.train_accuracy, &part, "from 0 to 1"),
            ("test_accuracy", epoch.test_accuracy, &part, "from 0 to 1"),
            ("train_loss", epoch.train_loss, &f64::is_finite, "finite"),
            ("test_loss", epoch.test_loss, &f64::is_finite, "finite"),
            ("lr", epoch.lr, &at_least_0, "at least 0"),
            ("images_per_second", epoch.images_per_second, &at_least_0, "at least 0"),
            ("seconds", epoch.seconds, &at_least_0, "at least 0"),
        ];
        if epoch.epoch != number {
            return Err(Problem::OutOfRange(format!("epoch {} comes where {number} should", epoch.epoch)));
        }
        if let Some((field, value, _, allowed)) = rules.iter().find(|(_, value, sound, _)| !sound(*value)) {
            return Err(Problem::OutOfRange(format!(
                "`{field}` of epoch {number} is {value}, but must be {allowed}"
            )));
        }
    }
    Ok(())
}

/// The trials of one space or sweep that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// What to call it, such as the space's name.
    pub name: String,
    /// How many networks it has, also those that have not ended.
    pub networks: usize,
    /// In the order of their index.
    pub results: Vec<TrialResult>,
    /// What else would be results, were it not for their files.
    pub left_out: Vec<BadFile>,
}
