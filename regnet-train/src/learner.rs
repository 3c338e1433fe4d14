//! One step of training, and measuring.

use std::ops::AddAssign;

use dfdx::nn::ZeroGrads;
use dfdx::prelude::*;
use regnet_core::{Backend, Run, cross_entropy};

use crate::data::{Batch, Batches};
use crate::error::TrainError;
use crate::optim::Sgd;
use crate::recipe::Recipe;

/// How well images were classified.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
}

impl<'a, M: Classifier<D>, D: Backend<f32>> Learner<'a, M, D> {
    /// A learner at rest.
    pub fn new(device: &'a D, model: &'a mut M, recipe: &Recipe) -> Self {
        Self { model, device, smoothing: recipe.label_smoothing, sgd: Sgd::new(recipe), gradients: None }
    }

    /// The network and its optimiser.
    pub(crate) fn parts(&mut self) -> (&mut M, &mut Sgd<f32, D>) {
        (self.model, &mut self.sgd)
    }

    /// What it learns on.
    pub fn device(&self) -> &'a D {
        self.device
    }

    /// The network.
    pub fn model(&self) -> &M {
        self.model
    }

    /// Learns from a batch at learning rate `rate`; the score is of before.
    ///
    /// A loss that is not finite is in the score, and then nothing is learnt.
    ///
    /// # Errors
    ///
    /// The device's, with [`TrainError::Device`].
    pub fn step(&mut self, batch: &Batch, rate: f64) -> Result<Score, TrainError> {
        self.try_step(batch, rate).map_err(TrainError::device)
    }

    fn try_step(&mut self, batch: &Batch, rate: f64) -> Result<Score, D::Err> {
        let (images, labels) = upload(self.device, batch)?;
        let gradients = match self.gradients.take() {
            Some(gradients) => gradients,
            None => self.model.try_alloc_grads()?,
        };
        let logits = self.model.try_run_mut(images.traced(gradients))?;
        let correct = correct(&logits.as_vec(), &batch.labels);
        let loss = cross_entropy(logits, &labels, self.smoothing)?;
        let score = score(&loss, correct, batch);
        if !score.loss().is_finite() {
            return Ok(score);
        }
        let mut gradients = loss.try_backward()?;
        self.sgd.step(self.model, &mut gradients, rate)?;
        self.model.try_zero_grads(&mut gradients)?;
        self.gradients = Some(gradients);
        Ok(score)
    }

    /// Measures with the batch norms' running statistics, learning nothing. The loss is the one trained on.
    ///
    /// # Errors
    ///
    /// An image that cannot be read, and the device's.
    pub fn evaluate(&self, batches: &Batches) -> Result<Score, TrainError> {
        let mut total = Score::default();
        for batch in batches.epoch(0) {
            total += self.measure(&batch?).map_err(TrainError::device)?;
        }
        Ok(total)
    }

    fn measure(&self, batch: &Batch) -> Result<Score, D::Err> {
        let (images, labels) = upload(self.device, batch)?;
        let logits = self.model.try_run(images)?;
        let correct = correct(&logits.as_vec(), &batch.labels);
        Ok(score(&cross_entropy(logits, &labels, self.smoothing)?, correct, batch))
    }
}

pub(crate) type Images<D> = Tensor<(usize, usize, usize, usize), f32, D>;

/// Images and labels of a batch, as the network takes them.
pub(crate) fn upload<D: Backend<f32>>(
    device: &D,
    batch: &Batch,
) -> Result<(Images<D>, Tensor<(usize,), usize, D>), D::Err> {
    let count = batch.labels.len();
    let side = (batch.images.len() / (3 * count)).isqrt();
    let images = device.try_tensor_from_vec(batch.images.clone(), (count, 3, side, side))?;
    let labels = device.try_tensor_from_vec(batch.labels.clone(), (count,))?;
    Ok((images, labels))
}

fn score<D: Backend<f32>, T: Tape<f32, D>>(
    loss: &Tensor<Rank0, f32, D, T>,
    correct: usize,
    batch: &Batch,
) -> Score {
    let images = batch.labels.len();
    Score { loss_sum: f64::from(loss.as_vec()[0]) * images as f64, correct, images }
}

/// How many images have their largest logit at their label.
fn correct(logits: &[f32], labels: &[usize]) -> usize {
    let rows = logits.chunks_exact(logits.len() / labels.len());
    rows.zip(labels).filter(|(row, label)| largest(row) == Some(**label)).count()
}

fn largest(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
}
