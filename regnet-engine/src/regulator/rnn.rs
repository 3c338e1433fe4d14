//! The plain cell: one gate.

use super::convolution::{Convolutions, Of};
use super::{Gradients, Inputs};
use crate::Real;
use crate::cells::rnn;

pub(super) fn forward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    bias: &[T],
    inputs: Inputs<'_, T>,
    out: &mut [T],
) {
    convolutions.all(inputs, out);
    rnn::forward(&convolutions.op.gate(), None, bias, out);
}

pub(super) fn backward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    Inputs { x, state }: Inputs<'_, T>,
    dgates: &mut [T],
    (out, dout): (&[T], &[T]),
    Gradients { dx, dstate, mut dweights }: Gradients<'_, T>,
) {
    rnn::backward(&convolutions.op.gate(), out, dout, dgates, dweights.bias);
    let dconvolutions = &mut dweights.convolutions;
    convolutions.backward(Of::Features, 0..1, x, dgates, dx, dconvolutions);
    if let Some((state, dstate)) = state.zip(dstate) {
        convolutions.backward(Of::State, 0..1, state, dgates, dstate, dconvolutions);
    }
}
