//! What the head is made of: global average pooling and the linear layer.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{GlobalAvgPoolSizes, LinearGradients, LinearSizes, with_gradients};
use crate::tensors::{Flat, Logits, Map, flat};

/// The mean of each channel, `(batch, channels)`.
pub(crate) fn global_avg_pool<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
) -> Result<Tensor<(usize, usize), E, D, T>, D::Err> {
    let (batch, channels, height, width) = *x.shape();
    let sizes = GlobalAvgPoolSizes { batch, channels, pixels: height * width };
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let y = device.global_avg_pool(&sizes, &x)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| {
        with_gradients(grads, [&x, &saved], |[dx, dy]| device.global_avg_pool_backward(&sizes, dy, dx))
    });
    y.put_tape(tape).try_reshape_like(&(batch, channels))
}

/// `x wᵀ + bias` for `x` of shape `(batch, in)` and a flat `w` of shape `(out, in)`.
pub(crate) fn linear<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Tensor<(usize, usize), E, D, T>,
    w: Flat<E, D>,
    bias: Flat<E, D>,
) -> Result<Logits<E, D, T>, D::Err> {
    let (batch, in_features) = *x.shape();
    let out_features = bias.shape().0;
    if w.shape().0 != in_features * out_features {
        return Err(x.device().shape_error());
    }
    let sizes = LinearSizes { batch, in_features, out_features };
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let y = device.linear(&sizes, &x, &w, &bias)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| {
        with_gradients(grads, [&x, &w, &bias, &saved], |[dx, dw, dbias, dy]| {
            device.linear_backward(&sizes, &x, &w, dy, LinearGradients { dx, dw, dbias })
        })
    });
    y.put_tape(tape).try_reshape_like(&(batch, out_features))
}
