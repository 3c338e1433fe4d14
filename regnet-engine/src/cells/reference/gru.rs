//! See [`gru`](crate::cells::gru).

use super::{Gate, places, sigmoid};
use crate::Real;
use crate::cells::gru::{GATES, Gradients, Previous, Reset};

/// See [`reset`](crate::cells::gru::reset).
pub fn reset<T: Real>(op: &Gate, args: Reset<'_, T>, gates: &mut [T], reset: &mut [T]) {
    for place in places(op) {
        let bias = args.bias[op.channels + place.channel];
        let r = sigmoid(gates[place.of(1, GATES)] + args.h[place.of(1, 2)] + bias);
        gates[place.of(1, GATES)] = r;
        reset[place.of(0, 1)] = r * args.state[place.of(0, 1)];
    }
}

/// See [`blend`](crate::cells::gru::blend).
pub fn blend<T: Real>(
    op: &Gate,
    previous: Option<Previous<'_, T>>,
    bias: &[T],
    gates: &mut [T],
    out: &mut [T],
) {
    for place in places(op) {
        let (mut update, mut candidate) = (gates[place.of(0, GATES)], gates[place.of(2, GATES)]);
        let mut state = T::zero();
        if let Some(previous) = &previous {
            update += previous.h[place.of(0, 2)];
            candidate += previous.candidate[place.of(0, 1)];
            state = previous.state[place.of(0, 1)];
        }
        let z = sigmoid(update + bias[place.channel]);
        let candidate = (candidate + bias[2 * op.channels + place.channel]).tanh();
        gates[place.of(0, GATES)] = z;
        gates[place.of(2, GATES)] = candidate;
        out[place.of(0, 1)] = (T::one() - z) * state + z * candidate;
    }
}

/// See [`blend_backward`](crate::cells::gru::blend_backward).
pub fn blend_backward<T: Real>(
    op: &Gate,
    state: Option<&[T]>,
    dout: &[T],
    gates: &mut [T],
    mut gradients: Gradients<'_, T>,
) {
    let one = T::one();
    for place in places(op) {
        let (z, candidate) = (gates[place.of(0, GATES)], gates[place.of(2, GATES)]);
        let dout = dout[place.of(0, 1)];
        let before = state.map_or(T::zero(), |state| state[place.of(0, 1)]);
        let dz = dout * (candidate - before) * z * (one - z);
        let dcandidate = dout * z * (one - candidate * candidate);
        gates[place.of(0, GATES)] = dz;
        gates[place.of(2, GATES)] = dcandidate;
        if state.is_none() {
            gates[place.of(1, GATES)] = T::zero();
        }
        if let Some(dstate) = &mut gradients.dstate {
            dstate[place.of(0, 1)] += dout * (one - z);
        }
        gradients.dbias[place.channel] += dz;
        gradients.dbias[2 * op.channels + place.channel] += dcandidate;
    }
}

/// See [`reset_backward`](crate::cells::gru::reset_backward).
pub fn reset_backward<T: Real>(
    op: &Gate,
    state: &[T],
    dreset: &[T],
    gates: &mut [T],
    mut gradients: Gradients<'_, T>,
) {
    for place in places(op) {
        let at = place.of(0, 1);
        let r = gates[place.of(1, GATES)];
        let dr = dreset[at] * state[at] * r * (T::one() - r);
        gates[place.of(1, GATES)] = dr;
        if let Some(dstate) = &mut gradients.dstate {
            dstate[at] += dreset[at] * r;
        }
        gradients.dbias[op.channels + place.channel] += dr;
    }
}
