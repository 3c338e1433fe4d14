//! What is seen on standard error while training: a bar an epoch on a terminal, else a line an epoch.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use regnet_space::text::printable_lines;

use crate::learner::{Classifier, Score};
use crate::metrics::EpochMetrics;
use crate::place::Place;
use crate::training::Training;

const TEMPLATE: &str = "epoch {prefix} {bar:24} {msg}";

/// Writes a line to standard error. It can hold names out of files: what would control the terminal is escaped, and what is
/// longer than a screen or two is cut. One that cannot be written, because whoever read them is gone or the disk is full,
/// is dropped: what it is about goes on.
pub fn note(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{}", printable_lines(&line.to_string()));
}

/// The progress of a whole run.
pub(crate) struct Progress {
    epochs: usize,
    steps: usize,
    /// Steps that were done before this run.
    before: f64,
    started: Instant,
}

/// The progress of one epoch.
pub(crate) struct EpochProgress<'a> {
    run: &'a Progress,
    bar: ProgressBar,
    epoch: usize,
    /// Images of the epoch that were trained on before this run.
    before: usize,
    started: Instant,
}

impl Progress {
    /// Of what is left of a training.
    pub(crate) fn new<M: Classifier<D>, D: Place<M>>(training: &Training<'_, M, D>) -> Self {
        let (epochs, steps) = (training.card().recipe.epochs, training.steps());
        let before = training.history().len() as f64 * steps as f64 + training.begun().0 as f64;
        Self { epochs, steps, before, started: Instant::now() }
    }

    /// Starts the training's next epoch, or goes on with it.
    pub(crate) fn epoch<M: Classifier<D>, D: Place<M>>(
        &self,
        training: &Training<'_, M, D>,
    ) -> EpochProgress<'_> {
        let (epoch, (steps, score)) = (training.history().len() + 1, training.begun());
        let bar = ProgressBar::new(self.steps as u64);
        bar.set_style(ProgressStyle::with_template(TEMPLATE).expect("the template is sound"));
        bar.set_prefix(format!("{epoch:>2}/{}", self.epochs));
        bar.set_position(steps as u64);
        EpochProgress { run: self, bar, epoch, before: score.images(), started: Instant::now() }
    }

    /// What is left, if it goes on as it went so far.
    fn left(&self, done: f64) -> Duration {
        let all = self.epochs as f64 * self.steps as f64;
        let seconds = self.started.elapsed().as_secs_f64() * (all - done) / (done - self.before);
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }
}

impl EpochProgress<'_> {
    /// The epoch, from 1.
    pub(crate) fn number(&self) -> usize {
        self.epoch
    }

    /// One step more; `score` is of all steps that were read.
    pub(crate) fn step(&self, score: &Score) {
        let images = score.images() - self.before;
        if images > 0 {
            let done = (self.epoch - 1) as f64 * self.run.steps as f64 + self.bar.position() as f64 + 1.0;
            let rate = images as f64 / self.started.elapsed().as_secs_f64();
            self.bar.set_message(format!(
                "loss {:.3}  accuracy {:5.2} %  {rate:.0} images/s  {} left",
                score.loss(),
                100.0 * score.accuracy(),
                minutes(self.run.left(done)),
            ));
        }
        self.bar.inc(1);
    }

    pub(crate) fn end(&self, metrics: &EpochMetrics) {
        let summary = format!(
            "loss {:.3}  accuracy {:5.2} %  test loss {:.3}  test accuracy {:5.2} %  {:.0} images/s  {} left",
            metrics.train_loss,
            100.0 * metrics.train_accuracy,
            metrics.test_loss,
            100.0 * metrics.test_accuracy,
            metrics.images_per_second,
            minutes(self.run.left(self.epoch as f64 * self.run.steps as f64)),
        );
        if self.bar.is_hidden() {
            note(format_args!("epoch {} {summary}", self.bar.prefix()));
        }
        self.bar.finish_with_message(summary);
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
