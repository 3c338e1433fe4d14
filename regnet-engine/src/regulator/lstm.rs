//! The cell with a memory: four gates, and C behind H in the state.

use super::convolution::{Convolutions, Of};
use super::{Gradients, Inputs, Saved};
use crate::Real;
use crate::cells::Gate;
use crate::cells::lstm::{self, GATES};
use crate::channels::{self, Channels};

pub(super) fn forward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    bias: &[T],
    Inputs { x, state }: Inputs<'_, T>,
    out: &mut [T],
) -> Saved<T> {
    let op = convolutions.op.gate();
    let mut gates = vec![T::zero(); GATES * op.len()];
    convolutions.features(x, &mut gates);
    if let Some(state) = state {
        convolutions.add_hidden(0..GATES, &channels::taken(&hidden(&op), state), &mut gates);
    }
    lstm::forward(&op, lstm::Forward { h: None, bias, state }, &mut gates, out);
    Saved { gates, reset: Vec::new() }
}

pub(super) fn backward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    Inputs { x, state }: Inputs<'_, T>,
    Saved { mut gates, .. }: Saved<T>,
    (out, dout): (&[T], &[T]),
    Gradients { dx, mut dstate, mut dweights }: Gradients<'_, T>,
) {
    let op = convolutions.op.gate();
    let into = lstm::Gradients { dstate: dstate.as_deref_mut(), dbias: dweights.bias };
    lstm::backward(&op, lstm::Backward { state, out, dout }, &mut gates, into);
    let dconvolutions = &mut dweights.convolutions;
    convolutions.backward(Of::Features, 0..GATES, x, &gates, dx, dconvolutions);
    if let Some((state, dstate)) = state.zip(dstate) {
        let (hidden, mut dhidden) = (hidden(&op), vec![T::zero(); op.len()]);
        let state = channels::taken(&hidden, state);
        convolutions.backward(Of::Hidden, 0..GATES, &state, &gates, &mut dhidden, dconvolutions);
        channels::add(&hidden, &dhidden, dstate);
    }
}

/// H within the state.
fn hidden(&Gate { batch, channels, pixels }: &Gate) -> Channels {
    Channels { batch, channels: MAPS * channels, first: 0, count: channels, pixels }
}

/// H and C.
const MAPS: usize = 2;
