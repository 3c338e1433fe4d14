//! Fusing features with a hidden state.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{FuseGradients, FuseInputs, FuseSizes, with_gradients};
use crate::tensors::{Flat, Map, flat};

/// The 1x1 convolution by `w`, `(channels, 2, channels)`, of `x` and of the hidden state, the first channels of `state`.
pub(crate) fn fuse<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    state: Map<E, D>,
    w: Flat<E, D>,
) -> Result<Map<E, D, T>, D::Err> {
    let shape @ (batch, channels, height, width) = *x.shape();
    let maps = state.shape().1.checked_div(channels).unwrap_or(0);
    let sizes = FuseSizes { batch, channels, maps, pixels: height * width };
    let fits = *state.shape() == (batch, maps * channels, height, width);
    if !fits || maps == 0 || w.shape().0 != sizes.weight_len() {
        return Err(x.device().shape_error());
    }
    let state = flat(state)?;
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let y = device.fuse(&sizes, &x, &state, &w)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| {
        with_gradients(grads, [&x, &state, &w, &saved], |[dx, dstate, dw, dy]| {
            let inputs = FuseInputs { x: &x, state: &state, w: &w };
            device.fuse_backward(&sizes, inputs, dy, FuseGradients { dx, dstate, dw })
        })
    });
    y.put_tape(tape).try_reshape_like(&shape)
}
