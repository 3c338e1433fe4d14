//! The batch-norm layer.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{Activation, Shares};
use crate::dims::{LayerDim, Matches};
use crate::forward::{Accepts, Run};
use crate::ops::{self, BatchNormArgs};
use crate::tensors::{Map, flat};

/// Batch normalisation over `(batch, height, width)` of `Channels` channels (Ioffe and Szegedy, 2015).
///
/// `forward` uses the running statistics, `forward_mut` the batch's, and updates the running ones:
/// `running = 0.9 running + 0.1 batch`, the variance unbiased, as PyTorch does. Unlike PyTorch's, a
/// channel whose mean or variance in the batch is not finite keeps its running ones: a single NaN
/// would spoil them for good. Tensors are named as PyTorch names them, so `weight` is the scale.
///
/// # Shapes
/// Input and output `(batch, Channels, height, width)`, each parameter `(Channels,)`.
#[derive(Debug, Clone)]
pub struct BatchNorm2d<Channels: LayerDim, E: Dtype, D: Storage<E>> {
    /// The scale, gamma; starts as 1.
    pub weight: Tensor<(Channels::Param,), E, D>,
    /// The shift, beta; starts as 0.
    pub bias: Tensor<(Channels::Param,), E, D>,
    /// The running mean; starts as 0.
    pub running_mean: Tensor<(Channels::Param,), E, D>,
    /// The running variance; starts as 1.
    pub running_var: Tensor<(Channels::Param,), E, D>,
}

pub(crate) use regnet_engine::batch_norm::EPSILON;

/// The share of the new batch in the running statistics; likewise.
pub(crate) const MOMENTUM: f64 = 0.1;

impl<Channels: LayerDim, E: Dtype, D: Device<E>> BatchNorm2d<Channels, E, D> {
    /// A freshly initialised layer.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, channels: Channels) -> Result<Self, D::Err> {
        let shape = (channels.param(),);
        Ok(Self {
            weight: device.try_ones_like(&shape)?,
            bias: device.try_zeros_like(&shape)?,
            running_mean: device.try_zeros_like(&shape)?,
            running_var: device.try_ones_like(&shape)?,
        })
    }
}

impl<Channels: LayerDim, E: Dtype, D: Backend<E>> BatchNorm2d<Channels, E, D> {
    /// `activation(norm(x) + residual)` with the running statistics, in one pass.
    pub(crate) fn try_run_fused<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        residual: Option<Map<E, D>>,
        activation: Activation,
    ) -> Result<Map<E, D, T>, D::Err> {
        let args = args(&self.weight, &self.bias, residual, activation)?;
        evaluate(x, args, &self.running_mean, &self.running_var)
    }

    /// The same with the batch's statistics, which the running ones then follow.
    pub(crate) fn try_run_fused_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        residual: Option<Map<E, D>>,
        activation: Activation,
    ) -> Result<Map<E, D, T>, D::Err> {
        let args = args(&self.weight, &self.bias, residual, activation)?;
        train(x, args, &mut self.running_mean, &mut self.running_var)
    }
}

/// A norm of this scale and shift, without statistics.
pub(crate) fn args<S: Shape, E: Dtype, D: Backend<E>>(
    scale: &Tensor<S, E, D>,
    shift: &Tensor<S, E, D>,
    residual: Option<Map<E, D>>,
    activation: Activation,
) -> Result<BatchNormArgs<E, D>, D::Err>
where
    S::Concrete: Shape<Concrete = S::Concrete>,
{
    let (gamma, beta) = (flat(scale.clone())?, flat(shift.clone())?);
    Ok(BatchNormArgs { gamma, beta, running: None, epsilon: EPSILON, residual, activation })
}

/// Normalises with running statistics.
pub(crate) fn evaluate<S: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    args: BatchNormArgs<E, D>,
    mean: &Tensor<S, E, D>,
    variance: &Tensor<S, E, D>,
) -> Result<Map<E, D, T>, D::Err>
where
    S::Concrete: Shape<Concrete = S::Concrete>,
{
    let running = (flat(mean.clone())?, flat(variance.clone())?);
    Ok(ops::batch_norm(x, BatchNormArgs { running: Some(running), ..args })?.0)
}

/// Normalises with the batch's statistics, which the running ones then follow.
pub(crate) fn train<S: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    args: BatchNormArgs<E, D>,
    mean: &mut Tensor<S, E, D>,
    variance: &mut Tensor<S, E, D>,
) -> Result<Map<E, D, T>, D::Err>
where
    S::Concrete: Shape<Concrete = S::Concrete>,
{
    let (&(batch, _, height, width), device) = (x.shape(), x.device().clone());
    let (y, of_batch) = ops::batch_norm(x, args)?;
    // A single value has no unbiased variance; its biased one, 0, stands in.
    let count = (batch * height * width) as f64;
    let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
    let shares = Shares { keep: 1.0 - MOMENTUM, mean: MOMENTUM, variance: MOMENTUM * unbiased };
    let running = [&flat(mean.clone())?, &flat(variance.clone())?];
    let [next_mean, next_variance] = device.follow_statistics(running, &of_batch, shares)?;
    *mean = next_mean.try_reshape_like(mean.shape())?;
    *variance = next_variance.try_reshape_like(variance.shape())?;
    Ok(y)
}

impl<Channels: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D> for BatchNorm2d<Channels, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = BatchNorm2d<Channels, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::tensor("weight", |s| &s.weight, |s| &mut s.weight, TensorOptions::reset_to_ones()),
                Self::tensor("bias", |s| &s.bias, |s| &mut s.bias, TensorOptions::reset_to_zeros()),
                Self::tensor(
                    "running_mean",
                    |s| &s.running_mean,
                    |s| &mut s.running_mean,
                    TensorOptions::detached(|t| t.try_fill_with_zeros()),
                ),
                Self::tensor(
                    "running_var",
                    |s| &s.running_var,
                    |s| &mut s.running_var,
                    TensorOptions::detached(|t| t.try_fill_with_ones()),
                ),
            ),
            |(weight, bias, running_mean, running_var)| BatchNorm2d {
                weight,
                bias,
                running_mean,
                running_var,
            },
        )
    }
}

impl<Channels: LayerDim, E: Dtype, D: Backend<E>> Run<E, D> for BatchNorm2d<Channels, E, D> {
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = false;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_run_fused(x, None, Activation::Identity)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_run_fused_mut(x, None, Activation::Identity)
    }
}

impl<Batch, C, H, W, Channels, E, D> Accepts<(Batch, C, H, W)> for BatchNorm2d<Channels, E, D>
where
    Batch: Dim,
    C: Dim + Matches<Channels>,
    H: Dim,
    W: Dim,
    Channels: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type Output = (Batch, C, H, W);
}
