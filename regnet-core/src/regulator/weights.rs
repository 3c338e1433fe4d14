//! The convolutions of a regulator's gates: full ones, or the paper's efficient form.

use dfdx::prelude::*;

use crate::backend::ConvWeights;
use crate::dims::LayerDim;
use crate::regulator::Kind;
use crate::tensors::{Flat, flat};
use crate::{Backend, init};

/// A 3x3 convolution from features and hidden state, `2 N` channels, to each gate's `N` channels.
///
/// The two halves of the weight are two tensors: what sees the features and what sees the hidden state.
#[derive(Debug, Clone)]
pub struct FullConv<K: Kind, N: LayerDim, E: Dtype, D: Storage<E>> {
    /// What sees the features.
    pub x: Tensor<FullShape<K, N>, E, D>,
    /// What sees the hidden state.
    pub h: Tensor<FullShape<K, N>, E, D>,
}

/// `(gates, N, N, 3, 3)`.
pub type FullShape<K, N> = (
    <<K as Kind>::Gates as LayerDim>::Param,
    <N as LayerDim>::Param,
    <N as LayerDim>::Param,
    Const<3>,
    Const<3>,
);

/// Each channel by itself: a grouped 1x1 convolution fuses a channel of the features with the same channel of the hidden
/// state, and a grouped 3x3 one follows, both of `N` groups (Xu et al., section 3.3).
#[derive(Debug, Clone)]
pub struct EfficientConv<K: Kind, N: LayerDim, E: Dtype, D: Storage<E>> {
    /// The half of the 1x1 convolution that sees the features.
    pub x_scale: Tensor<RowShape<K, N>, E, D>,
    /// The half that sees the hidden state.
    pub h_scale: Tensor<RowShape<K, N>, E, D>,
    /// The 3x3 convolution.
    pub spatial: Tensor<SpatialShape<K, N>, E, D>,
}

/// `(gates, N)`.
pub type RowShape<K, N> = (<<K as Kind>::Gates as LayerDim>::Param, <N as LayerDim>::Param);

/// `(gates, N, 1, 3, 3)`.
pub type SpatialShape<K, N> =
    (<<K as Kind>::Gates as LayerDim>::Param, <N as LayerDim>::Param, Const<1>, Const<3>, Const<3>);

/// The weights of a regulator's convolutions, as kernels take them.
pub trait GateWeights<E: Dtype, D: Backend<E>> {
    /// Flat views of the tensors.
    ///
    /// # Errors
    /// The device's.
    fn flat(&self) -> Result<ConvWeights<Flat<E, D>>, D::Err>;
}

impl<K: Kind, N: LayerDim, E: Dtype, D: Backend<E>> GateWeights<E, D> for FullConv<K, N, E, D> {
    fn flat(&self) -> Result<ConvWeights<Flat<E, D>>, D::Err> {
        Ok(ConvWeights::Full { x: flat(self.x.clone())?, h: flat(self.h.clone())? })
    }
}

impl<K: Kind, N: LayerDim, E: Dtype, D: Backend<E>> GateWeights<E, D> for EfficientConv<K, N, E, D> {
    fn flat(&self) -> Result<ConvWeights<Flat<E, D>>, D::Err> {
        Ok(ConvWeights::Efficient {
            x_scale: flat(self.x_scale.clone())?,
            h_scale: flat(self.h_scale.clone())?,
            spatial: flat(self.spatial.clone())?,
        })
    }
}

impl<K: Kind, N: LayerDim, E: Dtype, D: Device<E>> FullConv<K, N, E, D> {
    /// Freshly initialised weights for gates of `n` channels.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, kind: K, n: N) -> Result<Self, D::Err> {
        let shape = (kind.gates().param(), n.param(), n.param(), Const, Const);
        let (mut x, mut h) = (device.try_zeros_like(&shape)?, device.try_zeros_like(&shape)?);
        init::gates(&mut x)?;
        init::gates(&mut h)?;
        Ok(Self { x, h })
    }
}

impl<K: Kind, N: LayerDim, E: Dtype, D: Device<E>> EfficientConv<K, N, E, D> {
    /// Freshly initialised weights for gates of `n` channels.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, kind: K, n: N) -> Result<Self, D::Err> {
        let (gates, n) = (kind.gates().param(), n.param());
        let mut x_scale = device.try_zeros_like(&(gates, n))?;
        let mut h_scale = device.try_zeros_like(&(gates, n))?;
        let mut spatial = device.try_zeros_like(&(gates, n, Const, Const, Const))?;
        init::gate_scales(&mut x_scale)?;
        init::gate_scales(&mut h_scale)?;
        init::depthwise(&mut spatial)?;
        Ok(Self { x_scale, h_scale, spatial })
    }
}
