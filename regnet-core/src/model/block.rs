//! Residual blocks: a branch, a shortcut, their sum, a ReLU.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::Activation;
use crate::dims::{LayerDim, Matches, Strided};
use crate::forward::{Accepts, Run};
use crate::layers::{BatchNorm2d, Conv2d};
use crate::tensors::Map;

/// `relu(f(x) + shortcut(x))`.
///
/// `Shortcut` is [`Identity`], or [`Projection`] where the block changes the width or the resolution; `F` is
/// the branch, a [`Bottleneck`](super::Bottleneck) or a [`Pair`](super::Pair).
#[derive(Debug, Default, Clone)]
pub struct ResBlock<Shortcut, F> {
    /// What the block's input passes on its way around the branch.
    pub shortcut: Shortcut,
    /// The branch.
    pub f: F,
}

/// A shortcut that passes its input as it is.
#[derive(Debug, Default, Clone, Copy)]
pub struct Identity;

impl ZeroSizedModule for Identity {}

/// A shortcut that changes the width or the resolution: a strided 1x1 convolution and a norm.
///
/// # Shapes
/// Input `(batch, In, height, width)`, output `(batch, Out, ceil(height / Stride), ceil(width / Stride))`.
#[derive(Debug, Clone)]
pub struct Projection<In: LayerDim, Out: LayerDim, Stride: LayerDim, E: Dtype, D: Storage<E>> {
    /// The 1x1 convolution.
    pub proj: Conv2d<In, Out, In, Const<1>, Stride, E, D>,
    /// Its norm.
    pub bn: BatchNorm2d<Out, E, D>,
}

/// The end of a block: `$norm`'s method on `$x`, squeeze-and-excitation, the shortcut, a ReLU; in one pass where there is
/// no squeeze-and-excitation.
macro_rules! end_block {
    ($($norm:ident).+, $x:expr, $se:expr, $shortcut:expr) => {{
        if crate::layers::Excite::<E, D>::acts(&$se) {
            let x = $($norm).+($x, None, Activation::Identity)?;
            crate::layers::Excite::<E, D>::try_excite(&$se, x)?.try_add($shortcut).and_then(crate::ops::relu)
        } else {
            $($norm).+($x, Some($shortcut), Activation::Relu)
        }
    }};
}
pub(super) use end_block;

/// The branch of a residual block: it ends by adding the shortcut and applying the ReLU, in one pass with its
/// last norm.
pub trait Branch<E: Dtype, D: Backend<E>> {
    /// As [`Run::LEAVES_CLONES`].
    const LEAVES_CLONES: bool;
    /// As [`Run::FOLLOWS_SPEC`].
    const FOLLOWS_SPEC: bool = false;

    /// Evaluates with running statistics.
    ///
    /// # Errors
    /// The device's.
    fn try_branch<T: Tape<E, D>>(&self, x: Map<E, D, T>, shortcut: Map<E, D>)
    -> Result<Map<E, D, T>, D::Err>;

    /// Evaluates with the batch's statistics.
    ///
    /// # Errors
    /// The device's.
    fn try_branch_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        shortcut: Map<E, D>,
    ) -> Result<Map<E, D, T>, D::Err>;
}

/// A shortcut's run-time half.
pub trait Shortcut<E: Dtype, D: Backend<E>> {
    /// As [`Run::LEAVES_CLONES`].
    const LEAVES_CLONES: bool;
    /// As [`Run::FOLLOWS_SPEC`].
    const FOLLOWS_SPEC: bool = false;

    /// Evaluates with running statistics.
    ///
    /// # Errors
    /// The device's.
    fn try_shortcut<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err>;

    /// Evaluates with the batch's statistics.
    ///
    /// # Errors
    /// The device's.
    fn try_shortcut_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err>;
}

impl<E: Dtype, D: Backend<E>> Shortcut<E, D> for Identity {
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_shortcut<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        Ok(x)
    }

    fn try_shortcut_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        Ok(x)
    }
}

impl<In: LayerDim, Out: LayerDim, Stride: LayerDim, E: Dtype, D: Backend<E>> Shortcut<E, D>
    for Projection<In, Out, Stride, E, D>
{
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_shortcut<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.bn.try_run_fused(self.proj.try_run(x)?, None, Activation::Identity)
    }

    fn try_shortcut_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.bn.try_run_fused_mut(self.proj.try_run(x)?, None, Activation::Identity)
    }
}

impl<S: Shortcut<E, D>, F: Branch<E, D>, E: Dtype, D: Backend<E>> Run<E, D> for ResBlock<S, F> {
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = S::LEAVES_CLONES || F::LEAVES_CLONES;
    const FOLLOWS_SPEC: bool = S::FOLLOWS_SPEC && F::FOLLOWS_SPEC;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let (x, tape) = x.split_tape();
        let (shortcut, tape) = self.shortcut.try_shortcut(x.clone().put_tape(tape))?.split_tape();
        self.f.try_branch(x.put_tape(tape), shortcut)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let (x, tape) = x.split_tape();
        let (shortcut, tape) = self.shortcut.try_shortcut_mut(x.clone().put_tape(tape))?.split_tape();
        self.f.try_branch_mut(x.put_tape(tape), shortcut)
    }
}

impl<Input: Shape> Accepts<Input> for Identity {
    type Output = Input;
}

impl<Batch, C, H, W, In, Out, Stride, E, D> Accepts<(Batch, C, H, W)> for Projection<In, Out, Stride, E, D>
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

impl<Input: Shape, S, F> Accepts<Input> for ResBlock<S, F>
where
    F: Accepts<Input>,
    S: Accepts<Input, Output = F::Output>,
{
    type Output = F::Output;
}

impl<F: TensorCollection<E, D>, E: Dtype, D: Device<E>> TensorCollection<E, D> for ResBlock<Identity, F> {
    type To<E2: Dtype, D2: Device<E2>> = ResBlock<Identity, F::To<E2, D2>>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor
            .visit_fields(Self::module("f", |s| &s.f, |s| &mut s.f), |f| ResBlock { shortcut: Identity, f })
    }
}

impl<In, Out, Stride, F, E, D> TensorCollection<E, D> for ResBlock<Projection<In, Out, Stride, E, D>, F>
where
    In: LayerDim,
    Out: LayerDim,
    Stride: LayerDim,
    F: TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = ResBlock<Projection<In, Out, Stride, E2, D2>, F::To<E2, D2>>;

    /// The projection's tensors are the block's own (`s1.b1.proj.weight`, `s1.b1.bn.weight`), as in pycls.
    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("proj", |s| &s.shortcut.proj, |s| &mut s.shortcut.proj),
                Self::module("bn", |s| &s.shortcut.bn, |s| &mut s.shortcut.bn),
                Self::module("f", |s| &s.f, |s| &mut s.f),
            ),
            |(proj, bn, f)| ResBlock { shortcut: Projection { proj, bn }, f },
        )
    }
}

impl<In: LayerDim, Out: LayerDim, Stride: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D>
    for Projection<In, Out, Stride, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Projection<In, Out, Stride, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("proj", |s| &s.proj, |s| &mut s.proj),
                Self::module("bn", |s| &s.bn, |s| &mut s.bn),
            ),
            |(proj, bn)| Projection { proj, bn },
        )
    }
}
