//! One step of training, and measuring.

use std::cell::Cell;
use std::iter::Sum;
use std::num::NonZeroUsize;
use std::ops::AddAssign;

use dfdx::nn::ZeroGrads;
use dfdx::prelude::*;
use regnet_core::{Backend, Run, Scores, StepScore, TrainingPlans, cross_entropy};
use regnet_space::AnyNet;
use serde::{Deserialize, Serialize};

use crate::data::Batch;
use crate::error::TrainError;
use crate::optim::{self, Sgd};
use crate::recipe::Recipe;
use crate::statistics::RunningStatistics;

/// How well images were classified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    loss_sum: f64,
    correct: usize,
    images: usize,
}

impl Score {
    /// The number of images.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Mean loss of an image.
    pub fn loss(&self) -> f64 {
        self.loss_sum / self.images as f64
    }

    /// The part of the images that were classified correctly, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images as f64
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.loss_sum += other.loss_sum;
        self.correct += other.correct;
        self.images += other.images;
    }
}

impl Sum for Score {
    fn sum<I: Iterator<Item = Self>>(scores: I) -> Self {
        scores.fold(Self::default(), |mut total, score| {
            total += score;
            total
        })
    }
}

impl From<StepScore<f32>> for Score {
    fn from(StepScore { loss, correct, images }: StepScore<f32>) -> Self {
        Self { loss_sum: f64::from(loss) * images as f64, correct, images }
    }
}

/// A network that takes images and says logits, typed or shaped at run time.
pub trait Classifier<D: Backend<f32>>: Run<f32, D, Out = (usize, usize)> + TensorCollection<f32, D> {}

impl<D: Backend<f32>, M: Run<f32, D, Out = (usize, usize)> + TensorCollection<f32, D>> Classifier<D> for M {}

/// A network while it learns: its optimiser, and gradients whose memory is used again at every step.
#[derive(Debug)]
pub struct Learner<'a, M, D: Backend<f32>> {
    model: &'a mut M,
    device: &'a D,
    smoothing: f64,
    sgd: Sgd<f32, D>,
    gradients: Option<Gradients<f32, D>>,
    /// Whether somebody may have clones of the network's tensors, made before or since the last step.
    shared: Cell<bool>,
    every: NonZeroUsize,
    scores: Scores<f32, D>,
    /// Of networks that a step can be planned for as a whole.
    plans: Option<TrainingPlans>,
}

impl<'a, M: Classifier<D>, D: Backend<f32>> Learner<'a, M, D> {
    /// A learner at rest, which reads the score of every step.
    pub fn new(device: &'a D, model: &'a mut M, recipe: &Recipe) -> Self {
        let (sgd, every) = (Sgd::new(recipe), NonZeroUsize::MIN);
        let scores = Scores::new(every.get());
        let (smoothing, shared) = (recipe.label_smoothing, Cell::new(true));
        Self { model, device, smoothing, sgd, gradients: None, shared, every, scores, plans: None }
    }

    /// Says that the network is the one of `spec`, so that a step can be computed as a whole where the device and the
    /// network's layers allow it ([`Run::FOLLOWS_SPEC`]).
    #[must_use]
    pub fn of(self, spec: &AnyNet) -> Self {
        Self { plans: M::FOLLOWS_SPEC.then(|| TrainingPlans::new(spec)), ..self }
    }

    /// Reads scores only after so many steps, all at once: only then is the device waited for.
    #[must_use]
    pub fn read_every(self, every: NonZeroUsize) -> Self {
        Self { every, scores: Scores::new(every.get()), ..self }
    }

    /// The network and its optimiser.
    pub(crate) fn parts(&mut self) -> (&mut M, &mut Sgd<f32, D>) {
        self.shared.set(true);
        (self.model, &mut self.sgd)
    }

