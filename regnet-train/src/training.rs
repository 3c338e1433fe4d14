//! A network in training, epoch after epoch, that can be put down and taken up again.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use regnet_core::weights::to_bytes_described;
use regnet_space::AnyNet;

use crate::card::Card;
use crate::checkpoint;
use crate::data::{Batches, DataSet};
use crate::error::TrainError;
use crate::learner::{Classifier, Learner, Score};
use crate::metrics::EpochMetrics;
use crate::place::{Feed, Place};
use crate::recipe::Recipe;
use crate::schedule::Cosine;

/// A network on its way through the epochs of a recipe.
///
/// What an epoch does depends on the weights, the optimiser's velocity and the epoch's number only. So a run that is
/// taken up from a [`checkpoint`](Self::checkpoint) goes on to the same bits as one that was never broken off.
///
/// ```no_run
/// # use dfdx::prelude::*;
/// # use regnet_core::DynRegNet;
/// # use regnet_train::{Recipe, Training, data};
/// # use std::ops::ControlFlow;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (device, recipe, file) = (Cpu::default(), Recipe::default(), "checkpoint.safetensors".as_ref());
/// # let data = data::builtin(None, 0)?;
/// # let spec = regnet_space::Preset::find("RegNetX-200MF")?.declaration().to_anynet().unwrap();
/// let mut net = DynRegNet::try_new(&device, &spec)?;
/// let mut training = Training::new(&device, &mut net, &spec, &data, &recipe)?;
/// training.resume(file)?;
/// while !training.is_done() {
///     training.epoch(|_| ControlFlow::Continue(()))?;
///     std::fs::write(file, training.checkpoint()?)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Training<'a, M, D: Place<M>> {
    learner: Learner<'a, M, D>,
    feed: D::Feed,
    train: Batches,
    test: Batches,
    schedule: Cosine,
    card: Card,
    history: Vec<EpochMetrics>,
}

impl<'a, M: Classifier<D>, D: Place<M>> Training<'a, M, D> {
    /// A network before its first epoch; `model` is of the numbers `spec`.
    ///
    /// # Errors
    ///
    /// A recipe that nothing can be trained with, and a network that does not take the data.
    pub fn new(
        device: &'a D,
        model: &'a mut M,
        spec: &AnyNet,
        data: &DataSet,
        recipe: &Recipe,
    ) -> Result<Self, TrainError> {
        recipe.check()?;
        check_fit(spec, data)?;
        Ok(Self {
            train: data.train_batches(recipe.batch, recipe.augment(), recipe.seed)?,
            test: data.test_batches(recipe.batch)?,
            feed: device.feed().map_err(TrainError::device)?,
            learner: Learner::new(device, model, recipe).read_every(D::READ_EVERY),
            schedule: Cosine::from(recipe),
            card: Card::new(spec, data, recipe),
            history: Vec::with_capacity(recipe.epochs),
        })
    }

    /// Reads losses and accuracies after so many steps instead of the device's [`Place::READ_EVERY`]. Decides nothing but
    /// when they are seen.
    #[must_use]
    pub fn read_every(self, steps: NonZeroUsize) -> Self {
        Self { learner: self.learner.read_every(steps), ..self }
    }

