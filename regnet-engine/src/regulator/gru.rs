//! The gated recurrent unit: the candidate's convolution waits for the reset gate.

use std::ops::Range;

use super::convolution::{Convolutions, Of};
use super::{Gradients, Inputs, Saved};
use crate::Real;
use crate::cells::gru::{self, GATES};
use crate::slabs::Slabs;

/// The update and the reset gate, whose convolutions see H.
const UPDATE_AND_RESET: Range<usize> = 0..2;

/// The candidate, whose convolution sees `r H`.
const CANDIDATE: Range<usize> = 2..3;

pub(super) fn forward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    bias: &[T],
    Inputs { x, state }: Inputs<'_, T>,
    out: &mut [T],
) -> Saved<T> {
    let op = convolutions.op.gate();
    let mut gates = convolutions.forward(Of::Features, 0..GATES, x);
    let Some(state) = state else {
        gru::blend(&op, None, bias, &mut gates, out);
        return Saved { gates, reset: Vec::new() };
    };
    let h = convolutions.forward(Of::Hidden, UPDATE_AND_RESET, state);
    let mut reset = vec![T::zero(); op.len()];
    gru::reset(&op, gru::Reset { h: &h, bias, state }, &mut gates, &mut reset);
    let candidate = convolutions.forward(Of::Hidden, CANDIDATE, &reset);
    let previous = gru::Previous { h: &h, candidate: &candidate, state };
    gru::blend(&op, Some(previous), bias, &mut gates, out);
    Saved { gates, reset }
}

pub(super) fn backward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    Inputs { x, state }: Inputs<'_, T>,
    Saved { mut gates, reset }: Saved<T>,
    dout: &[T],
    Gradients { dx, mut dstate, mut dweights }: Gradients<'_, T>,
) {
    let op = convolutions.op.gate();
    let slabs = Slabs { batch: op.batch, len: op.channels * op.pixels };
    let dconvolutions = &mut dweights.convolutions;
    let into = gru::Gradients { dstate: dstate.as_deref_mut(), dbias: &mut *dweights.bias };
    gru::blend_backward(&op, state, dout, &mut gates, into);
    if let Some((state, dstate)) = state.zip(dstate) {
        let dcandidate = slabs.take(&gates, CANDIDATE, GATES);
        let mut dreset = vec![T::zero(); op.len()];
        convolutions.backward(Of::Hidden, CANDIDATE, &reset, &dcandidate, &mut dreset, dconvolutions);
        let into = gru::Gradients { dstate: Some(&mut *dstate), dbias: dweights.bias };
        gru::reset_backward(&op, state, &dreset, &mut gates, into);
        let dgates = slabs.take(&gates, UPDATE_AND_RESET, GATES);
        convolutions.backward(Of::Hidden, UPDATE_AND_RESET, state, &dgates, dstate, dconvolutions);
    }
    convolutions.backward(Of::Features, 0..GATES, x, &gates, dx, dconvolutions);
}
