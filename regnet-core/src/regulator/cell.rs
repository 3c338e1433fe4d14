//! The regulator itself, and who lends one to whom.

use dfdx::prelude::*;

use super::{EfficientConv, FullConv, GateWeights, Kind};
use crate::backend::RegulatorWeights;
use crate::dims::LayerDim;
use crate::regulator::weights::RowShape;
use crate::tensors::{Map, flat};
use crate::{Backend, init, ops};

/// A convolutional recurrent cell on `N` channels, and the scale and shift of the norm that follows it.
///
/// `C` is the form of its convolutions, [`FullConv`] or [`EfficientConv`].
///
/// # Shapes
/// Features `(batch, N, height, width)`, state `(batch, maps, N, height / stride, width / stride)`, rounded up.
#[derive(Debug, Clone)]
pub struct Regulator<K: Kind, N: LayerDim, C, E: Dtype, D: Storage<E>> {
    /// The recurrence.
    pub kind: K,
    /// The gates' convolutions.
    pub conv: C,
    /// The gates' biases; start as 0, an lstm's forget gate as 1 (Jozefowicz et al., 2015).
    pub bias: Tensor<RowShape<K, N>, E, D>,
    /// The norm's scale; starts as 1.
    pub scale: Tensor<NormShape<K, N>, E, D>,
    /// The norm's shift; starts as 0.
    pub shift: Tensor<NormShape<K, N>, E, D>,
}

/// `(maps, N)`.
pub type NormShape<K, N> = (<<K as Kind>::Maps as LayerDim>::Param, <N as LayerDim>::Param);

impl<K: Kind, N: LayerDim, C, E: Dtype, D: Device<E>> Regulator<K, N, C, E, D> {
    /// A regulator of these convolutions, freshly initialised otherwise.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, kind: K, n: N, conv: C) -> Result<Self, D::Err> {
        let (gates, maps, n) = (kind.gates().param(), kind.maps().param(), n.param());
        let mut bias = device.try_zeros_like(&(gates, n))?;
        init::gate_bias(&mut bias)?;
        let (scale, shift) = (device.try_ones_like(&(maps, n))?, device.try_zeros_like(&(maps, n))?);
        Ok(Self { kind, conv, bias, scale, shift })
    }
}

/// Something that makes states of features.
pub trait Regulate<E: Dtype, D: Backend<E>> {
    /// As [`Run::LEAVES_CLONES`](crate::Run::LEAVES_CLONES).
    const LEAVES_CLONES: bool = true;

    /// The state that follows `state` (zero where there is none), before its norm.
    ///
    /// # Errors
    /// The device's.
    fn try_step<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        stride: usize,
    ) -> Result<Map<E, D, T>, D::Err>;

    /// The norm's scale and shift, of any shape.
    ///
    /// # Errors
    /// The device's.
    fn try_norm(&self) -> Result<[Tensor<(usize,), E, D>; 2], D::Err>;
}

impl<K: Kind, N: LayerDim, C: GateWeights<E, D>, E: Dtype, D: Backend<E>> Regulate<E, D>
    for Regulator<K, N, C, E, D>
{
    const LEAVES_CLONES: bool = false;

    fn try_step<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        stride: usize,
    ) -> Result<Map<E, D, T>, D::Err> {
        let weights = RegulatorWeights { convolutions: self.conv.flat()?, bias: flat(self.bias.clone())? };
        ops::regulate(x, state, weights, self.kind.cell(), stride)
    }

    fn try_norm(&self) -> Result<[Tensor<(usize,), E, D>; 2], D::Err> {
        Ok([flat(self.scale.clone())?, flat(self.shift.clone())?])
    }
}

/// In a stage's place for a regulator: each block has its own.
#[derive(Debug, Default, Clone, Copy)]
pub struct PerBlock;

impl ZeroSizedModule for PerBlock {}

/// In a block's place for a regulator: the stage lends its own.
#[derive(Debug, Default, Clone, Copy)]
pub struct Lent;

impl ZeroSizedModule for Lent {}

