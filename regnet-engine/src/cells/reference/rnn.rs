//! See [`rnn`](crate::cells::rnn).

use super::{Gate, places};
use crate::Real;

/// See [`forward`](crate::cells::rnn::forward).
pub fn forward<T: Real>(op: &Gate, h: Option<&[T]>, bias: &[T], out: &mut [T]) {
    for (i, place) in places(op).enumerate() {
        let h = h.map_or(T::zero(), |h| h[i]);
        out[i] = (out[i] + h + bias[place.channel]).tanh();
    }
}

/// See [`backward`](crate::cells::rnn::backward).
pub fn backward<T: Real>(op: &Gate, out: &[T], dout: &[T], dgates: &mut [T], dbias: &mut [T]) {
    for (i, place) in places(op).enumerate() {
        dgates[i] = dout[i] * (T::one() - out[i] * out[i]);
        dbias[place.channel] += dgates[i];
    }
}
