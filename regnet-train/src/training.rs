//! A network in training, epoch after epoch, that can be put down and taken up again.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use regnet_core::weights::to_bytes_described;
use regnet_space::AnyNet;

use crate::card::Card;
use crate::checkpoint::{self, BegunEpoch, Reached};
use crate::data::{Batches, DataSet};
use crate::error::TrainError;
use crate::learner::{Classifier, Learner, Score};
use crate::metrics::EpochMetrics;
use crate::place::{Feed, Place};
use crate::recipe::Recipe;
use crate::schedule::Cosine;

/// A network on its way through the epochs of a recipe.
///
/// What a step does depends on the weights, the optimiser's velocity and the step's number only. So a run that is
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
    course: Course,
}

/// How far a training is on its way, and at what rate it learns there.
#[derive(Debug)]
struct Course {
    card: Card,
    schedule: Cosine,
    /// Steps of an epoch.
    steps: usize,
    reached: Reached,
}

/// What was just done in an epoch.
#[derive(Clone, Copy, Debug)]
pub enum EpochStep<'a> {
    /// A step of training; with the score of the epoch as far as it was read.
    Train(&'a Score),
    /// Nothing yet of a batch of test images, which is next.
    Test,
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
        let train = data.train_batches(recipe.batch, recipe.augment(), recipe.seed)?;
        let course = Course {
            card: Card::new(spec, data, recipe),
            schedule: Cosine::from(recipe),
            steps: train.len(),
            reached: Reached::default(),
        };
        Ok(Self {
            train,
            test: data.test_batches(recipe.batch)?,
            feed: device.feed().map_err(TrainError::device)?,
            learner: Learner::new(device, model, recipe).of(spec).read_every(D::READ_EVERY),
            course,
        })
    }

    /// Reads losses and accuracies after so many steps instead of the device's [`Place::READ_EVERY`]. Decides nothing but
    /// when they are seen; they always are at the end of an epoch.
    #[must_use]
    pub fn read_every(self, steps: NonZeroUsize) -> Self {
        // The device has room for the scores of all steps between readings.
        let all = NonZeroUsize::new(self.steps()).unwrap_or(NonZeroUsize::MIN);
        Self { learner: self.learner.read_every(steps.min(all)), ..self }
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
        &self.course.card
    }

    /// The weights as the bytes of a safetensors file, whose metadata holds the [card](Self::card).
    pub fn weights(&self) -> Vec<u8> {
        to_bytes_described(self.model(), &self.card().description())
    }

    /// What each epoch so far came to.
    pub fn history(&self) -> &[EpochMetrics] {
        &self.course.reached.history
    }

    /// Steps that are done of the epoch behind those, and their score.
    pub fn begun(&self) -> (usize, Score) {
        let BegunEpoch { steps, score, .. } = self.course.reached.epoch;
        (steps, score)
    }

    /// Whether all of the recipe's epochs are done.
    pub fn is_done(&self) -> bool {
        self.history().len() >= self.card().recipe.epochs
    }

    /// Steps in an epoch.
    pub fn steps(&self) -> usize {
        self.course.steps
    }

    /// Trains an epoch, or what is left of it, and measures. `watch` is called after each step and before each batch of test
    /// images, and may break off.
    ///
    /// `None` where it did. Then a [`checkpoint`](Self::checkpoint) can be made, and the next call goes on behind the last
    /// step; testing begins anew.
    ///
    /// # Errors
    ///
    /// Images that cannot be read, [`TrainError::Diverged`], and the device's. After one, only [`resume`](Self::resume)
    /// makes sense of this value again.
    pub fn epoch(
        &mut self,
        mut watch: impl FnMut(EpochStep<'_>) -> ControlFlow<()>,
    ) -> Result<Option<&EpochMetrics>, TrainError> {
        let (epoch, started) = (self.course.epoch(), Instant::now());
        let (device, first) = (self.learner.device(), self.course.reached.epoch.steps);
        for (step, input) in (first + 1..).zip(self.feed.inputs(device, &self.train, epoch as u64 - 1, first))
        {
            let scores = match self.learner.advance(input?, self.course.rate(step)) {
                Err(TrainError::Gradient { loss }) => return Err(self.course.diverged(loss, step)),
                scores => scores?,
            };
            self.course.add(scores)?;
            if watch(EpochStep::Train(&self.course.reached.epoch.score)).is_break() {
                self.course.add(self.learner.read()?)?;
                self.course.reached.epoch.seconds += started.elapsed().as_secs_f64();
                return Ok(None);
            }
        }
        self.course.add(self.learner.read()?)?;
        let trained = started.elapsed();
        let mut broken = false;
        let inputs = self.feed.inputs(device, &self.test, 0, 0).take_while(|_| {
            broken = watch(EpochStep::Test).is_break();
            !broken
        });
        let tested = self.learner.evaluate(inputs)?;
        if broken {
            self.course.reached.epoch.seconds += trained.as_secs_f64();
            return Ok(None);
        }
        self.course.end(&tested, trained, started.elapsed())?;
        Ok(self.history().last())
    }

    /// All that the steps to come depend on, as the bytes of a safetensors file; in the middle of an epoch too, where
    /// [`epoch`](Self::epoch) was broken off.
    ///
    /// # Errors
    ///
    /// [`TrainError::Diverged`] if a weight or its velocity is not finite, and the device's.
    pub fn checkpoint(&mut self) -> Result<Vec<u8>, TrainError> {
        let (model, sgd) = self.learner.parts();
        let bytes = checkpoint::to_bytes(&self.course.card, &self.course.reached, model, sgd)?;
        let (steps, score) = self.begun();
        bytes.ok_or_else(|| self.course.diverged(score.loss(), steps))
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
        self.course.reached = checkpoint::load(path, &self.course.card, model, sgd)?;
        self.learner.forget();
        Ok(())
    }
}

