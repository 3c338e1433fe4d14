//! Training a sweep's trials, one after the other.

use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::agenda::{Agenda, Shard, Task};
use super::bad_file::BadFile;
use super::claim::Claim;
use super::error::SweepError;
use super::folder::{PROGRESS, RESULT, Sweep};
use super::run_trial::{Reached, run_trial};
use super::trial::{Ended, Outcome, TrialResult};
use crate::checkpoint;
use crate::data::DataSet;
use crate::metrics::EpochMetrics;

/// How long to wait for trials that others train.
const WAIT: Duration = Duration::from_millis(300);

/// What a process does of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkOptions {
    /// Its trials.
    pub shard: Shard,
    /// How often a trial that crashed is tried again without getting an epoch further.
    pub retries: usize,
}

/// What happens while trials are trained.
#[derive(Debug)]
pub enum Event<'a> {
    /// A trial is begun, or gone on with after so many epochs.
    Started {
        /// The trial.
        index: usize,
        /// Epochs that were trained before.
        epochs: usize,
    },
    /// An epoch of a trial is done.
    Epoch {
        /// The trial.
        index: usize,
        /// What the epoch came to.
        metrics: &'a EpochMetrics,
    },
    /// A trial ended.
    Ended(&'a TrialResult),
    /// A trial panicked; it is tried again unless that happened too often.
    Crashed {
        /// The trial.
        index: usize,
        /// What it said.
        reason: &'a str,
    },
    /// A file keeps its trial from being trained, or all trials from getting past a rung.
    BadFile(&'a BadFile),
    /// There is nothing to do until others reach a rung.
    Waiting,
}

/// How [`work`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// Nothing is left that nobody else is at.
    Done,
    /// It was told to stop.
    Stopped,
}

/// Trains the trials of a shard that are not done, until none is left that no other process has taken.
///
/// Any number of processes, on any machines that share the folder, can do this at once; see [`claim`](super::claim).
/// A trial's result depends on the sweep and on its index only, on CPUs of the same kind. After `stop` it ends within
/// a step of training, and a trial loses at most the epoch it was in. A trial with a [bad file](Event::BadFile) is left
/// out, and all others are trained.
///
/// # Errors
///
/// Data that cannot be read, and a folder that cannot be written to. What was finished is not lost.
pub fn work(
    sweep: &Sweep,
    options: WorkOptions,
    stop: &AtomicBool,
    say: &mut dyn FnMut(Event<'_>),
) -> Result<Worked, SweepError> {
    let agenda = Agenda::new(sweep, options.shard);
    Worker {
        sweep,
        options,
        stop,
        agenda,
        data: None,
        failed: HashSet::new(),
        bad: HashSet::new(),
        waiting: false,
    }
    .work(say)
}

struct Worker<'a> {
    sweep: &'a Sweep,
    options: WorkOptions,
    stop: &'a AtomicBool,
    agenda: Agenda<'a>,
    /// The data at the size that the last trial took.
    data: Option<(usize, DataSet)>,
    /// Trials that crashed too often.
    failed: HashSet<usize>,
    /// Trials with a bad file.
    bad: HashSet<usize>,
    waiting: bool,
}

/// What came of looking at a trial.
enum Visit {
    Idle,
    Busy,
    Did,
}

