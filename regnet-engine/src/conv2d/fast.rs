//! The fast passes. All rest on the [`grid`](super::grid).

use super::correlation::{Correlation, Store};
use super::{Conv2d, weight_gradient};
use crate::Real;

/// See [`forward`](super::forward).
pub(crate) fn forward<T: Real>(op: &Conv2d, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    Correlation::forward(op, w).run(x, y, Store::Overwrite(bias));
}

/// See [`backward_input`](super::backward_input).
pub(crate) fn backward_input<T: Real>(op: &Conv2d, w: &[T], dy: &[T], dx: &mut [T]) {
    Correlation::backward_input(op, w).run(dy, dx, Store::Add);
}

/// See [`backward_weight`](super::backward_weight).
pub(crate) fn backward_weight<T: Real>(op: &Conv2d, x: &[T], dy: &[T], dw: &mut [T]) {
    weight_gradient::add(op, x, dy, dw);
}
