//! The cell with a memory: four gates, and C behind H in the state.

use super::convolution::Convolutions;
use super::{Gradients, Inputs};
use crate::Real;
use crate::cells::lstm;

pub(super) fn forward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    bias: &[T],
    inputs: Inputs<'_, T>,
    gates: &mut [T],
    out: &mut [T],
) {
    convolutions.all(inputs, gates);
    let args = lstm::Forward { h: None, bias, state: inputs.state };
    lstm::forward(&convolutions.op.gate(), args, gates, out);
}

pub(super) fn backward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    inputs: Inputs<'_, T>,
    gates: &mut [T],
    (out, dout): (&[T], &[T]),
    Gradients { dx, mut dstate, mut dweights }: Gradients<'_, T>,
) {
    let into = lstm::Gradients { dstate: dstate.as_deref_mut(), dbias: dweights.bias };
    let args = lstm::Backward { state: inputs.state, out, dout };
    lstm::backward(&convolutions.op.gate(), args, gates, into);
    convolutions.all_backward(inputs, gates, dx, dstate, &mut dweights.convolutions);
}
