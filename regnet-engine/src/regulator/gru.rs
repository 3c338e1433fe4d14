//! The gated recurrent unit: the candidate's convolution waits for the reset gate.

use std::ops::Range;

use super::convolution::{Convolutions, Of};
use super::{Gradients, Inputs, Saved};
use crate::Real;
use crate::cells::Gate;
use crate::cells::gru::{self, GATES};
use crate::channels::{self, Channels};

/// The update and the reset gate, whose convolutions see H.
const UPDATE_AND_RESET: Range<usize> = 0..2;

/// The candidate, whose convolution sees `r H`.
const CANDIDATE: Range<usize> = 2..3;

pub(super) fn forward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    bias: &[T],
    Inputs { x, state }: Inputs<'_, T>,
    Saved { gates, reset }: Saved<&mut [T]>,
    out: &mut [T],
) {
    let op = convolutions.op.gate();
    convolutions.features(x, gates);
    let Some(state) = state else {
        gru::blend(&op, None, bias, gates, out);
        return;
    };
    let mut h = vec![T::zero(); UPDATE_AND_RESET.len() * op.len()];
    convolutions.add(Of::State, UPDATE_AND_RESET, state, &mut h);
    gru::reset(&op, gru::Reset { h: &h, bias, state }, gates, reset);
    let mut candidate = vec![T::zero(); op.len()];
    convolutions.add(Of::Reset, CANDIDATE, reset, &mut candidate);
    let previous = gru::Previous { h: &h, candidate: &candidate, state };
    gru::blend(&op, Some(previous), bias, gates, out);
}

pub(super) fn backward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    Inputs { x, state }: Inputs<'_, T>,
    Saved { gates, reset }: Saved<&mut [T]>,
    dout: &[T],
    Gradients { dx, mut dstate, mut dweights }: Gradients<'_, T>,
) {
    let op = convolutions.op.gate();
    let dconvolutions = &mut dweights.convolutions;
    let into = gru::Gradients { dstate: dstate.as_deref_mut(), dbias: &mut *dweights.bias };
    gru::blend_backward(&op, state, dout, gates, into);
    if let Some((state, dstate)) = state.zip(dstate) {
        let dcandidate = channels::taken(&of_gates(&op, CANDIDATE), gates);
        let mut dreset = vec![T::zero(); op.len()];
        convolutions.backward(Of::Reset, CANDIDATE, reset, &dcandidate, &mut dreset, dconvolutions);
        let into = gru::Gradients { dstate: Some(&mut *dstate), dbias: dweights.bias };
        gru::reset_backward(&op, state, &dreset, gates, into);
        let dgates = channels::taken(&of_gates(&op, UPDATE_AND_RESET), gates);
        convolutions.backward(Of::State, UPDATE_AND_RESET, state, &dgates, dstate, dconvolutions);
    }
    convolutions.backward(Of::Features, 0..GATES, x, gates, dx, dconvolutions);
}

/// Some gates among all.
fn of_gates(&Gate { batch, channels, pixels }: &Gate, gates: Range<usize>) -> Channels {
    let (first, count) = (gates.start * channels, gates.len() * channels);
    Channels { batch, channels: GATES * channels, first, count, pixels }
}
