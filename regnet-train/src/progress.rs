//! What is seen on standard error while training: a bar an epoch on a terminal, else a line an epoch.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::learner::Score;
use crate::metrics::EpochMetrics;

const TEMPLATE: &str = "epoch {prefix} {bar:24} {msg}";

/// The progress of a whole run.
pub(crate) struct Progress {
    epochs: usize,
    steps: usize,
    /// Steps that were done before this run.
    before: usize,
    started: Instant,
}

/// The progress of one epoch.
pub(crate) struct EpochProgress<'a> {
    run: &'a Progress,
    bar: ProgressBar,
    epoch: usize,
    started: Instant,
}

impl Progress {
    /// Of a run of so many epochs of so many steps each, that `trained` epochs of were trained before.
    pub(crate) fn new(epochs: usize, steps: usize, trained: usize) -> Self {
        Self { epochs, steps, before: trained * steps, started: Instant::now() }
    }

    /// Starts an epoch, counted from 1.
    pub(crate) fn epoch(&self, epoch: usize) -> EpochProgress<'_> {
        let bar = ProgressBar::new(self.steps as u64);
        bar.set_style(ProgressStyle::with_template(TEMPLATE).expect("the template is sound"));
        bar.set_prefix(format!("{epoch:>2}/{}", self.epochs));
        EpochProgress { run: self, bar, epoch, started: Instant::now() }
    }

    /// What is left, if it goes on as it went so far.
    fn left(&self, steps_done: usize) -> Duration {
        let all = self.epochs * self.steps;
        self.started.elapsed().mul_f64((all - steps_done) as f64 / (steps_done - self.before) as f64)
    }
}

impl EpochProgress<'_> {
    /// One step more; `score` is of all steps that were read.
    pub(crate) fn step(&self, score: &Score) {
        if score.images() > 0 {
            let done = (self.epoch - 1) * self.run.steps + self.bar.position() as usize + 1;
            let rate = score.images() as f64 / self.started.elapsed().as_secs_f64();
            self.bar.set_message(format!(
                "loss {:.3}  accuracy {:5.2} %  {rate:.0} images/s  {} left",
                score.loss(),
                100.0 * score.accuracy(),
                minutes(self.run.left(done)),
            ));
        }
        self.bar.inc(1);
    }

    pub(crate) fn end(self, metrics: &EpochMetrics) {
        let summary = format!(
            "loss {:.3}  accuracy {:5.2} %  test loss {:.3}  test accuracy {:5.2} %  {:.0} images/s  {} left",
            metrics.train_loss,
            100.0 * metrics.train_accuracy,
            metrics.test_loss,
            100.0 * metrics.test_accuracy,
            metrics.images_per_second,
            minutes(self.run.left(self.epoch * self.run.steps)),
        );
        if self.bar.is_hidden() {
            eprintln!("epoch {} {summary}", self.bar.prefix());
        }
        self.bar.finish_with_message(summary);
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
