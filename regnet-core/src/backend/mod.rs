//! The kernels a device must offer; one implementation a device.
//!
//! Kernels see flat tensors and a description of the sizes. Forward kernels return new tensors; backward
//! kernels **add** to the gradients they are given. Everything typed is decided before a kernel is called.

mod cpu;
mod gradients;
mod products;
mod storage;

pub use products::{Products, UnknownProducts};
pub(crate) use storage::{elements, filled};

use dfdx::optim::{Momentum, WeightDecay};
use dfdx::prelude::*;
pub use regnet_engine::batch_norm::{Activation, BatchNorm as BatchNormSizes};
pub use regnet_engine::conv2d::Conv2d as Conv2dSizes;
pub use regnet_engine::cross_entropy::CrossEntropy as CrossEntropySizes;
pub use regnet_engine::fuse::Fuse as FuseSizes;
pub use regnet_engine::global_avg_pool::GlobalAvgPool as GlobalAvgPoolSizes;
pub use regnet_engine::linear::Linear as LinearSizes;
pub use regnet_engine::max_pool::MaxPool as MaxPoolSizes;
pub use regnet_engine::regulator::{ConvWeights, Step as RegulatorSizes, Weights as RegulatorWeights};
pub use regnet_engine::squeeze_excite::SqueezeExcite as SqueezeExciteSizes;

pub(crate) use gradients::{with_gradients, with_gradients_of};

use crate::tensors::{Flat, Map};
use crate::training::{Outcome, TrainingPlans};

/// A device's storage of elements; gradients are accumulated in these.
pub type Buffer<E, D> = <D as Storage<E>>::Vec;

/// A dfdx device with the kernels that RegNets are made of.
pub trait Backend<E: Dtype>: Device<E> + Cache {
    /// Which input element each output of a max pool came from.
    type Argmax: 'static;

    /// What a regulator's step keeps for its gradient.
    type Regulation: 'static;

    /// Where scores of steps wait on the device until they are read.
    type Scores: std::fmt::Debug;

    /// What steps of SGD keep from one to the next.
    type SgdTable: Default + std::fmt::Debug;

    /// The logits of `x` with the statistics of the batch, which the running ones then follow: in one operation where the
    /// device has one for the network of `plans`, which `model` is, and else the images again. The gradient of the images
    /// is not computed.
    ///
    /// # Errors
    /// The device's.
    fn train_whole<M: TensorCollection<E, Self>>(
        &self,
        model: &mut M,
        plans: &mut TrainingPlans,
        x: Map<E, Self, OwnedTape<E, Self>>,
    ) -> Result<Outcome<E, Self>, Self::Err> {
        let _ = (model, plans);
        Ok(Err(x))
    }

    /// The error for tensors whose dimensions do not fit the layer they enter. Only `usize` dimensions can
    /// come to this; `Const` ones are checked by the compiler.
    fn shape_error(&self) -> Self::Err;

    /// Convolution of `x` with `w`, "same"-padded.
    ///
    /// # Errors
    /// The device's.
    fn conv2d(
        &self,
        sizes: &Conv2dSizes,
        x: &Flat<E, Self>,
        w: &Flat<E, Self>,
    ) -> Result<Flat<E, Self>, Self::Err>;

    /// Adds the gradients of [`Backend::conv2d`].
    ///
    /// # Errors
    /// The device's.
    fn conv2d_backward(
        &self,
        sizes: &Conv2dSizes,
        inputs: Conv2dInputs<'_, E, Self>,
        dy: &Buffer<E, Self>,
        gradients: Conv2dGradients<'_, Buffer<E, Self>>,
    ) -> Result<(), Self::Err>;

    /// Mean and variance of each channel of a batch.
    ///
    /// # Errors
    /// The device's.
    fn batch_statistics(
        &self,
        sizes: &BatchNormSizes,
        x: &Flat<E, Self>,
    ) -> Result<Statistics<E, Self>, Self::Err>;