impl Worker<'_> {
    fn work(&mut self, say: &mut dyn FnMut(Event<'_>)) -> Result<Worked, SweepError> {
        while !self.stop.load(Ordering::Relaxed) {
            let (did, busy) = self.pass(say)?;
            if did || self.agenda.decide(&self.failed)? {
                continue;
            }
            if !busy || !self.agenda.has_rungs_ahead() {
                self.agenda.bad_rung().into_iter().for_each(|bad| say(Event::BadFile(bad)));
                return Ok(Worked::Done);
            }
            if !std::mem::replace(&mut self.waiting, true) {
                say(Event::Waiting);
            }
            sleep(WAIT);
        }
        Ok(Worked::Stopped)
    }

    /// Goes once through the trials. Whether anything was done, and whether others are at something.
    fn pass(&mut self, say: &mut dyn FnMut(Event<'_>)) -> Result<(bool, bool), SweepError> {
        let (mut did, mut busy) = (false, false);
        for index in self.agenda.look() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            if self.failed.contains(&index) || self.bad.contains(&index) {
                continue;
            }
            match self.visit(index, say) {
                Ok(Visit::Idle) => {}
                Ok(Visit::Busy) => busy = true,
                Ok(Visit::Did) => did = true,
                Err(SweepError::BadFile(bad)) => {
                    self.bad.insert(index);
                    say(Event::BadFile(&bad));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((did, busy))
    }

    fn visit(&mut self, index: usize, say: &mut dyn FnMut(Event<'_>)) -> Result<Visit, SweepError> {
        if self.agenda.task(index)?.is_none() {
            return Ok(Visit::Idle);
        }
        let sweep = self.sweep;
        let Some(claim) = sweep.claim(index)? else { return Ok(Visit::Busy) };
        // Another process may have done it between the look and the claim.
        let Some(task) = self.agenda.task(index)? else { return Ok(Visit::Idle) };
        let did = self.perform(index, task, &claim, say)?;
        self.waiting = false;
        Ok(if did { Visit::Did } else { Visit::Idle })
    }

    /// Whether anything was done.
    fn perform(
        &mut self,
        index: usize,
        task: Task,
        claim: &Claim<'_>,
        say: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, SweepError> {
        claim.clean()?;
        let until = match task {
            Task::Train { until } => until,
            Task::Stop => {
                claim.look_back()?;
                let epochs = self.sweep.progress(index)?;
                self.end(claim, self.sweep.ending(index, Outcome::Stopped, epochs)?, say)?;
                return Ok(true);
            }
            Task::Tidy => return tidy(claim).map(|()| true),
        };
        claim.look_back()?;
        let history = self.sweep.progress(index)?;
        if self.sweep.crashes_at(index, history.len())? > self.options.retries {
            self.failed.insert(index);
            return Ok(false);
        }
        self.sweep.check_checkpoint(index)?;
        self.load_data(index)?;
        let attempt = claim.begin(history.len())?;
        say(Event::Started { index, epochs: history.len() });
        let (sweep, stop, data) = (self.sweep, self.stop, &self.data);
        let Some((_, data)) = data else { return Ok(false) };
        let run = || run_trial(sweep, index, data, claim, until, stop, say);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(reached) => self.reached(claim, reached, say)?,
            Err(panic) => {
                let reason = message(&*panic);
                claim.crashed(attempt, &format!("panicked: {reason}"))?;
                say(Event::Crashed { index, reason });
            }
        }
        Ok(true)
    }

    fn reached(
        &self,
        claim: &Claim<'_>,
        reached: Result<Reached, SweepError>,
        say: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), SweepError> {
        match reached {
            Ok(Reached::Ended(ended)) => self.end(claim, ended, say),
            Ok(Reached::Rung | Reached::Stop) => claim.end(),
            // An error of the data or the file system is no crash of the trial.
            Err(error) => claim.end().and(Err(error)),
        }
    }

    /// Writes a trial's result, and removes what only training it further needed.
    fn end(&self, claim: &Claim<'_>, ended: Ended, say: &mut dyn FnMut(Event<'_>)) -> Result<(), SweepError> {
        claim.write(RESULT, &self.sweep.result_bytes(&ended))?;
        tidy(claim)?;
        say(Event::Ended(&ended.result));
        Ok(())
    }

    fn load_data(&mut self, index: usize) -> Result<(), SweepError> {
        let [_, _, size] = self.sweep.trial(index)?.input;
        if self.data.as_ref().is_none_or(|(loaded, _)| *loaded != size) {
            self.data = None;
            let manifest = self.sweep.manifest();
            self.data = Some((size, manifest.data.load(size, manifest.recipe.seed)?));
        }
        Ok(())
    }
}

/// Removes what only training a trial further needed, and ends the attempt.
fn tidy(claim: &Claim<'_>) -> Result<(), SweepError> {
    claim.remove(checkpoint::FILE)?;
    claim.remove(PROGRESS)?;
    claim.end()
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