/// Where a block's regulator comes from: its own, or the one that its stage, whose place holds an `L`, lends.
#[diagnostic::on_unimplemented(
    message = "these blocks and their stage do not agree whose the regulator is",
    label = "a stage with a regulator lends it to blocks with `Lent`; with `PerBlock`, each block has its own",
    note = "the stage's place holds `{L}`, the block's `{Self}`"
)]
pub trait Lends<L> {
    /// What regulates the block.
    type Regulator;

    /// The block's regulator.
    fn choose<'a>(&'a self, lent: &'a L) -> &'a Self::Regulator;
}

impl<K: Kind, N: LayerDim, C, E: Dtype, D: Storage<E>> Lends<Regulator<K, N, C, E, D>> for Lent {
    type Regulator = Regulator<K, N, C, E, D>;

    fn choose<'a>(&'a self, lent: &'a Self::Regulator) -> &'a Self::Regulator {
        lent
    }
}

impl<K: Kind, N: LayerDim, C, E: Dtype, D: Storage<E>> Lends<PerBlock> for Regulator<K, N, C, E, D> {
    type Regulator = Self;

    fn choose<'a>(&'a self, _: &'a PerBlock) -> &'a Self {
        self
    }
}

/// What may stand in the place of a regulator of states of `Maps` maps of `N` channels.
#[diagnostic::on_unimplemented(
    message = "this regulator's states are not of {Maps} maps of {N} channels, as its blocks' are",
    label = "the regulator and its blocks disagree about the state",
    note = "a regulator has as many channels as its blocks have inside, and lstm's state has two maps"
)]
pub trait Serves<Maps, N> {}

impl<K: Kind, N: LayerDim, C, E: Dtype, D: Storage<E>> Serves<K::Maps, N> for Regulator<K, N, C, E, D> {}
impl<Maps, N> Serves<Maps, N> for Lent {}
impl<Maps, N> Serves<Maps, N> for PerBlock {}

/// The fields that do not depend on the form of the convolutions.
macro_rules! common {
    () => {
        (
            Self::tensor("bias", |s| &s.bias, |s| &mut s.bias, TensorOptions::reset_with(init::gate_bias)),
            Self::tensor("bn.weight", |s| &s.scale, |s| &mut s.scale, TensorOptions::reset_to_ones()),
            Self::tensor("bn.bias", |s| &s.shift, |s| &mut s.shift, TensorOptions::reset_to_zeros()),
        )
    };
}

impl<K: Kind, N: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D>
    for Regulator<K, N, FullConv<K, N, E, D>, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Regulator<K, N, FullConv<K, N, E2, D2>, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let kind = K::seen(visitor, |regulator: &Self| regulator.kind)?;
        let gates = || TensorOptions::reset_with(init::gates);
        visitor.visit_fields(
            (
                Self::tensor("x.weight", |s| &s.conv.x, |s| &mut s.conv.x, gates()),
                Self::tensor("h.weight", |s| &s.conv.h, |s| &mut s.conv.h, gates()),
                common!(),
            ),
            |(x, h, (bias, scale, shift))| Regulator { kind, conv: FullConv { x, h }, bias, scale, shift },
        )
    }
}

impl<K: Kind, N: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D>
    for Regulator<K, N, EfficientConv<K, N, E, D>, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Regulator<K, N, EfficientConv<K, N, E2, D2>, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let kind = K::seen(visitor, |regulator: &Self| regulator.kind)?;
        let scales = || TensorOptions::reset_with(init::gate_scales);
        visitor.visit_fields(
            (
                Self::tensor("x_scale", |s| &s.conv.x_scale, |s| &mut s.conv.x_scale, scales()),
                Self::tensor("h_scale", |s| &s.conv.h_scale, |s| &mut s.conv.h_scale, scales()),
                Self::tensor(
                    "spatial.weight",
                    |s| &s.conv.spatial,
                    |s| &mut s.conv.spatial,
                    TensorOptions::reset_with(init::depthwise),
                ),
                common!(),
            ),
            |(x_scale, h_scale, spatial, (bias, scale, shift))| Regulator {
                kind,
                conv: EfficientConv { x_scale, h_scale, spatial },
                bias,
                scale,
                shift,
            },
        )
    }
}
