//! The ReLU layer.

use dfdx::prelude::*;

use crate::forward::{Accepts, Run};
use crate::tensors::Map;
use crate::{Backend, ops};

/// `max(x, 0)` on feature maps of any size.
#[derive(Debug, Default, Clone, Copy)]
pub struct Relu;

impl ZeroSizedModule for Relu {}

impl<E: Dtype, D: Backend<E>> Run<E, D> for Relu {
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = false;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        ops::relu(x)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        ops::relu(x)
    }
}

impl<Batch: Dim, C: Dim, H: Dim, W: Dim> Accepts<(Batch, C, H, W)> for Relu {
    type Output = (Batch, C, H, W);
}
