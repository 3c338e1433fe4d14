//! When training is broken off for a moment, to write a checkpoint, and when for good.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::training::EpochStep;

/// How much a killed run may lose: a checkpoint is written at least so often, and at the end of each epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointEvery {
    /// After so many steps of an epoch.
    Steps(NonZeroUsize),
    /// After the step that ends so much time.
    Time(Duration),
}

impl Default for CheckpointEvery {
    /// Five minutes.
    fn default() -> Self {
        Self::Time(Duration::from_secs(5 * 60))
    }
}

/// A text that says no [`CheckpointEvery`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0:.40}` is neither a number of steps, such as `500`, nor a time, such as `90s` or `10min`; both are at least 1"
)]
pub struct UnknownInterval(String);

/// `500` is a number of steps, `90s` and `10min` are times.
impl FromStr for CheckpointEvery {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Self, UnknownInterval> {
        let unknown = || UnknownInterval(text.to_owned());
        let number = |digits: &str| digits.parse::<NonZeroUsize>().map_err(|_| unknown());
        let time = |digits: &str, seconds: u64| {
            let number = u64::try_from(number(digits)?.get()).map_err(|_| unknown())?;
            Ok(Self::Time(Duration::from_secs(number.checked_mul(seconds).ok_or_else(unknown)?)))
        };
        match (text.strip_suffix("min"), text.strip_suffix('s')) {
            (Some(minutes), _) => time(minutes, 60),
            (_, Some(seconds)) => time(seconds, 1),
            _ => number(text).map(Self::Steps),
        }
    }
}

/// Breaks epochs off where a checkpoint is due and where training is told to stop.
#[derive(Debug)]
pub(crate) struct Pause<'a> {
    every: CheckpointEvery,
    stop: Option<&'a AtomicBool>,
    steps: usize,
    since: Instant,
}

impl<'a> Pause<'a> {
    pub(crate) fn new(every: CheckpointEvery, stop: Option<&'a AtomicBool>) -> Self {
        Self { every, stop, steps: 0, since: Instant::now() }
    }

    /// Whether training is told to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Whether to break off here. Testing, which begins anew after that, is broken off only to stop.
    pub(crate) fn at(&mut self, step: EpochStep<'_>) -> ControlFlow<()> {
        let due = match step {
            EpochStep::Train(_) => self.is_due(),
            EpochStep::Test => false,
        };
        if due || self.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn is_due(&mut self) -> bool {
        self.steps += 1;
        match self.every {
            CheckpointEvery::Steps(steps) => self.steps >= steps.get(),
            CheckpointEvery::Time(time) => self.since.elapsed() >= time,
        }
    }

    /// A checkpoint was written.
    pub(crate) fn written(&mut self) {
        *self = Self::new(self.every, self.stop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_steps_or_a_time() {
        let parsed = |text: &str| text.parse::<CheckpointEvery>().ok();
        let time = |seconds| Some(CheckpointEvery::Time(Duration::from_secs(seconds)));
        assert_eq!(parsed("500"), NonZeroUsize::new(500).map(CheckpointEvery::Steps));
        assert_eq!((parsed("90s"), parsed("10min")), (time(90), time(600)));
        for text in
            ["", "0", "0s", "-1", "5m", "min", "1.5min", "99999999999999999999", "9999999999999999999min"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
