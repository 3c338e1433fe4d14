//! How far a sweep is.

use std::time::Duration;

use super::claim::Attempt;
use super::error::SweepError;
use super::folder::Sweep;
use super::trial::{Outcome, TrialResult};
use crate::metrics::EpochMetrics;

/// Where a trial is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nobody is at it, for the first time, again after a stop or a crash, or because it waits at a rung.
    Waiting,
    /// A process trains it.
    Running(Attempt),
    /// It crashed too often, and was given up without a result.
    Failed,
    /// It ended.
    Ended(Outcome),
}

/// A trial and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialStatus {
    /// Its line in the population, from 0.
    pub index: usize,
    /// Where it is.
    pub state: State,
    /// The epochs so far.
    pub epochs: Vec<EpochMetrics>,
}

impl TrialStatus {
    /// Part of the test images that were classified wrongly after the last epoch so far, from 0 to 1.
    pub fn error(&self) -> Option<f64> {
        Some(1.0 - self.epochs.last()?.test_accuracy)
    }
}

/// How far a sweep is.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// All trials, by index.
    pub trials: Vec<TrialStatus>,
    /// Time until the last trial ends, if as many go on running as now and cost what others did for their flops.
    /// `None` before the first epoch, and while none is running.
    pub left: Option<Duration>,
}

/// Trials by where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Trained to the end.
    pub finished: usize,
    /// Given up at a rung.
    pub stopped: usize,
    /// Ended because the loss became infinite or not a number.
    pub diverged: usize,
    /// Crashed too often.
    pub failed: usize,
    /// Being trained.
    pub running: usize,
    /// Neither.
    pub waiting: usize,
}

impl Counts {
    /// Trials that ended in whatever way.
    pub fn ended(&self) -> usize {
        self.finished + self.stopped + self.diverged + self.failed
    }
}

impl Status {
    /// Reads it from the sweep's folder, without getting in the way of those who train.
    ///
    /// # Errors
    ///
    /// Files that cannot be read.
    pub fn read(sweep: &Sweep) -> Result<Self, SweepError> {
        let trials = (0..sweep.trials().len()).map(|index| trial(sweep, index));
        let trials = trials.collect::<Result<Vec<_>, SweepError>>()?;
        let left = left(sweep, &trials);
        Ok(Self { trials, left })
    }

    /// How many trials are where.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for trial in &self.trials {
            *match trial.state {
                State::Waiting => &mut counts.waiting,
                State::Running(_) => &mut counts.running,
                State::Failed => &mut counts.failed,
                State::Ended(Outcome::Finished) => &mut counts.finished,
                State::Ended(Outcome::Stopped) => &mut counts.stopped,
                State::Ended(Outcome::Diverged { .. }) => &mut counts.diverged,
            } += 1;
        }
        counts
    }

    /// The finished trials of least error, best first.
    pub fn best(&self, count: usize) -> Vec<&TrialStatus> {
        let finished = |trial: &&TrialStatus| trial.state == State::Ended(Outcome::Finished);
        let mut best: Vec<&TrialStatus> = self.trials.iter().filter(finished).collect();
        let error = |trial: &TrialStatus| trial.error().unwrap_or(f64::INFINITY);
        best.sort_by(|a, b| error(a).total_cmp(&error(b)).then(a.index.cmp(&b.index)));
        best.truncate(count);
        best
    }
}

fn trial(sweep: &Sweep, index: usize) -> Result<TrialStatus, SweepError> {
    // In this order: a trial that ends between the two has a result at the second look.
    let (attempt, metrics) = (sweep.running(index)?, sweep.metrics(index)?);
    if let Some(TrialResult { outcome, epochs, .. }) = sweep.result(index)? {
        return Ok(TrialStatus { index, state: State::Ended(outcome), epochs });
    }
    let crashed_too_often = sweep.crashes_at(index, metrics.len())? > sweep.manifest().retries;
    let state = match attempt {
        Some(attempt) => State::Running(attempt),
        None if crashed_too_often => State::Failed,
        None => State::Waiting,
    };
    Ok(TrialStatus { index, state, epochs: metrics })
}

/// Time left, by what flops cost so far.
fn left(sweep: &Sweep, trials: &[TrialStatus]) -> Option<Duration> {
    let all = sweep.manifest().recipe.epochs;
    let (mut seconds, mut done, mut open, mut running) = (0.0, 0.0, 0.0, 0);
    for TrialStatus { index, state, epochs } in trials {
        let flops = sweep.trials()[*index].complexity().ok()?.flops as f64;
        seconds += epochs.iter().map(|epoch| epoch.seconds).sum::<f64>();
        done += flops * epochs.len() as f64;
        running += usize::from(matches!(state, State::Running(_)));
        if matches!(state, State::Running(_) | State::Waiting) {
            open += flops * (all - epochs.len().min(all)) as f64;
        }
    }
    let left = seconds / done * open / running as f64;
    (done > 0.0 && running > 0).then(|| Duration::try_from_secs_f64(left).ok())?
}
