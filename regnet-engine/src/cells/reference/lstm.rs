//! See [`lstm`](crate::cells::lstm).

use super::{Gate, places, sigmoid};
use crate::Real;
use crate::cells::lstm::{Backward, Forward, GATES, Gradients};

/// See [`forward`](crate::cells::lstm::forward).
pub fn forward<T: Real>(op: &Gate, args: Forward<'_, T>, gates: &mut [T], out: &mut [T]) {
    for place in places(op) {
        for gate in 0..GATES {
            let at = place.of(gate, GATES);
            let h = args.h.map_or(T::zero(), |h| h[at]);
            let sum = gates[at] + h + args.bias[gate * op.channels + place.channel];
            gates[at] = if gate == 3 { sum.tanh() } else { sigmoid(sum) };
        }
        let [i, f, o, g] = [0, 1, 2, 3].map(|gate| gates[place.of(gate, GATES)]);
        let before = args.state.map_or(T::zero(), |state| state[place.of(1, 2)]);
        let c = f * before + i * g;
        out[place.of(0, 2)] = o * c.tanh();
        out[place.of(1, 2)] = c;
    }
}

/// See [`backward`](crate::cells::lstm::backward).
pub fn backward<T: Real>(op: &Gate, args: Backward<'_, T>, gates: &mut [T], mut gradients: Gradients<'_, T>) {
    let one = T::one();
    for place in places(op) {
        let [i, f, o, g] = [0, 1, 2, 3].map(|gate| gates[place.of(gate, GATES)]);
        let before = args.state.map_or(T::zero(), |state| state[place.of(1, 2)]);
        let tanh = args.out[place.of(1, 2)].tanh();
        let dh = args.dout[place.of(0, 2)];
        let dc = args.dout[place.of(1, 2)] + dh * o * (one - tanh * tanh);
        if let Some(dstate) = &mut gradients.dstate {
            dstate[place.of(1, 2)] += dc * f;
        }
        let activated = [dc * g, dc * before, dh * tanh, dc * i];
        let slopes = [i * (one - i), f * (one - f), o * (one - o), one - g * g];
        for gate in 0..GATES {
            let gradient = activated[gate] * slopes[gate];
            gates[place.of(gate, GATES)] = gradient;
            gradients.dbias[gate * op.channels + place.channel] += gradient;
        }
    }
}
