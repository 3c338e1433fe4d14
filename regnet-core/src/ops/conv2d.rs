//! Convolution.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{Conv2dGradients, Conv2dInputs, Conv2dSizes, with_gradients};
use crate::tensors::{Flat, Map, flat};

/// Convolves `x` with `w` of shape `(out, group_width, kernel, kernel)`, "same"-padded.
pub(crate) fn conv2d<S: Shape<Concrete = [usize; 4]>, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    w: &Tensor<S, E, D>,
    stride: usize,
) -> Result<Map<E, D, T>, D::Err> {
    conv2d_flat(x, flat(w.clone())?, w.shape().concrete(), stride)
}

/// The same of weights that are stored in another shape.
pub(crate) fn conv2d_flat<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    w: Flat<E, D>,
    shape: [usize; 4],
    stride: usize,
) -> Result<Map<E, D, T>, D::Err> {
    let sizes = sizes(x.shape(), shape, stride).ok_or_else(|| x.device().shape_error())?;
    run(x, w, sizes)
}

/// `None` where the channels of `x` are not a whole number of groups that share out the weight's outputs.
fn sizes(
    &(batch, in_channels, height, width): &(usize, usize, usize, usize),
    [out_channels, group_width, kernel, _]: [usize; 4],
    stride: usize,
) -> Option<Conv2dSizes> {
    let groups = in_channels.checked_div(group_width)?;
    let whole = groups * group_width == in_channels && groups > 0 && out_channels % groups == 0;
    let sizes = Conv2dSizes { batch, in_channels, out_channels, group_width, kernel, stride, height, width };
    (whole && kernel % 2 == 1 && stride > 0).then_some(sizes)
}

fn run<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    w: Flat<E, D>,
    sizes: Conv2dSizes,
) -> Result<Map<E, D, T>, D::Err> {
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let y = device.conv2d(&sizes, &x, &w)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| {
        with_gradients(grads, [&x, &w, &saved], |[dx, dw, dy]| {
            device.conv2d_backward(&sizes, Conv2dInputs { x: &x, w: &w }, dy, Conv2dGradients { dx, dw })
        })
    });
    let shape = (sizes.batch, sizes.out_channels, sizes.out_height(), sizes.out_width());
    y.put_tape(tape).try_reshape_like(&shape)
}
