//! The training loop and what it writes.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use regnet_core::weights;
use regnet_space::AnyNet;

use crate::checkpoint;
use crate::curves;
use crate::data::DataSet;
use crate::error::TrainError;
use crate::finished::finished;
use crate::learner::Classifier;
use crate::metrics::{EpochMetrics, to_json_lines};
use crate::place::Place;
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::run_folder::RunFolder;
use crate::training::Training;

/// What does not decide what comes out of a training.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether to go on from where an earlier run in the folder was broken off at any time, killed included: weights and
    /// metrics come out as if it never was, but for times. Starts where there was no run, and trains nothing where one
    /// ended.
    pub resume: bool,
    /// Steps from one reading of losses and accuracies to the next; [`Place::READ_EVERY`] if none.
    pub read_every: Option<NonZeroUsize>,
}

/// Trains `model`, whose numbers are `spec`, and returns what each epoch came to.
///
/// After each epoch the folder `out` holds, each written whole:
///
/// | file | what it holds |
/// | --- | --- |
/// | `model.json` | the network, the classes, the normalisation, the recipe: a [`Card`](crate::Card) |
/// | `model.safetensors` | the weights; its metadata holds the same [`Card`](crate::Card) |
/// | `metrics.jsonl` | a line of [`EpochMetrics`] for each epoch |
/// | `curves.svg` | loss and accuracy over the epochs |
/// | `checkpoint.safetensors` | what [`Options::resume`] goes on from; gone when the last epoch is done |
///
/// Progress goes to standard error. The same seed gives the same weights, bit by bit, if `model` was built
/// on a device seeded with it.
///
/// # Errors
///
/// A recipe, a network or a folder that cannot be used, all found before the first step, and among them
/// [`TrainError::OtherRun`] if the run to resume was of another network, other data or another recipe; then images
/// that cannot be read, [`TrainError::Diverged`], and a full disk. A folder made for the run is removed again when
/// it fails before the first epoch's end.
pub fn train<M: Classifier<D>, D: Place<M>>(
    device: &D,
    model: &mut M,
    spec: &AnyNet,
    data: &DataSet,
    recipe: &Recipe,
    out: &Path,
    options: Options,
) -> Result<Vec<EpochMetrics>, TrainError> {
    if options.resume
        && !out.join(checkpoint::FILE).exists()
        && let Some(history) = finished(spec, data, recipe, out)
    {
        weights::load(model, &out.join("model.safetensors"))?;
        return Ok(history);
    }
    let mut training = Training::new(device, model, spec, data, recipe)?;
    if let Some(steps) = options.read_every {
        training = training.read_every(steps);
    }
    let folder = RunFolder::create(out)?;
    match options.resume {
        true => training.resume(&folder.path(checkpoint::FILE))?,
        false => folder.remove(checkpoint::FILE)?,
    }
    D::run(training, |training| run(training, &folder))
}

fn run<M: Classifier<D>, D: Place<M>>(
    mut training: Training<'_, M, D>,
    folder: &RunFolder,
) -> Result<Vec<EpochMetrics>, TrainError> {
    let card = training.card().clone();
    let progress = Progress::new(card.recipe.epochs, training.steps(), training.history().len());
    // Every step allocates tensors of the same sizes as the one before.
    training.device().enable_cache();
    loop {
        let history = training.history();
        if !history.is_empty() {
            folder.write("model.json", card.to_json().as_bytes())?;
            folder.write("model.safetensors", &training.weights())?;
            folder.write("metrics.jsonl", to_json_lines(history).as_bytes())?;
            folder.write("curves.svg", curves::draw(history, &card.data).as_bytes())?;
        }
        if training.is_done() {
            folder.remove(checkpoint::FILE)?;
            return Ok(training.history().to_vec());
        }
        let epoch = progress.epoch(history.len() + 1);
        let metrics = training.epoch(|score| {
            epoch.step(score);
            ControlFlow::Continue(())
        })?;
        if let Some(metrics) = metrics {
            epoch.end(metrics);
        }
        folder.write(checkpoint::FILE, &training.checkpoint()?)?;
    }
}

/// A thread of the pool takes part in the kernels it calls; any other would sleep and be woken for each.
pub(crate) fn in_pool<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| run())
}
