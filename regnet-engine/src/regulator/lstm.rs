//! The cell with a memory: four gates, and C behind H in the state.

use super::convolution::{Convolutions, Of};
use super::{Gradients, Inputs};
use crate::Real;
use crate::cells::lstm::{self, GATES};

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
    Inputs { x, state }: Inputs<'_, T>,
    gates: &mut [T],
    (out, dout): (&[T], &[T]),
    Gradients { dx, mut dstate, mut dweights }: Gradients<'_, T>,
) {
    let op = convolutions.op.gate();
    let into = lstm::Gradients { dstate: dstate.as_deref_mut(), dbias: dweights.bias };
    lstm::backward(&op, lstm::Backward { state, out, dout }, gates, into);
    let dconvolutions = &mut dweights.convolutions;
    convolutions.backward(Of::Features, 0..GATES, x, gates, dx, dconvolutions);
    if let Some((state, dstate)) = state.zip(dstate) {
        convolutions.backward(Of::State, 0..GATES, state, gates, dstate, dconvolutions);
    }
}
