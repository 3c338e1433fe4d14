//! Squeeze-and-excitation.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{ExciteGradients, ExciteWeights, SqueezeExciteSizes, with_gradients};
use crate::tensors::{Map, flat};

/// Scales each channel of `x` by its gate.
pub(crate) fn squeeze_excite<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    weights: ExciteWeights<E, D>,
) -> Result<Map<E, D, T>, D::Err> {
    let shape @ (batch, channels, height, width) = *x.shape();
    if weights.b2.shape().0 != channels {
        return Err(x.device().shape_error());
    }
    let hidden = weights.b1.shape().0;
    let sizes = SqueezeExciteSizes { batch, channels, hidden, pixels: height * width };
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let (y, excitation) = device.squeeze_excite(&sizes, &weights, &x)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| {
        let ExciteWeights { w1, b1, w2, b2 } = &weights;
        with_gradients(grads, [&x, w1, b1, w2, b2, &saved], |[dx, dw1, db1, dw2, db2, dy]| {
            let into = ExciteGradients { dx, dw1, db1, dw2, db2 };
            device.squeeze_excite_backward(&sizes, &weights, &excitation, &x, dy, into)
        })
    });
    y.put_tape(tape).try_reshape_like(&shape)
}
