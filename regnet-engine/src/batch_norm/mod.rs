//! Batch normalisation (Ioffe and Szegedy, 2015), with an optional residual and ReLU in the same pass.
//!
//! `y = act(gamma (x - mean) inv_std + beta + residual)` with `inv_std = 1 / sqrt(variance + epsilon)`. The
//! variance is the biased one, over the batch; a running variance is usually kept unbiased (times
//! `count / (count - 1)`), which is up to the caller.

pub(crate) mod fast;
pub mod reference;

use crate::planes::Planes;
use crate::{Real, check};

/// Added to the variance under the root; every published RegNet's (pycls, timm and torchvision agree).
pub const EPSILON: f64 = 1e-5;

/// The sizes: tensors `[batch, channels, pixels]`, parameters `[channels]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Images.
    pub batch: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Pixels of a channel: height times width.
    pub pixels: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

impl BatchNorm {
    /// Elements of the input and of the output.
    pub fn len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    /// Whether there is nothing to normalise.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn planes(&self) -> Planes {
        Planes { batch: self.batch, channels: self.channels, pixels: self.pixels }
    }

    /// Elements that one channel's statistics are taken over.
    pub fn count(&self) -> usize {
        self.batch * self.pixels
    }
}

/// What follows the normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(y, 0)`.
    Relu,
}

/// The numbers a channel is normalised with, each `[channels]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics<T> {
    /// Mean.
    pub mean: Vec<T>,
    /// Biased variance.
    pub variance: Vec<T>,
    /// `1 / sqrt(variance + epsilon)`.
    pub inv_std: Vec<T>,
}

impl<T: Real> Statistics<T> {
    /// Statistics that were gathered elsewhere, such as running ones.
    pub fn new(op: &BatchNorm, mean: Vec<T>, variance: Vec<T>) -> Self {
        check::length("mean", &mean, op.channels);
        check::length("variance", &variance, op.channels);
        let inv_std = variance.iter().map(|v| T::of(1.0 / (v.widen() + op.epsilon).sqrt())).collect();
        Statistics { mean, variance, inv_std }
    }

    #[track_caller]
    fn check(&self, op: &BatchNorm) {
        check::length("mean", &self.mean, op.channels);
        check::length("inv_std", &self.inv_std, op.channels);
    }
}

/// The inputs of [`apply`].
#[derive(Clone, Copy, Debug)]
pub struct Apply<'a, T> {
    /// Of the batch in training, running ones in inference.
    pub statistics: &'a Statistics<T>,
    /// Scale, `[channels]`.
    pub gamma: &'a [T],
    /// Shift, `[channels]`.
    pub beta: &'a [T],
    /// Added before the activation; of the input's shape.
    pub residual: Option<&'a [T]>,
    /// Applied last.
    pub activation: Activation,
    /// The tensor to normalise.
    pub x: &'a [T],
}

/// The inputs of [`backward`].
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a, T> {
    /// As given to [`apply`].
    pub statistics: &'a Statistics<T>,
    /// As given to [`apply`].
    pub gamma: &'a [T],
    /// As given to [`apply`].
    pub activation: Activation,
    /// As given to [`apply`].
    pub x: &'a [T],
    /// What [`apply`] wrote; the ReLU's mask is read from it.
    pub y: &'a [T],
    /// The gradient with respect to `y`.
    pub dy: &'a [T],
    /// Whether the statistics are those of `x` (and the gradient flows through them) or constants.
    pub training: bool,
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of the input.
    pub dx: &'a mut [T],
    /// Of the residual.
    pub dresidual: Option<&'a mut [T]>,
    /// Of the scale, `[channels]`.
    pub dgamma: &'a mut [T],
    /// Of the shift, `[channels]`.
    pub dbeta: &'a mut [T],
}

/// The statistics of a batch, with a relative error below 1e-6 in `f32`.
pub fn statistics<T: Real>(op: &BatchNorm, x: &[T]) -> Statistics<T> {
    check::length("x", x, op.len());
    T::batch_norm_statistics(op, x)
}

/// Overwrites `y` with `act(gamma (x - mean) inv_std + beta + residual)`.
pub fn apply<T: Real>(op: &BatchNorm, args: Apply<'_, T>, y: &mut [T]) {
    check_apply(op, &args);
    check::length("y", y, op.len());
    T::batch_norm_apply(op, args, y);
}

#[track_caller]
fn check_apply<T: Real>(op: &BatchNorm, args: &Apply<'_, T>) {
    args.statistics.check(op);
    check::length("gamma", args.gamma, op.channels);
    check::length("beta", args.beta, op.channels);
    if let Some(residual) = args.residual {
        check::length("residual", residual, op.len());
    }
    check::length("x", args.x, op.len());
}

/// Adds the gradients of [`apply`] to all of `gradients`.
pub fn backward<T: Real>(op: &BatchNorm, args: Backward<'_, T>, gradients: Gradients<'_, T>) {
    check_backward(op, &args, &gradients);
    T::batch_norm_backward(op, args, gradients);
}

#[track_caller]
fn check_backward<T: Real>(op: &BatchNorm, args: &Backward<'_, T>, gradients: &Gradients<'_, T>) {
    args.statistics.check(op);
    check::length("gamma", args.gamma, op.channels);
    check::length("x", args.x, op.len());
    check::length("y", args.y, op.len());
    check::length("dy", args.dy, op.len());
    check::length("dx", gradients.dx, op.len());
    if let Some(dresidual) = &gradients.dresidual {
        check::length("dresidual", dresidual, op.len());
    }
    check::length("dgamma", gradients.dgamma, op.channels);
    check::length("dbeta", gradients.dbeta, op.channels);
}
