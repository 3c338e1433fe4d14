//! Giving up bad trials early: successive halving (Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and
//! Hyperparameter Optimization", 2016).
//!
//! Rungs are synchronous: all trials reach a rung before any of them is given up there, so that what is kept follows
//! from the trials' figures alone, whichever process finished when.

use std::path::{Path, PathBuf};

use regnet_core::weights;
use serde::{Deserialize, Serialize};

use super::bad_file::{BadFile, Owner, Problem};
use super::error::SweepError;
use super::folder::Sweep;
use super::record::{Contents, Fingerprint, Record, digest};
use crate::metrics::EpochMetrics;

pub(super) const RUNGS: &str = "rungs";

/// Of the trials that reach a rung, the best `1/eta` are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// How many trials there are for each that is kept; at least 2.
    pub eta: usize,
    /// At how many rungs before the last epoch.
    pub rungs: usize,
}

impl Halving {
    /// With as many rungs as `epochs` epochs have room for.
    pub fn of(eta: usize, epochs: usize) -> Self {
        let fits = |&rungs: &u32| eta.checked_pow(rungs).is_some_and(|share| share <= epochs);
        Self { eta, rungs: if eta < 2 { 0 } else { (1..).take_while(fits).count() } }
    }

    /// Checks the numbers against a recipe's epochs.
    ///
    /// # Errors
    ///
    /// [`SweepError::Halving`].
    pub fn check(&self, epochs: usize) -> Result<(), SweepError> {
        let &Self { eta, rungs } = self;
        let most = Self::of(eta, epochs).rungs;
        let reason = if eta < 2 {
            format!("halving by {eta} keeps all trials; give 2 or more")
        } else if !(1..=most).contains(&rungs) {
            format!("{epochs} epochs have room for {most} rungs of a halving by {eta}, not for {rungs}")
        } else {
            return Ok(());
        };
        Err(SweepError::Halving { reason })
    }

    /// The epochs after which trials are given up: a share `1/eta` of all at the last rung, `1/eta²` at the one
    /// before, and so on, rounded up.
    pub fn epochs(&self, all: usize) -> Vec<usize> {
        let at = |left: usize| all.div_ceil(self.eta.saturating_pow(left as u32).max(1));
        let mut epochs: Vec<usize> = (1..=self.rungs).rev().map(at).filter(|&epochs| epochs < all).collect();
        epochs.dedup();
        epochs
    }

    /// How many of so many trials are kept.
    pub fn kept(&self, trials: usize) -> usize {
        trials.div_ceil(self.eta)
    }

    /// The kept ones of `trials`, by index: the best by error, then by test loss, then by index, of those that got
    /// as far as the rung.
    pub(crate) fn choose(&self, trials: &[(usize, Option<EpochMetrics>)]) -> Vec<usize> {
        let there = |(index, metrics): &(usize, Option<EpochMetrics>)| {
            metrics.as_ref().map(|metrics| (metrics.test_accuracy, metrics.test_loss, *index))
        };
        let mut there: Vec<_> = trials.iter().filter_map(there).collect();
        there.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut kept: Vec<usize> =
            there.into_iter().take(self.kept(trials.len())).map(|(_, _, index)| index).collect();
        kept.sort_unstable();
        kept
    }
}

/// What was decided at a rung: `rungs/N.json`. Once it is written it is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// After so many epochs.
    pub epochs: usize,
    /// The trials that went on, by index.
    pub kept: Vec<usize>,
}

impl Contents for Decision {
    fn owner(&self) -> Owner {
        Owner::Rung(self.epochs)
    }

    fn check(&self, sweep: &Sweep) -> Result<(), Problem> {
        match self.kept.iter().find(|&&index| index >= sweep.networks()) {
            Some(index) => Err(Problem::OutOfRange(format!("there is no network {index}"))),
            None => Ok(()),
        }
    }
}

/// What was decided at the rungs of a sweep, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// As far as it was, and can be read.
    pub made: Vec<Decision>,
    /// The file that ends them before their time: nothing is decided after it.
    pub bad: Option<BadFile>,
}