    /// What it is trained on.
    pub fn device(&self) -> &'a D {
        self.learner.device()
    }

    /// The network.
    pub fn model(&self) -> &M {
        self.learner.model()
    }

    /// What is trained, on what, and how.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The weights as the bytes of a safetensors file, whose metadata holds the [card](Self::card).
    pub fn weights(&self) -> Vec<u8> {
        to_bytes_described(self.model(), &self.card.description())
    }

    /// What each epoch so far came to.
    pub fn history(&self) -> &[EpochMetrics] {
        &self.history
    }

    /// Whether all of the recipe's epochs are done.
    pub fn is_done(&self) -> bool {
        self.history.len() >= self.card.recipe.epochs
    }

    /// Steps in an epoch.
    pub fn steps(&self) -> usize {
        self.train.len()
    }

    /// Trains one epoch and measures. `watch` sees the score of the epoch as far as it was read after each step, and may
    /// break off.
    ///
    /// `None` where it did; then only [`resume`](Self::resume) makes sense of this value again.
    ///
    /// # Errors
    ///
    /// Images that cannot be read, [`TrainError::Diverged`], and the device's.
    pub fn epoch(
        &mut self,
        mut watch: impl FnMut(&Score) -> ControlFlow<()>,
    ) -> Result<Option<&EpochMetrics>, TrainError> {
        let epoch = self.history.len() + 1;
        let started = Instant::now();
        let mut trained = Trained { epoch, steps: 0, total: Score::default() };
        // Of an epoch that was broken off.
        self.learner.forget();
        let device = self.learner.device();
        for (step, input) in self.feed.inputs(device, &self.train, epoch as u64 - 1).enumerate() {
            let rate = self.rate(epoch, step);
            let scores = self.learner.advance(input?, rate)?;
            trained.add(scores, |step| self.rate(epoch, step))?;
            if watch(&trained.total).is_break() {
                return Ok(None);
            }
        }
        trained.add(self.learner.read()?, |step| self.rate(epoch, step))?;
        let (steps, trained) = (trained.steps, trained.total);
        let rate = self.rate(epoch, steps.saturating_sub(1));
        let training_seconds = started.elapsed().as_secs_f64();
        let tested = self.learner.evaluate(self.feed.inputs(device, &self.test, 0))?;
        check_finite(&tested, epoch, steps, rate)?;
        self.history.push(EpochMetrics {
            epoch,
            train_loss: trained.loss(),
            train_accuracy: trained.accuracy(),
            test_loss: tested.loss(),
            test_accuracy: tested.accuracy(),
            lr: rate,
            images_per_second: trained.images() as f64 / training_seconds,
            seconds: started.elapsed().as_secs_f64(),
        });
        Ok(self.history.last())
    }

    /// The learning rate of a step, counted from 0, of an epoch, counted from 1.
    fn rate(&self, epoch: usize, step: usize) -> f64 {
        self.schedule.at((epoch - 1) as f64 + step as f64 / self.train.len() as f64)
    }

    /// All that the epochs to come depend on, as the bytes of a safetensors file.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn checkpoint(&mut self) -> Result<Vec<u8>, TrainError> {
        let (model, sgd) = self.learner.parts();
        checkpoint::to_bytes(&self.card, &self.history, model, sgd)
    }

    /// Goes on where the checkpoint in this file was made; changes nothing where there is no such file.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`], and [`TrainError::OtherRun`] if another network, data set or recipe was trained.
    pub fn resume(&mut self, path: &Path) -> Result<(), TrainError> {
        if !path.exists() {
            return Ok(());
        }
        let (model, sgd) = self.learner.parts();
        self.history = checkpoint::load(path, &self.card, model, sgd)?;
        Ok(())
    }
}

/// What was read of an epoch.
struct Trained {
    epoch: usize,
    steps: usize,
    total: Score,
}

impl Trained {
    /// Adds the scores of the next steps, as long as their losses are numbers.
    fn add(&mut self, scores: Vec<Score>, rate: impl Fn(usize) -> f64) -> Result<(), TrainError> {
        for score in scores {
            self.steps += 1;
            check_finite(&score, self.epoch, self.steps, rate(self.steps - 1))?;
            self.total += score;
        }
        Ok(())
    }
}

fn check_finite(score: &Score, epoch: usize, step: usize, rate: f64) -> Result<(), TrainError> {
    let loss = score.loss();
    if loss.is_finite() { Ok(()) } else { Err(TrainError::Diverged { loss, epoch, step, rate }) }
}

/// Whether the network takes the data's images and tells its classes apart.
pub(crate) fn check_fit(spec: &AnyNet, data: &DataSet) -> Result<(), TrainError> {
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
