//! What is left to do in a sweep, trial by trial.

use std::collections::HashSet;

use super::error::SweepError;
use super::folder::Sweep;
use super::halving::Decision;

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
    /// To remove what a process left that was killed right after it wrote the result.
    Tidy,
}

/// What is left to do. Trials that ended are remembered.
pub(super) struct Agenda<'a> {
    sweep: &'a Sweep,
    order: Vec<usize>,
    rungs: Vec<usize>,
    decisions: Vec<Decision>,
    ended: HashSet<usize>,
}

impl<'a> Agenda<'a> {
    /// Of the trials of a shard. Where trials are given up, all wait for all at each rung, so that a shard cannot keep
    /// to its own: it comes first there, and then the others' trials that nobody has taken.
    pub(super) fn new(sweep: &'a Sweep, shard: Shard) -> Self {
        let rungs = sweep.rungs();
        let (own, others): (Vec<usize>, Vec<usize>) =
            (0..sweep.trials().len()).partition(|&index| shard.has(index));
        let order = if rungs.is_empty() { own } else { [own, others].concat() };
        Self { sweep, order, rungs, decisions: Vec::new(), ended: HashSet::new() }
    }

    /// The trials that something is left to do for, now.
    pub(super) fn open(&mut self) -> Result<Vec<usize>, SweepError> {
        self.decisions = self.sweep.decisions()?;
        let mut open = Vec::new();
        for index in self.order.clone() {
            if self.task(index)?.is_some() {
                open.push(index);
            }
        }
        Ok(open)
    }

    /// What is to be done with a trial, now.
    pub(super) fn task(&mut self, index: usize) -> Result<Option<Task>, SweepError> {
        if self.ended.contains(&index) {
            return Ok(None);
        }
        let dir = self.sweep.trial_dir(index);
        if dir.join("result.json").exists() {
            let left = dir.join("attempt.json").exists();
            if !left {
                self.ended.insert(index);
            }
            return Ok(left.then_some(Task::Tidy));
        }
        if self.rungs.is_empty() {
            return Ok(Some(Task::Train { until: self.sweep.manifest().recipe.epochs }));
        }
        let epochs = self.sweep.metrics(index)?.len();
        if let Some(given_up) = self.decisions.iter().find(|decision| !decision.kept.contains(&index)) {
            // One that never got there crashed too often, and is no result.
            return Ok((epochs >= given_up.epochs).then_some(Task::Stop));
        }
        let until = self.until();
        Ok((epochs < until).then_some(Task::Train { until }))
    }

    /// Decides at the next rung, if all trials are there that can be. Returns whether it did.
    pub(super) fn decide(&mut self, failed: &HashSet<usize>) -> Result<bool, SweepError> {
        let decided = self.decisions.len();
        let (Some(&epochs), Some(halving)) = (self.rungs.get(decided), self.sweep.manifest().halving) else {
            return Ok(false);
        };
        let all = || (0..self.sweep.trials().len()).collect();
        let candidates = self.decisions.last().map_or_else(all, |decision| decision.kept.clone());
        let mut trials = Vec::with_capacity(candidates.len());
        for index in candidates {
            let metrics = self.sweep.metrics(index)?.into_iter().nth(epochs - 1);
            if metrics.is_none() && !failed.contains(&index) && self.sweep.result(index)?.is_none() {
                return Ok(false);
            }
            trials.push((index, metrics));
        }
        self.sweep.decide(decided + 1, &Decision { epochs, kept: halving.choose(&trials) })?;
        Ok(true)
    }

    /// Whether trials are still to be given up, so that some may have to wait for others.
    pub(super) fn has_rungs_ahead(&self) -> bool {
        self.decisions.len() < self.rungs.len()
    }

    fn until(&self) -> usize {
        let all = self.sweep.manifest().recipe.epochs;
        self.rungs.get(self.decisions.len()).copied().unwrap_or(all)
    }
}
