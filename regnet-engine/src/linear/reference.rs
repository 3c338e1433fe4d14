//! The linear layer in plain loops; the definition that the fast kernels are tested against.

use super::Linear;
use crate::Real;

/// See [`forward`](super::forward).
pub fn forward<T: Real>(op: &Linear, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    for row in 0..op.batch {
        for output in 0..op.out_features {
            let start = bias.map_or(T::zero(), |bias| bias[output]);
            y[row * op.out_features + output] = (0..op.in_features).fold(start, |sum, input| {
                sum + x[row * op.in_features + input] * w[output * op.in_features + input]
            });
        }
    }
}

/// See [`backward_input`](super::backward_input).
pub fn backward_input<T: Real>(op: &Linear, w: &[T], dy: &[T], dx: &mut [T]) {
    for row in 0..op.batch {
        for output in 0..op.out_features {
            for input in 0..op.in_features {
                dx[row * op.in_features + input] +=
                    dy[row * op.out_features + output] * w[output * op.in_features + input];
            }
        }
    }
}

/// See [`backward_weight`](super::backward_weight).
pub fn backward_weight<T: Real>(op: &Linear, x: &[T], dy: &[T], dw: &mut [T]) {
    for row in 0..op.batch {
        for output in 0..op.out_features {
            for input in 0..op.in_features {
                dw[output * op.in_features + input] +=
                    dy[row * op.out_features + output] * x[row * op.in_features + input];
            }
        }
    }
}

/// See [`backward_bias`](super::backward_bias).
pub fn backward_bias<T: Real>(op: &Linear, dy: &[T], db: &mut [T]) {
    for (index, &dy) in dy.iter().enumerate() {
        db[index % op.out_features] += dy;
    }
}
