//! The plain cell: one gate.

use super::convolution::{Convolutions, Of};
use super::{Gradients, Inputs, Saved};
use crate::Real;
use crate::cells::rnn;

pub(super) fn forward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    bias: &[T],
    Inputs { x, state }: Inputs<'_, T>,
    out: &mut [T],
) -> Saved<T> {
    convolutions.features(x, out);
    if let Some(state) = state {
        convolutions.add_hidden(0..1, state, out);
    }
    rnn::forward(&convolutions.op.gate(), None, bias, out);
    Saved { gates: Vec::new(), reset: Vec::new() }
}

pub(super) fn backward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    Inputs { x, state }: Inputs<'_, T>,
    _: Saved<T>,
    (out, dout): (&[T], &[T]),
    Gradients { dx, dstate, mut dweights }: Gradients<'_, T>,
) {
    let mut dgates = vec![T::zero(); out.len()];
    rnn::backward(&convolutions.op.gate(), out, dout, &mut dgates, dweights.bias);
    let dconvolutions = &mut dweights.convolutions;
    convolutions.backward(Of::Features, 0..1, x, &dgates, dx, dconvolutions);
    if let Some((state, dstate)) = state.zip(dstate) {
        convolutions.backward(Of::Hidden, 0..1, state, &dgates, dstate, dconvolutions);
    }
}
