//! ReLU on feature maps.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::with_gradients;
use crate::tensors::{Map, flat};

/// `max(x, 0)`.
pub(crate) fn relu<E: Dtype, D: Backend<E>, T: Tape<E, D>>(x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
    let shape = *x.shape();
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let y = device.relu(&x)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| {
        with_gradients(grads, [&x, &saved], |[dx, dy]| device.relu_backward(&saved, dy, dx))
    });
    y.put_tape(tape).try_reshape_like(&shape)
}