    /// The running mean and variance after a batch: `keep running + share batch` in each channel. A channel whose mean or
    /// variance in the batch is not finite keeps both as they were.
    ///
    /// # Errors
    /// The device's.
    fn follow_statistics(
        &self,
        running: [&Flat<E, Self>; 2],
        batch: &Statistics<E, Self>,
        shares: Shares,
    ) -> Result<[Flat<E, Self>; 2], Self::Err>;

    /// `activation(gamma (x - mean) inv_std + beta + residual)`.
    ///
    /// # Errors
    /// The device's.
    fn batch_norm(
        &self,
        sizes: &BatchNormSizes,
        inputs: &BatchNormInputs<E, Self>,
    ) -> Result<Flat<E, Self>, Self::Err>;

    /// Adds the gradients of [`Backend::batch_norm`]; through the statistics too where they are the batch's.
    ///
    /// # Errors
    /// The device's.
    fn batch_norm_backward(
        &self,
        sizes: &BatchNormSizes,
        inputs: &BatchNormInputs<E, Self>,
        y: &Flat<E, Self>,
        dy: &Buffer<E, Self>,
        gradients: BatchNormGradients<'_, Buffer<E, Self>>,
    ) -> Result<(), Self::Err>;

    /// `max(x, 0)`.
    ///
    /// # Errors
    /// The device's.
    fn relu(&self, x: &Flat<E, Self>) -> Result<Flat<E, Self>, Self::Err>;

    /// Adds the gradient of [`Backend::relu`], read off its output `y`.
    ///
    /// # Errors
    /// The device's.
    fn relu_backward(
        &self,
        y: &Flat<E, Self>,
        dy: &Buffer<E, Self>,
        dx: &mut Buffer<E, Self>,
    ) -> Result<(), Self::Err>;

    /// Max pooling, and where each maximum came from.
    ///
    /// # Errors
    /// The device's.
    fn max_pool(
        &self,
        sizes: &MaxPoolSizes,
        x: &Flat<E, Self>,
    ) -> Result<(Flat<E, Self>, Self::Argmax), Self::Err>;

    /// Adds the gradient of [`Backend::max_pool`].
    ///
    /// # Errors
    /// The device's.
    fn max_pool_backward(
        &self,
        sizes: &MaxPoolSizes,
        argmax: &Self::Argmax,
        dy: &Buffer<E, Self>,
        dx: &mut Buffer<E, Self>,
    ) -> Result<(), Self::Err>;

    /// The mean of each channel.
    ///
    /// # Errors
    /// The device's.
    fn global_avg_pool(
        &self,
        sizes: &GlobalAvgPoolSizes,
        x: &Flat<E, Self>,
    ) -> Result<Flat<E, Self>, Self::Err>;

    /// Adds the gradient of [`Backend::global_avg_pool`].
    ///
    /// # Errors
    /// The device's.
    fn global_avg_pool_backward(
        &self,
        sizes: &GlobalAvgPoolSizes,
        dy: &Buffer<E, Self>,
        dx: &mut Buffer<E, Self>,
    ) -> Result<(), Self::Err>;

    /// `x wᵀ + bias`.
    ///
    /// # Errors
    /// The device's.
    fn linear(
        &self,
        sizes: &LinearSizes,
        x: &Flat<E, Self>,
        w: &Flat<E, Self>,
        bias: &Flat<E, Self>,
    ) -> Result<Flat<E, Self>, Self::Err>;

    /// Adds the gradients of [`Backend::linear`].
    ///
    /// # Errors
    /// The device's.
    fn linear_backward(
        &self,
        sizes: &LinearSizes,
        x: &Flat<E, Self>,
        w: &Flat<E, Self>,
        dy: &Buffer<E, Self>,
        gradients: LinearGradients<'_, Buffer<E, Self>>,
    ) -> Result<(), Self::Err>;

    /// Scales each channel by a gate computed from the channels' means.
    ///
    /// # Errors
    /// The device's.
    fn squeeze_excite(
        &self,
        sizes: &SqueezeExciteSizes,
        weights: &ExciteWeights<E, Self>,
        x: &Flat<E, Self>,
    ) -> Result<(Flat<E, Self>, Excitation<E, Self>), Self::Err>;