    /// What it learns on.
    pub fn device(&self) -> &'a D {
        self.device
    }

    /// The network.
    pub fn model(&self) -> &M {
        self.shared.set(true);
        self.model
    }

    /// Learns from a batch at learning rate `rate`; the score is of before, and of all steps that were not read yet.
    ///
    /// If every step is read, as at first, nothing at all is learnt from a batch whose loss or gradient is not finite:
    /// weights, velocity and running statistics stay as they were. Such a loss is in the score.
    ///
    /// # Errors
    ///
    /// The device's, with [`TrainError::Device`], and [`TrainError::Gradient`].
    pub fn step(&mut self, batch: &Batch, rate: f64) -> Result<Score, TrainError> {
        let input = upload(self.device, batch).map_err(TrainError::device)?;
        let mut score: Score = self.advance(input, rate)?.into_iter().sum();
        score += self.read()?.into_iter().sum();
        Ok(score)
    }

    /// As [`step`](Self::step), and reads only where it is [time to](Self::read_every): then the scores are of each step
    /// since the last reading, in their order, and else there are none.
    ///
    /// A loss that is not finite is noticed when it is read; until then the steps behind it spoil the weights.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn advance(&mut self, input: Input<D>, rate: f64) -> Result<Vec<Score>, TrainError> {
        match self.try_advance(input, rate).map_err(TrainError::device)? {
            Advanced::Step(read) => Ok(read),
            Advanced::Gradient { loss } => Err(TrainError::Gradient { loss }),
        }
    }

    fn try_advance(&mut self, (images, labels): Input<D>, rate: f64) -> Result<Advanced, D::Err> {
        // Between readings the device is not waited for, so that nothing can be known of a step that needs to be undone.
        let reads_every_step = self.every == NonZeroUsize::MIN;
        let statistics = reads_every_step.then(|| RunningStatistics::of(self.model)).transpose()?;
        let gradients = match self.gradients.take() {
            Some(gradients) => gradients,
            None => self.model.try_alloc_grads()?,
        };
        let logits = self.run(images.traced(gradients))?;
        let values: Logits<D> = logits.retaped();
        let loss = cross_entropy(logits, &labels, self.smoothing)?;
        self.scores.put(&values, &labels, &loss)?;
        let read = if self.scores.is_full() { self.try_read()? } else { Vec::new() };
        if read.iter().any(|score| !score.loss().is_finite()) {
            statistics.map_or(Ok(()), |statistics| statistics.put_back(self.model))?;
            return Ok(Advanced::Step(read));
        }
        let mut gradients = loss.try_backward()?;
        if let Some(statistics) = statistics
            && !optim::is_finite(self.device, self.model, &mut gradients)?
        {
            statistics.put_back(self.model)?;
            return Ok(Advanced::Gradient { loss: read.into_iter().sum::<Score>().loss() });
        }
        self.update(&mut gradients, rate)?;
        self.gradients = Some(gradients);
        Ok(Advanced::Step(read))
    }

    /// The logits, with the statistics of the batch.
    fn run(
        &mut self,
        images: Tensor<(usize, usize, usize, usize), f32, D, OwnedTape<f32, D>>,
    ) -> Result<Tensor<(usize, usize), f32, D, OwnedTape<f32, D>>, D::Err> {
        let images = match &mut self.plans {
            Some(plans) => match self.device.train_whole(self.model, plans, images)? {
                Ok(logits) => return Ok(logits),
                Err(images) => images,
            },
            None => images,
        };
        self.model.try_run_mut(images)
    }

    /// A step of the optimiser, which leaves gradients of zero.
    ///
    /// A step tensor by tensor takes those apart that share their storage with clones. There are none until the next step
    /// if neither a run leaves any nor somebody else sees the network, and then all tensors can be written to at once.
    fn update(&mut self, gradients: &mut Gradients<f32, D>, rate: f64) -> Result<(), D::Err> {
        let shared = self.shared.replace(M::LEAVES_CLONES);
        if !shared && self.sgd.step_at_once(self.device, self.model, gradients, rate)? {
            return Ok(());
        }
        self.sgd.step(self.model, gradients, rate)?;
        self.model.try_zero_grads(gradients)
    }

    /// The scores of the steps that were not read yet, in their order.
    ///
    /// # Errors
    ///
    /// The device's, with [`TrainError::Device`].
    pub fn read(&mut self) -> Result<Vec<Score>, TrainError> {
        self.try_read().map_err(TrainError::device)
    }

    /// Leaves the scores of the steps that were not read yet unread for good.
    pub(crate) fn forget(&mut self) {
        self.scores = Scores::new(self.every.get());
    }

    fn try_read(&mut self) -> Result<Vec<Score>, D::Err> {
        Ok(self.scores.take(self.device)?.into_iter().map(Score::from).collect())
    }

    /// Measures with the batch norms' running statistics, learning nothing. The loss is the one trained on.
    ///
    /// # Errors
    ///
    /// The first error among the inputs, and the device's.
    pub fn evaluate(
        &self,
        inputs: impl Iterator<Item = Result<Input<D>, TrainError>>,
    ) -> Result<Score, TrainError> {
        let (mut total, mut scores) = (Score::default(), Scores::new(self.every.get()));
        for input in inputs {
            self.measure(input?, &mut scores).map_err(TrainError::device)?;
            if scores.is_full() {
                total = self.add(total, &mut scores)?;
            }
        }
        self.add(total, &mut scores)
    }

    fn measure(&self, (images, labels): Input<D>, into: &mut Scores<f32, D>) -> Result<(), D::Err> {
        let logits = self.model.try_run(images)?;
        let values: Logits<D> = logits.clone();
        into.put(&values, &labels, &cross_entropy(logits, &labels, self.smoothing)?)
    }

    fn add(&self, mut total: Score, scores: &mut Scores<f32, D>) -> Result<Score, TrainError> {
        for score in scores.take(self.device).map_err(TrainError::device)? {
            total += score.into();
        }
        Ok(total)
    }
}

/// What became of a step.
enum Advanced {
    /// It was made, or its loss is not finite; with the scores that were read.
    Step(Vec<Score>),
    /// It was not made, because its gradient is not finite.
    Gradient { loss: f64 },
}

pub(crate) type Images<D> = Tensor<(usize, usize, usize, usize), f32, D>;

type Logits<D> = Tensor<(usize, usize), f32, D>;

/// Images (n, channels, height, width) and the n labels of a batch, as the network takes them.
pub type Input<D> = (Images<D>, Tensor<(usize,), usize, D>);

/// Images and labels of a batch, as the network takes them.
pub(crate) fn upload<D: Backend<f32>>(device: &D, batch: &Batch) -> Result<Input<D>, D::Err> {
    let count = batch.labels.len();
    let dims = image_dims(batch.images.len(), count);
    let images = device.try_tensor_from_vec(batch.images.clone(), dims)?;
    let labels = device.try_tensor_from_vec(batch.labels.clone(), (count,))?;
    Ok((images, labels))
}

/// The dimensions of `count` square images of three channels that have so many elements.
pub(crate) fn image_dims(elements: usize, count: usize) -> (usize, usize, usize, usize) {
    let side = (elements / (3 * count)).isqrt();
    (count, 3, side, side)
}