impl Sweep {
    /// What was decided so far, rung by rung; nothing in a sweep without halving.
    pub fn decisions(&self) -> Decisions {
        let mut decisions = Decisions::default();
        for rung in 1..=self.rungs().len() {
            match self.decision(rung) {
                Ok(Some(decision)) => decisions.made.push(decision),
                Ok(None) => break,
                Err(bad) => {
                    decisions.bad = Some(bad);
                    break;
                }
            }
        }
        decisions
    }

    /// What was decided at a rung, counted from 1.
    pub(super) fn decision(&self, rung: usize) -> Result<Option<Decision>, BadFile> {
        let owner = Owner::Rung(self.rungs()[rung - 1]);
        self.read_record(&self.rung_file(rung), owner, || self.fingerprint_of_all())
    }

    /// The epochs after which trials are given up.
    pub fn rungs(&self) -> Vec<usize> {
        let manifest = self.manifest();
        manifest.halving.map_or_else(Vec::new, |halving| halving.epochs(manifest.recipe.epochs))
    }

    /// Decides at the rung after those that were decided. All processes decide the same, so that it does not matter
    /// which of them writes.
    pub(crate) fn decide(&self, rung: usize, decision: &Decision) -> Result<(), SweepError> {
        self.make_dir(&self.dir().join(RUNGS))?;
        let bytes = Record::to_bytes(decision, self.fingerprint_of_all());
        Ok(weights::write_whole(&self.dir().join(self.rung_file(rung)), &bytes)?)
    }

    /// The file of a rung, from 1.
    fn rung_file(&self, rung: usize) -> PathBuf {
        Path::new(RUNGS).join(format!("{rung}.json"))
    }

    /// What decisions are made of: all trials.
    fn fingerprint_of_all(&self) -> Fingerprint {
        let manifest = self.manifest();
        Fingerprint {
            network: digest(&manifest.networks),
            recipe: digest(&(&manifest.recipe, manifest.halving)),
            data: manifest.data.digest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_shares_of_the_epochs() {
        assert_eq!(Halving::of(3, 10), Halving { eta: 3, rungs: 2 });
        assert_eq!(Halving { eta: 3, rungs: 2 }.epochs(10), [2, 4]);
        assert_eq!(Halving { eta: 2, rungs: 3 }.epochs(8), [1, 2, 4]);
        assert_eq!(Halving { eta: 4, rungs: 1 }.epochs(10), [3]);
        for (eta, rungs, epochs) in [(1, 1, 10), (0, 1, 10), (3, 3, 10), (3, 0, 10), (2, 1, 1)] {
            assert!(Halving { eta, rungs }.check(epochs).is_err(), "{eta} {rungs} {epochs}");
        }
        assert!(Halving { eta: 3, rungs: 2 }.check(10).is_ok());
    }

    #[test]
    fn the_best_are_kept_and_ties_go_by_loss_and_then_by_index() {
        let metrics = |test_accuracy, test_loss| EpochMetrics {
            epoch: 1,
            train_loss: 1.0,
            train_accuracy: 0.5,
            test_loss,
            test_accuracy,
            lr: 0.1,
            images_per_second: 1.0,
            seconds: 1.0,
        };
        let trials = [
            (0, Some(metrics(0.5, 2.0))),
            (2, None),
            (3, Some(metrics(0.5, 1.0))),
            (5, Some(metrics(0.9, 9.0))),
            (7, Some(metrics(0.5, 1.0))),
            (8, Some(metrics(0.4, 0.1))),
        ];
        assert_eq!(Halving { eta: 3, rungs: 1 }.choose(&trials), [3, 5]);
        assert_eq!(Halving { eta: 2, rungs: 1 }.choose(&trials), [3, 5, 7]);
        let lost = [(0, None), (1, None)];
        assert!(Halving { eta: 2, rungs: 1 }.choose(&lost).is_empty());
    }
}