    /// Adds the gradients of [`Backend::squeeze_excite`].
    ///
    /// # Errors
    /// The device's.
    fn squeeze_excite_backward(
        &self,
        sizes: &SqueezeExciteSizes,
        weights: &ExciteWeights<E, Self>,
        excitation: &Excitation<E, Self>,
        x: &Flat<E, Self>,
        dy: &Buffer<E, Self>,
        gradients: ExciteGradients<'_, Buffer<E, Self>>,
    ) -> Result<(), Self::Err>;

    /// One step of a regulator: the state before its norm. The previous `state` is zero where there is none.
    ///
    /// # Errors
    /// The device's.
    fn regulate(
        &self,
        sizes: &RegulatorSizes,
        weights: &RegulatorWeights<Flat<E, Self>>,
        x: &Flat<E, Self>,
        state: Option<&Flat<E, Self>>,
    ) -> Result<(Flat<E, Self>, Self::Regulation), Self::Err>;

    /// Adds the gradients of [`Backend::regulate`].
    ///
    /// # Errors
    /// The device's.
    fn regulate_backward(
        &self,
        sizes: &RegulatorSizes,
        inputs: RegulatorInputs<'_, E, Self>,
        regulation: Self::Regulation,
        dnext: &Buffer<E, Self>,
        gradients: RegulatorGradients<'_, Buffer<E, Self>>,
    ) -> Result<(), Self::Err>;

    /// The 1x1 convolution of features and, behind them, a hidden state.
    ///
    /// # Errors
    /// The device's.
    fn fuse(
        &self,
        sizes: &FuseSizes,
        x: &Flat<E, Self>,
        state: &Flat<E, Self>,
        w: &Flat<E, Self>,
    ) -> Result<Flat<E, Self>, Self::Err>;

    /// Adds the gradients of [`Backend::fuse`].
    ///
    /// # Errors
    /// The device's.
    fn fuse_backward(
        &self,
        sizes: &FuseSizes,
        inputs: FuseInputs<'_, E, Self>,
        dy: &Buffer<E, Self>,
        gradients: FuseGradients<'_, Buffer<E, Self>>,
    ) -> Result<(), Self::Err>;

    /// Mean label-smoothed cross-entropy over the batch, as a tensor of one element.
    ///
    /// # Errors
    /// The shape error for a label outside the classes; the device's otherwise.
    fn cross_entropy(
        &self,
        sizes: &CrossEntropySizes,
        logits: &Flat<E, Self>,
        labels: &Labels<Self>,
    ) -> Result<Flat<E, Self>, Self::Err>;

    /// Adds the gradient of [`Backend::cross_entropy`].
    ///
    /// # Errors
    /// The device's.
    fn cross_entropy_backward(
        &self,
        sizes: &CrossEntropySizes,
        logits: &Flat<E, Self>,
        labels: &Labels<Self>,
        dloss: &Buffer<E, Self>,
        dlogits: &mut Buffer<E, Self>,
    ) -> Result<(), Self::Err>;

    /// Room for the scores of so many steps.
    ///
    /// # Errors
    /// The device's.
    fn scores(&self, steps: usize) -> Result<Self::Scores, Self::Err>;

    /// Puts a step's score into place `step`: the loss, a tensor of one element, and the number of images whose largest
    /// logit is at their label. Waits for neither.
    ///
    /// # Errors
    /// The device's.
    fn put_score(
        &self,
        sizes: &CrossEntropySizes,
        of: Scored<'_, E, Self>,
        step: usize,
        into: &mut Self::Scores,
    ) -> Result<(), Self::Err>;

    /// The losses and the numbers of images in the first `steps` places; waits for the device, once.
    ///
    /// # Errors
    /// The device's.
    fn read_scores(&self, scores: &Self::Scores, steps: usize) -> Result<Vec<(E, usize)>, Self::Err>;

