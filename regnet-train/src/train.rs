//! The training loop and what it writes.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use regnet_core::weights;
use regnet_space::AnyNet;

use crate::checkpoint;
use crate::curves;
use crate::data::DataSet;
use crate::error::TrainError;
use crate::finished::finished;
use crate::learner::Classifier;
use crate::metrics::{EpochMetrics, to_json_lines};
use crate::pause::{CheckpointEvery, Pause};
use crate::place::Place;
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::run_folder::{self, Earlier, RunFolder};
use crate::training::{EpochStep, Training};

/// What does not decide what comes out of a training.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// What to do with an earlier run in the folder.
    pub earlier: EarlierRun,
    /// Steps from one reading of losses and accuracies to the next; [`Place::READ_EVERY`] if none.
    pub read_every: Option<NonZeroUsize>,
    /// How much of an epoch a killed run may lose.
    pub checkpoint_every: CheckpointEvery,
    /// A flag that is raised to stop the training after the step it is in, such as [`Interrupt::stop`](crate::Interrupt).
    pub stop: Option<&'a AtomicBool>,
}

/// What to do with an earlier run in the folder to train into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlierRun {
    /// Leave it as it is: [`TrainError::Occupied`].
    #[default]
    Keep,
    /// Resume it where it was interrupted or killed, at any time: weights and metrics come out as if it never was, but for
    /// times. Trains nothing where it ended, and from the start where there was no run.
    Resume,
    /// Write over it.
    Overwrite,
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
/// | `checkpoint.safetensors` | what [`EarlierRun::Resume`] goes on from; gone when the last epoch is done |
///
/// The checkpoint is also written in the middle of long epochs, see [`Options::checkpoint_every`]. The folder is locked by
/// the file `lock` in it until the training ends.
///
/// Progress goes to standard error, where it can be written. The same seed gives the same weights, bit by bit, if `model`
/// was built on a device seeded with it.
///
/// # Errors
///
/// A recipe, a network or a folder that cannot be used, all found before the first step: among them
/// [`TrainError::Busy`] where another process trains into it, [`TrainError::Occupied`], and [`TrainError::OtherRun`] if the
/// run to resume was of another network, other data or another recipe. Then images that cannot be read,
/// [`TrainError::Diverged`], a full disk, and [`TrainError::Stopped`]. A folder made for the run is removed again
/// when nothing was written to it.
pub fn train<M: Classifier<D>, D: Place<M>>(
    device: &D,
    model: &mut M,
    spec: &AnyNet,
    data: &DataSet,
    recipe: &Recipe,
    out: &Path,
    options: Options<'_>,
) -> Result<Vec<EpochMetrics>, TrainError> {
    let mut training = Training::new(device, &mut *model, spec, data, recipe)?;
    if let Some(steps) = options.read_every {
        training = training.read_every(steps);
    }
    let folder = RunFolder::open(out)?;
    match (folder.earlier(), options.earlier) {
        (Earlier::Nothing, _) => {}
        (earlier, EarlierRun::Keep) => {
            let finished = earlier == Earlier::Finished;
            return Err(TrainError::Occupied { path: out.to_owned(), finished });
        }
        (_, EarlierRun::Overwrite) => folder.remove(checkpoint::FILE)?,
        (Earlier::Interrupted, EarlierRun::Resume) => training.resume(&folder.path(checkpoint::FILE))?,
        (Earlier::Finished, EarlierRun::Resume) => {
            let history = finished(training.card(), &folder)?;
            drop(training);
            weights::load(model, &folder.path(run_folder::WEIGHTS))?;
            return Ok(history);
        }
    }
    let pause = Pause::new(options.checkpoint_every, options.stop);
    D::run(training, |training| run(training, &folder, pause))
}

fn run<M: Classifier<D>, D: Place<M>>(
    mut training: Training<'_, M, D>,
    folder: &RunFolder,
    mut pause: Pause<'_>,
) -> Result<Vec<EpochMetrics>, TrainError> {
    let progress = Progress::new(&training);
    // Every step allocates tensors of the same sizes as the one before.
    training.device().enable_cache();
    loop {
        write_results(&training, folder)?;
        if training.is_done() {
            folder.remove(checkpoint::FILE)?;
            return Ok(training.history().to_vec());
        }
        let epoch = progress.epoch(&training);
        while training.history().len() < epoch.number() {
            let metrics = training.epoch(|step| {
                if let EpochStep::Train(score) = step {
                    epoch.step(score);
                }
                pause.at(step)
            })?;
            if let Some(metrics) = metrics {
                epoch.end(metrics);
            }
            folder.write(checkpoint::FILE, &training.checkpoint()?)?;
            pause.written();
            if pause.is_stopped() && !training.is_done() {
                return Err(stopped(&training, folder));
            }
        }
    }
}

/// Writes what the epochs so far came to.
fn write_results<M: Classifier<D>, D: Place<M>>(
    training: &Training<'_, M, D>,
    folder: &RunFolder,
) -> Result<(), TrainError> {
    let (card, history) = (training.card(), training.history());
    // Not from within an epoch: the weights would not be those that the figures are of.
    if history.is_empty() || training.begun().0 > 0 {
        return Ok(());
    }
    folder.write(run_folder::CARD, card.to_json().as_bytes())?;
    folder.write(run_folder::WEIGHTS, &training.weights())?;
    folder.write(run_folder::METRICS, to_json_lines(history).as_bytes())?;
    folder.write(run_folder::CURVES, curves::draw(history, &card.data).as_bytes())
}

fn stopped<M: Classifier<D>, D: Place<M>>(training: &Training<'_, M, D>, folder: &RunFolder) -> TrainError {
    TrainError::Stopped {
        path: folder.folder().to_owned(),
        epoch: training.history().len() + 1,
        step: training.begun().0,
        steps: training.steps(),
    }
}

/// A thread of the pool takes part in the kernels it calls; any other would sleep and be woken for each.
pub(crate) fn in_pool<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| run())
}
