//! The residual branch of X and Y blocks.

use dfdx::prelude::*;

use super::block::Branch;
use crate::Backend;
use crate::backend::Activation;
use crate::dims::{LayerDim, Matches, Strided};
use crate::forward::{Accepts, Run};
use crate::layers::{BatchNorm2d, Conv2d, Excite};
use crate::tensors::Map;

/// A 1x1 convolution, a grouped 3x3 one, and a 1x1 one, each with batch norm ("Designing Network Design
/// Spaces", figure 4).
///
/// ```text
/// In -(a: 1x1, norm, relu)-> Inner -(b: 3x3, groups of Group, Stride, norm, relu)-> Inner
///    -(Se)-> Inner -(c: 1x1, norm)-> Out
/// ```
///
/// The ReLU that ends the block follows the addition of the shortcut, so it belongs to
/// [`ResBlock`](super::ResBlock). `Se` is [`NoExcite`](crate::layers::NoExcite) in X blocks and
/// [`SqueezeExcite`](crate::layers::SqueezeExcite) in Y blocks.
///
/// # Shapes
/// Input `(batch, In, height, width)`, output `(batch, Out, ceil(height / Stride), ceil(width / Stride))`.
#[derive(Debug, Clone)]
pub struct Bottleneck<In, Inner, Out, Group, Stride, Se, E, D>
where
    In: LayerDim,
    Inner: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    /// The reducing 1x1 convolution.
    pub a: Conv2d<In, Inner, In, Const<1>, Const<1>, E, D>,
    /// Its norm.
    pub a_bn: BatchNorm2d<Inner, E, D>,
    /// The grouped 3x3 convolution.
    pub b: Conv2d<Inner, Inner, Group, Const<3>, Stride, E, D>,
    /// Its norm.
    pub b_bn: BatchNorm2d<Inner, E, D>,
    /// Squeeze-and-excitation, or nothing.
    pub se: Se,
    /// The expanding 1x1 convolution.
    pub c: Conv2d<Inner, Out, Inner, Const<1>, Const<1>, E, D>,
    /// Its norm.
    pub c_bn: BatchNorm2d<Out, E, D>,
}

impl<In, Inner, Out, Group, Stride, Se, E, D> Branch<E, D>
    for Bottleneck<In, Inner, Out, Group, Stride, Se, E, D>
where
    In: LayerDim,
    Inner: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
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
        let x = self.b_bn.try_run_fused(self.b.try_run(x)?, None, Activation::Relu)?;
        let x = self.c.try_run(self.se.try_excite(x)?)?;
        self.c_bn.try_run_fused(x, Some(shortcut), Activation::Relu)
    }

    fn try_branch_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        shortcut: Map<E, D>,
    ) -> Result<Map<E, D, T>, D::Err> {
        let x = self.a_bn.try_run_fused_mut(self.a.try_run(x)?, None, Activation::Relu)?;
        let x = self.b_bn.try_run_fused_mut(self.b.try_run(x)?, None, Activation::Relu)?;
        let x = self.c.try_run(self.se.try_excite(x)?)?;
        self.c_bn.try_run_fused_mut(x, Some(shortcut), Activation::Relu)
    }
}

impl<Batch, C, H, W, In, Inner, Out, Group, Stride, Se, E, D> Accepts<(Batch, C, H, W)>
    for Bottleneck<In, Inner, Out, Group, Stride, Se, E, D>
where
    Batch: Dim,
    C: Dim + Matches<In>,
    H: Strided<Stride>,
    W: Strided<Stride>,
    In: LayerDim,
    Inner: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type Output = (Batch, Out, H::Out, W::Out);
}

impl<In, Inner, Out, Group, Stride, Se, E, D> TensorCollection<E, D>
    for Bottleneck<In, Inner, Out, Group, Stride, Se, E, D>
where
    In: LayerDim,
    Inner: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Stride: LayerDim,
    Se: TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = Bottleneck<In, Inner, Out, Group, Stride, Se::To<E2, D2>, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                (
                    Self::module("a", |s| &s.a, |s| &mut s.a),
                    Self::module("a_bn", |s| &s.a_bn, |s| &mut s.a_bn),
                ),
                (
                    Self::module("b", |s| &s.b, |s| &mut s.b),
                    Self::module("b_bn", |s| &s.b_bn, |s| &mut s.b_bn),
                ),
                Self::module("se", |s| &s.se, |s| &mut s.se),
                (
                    Self::module("c", |s| &s.c, |s| &mut s.c),
                    Self::module("c_bn", |s| &s.c_bn, |s| &mut s.c_bn),
                ),
            ),
            |((a, a_bn), (b, b_bn), se, (c, c_bn))| Bottleneck { a, a_bn, b, b_bn, se, c, c_bn },
        )
    }
}
