//! The layer that fuses features with a hidden state.

use dfdx::prelude::*;

use crate::dims::LayerDim;
use crate::tensors::{Map, flat};
use crate::{Backend, init, ops};

/// A 1x1 convolution of a block's `N` channels and the hidden state's `N`, concatenated, to `N`.
///
/// # Shapes
/// Features and output `(batch, N, height, width)`, state `(batch, maps, N, height, width)`, weight `(N, 2, N)`: the
/// concatenation's channels, features first, are its last two dimensions.
#[derive(Debug, Clone)]
pub struct Fuse<N: LayerDim, E: Dtype, D: Storage<E>> {
    /// The filters.
    pub weight: Tensor<(N::Param, Const<2>, N::Param), E, D>,
}

impl<N: LayerDim, E: Dtype, D: Device<E>> Fuse<N, E, D> {
    /// A freshly initialised layer of `n` channels.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, n: N) -> Result<Self, D::Err> {
        let mut weight = device.try_zeros_like(&(n.param(), Const, n.param()))?;
        init::pointwise(&mut weight)?;
        Ok(Self { weight })
    }
}

impl<N: LayerDim, E: Dtype, D: Backend<E>> Fuse<N, E, D> {
    pub(crate) fn try_run<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Map<E, D>,
    ) -> Result<Map<E, D, T>, D::Err> {
        ops::fuse(x, state, flat(self.weight.clone())?)
    }
}

impl<N: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D> for Fuse<N, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = Fuse<N, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            Self::tensor(
                "weight",
                |s| &s.weight,
                |s| &mut s.weight,
                TensorOptions::reset_with(init::pointwise),
            ),
            |weight| Fuse { weight },
        )
    }
}