    /// A step of SGD on all trained tensors of a network at once, which leaves their gradients at zero. `false` where the
    /// device has no such thing; then nothing has moved, and the step is to be made tensor by tensor.
    ///
    /// Unlike dfdx's steps this one does not look whether a tensor shares its storage: **clones of the network's tensors
    /// move with them.** It is for a caller who knows that there are none.
    ///
    /// # Errors
    /// The device's.
    fn sgd<M: TensorCollection<E, Self>>(
        &self,
        config: &SgdConfig,
        tensors: SgdTensors<'_, M, E, Self>,
        table: &mut Self::SgdTable,
    ) -> Result<bool, Self::Err> {
        let _ = (config, tensors, table);
        Ok(false)
    }

    /// What matrix products of f32 round their factors to from now on, which some devices multiply several times as fast;
    /// at first they do not round. Without effect on devices that have no such formats.
    ///
    /// # Errors
    /// The device's.
    fn round_products(&self, to: Products) -> Result<(), Self::Err> {
        let _ = to;
        Ok(())
    }

    /// Whether all elements of a buffer are finite; waits for the device.
    ///
    /// # Errors
    /// The device's.
    fn is_finite(&self, buffer: &Buffer<E, Self>) -> Result<bool, Self::Err>;

    /// Overwrites a buffer with as many elements as it has.
    ///
    /// Unless a device knows better, a step of SGD carries the elements over, which turns -0 into 0.
    ///
    /// # Errors
    /// The shape error for another number of elements; the device's otherwise.
    fn write_buffer(&self, buffer: &mut Buffer<E, Self>, values: Vec<E>) -> Result<(), Self::Err> {
        let len = values.len();
        let mut carrier: Flat<E, Self> = self.try_tensor_from_vec(values, (len,))?;
        let zeros = Storage::<E>::try_alloc_len(self, len)?;
        // g = 0 + 1 p, v = g + 0 v, p = p - 0 v.
        let (momentum, weight_decay) = (Some(Momentum::Classic(0.0)), Some(WeightDecay::L2(1.0)));
        SgdConfig { lr: 0.0, momentum, weight_decay }.try_update(&mut carrier, buffer, &zeros)
    }
}

/// Class numbers of a batch, as one flat tensor.
pub type Labels<D> = Tensor<(usize,), usize, D>;

/// What a step of SGD reads and writes.
#[derive(Debug)]
pub struct SgdTensors<'a, M, E: Dtype, D: Storage<E>> {
    /// The network.
    pub model: &'a mut M,
    /// The gradients of its trained tensors.
    pub gradients: &'a mut Gradients<E, D>,
    /// Their velocities.
    pub velocity: &'a mut Gradients<E, D>,
}

/// What a score is of.
#[derive(Debug)]
pub struct Scored<'a, E: Dtype, D: Storage<E> + Storage<usize>> {
    /// The logits.
    pub logits: &'a Flat<E, D>,
    /// The class of each image.
    pub labels: &'a Labels<D>,
    /// The loss, a tensor of one element.
    pub loss: &'a Flat<E, D>,
}

/// What a convolution read.
#[derive(Debug)]
pub struct Conv2dInputs<'a, E: Dtype, D: Storage<E>> {
    /// The input.
    pub x: &'a Flat<E, D>,
    /// The weight.
    pub w: &'a Flat<E, D>,
}

/// Where a convolution's gradients go.
#[derive(Debug)]
pub struct Conv2dGradients<'a, V> {
    /// Of the input.
    pub dx: &'a mut V,
    /// Of the weight.
    pub dw: &'a mut V,
}

/// The numbers each channel is normalised with; each is `(channels,)`.
#[derive(Debug, Clone)]
pub struct Statistics<E: Dtype, D: Storage<E>> {
    /// Mean.
    pub mean: Flat<E, D>,
    /// Biased variance.
    pub variance: Flat<E, D>,
    /// `1 / sqrt(variance + epsilon)`.
    pub inv_std: Flat<E, D>,
}

/// How running statistics follow those of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// The share of the running statistics that is kept.
    pub keep: f64,
    /// The share of the batch's mean.
    pub mean: f64,
    /// The share of the batch's variance; what makes it unbiased is part of it.
    pub variance: f64,
}

