//! How well steps went, kept on the device until somebody asks.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{CrossEntropySizes, Scored};
use crate::tensors::flat;

/// Scores of steps that wait on the device until they are read, so that the device need not be waited for in every step.
#[derive(Debug)]
pub struct Scores<E: Dtype, D: Backend<E>> {
    steps: usize,
    on_device: Option<D::Scores>,
    /// Of each step that waits.
    images: Vec<usize>,
}

/// How well a step went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepScore<E> {
    /// The mean loss.
    pub loss: E,
    /// Images whose largest logit is at their label.
    pub correct: usize,
    /// All images.
    pub images: usize,
}

impl<E: Dtype, D: Backend<E>> Scores<E, D> {
    /// Room for so many steps, at least one.
    pub fn new(steps: usize) -> Self {
        Self { steps: steps.max(1), on_device: None, images: Vec::new() }
    }

    /// Whether the next step needs the others to be [taken](Self::take) before.
    pub fn is_full(&self) -> bool {
        self.images.len() == self.steps
    }

    /// Puts a step's score down; `loss` is that of `logits` and `labels`.
    ///
    /// # Errors
    /// The device's.
    ///
    /// # Panics
    /// If there is no room left.
    pub fn put<B: Dim, C: Dim, T: Tape<E, D>, U: Tape<E, D>>(
        &mut self,
        logits: &Tensor<(B, C), E, D, T>,
        labels: &Tensor<(usize,), usize, D>,
        loss: &Tensor<Rank0, E, D, U>,
    ) -> Result<(), D::Err> {
        assert!(!self.is_full(), "{} steps were put down and none was read", self.steps);
        let device = loss.device();
        let (batch, classes) = (logits.shape().0.size(), logits.shape().1.size());
        let sizes = CrossEntropySizes { batch, classes, smoothing: 0.0 };
        let logits = flat(logits.retaped::<NoneTape>())?;
        let loss = loss.retaped::<NoneTape>().try_reshape_like(&(1,))?;
        let scores = match &mut self.on_device {
            Some(scores) => scores,
            none => none.insert(device.scores(self.steps)?),
        };
        device.put_score(
            &sizes,
            Scored { logits: &logits, labels, loss: &loss },
            self.images.len(),
            scores,
        )?;
        self.images.push(batch);
        Ok(())
    }

    /// Waits for the steps that were put down and makes room again; in their order.
    ///
    /// # Errors
    /// The device's.
    pub fn take(&mut self, device: &D) -> Result<Vec<StepScore<E>>, D::Err> {
        let images = std::mem::take(&mut self.images);
        let Some(on_device) = self.on_device.as_ref().filter(|_| !images.is_empty()) else {
            return Ok(Vec::new());
        };
        let scores = device.read_scores(on_device, images.len())?;
        let score = |((loss, correct), images)| StepScore { loss, correct, images };
        Ok(scores.into_iter().zip(images).map(score).collect())
    }
}
