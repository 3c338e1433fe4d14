//! The same in plain loops: gate after gate, by the [plain grouped convolution](crate::conv2d::reference).

use super::{Depthwise, TAPS};
use crate::Real;
use crate::conv2d::reference;

/// One gate's part of an output tensor, `[batch, channels, pixels]`.
fn of_gate<T: Real>(op: &Depthwise, tensor: &[T], gate: usize) -> Vec<T> {
    let slab = op.gate().output_len() / op.batch.max(1);
    tensor
        .chunks_exact((op.gates * slab).max(1))
        .flat_map(|image| &image[gate * slab..][..slab])
        .copied()
        .collect()
}

/// The range of one gate's kernels.
fn kernels(op: &Depthwise, gate: usize) -> std::ops::Range<usize> {
    gate * op.channels * TAPS..(gate + 1) * op.channels * TAPS
}

/// See [`forward`](super::forward).
pub fn forward<T: Real>(op: &Depthwise, x: &[T], w: &[T], y: &mut [T]) {
    y.fill(T::zero());
    forward_add(op, x, w, y);
}

/// See [`forward_add`](super::forward_add).
pub fn forward_add<T: Real>(op: &Depthwise, x: &[T], w: &[T], y: &mut [T]) {
    let slab = op.gate().output_len() / op.batch.max(1);
    for gate in 0..op.gates {
        let mut part = vec![T::zero(); op.gate().output_len()];
        reference::forward(&op.gate(), x, &w[kernels(op, gate)], None, &mut part);
        for (i, &value) in part.iter().enumerate() {
            y[(i / slab * op.gates + gate) * slab + i % slab] += value;
        }
    }
}

/// See [`backward_input`](super::backward_input).
pub fn backward_input<T: Real>(op: &Depthwise, w: &[T], dy: &[T], dx: &mut [T]) {
    for gate in 0..op.gates {
        reference::backward_input(&op.gate(), &w[kernels(op, gate)], &of_gate(op, dy, gate), dx);
    }
}

/// See [`backward_weight`](super::backward_weight).
pub fn backward_weight<T: Real>(op: &Depthwise, x: &[T], dy: &[T], dw: &mut [T]) {
    for gate in 0..op.gates {
        let dw = &mut dw[kernels(op, gate)];
        reference::backward_weight(&op.gate(), x, &of_gate(op, dy, gate), dw);
    }
}
