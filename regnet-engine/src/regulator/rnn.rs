//! The plain cell: one gate.

use super::convolution::Convolutions;
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
    inputs: Inputs<'_, T>,
    dgates: &mut [T],
    (out, dout): (&[T], &[T]),
    Gradients { dx, dstate, mut dweights }: Gradients<'_, T>,
) {
    rnn::backward(&convolutions.op.gate(), out, dout, dgates, dweights.bias);
    convolutions.all_backward(inputs, dgates, dx, dstate, &mut dweights.convolutions);
}
