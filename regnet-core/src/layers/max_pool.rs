//! The ResNet stem's pooling.

use dfdx::prelude::*;

use crate::dims::Strided;
use crate::forward::{Accepts, Run};
use crate::tensors::Map;
use crate::{Backend, ops};

/// Max pooling with a 3x3 window, stride 2, padding 1, as in the ResNet stem.
///
/// # Shapes
/// Input `(batch, channels, height, width)`, output `(batch, channels, ceil(height / 2), ceil(width / 2))`.
#[derive(Debug, Default, Clone, Copy)]
pub struct MaxPool;

/// No pooling: feature maps pass as they are.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoPool;

/// What follows a stem's convolution.
pub trait Pool {
    /// As [`Run::FOLLOWS_SPEC`].
    const FOLLOWS_SPEC: bool = false;

    /// Pools, or passes `x` on.
    ///
    /// # Errors
    /// The device's.
    fn try_pool<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
    ) -> Result<Map<E, D, T>, D::Err>;
}

impl ZeroSizedModule for MaxPool {}
impl ZeroSizedModule for NoPool {}

impl Pool for MaxPool {
    const FOLLOWS_SPEC: bool = true;

    fn try_pool<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
    ) -> Result<Map<E, D, T>, D::Err> {
        ops::max_pool(x, 3, 2)
    }
}

impl Pool for NoPool {
    const FOLLOWS_SPEC: bool = true;

    fn try_pool<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
    ) -> Result<Map<E, D, T>, D::Err> {
        Ok(x)
    }
}

/// Pooling that is decided at run time.
impl<P: Pool> Pool for Option<P> {
    const FOLLOWS_SPEC: bool = true;

    fn try_pool<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
    ) -> Result<Map<E, D, T>, D::Err> {
        match self {
            Some(pool) => pool.try_pool(x),
            None => Ok(x),
        }
    }
}

impl<E: Dtype, D: Backend<E>> Run<E, D> for MaxPool {
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = false;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_pool(x)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_pool(x)
    }
}

impl<Batch: Dim, C: Dim, H: Strided<Const<2>>, W: Strided<Const<2>>> Accepts<(Batch, C, H, W)> for MaxPool {
    type Output = (Batch, C, H::Out, W::Out);
}

impl<Batch: Dim, C: Dim, H: Dim, W: Dim> Accepts<(Batch, C, H, W)> for NoPool {
    type Output = (Batch, C, H, W);
}
