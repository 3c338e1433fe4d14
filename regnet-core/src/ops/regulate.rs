//! One step of a regulator.

use dfdx::prelude::*;
use regnet_space::Cell;

use crate::Backend;
use crate::backend::{
    RegulatorGradients, RegulatorInputs, RegulatorSizes, RegulatorWeights, with_gradients_of,
};
use crate::tensors::{Flat, Map, flat};

/// The state that follows `state` (zero where there is none) on features `x`, before its norm.
///
/// A state is `(batch, maps * channels, height, width)`, of the size that comes out of `stride`.
pub(crate) fn regulate<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    state: Option<Map<E, D>>,
    weights: RegulatorWeights<Flat<E, D>>,
    cell: Cell,
    stride: usize,
) -> Result<Map<E, D, T>, D::Err> {
    let &(batch, channels, height, width) = x.shape();
    let conv = weights.convolutions.form();
    let sizes = RegulatorSizes { cell, conv, batch, channels, height, width, stride };
    let shape =
        (batch, cell.maps() * channels, height.div_ceil(stride.max(1)), width.div_ceil(stride.max(1)));
    let fits = weights.bias.shape().0 == sizes.rows() && state.as_ref().is_none_or(|s| *s.shape() == shape);
    if !fits || stride == 0 {
        return Err(x.device().shape_error());
    }
    let state = state.map(flat).transpose()?;
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let (next, regulation) = device.regulate(&sizes, &weights, &x, state.as_ref())?;
    let saved = next.clone();
    tape.add_backward_op(move |grads| {
        let mut of = vec![&saved, &x];
        of.extend(&state);
        weights.each_ref().map(|weight| of.push(weight));
        with_gradients_of(grads, &of, |buffers| {
            let mut buffer = || buffers.next().expect("one buffer was taken for each tensor");
            let (dnext, dx) = (buffer(), buffer());
            let dstate = state.as_ref().map(|_| buffer());
            let into = RegulatorGradients { dx, dstate, dweights: weights.each_ref().map(|_| buffer()) };
            let inputs = RegulatorInputs { x: &x, state: state.as_ref(), weights: &weights, next: &saved };
            device.regulate_backward(&sizes, inputs, regulation, dnext, into)
        })
    });
    next.put_tape(tape).try_reshape_like(&shape)
}
