//! The batch-norm layer.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::Activation;
use crate::dims::{LayerDim, Matches};
use crate::forward::{Accepts, Run};
use crate::ops::{self, BatchNormArgs};
use crate::tensors::{Map, cast, flat};

/// Batch normalisation over `(batch, height, width)` of `Channels` channels (Ioffe and Szegedy, 2015).
///
/// `forward` uses the running statistics, `forward_mut` the batch's, and updates the running ones:
/// `running = 0.9 running + 0.1 batch`, the variance unbiased, as PyTorch does. Tensors are
/// named as PyTorch names them, so `weight` is the scale.
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

/// Added to the variance under the root; every published RegNet's (pycls, timm and torchvision agree).
const EPSILON: f64 = 1e-5;

/// The share of the new batch in the running statistics; likewise.
const MOMENTUM: f64 = 0.1;

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
        let running = (flat(self.running_mean.clone())?, flat(self.running_var.clone())?);
        let args = BatchNormArgs { running: Some(running), ..self.args(residual, activation)? };
        Ok(ops::batch_norm(x, args)?.0)
    }

    /// The same with the batch's statistics, which the running ones then follow.
    pub(crate) fn try_run_fused_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        residual: Option<Map<E, D>>,
        activation: Activation,
    ) -> Result<Map<E, D, T>, D::Err> {
        let &(batch, _, height, width) = x.shape();
        let (y, batch_statistics) = ops::batch_norm(x, self.args(residual, activation)?)?;
        // A single value has no unbiased variance; its biased one, 0, stands in.
        let count = (batch * height * width) as f64;
        let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
        let keep = 1.0 - MOMENTUM;
        self.running_mean.try_axpy(keep, &cast(batch_statistics.mean)?, MOMENTUM)?;
        self.running_var.try_axpy(keep, &cast(batch_statistics.variance)?, MOMENTUM * unbiased)?;
        Ok(y)
    }

    fn args(
        &self,
        residual: Option<Map<E, D>>,
        activation: Activation,
    ) -> Result<BatchNormArgs<E, D>, D::Err> {
        Ok(BatchNormArgs {
            gamma: flat(self.weight.clone())?,
            beta: flat(self.bias.clone())?,
            running: None,
            epsilon: EPSILON,
            residual,
            activation,
        })
    }
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
