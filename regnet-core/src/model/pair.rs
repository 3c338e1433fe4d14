//! The two 3x3 convolutions of basic and vanilla blocks.

use dfdx::prelude::*;

use super::block::{Branch, end_block};
use crate::Backend;
use crate::backend::Activation;
use crate::dims::{LayerDim, Matches, Strided};
use crate::forward::{Accepts, Run};
use crate::layers::{BatchNorm2d, Conv2d, Excite, NoExcite};
use crate::tensors::Map;

/// Two 3x3 convolutions, each with batch norm: pycls's vanilla block on its own, and the branch of its basic block
/// (He et al., 2016, figure 5 left) inside a [`ResBlock`](super::ResBlock).
///
/// ```text
/// In -(a: 3x3, Stride, norm, relu)-> Out -(b: 3x3, norm)-> Out
/// ```
///
/// A last ReLU follows: at once in a vanilla block; in a basic one after squeeze-and-excitation and the shortcut.
///
/// # Shapes
/// Input `(batch, In, height, width)`, output `(batch, Out, ceil(height / Stride), ceil(width / Stride))`.
#[derive(Debug, Clone)]
pub struct Pair<In: LayerDim, Out: LayerDim, Stride: LayerDim, Se, E: Dtype, D: Storage<E>> {
    /// The first convolution.
    pub a: Conv2d<In, Out, In, Const<3>, Stride, E, D>,
    /// Its norm.
    pub a_bn: BatchNorm2d<Out, E, D>,
    /// The second convolution.
    pub b: Conv2d<Out, Out, Out, Const<3>, Const<1>, E, D>,
    /// Its norm.
    pub b_bn: BatchNorm2d<Out, E, D>,
    /// Squeeze-and-excitation, or nothing.
    pub se: Se,
}

impl<In: LayerDim, Out: LayerDim, Stride: LayerDim, Se, E: Dtype, D: Device<E>>
    Pair<In, Out, Stride, Se, E, D>
{
    /// A freshly initialised pair with what `se` makes, built in the order in which dfdx builds declared ones.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(
        device: &D,
        input: In,
        out: Out,
        stride: Stride,
        se: impl FnOnce() -> Result<Se, D::Err>,
    ) -> Result<Self, D::Err> {
        Ok(Self {
            a: Conv2d::try_new(device, out, input, Const, stride)?,
            a_bn: BatchNorm2d::try_new(device, out)?,
            b: Conv2d::try_new(device, out, out, Const, Const)?,
            b_bn: BatchNorm2d::try_new(device, out)?,
            se: se()?,
        })
    }
}

/// In a block, the shortcut is added.
impl<In, Out, Stride, Se, E, D> Branch<E, D> for Pair<In, Out, Stride, Se, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Stride: LayerDim,
    Se: Excite<E, D>,
    E: Dtype,
    D: Backend<E>,
{
    const LEAVES_CLONES: bool = Se::LEAVES_CLONES;
    const FOLLOWS_SPEC: bool = Se::FOLLOWS_SPEC;

    fn try_branch<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        shortcut: Map<E, D>,
    ) -> Result<Map<E, D, T>, D::Err> {
        let x = self.a_bn.try_run_fused(self.a.try_run(x)?, None, Activation::Relu)?;
        end_block!(self.b_bn.try_run_fused, self.b.try_run(x)?, self.se, shortcut)
    }

    fn try_branch_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        shortcut: Map<E, D>,
    ) -> Result<Map<E, D, T>, D::Err> {
        let x = self.a_bn.try_run_fused_mut(self.a.try_run(x)?, None, Activation::Relu)?;
        end_block!(self.b_bn.try_run_fused_mut, self.b.try_run(x)?, self.se, shortcut)
    }
}

/// On its own it is a vanilla block.
impl<In: LayerDim, Out: LayerDim, Stride: LayerDim, E: Dtype, D: Backend<E>> Run<E, D>
    for Pair<In, Out, Stride, NoExcite, E, D>
{
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = self.a_bn.try_run_fused(self.a.try_run(x)?, None, Activation::Relu)?;
        self.b_bn.try_run_fused(self.b.try_run(x)?, None, Activation::Relu)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = self.a_bn.try_run_fused_mut(self.a.try_run(x)?, None, Activation::Relu)?;
        self.b_bn.try_run_fused_mut(self.b.try_run(x)?, None, Activation::Relu)
    }
}

impl<Batch, C, H, W, In, Out, Stride, Se, E, D> Accepts<(Batch, C, H, W)> for Pair<In, Out, Stride, Se, E, D>
where
    Batch: Dim,
    C: Dim + Matches<In>,
    H: Strided<Stride>,
    W: Strided<Stride>,
    In: LayerDim,
    Out: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type Output = (Batch, Out, H::Out, W::Out);
}

impl<In, Out, Stride, Se, E, D> TensorCollection<E, D> for Pair<In, Out, Stride, Se, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Stride: LayerDim,
    Se: TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = Pair<In, Out, Stride, Se::To<E2, D2>, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("a", |s| &s.a, |s| &mut s.a),
                Self::module("a_bn", |s| &s.a_bn, |s| &mut s.a_bn),
                Self::module("b", |s| &s.b, |s| &mut s.b),
                Self::module("b_bn", |s| &s.b_bn, |s| &mut s.b_bn),
                Self::module("se", |s| &s.se, |s| &mut s.se),
            ),
            |(a, a_bn, b, b_bn, se)| Pair { a, a_bn, b, b_bn, se },
        )
    }
}
