//! How far a sweep is.

use std::time::Duration;

use super::bad_file::BadFile;
use super::claim::Attempt;
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
    /// It is left out because of a file.
    Bad(BadFile),
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
    /// The file that keeps all trials from getting past a rung.
    pub bad_rung: Option<BadFile>,
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
    /// Left out because of a file.
    pub bad: usize,
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
    pub fn read(sweep: &Sweep) -> Self {
        let trials: Vec<TrialStatus> = (0..sweep.networks()).map(|index| trial(sweep, index)).collect();
        let left = left(sweep, &trials);
        Self { trials, left, bad_rung: sweep.decisions().bad }
    }

    /// The files because of which something is left out.
    pub fn bad_files(&self) -> impl Iterator<Item = &BadFile> {
        let of_trials = self.trials.iter().filter_map(|trial| match &trial.state {
            State::Bad(bad) => Some(bad),
            _ => None,
        });
        of_trials.chain(&self.bad_rung)
    }

    /// How many trials are where.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for trial in &self.trials {
            *match trial.state {
                State::Waiting => &mut counts.waiting,
                State::Running(_) => &mut counts.running,
                State::Failed => &mut counts.failed,
                State::Bad(_) => &mut counts.bad,
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

fn trial(sweep: &Sweep, index: usize) -> TrialStatus {
    look(sweep, index).unwrap_or_else(|bad| TrialStatus { index, state: State::Bad(bad), epochs: Vec::new() })
}

fn look(sweep: &Sweep, index: usize) -> Result<TrialStatus, BadFile> {
    sweep.trial(index)?;
    // In this order: a trial that ends between the two has a result at the second look.
    let (attempt, progress) = (sweep.running(index), sweep.progress(index));
    if let Some(TrialResult { outcome, epochs, .. }) = sweep.result(index)? {
        return Ok(TrialStatus { index, state: State::Ended(outcome), epochs });
    }
    let (attempt, epochs) = (attempt?, progress?);
    let crashed_too_often = sweep.crashes_at(index, epochs.len())? > sweep.manifest().retries;
    let state = match attempt {
        Some(attempt) => State::Running(attempt),
        None if crashed_too_often => State::Failed,
        None => State::Waiting,
    };
    Ok(TrialStatus { index, state, epochs })
}

/// Time left, by what flops cost so far.
fn left(sweep: &Sweep, trials: &[TrialStatus]) -> Option<Duration> {
    let all = sweep.manifest().recipe.epochs;
    let (mut seconds, mut done, mut open, mut running) = (0.0, 0.0, 0.0, 0);
    for TrialStatus { index, state, epochs } in trials {
        let Ok(trial) = sweep.trial(*index) else { continue };
        let flops = trial.complexity().ok()?.flops as f64;
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
