//! Max pooling.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{MaxPoolSizes, with_gradients};
use crate::tensors::{Map, flat};

/// The largest element of each "same"-padded `kernel` x `kernel` window.
pub(crate) fn max_pool<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    kernel: usize,
    stride: usize,
) -> Result<Map<E, D, T>, D::Err> {
    let (batch, channels, height, width) = *x.shape();
    if height == 0 || width == 0 {
        return Err(x.device().shape_error());
    }
    let sizes = MaxPoolSizes { batch, channels, height, width, kernel, stride, padding: kernel / 2 };
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let (y, argmax) = device.max_pool(&sizes, &x)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| {
        with_gradients(grads, [&x, &saved], |[dx, dy]| device.max_pool_backward(&sizes, &argmax, dy, dx))
    });
    y.put_tape(tape).try_reshape_like(&(batch, channels, sizes.out_height(), sizes.out_width()))
}
