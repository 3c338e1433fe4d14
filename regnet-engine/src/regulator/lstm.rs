//! The cell with a memory: four gates, and C behind H in the state.

use super::convolution::{Convolutions, Of};
use super::{Gradients, Inputs, Saved};
use crate::Real;
use crate::cells::lstm::{self, GATES};
use crate::slabs::Slabs;

/// H and C.
const MAPS: usize = 2;

pub(super) fn forward<T: Real>(
    convolutions: &Convolutions<'_, T>,
    bias: &[T],
    Inputs { x, state }: Inputs<'_, T>,
    out: &mut [T],
) -> Saved<T> {
    let mut gates = convolutions.forward(Of::Features, 0..GATES, x);
    let h = state.map(|state| {
        let hidden = slabs(convolutions).take(state, 0..1, MAPS);
        convolutions.forward(Of::Hidden, 0..GATES, &hidden)
    });
    let args = lstm::Forward { h: h.as_deref(), bias, state };
    lstm::forward(&convolutions.op.gate(), args, &mut gates, out);
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
        let slabs = slabs(convolutions);
        let mut dhidden = vec![T::zero(); op.len()];
        let hidden = slabs.take(state, 0..1, MAPS);
        convolutions.backward(Of::Hidden, 0..GATES, &hidden, &gates, &mut dhidden, dconvolutions);
        slabs.add(&dhidden, 0, 1, dstate, 0..1, MAPS);
    }
}

fn slabs<T>(convolutions: &Convolutions<'_, T>) -> Slabs {
    let op = convolutions.op.gate();
    Slabs { batch: op.batch, len: op.channels * op.pixels }
}
