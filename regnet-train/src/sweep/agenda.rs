//! What is left to do in a sweep, trial by trial.

use std::collections::HashSet;

use super::bad_file::BadFile;
use super::error::SweepError;
use super::folder::Sweep;
use super::halving::{Decision, Decisions};

/// A part of a sweep's trials: every `of`th, from the `number`th on. The whole sweep is part 1 of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// All trials.
    pub const ALL: Self = Self { number: 1, of: 1 };

    /// Whether a trial belongs to it.
    pub fn has(&self, index: usize) -> bool {
        index % self.of == self.number - 1
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("a shard is i/n, such as 1/4 for the first of four parts".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What is to be done with a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// To train it until it has so many epochs.
    Train {
        /// The epochs at its next rung, or all of them.
        until: usize,
    },
    /// To write down that it was given up.
    Stop,
    /// To remove what was left by a process that was killed right after it wrote the result.
    Tidy,
}

/// What is left to do. Trials that ended are remembered.
pub(super) struct Agenda<'a> {
    sweep: &'a Sweep,
    order: Vec<usize>,
    rungs: Vec<usize>,
    decisions: Decisions,
    ended: HashSet<usize>,
}

impl<'a> Agenda<'a> {
    /// Of the trials of a shard. Where trials are given up, all wait for all at each rung, so that a shard cannot keep
    /// to its own: it comes first there, and then the others' trials that nobody has taken.
    pub(super) fn new(sweep: &'a Sweep, shard: Shard) -> Self {
        let rungs = sweep.rungs();
        let (own, others): (Vec<usize>, Vec<usize>) =
            (0..sweep.networks()).partition(|&index| shard.has(index));
        let order = if rungs.is_empty() { own } else { [own, others].concat() };
        Self { sweep, order, rungs, decisions: Decisions::default(), ended: HashSet::new() }
    }

    /// Looks what was decided since; the trials, in the order in which to take them.
    pub(super) fn look(&mut self) -> Vec<usize> {
        self.decisions = self.sweep.decisions();
        self.order.clone()
    }

    /// The file that keeps trials from getting past a rung.
    pub(super) fn bad_rung(&self) -> Option<&BadFile> {
        self.decisions.bad.as_ref()
    }

    /// What is to be done with a trial, now.
    pub(super) fn task(&mut self, index: usize) -> Result<Option<Task>, BadFile> {
        if self.ended.contains(&index) {
            return Ok(None);
        }
        self.sweep.trial(index)?;
        if self.sweep.result(index)?.is_some() {
            let left = !self.sweep.leftovers(index).is_empty();
            if !left {
                self.ended.insert(index);
            }
            return Ok(left.then_some(Task::Tidy));
        }
        let epochs = self.sweep.progress(index)?.len();
        let given_up = self.decisions.made.iter().find(|decision| !decision.kept.contains(&index));
        Ok(match given_up {
            Some(given_up) if epochs >= given_up.epochs => Some(Task::Stop),
            // It crashed too often to get there, or what it came to was set aside.
            Some(given_up) => Some(Task::Train { until: given_up.epochs }),
            None => {
                let until = self.until();
                // Who trained it to the end may have been killed before it wrote the result.
                let open = epochs < until || self.decisions.made.len() == self.rungs.len();
                open.then_some(Task::Train { until })
            }
        })
    }

    /// Decides at the next rung, if all trials are there that can be. Returns whether it did.
    pub(super) fn decide(&mut self, failed: &HashSet<usize>) -> Result<bool, SweepError> {
        let Decisions { made, bad } = &self.decisions;
        let (Some(&epochs), Some(halving), None) =
            (self.rungs.get(made.len()), self.sweep.manifest().halving, bad)
        else {
            return Ok(false);
        };
        let all = || (0..self.sweep.networks()).collect();
        let candidates: Vec<usize> = made.last().map_or_else(all, |decision| decision.kept.clone());
        let mut trials = Vec::with_capacity(candidates.len());
        for index in candidates {
            let (Ok(result), Ok(history)) = (self.sweep.result(index), self.sweep.history(index)) else {
                // What is kept must not hang on which files are bad.
                return Ok(false);
            };
            let metrics = history.into_iter().nth(epochs - 1);
            if metrics.is_none() && !failed.contains(&index) && result.is_none() {
                return Ok(false);
            }
            trials.push((index, metrics));
        }
        self.sweep.decide(made.len() + 1, &Decision { epochs, kept: halving.choose(&trials) })?;
        Ok(true)
    }

    /// Whether trials are still to be given up, so that some may have to wait for others.
    pub(super) fn has_rungs_ahead(&self) -> bool {
        self.decisions.made.len() < self.rungs.len()
    }

    fn until(&self) -> usize {
        let all = self.sweep.manifest().recipe.epochs;
        self.rungs.get(self.decisions.made.len()).copied().unwrap_or(all)
    }
}
