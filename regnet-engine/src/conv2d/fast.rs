//! The fast passes. All rest on the [`grid`](super::grid).

use super::correlation::{Correlation, Store};
use super::{Conv2d, depthwise, weight_gradient};
use crate::Real;

/// See [`forward`](super::forward).
pub(crate) fn forward<T: Real>(op: &Conv2d, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    match op.depthwise() {
        Some(op) if bias.is_none() => depthwise::fast::forward(&op, x, w, false, y),
        _ => Correlation::forward(op, w).run(x, y, Store::Overwrite(bias)),
    }
}

/// See [`forward_add`](super::forward_add).
pub(crate) fn forward_add<T: Real>(op: &Conv2d, x: &[T], w: &[T], y: &mut [T]) {
    match op.depthwise() {
        Some(op) => depthwise::fast::forward(&op, x, w, true, y),
        None => Correlation::forward(op, w).run(x, y, Store::Add),
    }
}

/// See [`backward_input`](super::backward_input).
pub(crate) fn backward_input<T: Real>(op: &Conv2d, w: &[T], dy: &[T], dx: &mut [T]) {
    match op.depthwise() {
        Some(op) => depthwise::fast::backward_input(&op, w, dy, dx),
        None => Correlation::backward_input(op, w).run(dy, dx, Store::Add),
    }
}

/// See [`backward_weight`](super::backward_weight).
pub(crate) fn backward_weight<T: Real>(op: &Conv2d, x: &[T], dy: &[T], dw: &mut [T]) {
    match op.depthwise() {
        Some(op) => depthwise::fast::backward_weight(&op, x, dy, dw),
        None => weight_gradient::add(op, x, dy, dw),
    }
}
