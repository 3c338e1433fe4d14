//! One trial, from where it is to its next rung or its end.

use std::sync::atomic::AtomicBool;

use dfdx::prelude::*;
use regnet_core::DynRegNet;

use super::claim::Claim;
use super::error::SweepError;
use super::folder::{PROGRESS, Sweep};
use super::trial::{Ended, Outcome, Progress};
use super::worker::Event;
use crate::checkpoint;
use crate::data::DataSet;
use crate::digest::Digest;
use crate::error::TrainError;
use crate::metrics::EpochMetrics;
use crate::pause::{CheckpointEvery, Pause};
use crate::train::in_pool;
use crate::training::Training;

/// The card and the weights of a trial, where they are kept.
pub(super) const CARD: &str = "model.json";
pub(super) const WEIGHTS: &str = "model.safetensors";

/// How far a trial got.
pub(super) enum Reached {
    /// It waits at a rung.
    Rung,
    /// It was told to stop.
    Stop,
    /// To its end.
    Ended(Ended),
}

/// Trains a trial until it has so many epochs. After each, and now and then within it, its checkpoint is replaced, and
/// after each its progress.
pub(super) fn run_trial(
    sweep: &Sweep,
    index: usize,
    data: &DataSet,
    claim: &Claim<'_>,
    until: usize,
    stop: &AtomicBool,
    say: &mut dyn FnMut(Event<'_>),
) -> Result<Reached, SweepError> {
    let recipe = sweep.recipe(index);
    let spec = sweep.trial(index)?.spec();
    let device = Cpu::seed_from_u64(recipe.seed);
    let mut net = DynRegNet::try_new(&device, spec).map_err(TrainError::device)?;
    let mut training = Training::new(&device, &mut net, spec, data, &recipe)?;
    training.resume(&claim.dir().join(checkpoint::FILE))?;
    device.enable_cache();
    let mut pause = Pause::new(CheckpointEvery::default(), Some(stop));
    let reached = loop {
        write_progress(sweep, index, claim, training.history())?;
        if training.is_done() {
            let mut ended = sweep.ending(index, Outcome::Finished, training.history().to_vec())?;
            if sweep.manifest().keep_weights {
                let bytes = training.weights();
                claim.write(CARD, training.card().to_json().as_bytes())?;
                claim.write(WEIGHTS, &bytes)?;
                ended.weights = Some(Digest::of(&bytes));
            }
            break Reached::Ended(ended);
        }
        if training.history().len() >= until {
            break Reached::Rung;
        }
        let metrics = in_pool(|| training.epoch(|step| pause.at(step)).map(Option::<&EpochMetrics>::cloned));
        // A network whose weights are not finite has diverged, though its loss did not show it yet.
        match metrics.and_then(|metrics| Ok((metrics, training.checkpoint()?))) {
            Ok((metrics, checkpoint)) => {
                claim.write(checkpoint::FILE, &checkpoint)?;
                pause.written();
                match metrics {
                    Some(metrics) => say(Event::Epoch { index, metrics: &metrics }),
                    None if pause.is_stopped() => break Reached::Stop,
                    None => {}
                }
            }
            Err(TrainError::Diverged { epoch, step, .. }) => {
                let (outcome, epochs) = (Outcome::Diverged { epoch, step }, training.history().to_vec());
                break Reached::Ended(sweep.ending(index, outcome, epochs)?);
            }
            Err(error) => return Err(error.into()),
        }
    };
    drop(training);
    drop(net);
    // The device would keep the memory of this network's tensors for others of the same sizes.
    device.disable_cache();
    Ok(reached)
}

/// For those who look; a trial goes on from its checkpoint.
fn write_progress(
    sweep: &Sweep,
    index: usize,
    claim: &Claim<'_>,
    history: &[EpochMetrics],
) -> Result<(), SweepError> {
    if history.is_empty() {
        return Ok(());
    }
    claim.write(PROGRESS, &sweep.progress_bytes(&Progress { index, epochs: history.to_vec() }))
}