/// What a batch normalisation read.
#[derive(Debug, Clone)]
pub struct BatchNormInputs<E: Dtype, D: Storage<E>> {
    /// The tensor to normalise.
    pub x: Flat<E, D>,
    /// Scale, `(channels,)`.
    pub gamma: Flat<E, D>,
    /// Shift, `(channels,)`.
    pub beta: Flat<E, D>,
    /// Of the batch, or running ones.
    pub statistics: Statistics<E, D>,
    /// Whether the statistics are those of `x`, so that gradients flow through them.
    pub of_batch: bool,
    /// Added before the activation.
    pub residual: Option<Flat<E, D>>,
    /// Applied last.
    pub activation: Activation,
}

/// Where a batch normalisation's gradients go.
#[derive(Debug)]
pub struct BatchNormGradients<'a, V> {
    /// Of the input.
    pub dx: &'a mut V,
    /// Of the scale.
    pub dgamma: &'a mut V,
    /// Of the shift.
    pub dbeta: &'a mut V,
    /// Of the residual.
    pub dresidual: Option<&'a mut V>,
}

/// Where a linear layer's gradients go.
#[derive(Debug)]
pub struct LinearGradients<'a, V> {
    /// Of the input.
    pub dx: &'a mut V,
    /// Of the weight.
    pub dw: &'a mut V,
    /// Of the bias.
    pub dbias: &'a mut V,
}

/// The weights of a squeeze-and-excitation.
#[derive(Debug, Clone)]
pub struct ExciteWeights<E: Dtype, D: Storage<E>> {
    /// Reducing, `(hidden, channels)`.
    pub w1: Flat<E, D>,
    /// Its bias, `(hidden,)`.
    pub b1: Flat<E, D>,
    /// Expanding, `(channels, hidden)`.
    pub w2: Flat<E, D>,
    /// Its bias, `(channels,)`.
    pub b2: Flat<E, D>,
}

/// What a squeeze-and-excitation keeps for its gradient.
#[derive(Debug, Clone)]
pub struct Excitation<E: Dtype, D: Storage<E>> {
    /// The channels' means, `(batch, channels)`.
    pub pooled: Flat<E, D>,
    /// After the reducing layer and its ReLU, `(batch, hidden)`.
    pub hidden: Flat<E, D>,
    /// The gates, `(batch, channels)`.
    pub gate: Flat<E, D>,
}

/// Where a squeeze-and-excitation's gradients go.
#[derive(Debug)]
pub struct ExciteGradients<'a, V> {
    /// Of the input.
    pub dx: &'a mut V,
    /// Of the reducing weight.
    pub dw1: &'a mut V,
    /// Of its bias.
    pub db1: &'a mut V,
    /// Of the expanding weight.
    pub dw2: &'a mut V,
    /// Of its bias.
    pub db2: &'a mut V,
}

/// What a regulator's step read and wrote.
#[derive(Debug)]
pub struct RegulatorInputs<'a, E: Dtype, D: Storage<E>> {
    /// The features.
    pub x: &'a Flat<E, D>,
    /// The previous state.
    pub state: Option<&'a Flat<E, D>>,
    /// The weights.
    pub weights: &'a RegulatorWeights<Flat<E, D>>,
    /// The next state, before its norm.
    pub next: &'a Flat<E, D>,
}

/// Where a regulator's gradients go.
#[derive(Debug)]
pub struct RegulatorGradients<'a, V> {
    /// Of the features.
    pub dx: &'a mut V,
    /// Of the previous state, if there was one.
    pub dstate: Option<&'a mut V>,
    /// Of the weights.
    pub dweights: RegulatorWeights<&'a mut V>,
}

/// What a fusion read.
#[derive(Debug)]
pub struct FuseInputs<'a, E: Dtype, D: Storage<E>> {
    /// The features.
    pub x: &'a Flat<E, D>,
    /// The state, its hidden part first.
    pub state: &'a Flat<E, D>,
    /// The weight, `(channels, 2, channels)`.
    pub w: &'a Flat<E, D>,
}

/// Where a fusion's gradients go.
#[derive(Debug)]
pub struct FuseGradients<'a, V> {
    /// Of the features.
    pub dx: &'a mut V,
    /// Of the state.
    pub dstate: &'a mut V,
    /// Of the weight.
    pub dw: &'a mut V,
}
