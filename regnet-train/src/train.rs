//! The training loop and what it writes.

use std::path::Path;
use std::time::Instant;

use regnet_core::{Backend, weights};
use regnet_space::AnyNet;

use crate::card::Card;
use crate::curves;
use crate::data::{Batches, DataSet};
use crate::error::TrainError;
use crate::learner::{Classifier, Learner, Score};
use crate::metrics::{EpochMetrics, to_json_lines};
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::run_folder::RunFolder;
use crate::schedule::Cosine;

/// Trains `model`, whose numbers are `spec`, and returns what each epoch came to.
///
/// After each epoch the folder `out` holds, each written whole:
///
/// | file | what it holds |
/// | --- | --- |
/// | `model.json` | the network, the classes, the normalisation, the recipe: a [`Card`] |
/// | `model.safetensors` | the weights |
/// | `metrics.jsonl` | a line of [`EpochMetrics`] for each epoch |
/// | `curves.svg` | loss and accuracy over the epochs |
///
/// Progress goes to standard error. The same seed gives the same weights, bit by bit, if `model` was built
/// on a device seeded with it.
///
/// # Errors
///
/// A recipe, a network or a folder that cannot be used, all found before the first step; then images that
/// cannot be read, [`TrainError::Diverged`], and a full disk. A folder made for the run is removed again when
/// it fails before the first epoch's end.
pub fn train<M: Classifier<D> + Send, D: Backend<f32> + Sync>(
    device: &D,
    model: &mut M,
    spec: &AnyNet,
    data: &DataSet,
    recipe: &Recipe,
    out: &Path,
) -> Result<Vec<EpochMetrics>, TrainError> {
    recipe.check()?;
    check_fit(spec, data)?;
    let train = data.train_batches(recipe.batch, recipe.augment(), recipe.seed)?;
    let test = data.test_batches(recipe.batch)?;
    let folder = RunFolder::create(out)?;
    let card = Card::new(spec, data, recipe).to_json();
    let progress = Progress::new(recipe.epochs, train.len());
    // Every step allocates tensors of the same sizes as the one before.
    device.enable_cache();
    let mut run = || {
        let mut learner = Learner::new(device, model, recipe);
        let mut history = Vec::with_capacity(recipe.epochs);
        for epoch in 1..=recipe.epochs {
            history.push(run_epoch(epoch, &mut learner, &train, &test, &Cosine::from(recipe), &progress)?);
            folder.write("model.json", card.as_bytes())?;
            folder.write("model.safetensors", &weights::to_bytes(learner.model()))?;
            folder.write("metrics.jsonl", to_json_lines(&history).as_bytes())?;
            folder.write("curves.svg", curves::draw(&history, &data.name).as_bytes())?;
        }
        Ok(history)
    };
    // A thread of the pool takes part in the kernels it calls; any other would sleep and be woken for each. But a pool's
    // only thread, waiting for a batch, would keep those who prepare it from the pool.
    if rayon::current_num_threads() == 1 { run() } else { rayon::scope(|_| run()) }
}

fn run_epoch<M: Classifier<D>, D: Backend<f32>>(
    epoch: usize,
    learner: &mut Learner<'_, M, D>,
    train: &Batches,
    test: &Batches,
    schedule: &Cosine,
    progress: &Progress,
) -> Result<EpochMetrics, TrainError> {
    let started = Instant::now();
    let progress = progress.epoch(epoch);
    let mut trained = Score::default();
    let mut rate = 0.0;
    for (step, batch) in train.epoch(epoch as u64 - 1).enumerate() {
        rate = schedule.at((epoch - 1) as f64 + step as f64 / train.len() as f64);
        let score = learner.step(&batch?, rate)?;
        check_finite(&score, epoch, step + 1, rate)?;
        trained += score;
        progress.step(&trained);
    }
    let training_seconds = started.elapsed().as_secs_f64();
    let tested = learner.evaluate(test)?;
    check_finite(&tested, epoch, train.len(), rate)?;
    let metrics = EpochMetrics {
        epoch,
        train_loss: trained.loss(),
        train_accuracy: trained.accuracy(),
        test_loss: tested.loss(),
        test_accuracy: tested.accuracy(),
        lr: rate,
        images_per_second: trained.images() as f64 / training_seconds,
        seconds: started.elapsed().as_secs_f64(),
    };
    progress.end(&metrics);
    Ok(metrics)
}

fn check_finite(score: &Score, epoch: usize, step: usize, rate: f64) -> Result<(), TrainError> {
    let loss = score.loss();
    if loss.is_finite() { Ok(()) } else { Err(TrainError::Diverged { loss, epoch, step, rate }) }
}

/// Whether the network takes the data's images and tells its classes apart.
fn check_fit(spec: &AnyNet, data: &DataSet) -> Result<(), TrainError> {
    let mismatch = |what: &str, expected: usize, found: usize| TrainError::Mismatch {
        expected: format!("is made for {expected} {what}"),
        data: data.name.clone(),
        found: format!("has {found}"),
    };
    let ([channels, ..], classes) = (data.shape(), data.classes.len());
    if spec.input_channels != channels {
        return Err(mismatch("channels", spec.input_channels, channels));
    }
    if spec.classes != classes {
        return Err(mismatch("classes", spec.classes, classes));
    }
    Ok(())
}
