//! The squeeze-and-excitation layer.

use dfdx::prelude::*;

use crate::backend::ExciteWeights;
use crate::dims::{LayerDim, Matches};
use crate::forward::{Accepts, Run};
use crate::tensors::{Map, flat};
use crate::{Backend, init, ops};

/// Squeeze-and-excitation (Hu et al., 2018): each of `Channels` channels is scaled by
/// `sigmoid(W2 relu(W1 mean(x) + b1) + b2)`, with `Hidden` units between.
///
/// Weights start as He et al. (2015) with fan-out, biases as 0. In a state dict the two layers are
/// `f_ex.0` and `f_ex.2`, 1x1 convolutions.
///
/// # Shapes
/// Input and output `(batch, Channels, height, width)`.
#[derive(Debug, Clone)]
pub struct SqueezeExcite<Channels: LayerDim, Hidden: LayerDim, E: Dtype, D: Storage<E>> {
    /// The reducing weight, W1.
    pub reduce: Tensor<OneByOne<Hidden, Channels>, E, D>,
    /// Its bias, b1.
    pub reduce_bias: Tensor<(Hidden::Param,), E, D>,
    /// The expanding weight, W2.
    pub expand: Tensor<OneByOne<Channels, Hidden>, E, D>,
    /// Its bias, b2.
    pub expand_bias: Tensor<(Channels::Param,), E, D>,
}

/// The shape of a 1x1 convolution's weight.
pub type OneByOne<Out, In> = (<Out as LayerDim>::Param, <In as LayerDim>::Param, Const<1>, Const<1>);

/// The names of the tensors, as pycls nests them.
pub(crate) const NAMES: [&str; 4] = ["f_ex.0.weight", "f_ex.0.bias", "f_ex.2.weight", "f_ex.2.bias"];

/// Squeeze-and-excitation in a block, or nothing.
pub trait Excite<E: Dtype, D: Backend<E>> {
    /// As [`Run::LEAVES_CLONES`].
    const LEAVES_CLONES: bool = true;
    /// As [`Run::FOLLOWS_SPEC`].
    const FOLLOWS_SPEC: bool = false;

    /// Whether it does anything.
    fn acts(&self) -> bool {
        true
    }

    /// Gates the channels of `x`, or passes it on.
    ///
    /// # Errors
    /// The device's.
    fn try_excite<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err>;
}

/// No squeeze-and-excitation, as in X blocks.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoExcite;

impl ZeroSizedModule for NoExcite {}

impl<E: Dtype, D: Backend<E>> Excite<E, D> for NoExcite {
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn acts(&self) -> bool {
        false
    }

    fn try_excite<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        Ok(x)
    }
}

impl<Channels: LayerDim, Hidden: LayerDim, E: Dtype, D: Backend<E>> Excite<E, D>
    for SqueezeExcite<Channels, Hidden, E, D>
{
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_excite<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let weights = ExciteWeights {
            w1: flat(self.reduce.clone())?,
            b1: flat(self.reduce_bias.clone())?,
            w2: flat(self.expand.clone())?,
            b2: flat(self.expand_bias.clone())?,
        };
        ops::squeeze_excite(x, weights)
    }
}

impl<Channels: LayerDim, Hidden: LayerDim, E: Dtype, D: Device<E>> SqueezeExcite<Channels, Hidden, E, D> {
    /// A freshly initialised layer.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, channels: Channels, hidden: Hidden) -> Result<Self, D::Err> {
        let (c, h) = (channels.param(), hidden.param());
        let mut layer = Self {
            reduce: device.try_zeros_like(&(h, c, Const, Const))?,
            reduce_bias: device.try_zeros_like(&(h,))?,
            expand: device.try_zeros_like(&(c, h, Const, Const))?,
            expand_bias: device.try_zeros_like(&(c,))?,
        };
        init::he_fan_out(&mut layer.reduce)?;
        init::he_fan_out(&mut layer.expand)?;
        Ok(layer)
    }
}

impl<Channels: LayerDim, Hidden: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D>
    for SqueezeExcite<Channels, Hidden, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = SqueezeExcite<Channels, Hidden, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::tensor(
                    NAMES[0],
                    |s| &s.reduce,
                    |s| &mut s.reduce,
                    TensorOptions::reset_with(init::he_fan_out),
                ),
                Self::tensor(
                    NAMES[1],
                    |s| &s.reduce_bias,
                    |s| &mut s.reduce_bias,
                    TensorOptions::reset_to_zeros(),
                ),
                Self::tensor(
                    NAMES[2],
                    |s| &s.expand,
                    |s| &mut s.expand,
                    TensorOptions::reset_with(init::he_fan_out),
                ),
                Self::tensor(
                    NAMES[3],
                    |s| &s.expand_bias,
                    |s| &mut s.expand_bias,
                    TensorOptions::reset_to_zeros(),
                ),
            ),
            |(reduce, reduce_bias, expand, expand_bias)| SqueezeExcite {
                reduce,
                reduce_bias,
                expand,
                expand_bias,
            },
        )
    }
}

impl<Channels: LayerDim, Hidden: LayerDim, E: Dtype, D: Backend<E>> Run<E, D>
    for SqueezeExcite<Channels, Hidden, E, D>
{
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_excite(x)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_excite(x)
    }
}

impl<Batch, C, H, W, Channels, Hidden, E, D> Accepts<(Batch, C, H, W)>
    for SqueezeExcite<Channels, Hidden, E, D>
where
    Batch: Dim,
    C: Dim + Matches<Channels>,
    H: Dim,
    W: Dim,
    Channels: LayerDim,
    Hidden: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type Output = (Batch, C, H, W);
}
