//! The way of a state from one stage to the next.

use dfdx::prelude::*;

use crate::dims::LayerDim;
use crate::tensors::{Map, flat};
use crate::{Backend, init, ops};

/// A strided 1x1 convolution, one for each map of the state, from the previous stage's `Prev` channels to `N`.
///
/// # Shapes
/// Input `(batch, Maps, Prev, height, width)`, output `(batch, Maps, N, height / Stride, width / Stride)`, rounded up;
/// weight `(Maps, N, Prev)`.
#[derive(Debug, Clone)]
pub struct Carry<Maps, Prev, N, Stride, E, D>
where
    Maps: LayerDim,
    Prev: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    /// The filters.
    pub weight: Tensor<(Maps::Param, N::Param, Prev::Param), E, D>,
    /// The step between outputs.
    pub stride: Stride,
}

/// No way: the stage starts with a state of zero.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoCarry;

impl ZeroSizedModule for NoCarry {}

/// What becomes of the previous stage's state at the start of a stage.
pub trait Carries<E: Dtype, D: Backend<E>> {
    /// As [`Run::LEAVES_CLONES`](crate::Run::LEAVES_CLONES): a state that is learnt would be such a clone.
    const LEAVES_CLONES: bool = true;

    /// The state that the first block starts from; `None` is zero.
    ///
    /// # Errors
    /// The device's.
    fn try_carry<T: Tape<E, D>>(
        &self,
        state: Option<Map<E, D>>,
        tape: T,
    ) -> Result<(Option<Map<E, D>>, T), D::Err>;
}

impl<E: Dtype, D: Backend<E>> Carries<E, D> for NoCarry {
    const LEAVES_CLONES: bool = false;

    fn try_carry<T: Tape<E, D>>(
        &self,
        _: Option<Map<E, D>>,
        tape: T,
    ) -> Result<(Option<Map<E, D>>, T), D::Err> {
        Ok((None, tape))
    }
}

impl<Maps, Prev, N, Stride, E, D> Carries<E, D> for Carry<Maps, Prev, N, Stride, E, D>
where
    Maps: LayerDim,
    Prev: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Backend<E>,
{
    const LEAVES_CLONES: bool = false;

    fn try_carry<T: Tape<E, D>>(
        &self,
        state: Option<Map<E, D>>,
        tape: T,
    ) -> Result<(Option<Map<E, D>>, T), D::Err> {
        let Some(state) = state else { return Ok((None, tape)) };
        let (maps, n, previous) = *self.weight.shape();
        // Each map is a group of the convolution.
        let weight = [maps.size() * n.size(), previous.size(), 1, 1];
        let state =
            ops::conv2d_flat(state.put_tape(tape), flat(self.weight.clone())?, weight, self.stride.size())?;
        let (state, tape) = state.split_tape();
        Ok((Some(state), tape))
    }
}

impl<Maps, Prev, N, Stride, E, D> Carry<Maps, Prev, N, Stride, E, D>
where
    Maps: LayerDim,
    Prev: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Device<E>,
{
    /// A freshly initialised projection.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, maps: Maps, previous: Prev, n: N, stride: Stride) -> Result<Self, D::Err> {
        let mut weight = device.try_zeros_like(&(maps.param(), n.param(), previous.param()))?;
        init::carry(&mut weight)?;
        Ok(Self { weight, stride })
    }
}

impl<Maps, Prev, N, Stride, E, D> TensorCollection<E, D> for Carry<Maps, Prev, N, Stride, E, D>
where
    Maps: LayerDim,
    Prev: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = Carry<Maps, Prev, N, Stride, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let stride = Stride::seen(visitor, |carry: &Self| carry.stride)?;
        visitor.visit_fields(
            Self::tensor("weight", |s| &s.weight, |s| &mut s.weight, TensorOptions::reset_with(init::carry)),
            |weight| Carry { weight, stride },
        )
    }
}