impl Course {
    /// The epoch that is trained, from 1.
    fn epoch(&self) -> usize {
        self.reached.history.len() + 1
    }

    /// The learning rate of a step of this epoch, counted from 1.
    fn rate(&self, step: usize) -> f64 {
        self.schedule.at((self.epoch() - 1) as f64 + step.saturating_sub(1) as f64 / self.steps as f64)
    }

    /// Adds the scores of the next steps, as long as their losses are finite.
    fn add(&mut self, scores: Vec<Score>) -> Result<(), TrainError> {
        for score in scores {
            let step = self.reached.epoch.steps + 1;
            if !score.loss().is_finite() {
                return Err(self.diverged(score.loss(), step));
            }
            self.reached.epoch.steps = step;
            self.reached.epoch.score += score;
        }
        Ok(())
    }

    /// Ends the epoch, which took so long since it was last begun, to its last step and altogether.
    fn end(&mut self, tested: &Score, trained: Duration, all: Duration) -> Result<(), TrainError> {
        let steps = self.reached.epoch.steps;
        if !tested.loss().is_finite() {
            return Err(self.diverged(tested.loss(), steps));
        }
        let (epoch, lr) = (self.epoch(), self.rate(steps));
        let BegunEpoch { score, seconds, .. } = std::mem::take(&mut self.reached.epoch);
        self.reached.history.push(EpochMetrics {
            epoch,
            train_loss: score.loss(),
            train_accuracy: score.accuracy(),
            test_loss: tested.loss(),
            test_accuracy: tested.accuracy(),
            lr,
            images_per_second: score.images() as f64 / (seconds + trained.as_secs_f64()),
            seconds: seconds + all.as_secs_f64(),
        });
        Ok(())
    }

    /// The end of a training in a step of this epoch, counted from 1.
    fn diverged(&self, loss: f64, step: usize) -> TrainError {
        TrainError::Diverged { loss, epoch: self.epoch(), step, rate: self.rate(step) }
    }
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
