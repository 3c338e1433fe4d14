//! Stems: the first convolution.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::Activation;
use crate::dims::{LayerDim, Matches, Strided};
use crate::forward::{Accepts, Run};
use crate::layers::{BatchNorm2d, Conv2d, Pool};
use crate::tensors::Map;

/// A convolution, its norm, a ReLU, and pooling where the stem has one.
///
/// # Shapes
/// Input `(batch, In, height, width)`; height and width are divided by `Stride`, and once more by a pool's 2,
/// rounding up.
#[derive(Debug, Clone)]
pub struct Stem<In, Out, Kernel, Stride, P, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    /// The convolution.
    pub conv: Conv2d<In, Out, In, Kernel, Stride, E, D>,
    /// Its norm.
    pub bn: BatchNorm2d<Out, E, D>,
    /// What follows.
    pub pool: P,
}

impl<In, Out, Kernel, Stride, P, E, D> Run<E, D> for Stem<In, Out, Kernel, Stride, P, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    P: Pool,
    E: Dtype,
    D: Backend<E>,
{
    type Out = (usize, usize, usize, usize);
    /// A pool has no tensors.
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = P::FOLLOWS_SPEC;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = self.bn.try_run_fused(self.conv.try_run(x)?, None, Activation::Relu)?;
        self.pool.try_pool(x)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = self.bn.try_run_fused_mut(self.conv.try_run(x)?, None, Activation::Relu)?;
        self.pool.try_pool(x)
    }
}

impl<Batch, C, H, W, In, Out, Kernel, Stride, P, E, D> Accepts<(Batch, C, H, W)>
    for Stem<In, Out, Kernel, Stride, P, E, D>
where
    Batch: Dim,
    C: Dim + Matches<In>,
    H: Strided<Stride>,
    W: Strided<Stride>,
    In: LayerDim,
    Out: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    P: Accepts<(Batch, Out, H::Out, W::Out)>,
    E: Dtype,
    D: Storage<E>,
{
    type Output = P::Output;
}

impl<In, Out, Kernel, Stride, P, E, D> TensorCollection<E, D> for Stem<In, Out, Kernel, Stride, P, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    P: ZeroSizedModule,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = Stem<In, Out, Kernel, Stride, P, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("conv", |s| &s.conv, |s| &mut s.conv),
                Self::module("bn", |s| &s.bn, |s| &mut s.bn),
            ),
            |(conv, bn)| Stem { conv, bn, pool: P::default() },
        )
    }
}
