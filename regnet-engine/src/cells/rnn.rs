//! The plain recurrent cell: `H' = tanh(conv(x) + conv(h) + bias)`.
//!
//! It has one gate and keeps nothing: what [`backward`] needs is `H'`.

use super::chunk::Chunk;
use super::pass::{Formula, Pass, Slab};
use super::{Gate, check_optional};
use crate::{Real, check};

/// `conv(x)` in `out`, on entry, becomes `H'`; all are `[batch, channels, pixels]`.
///
/// `h` is the convolution of the previous state, if there is one, and `bias` is `[channels]`.
pub fn forward<T: Real>(op: &Gate, h: Option<&[T]>, bias: &[T], out: &mut [T]) {
    check_optional("h", h, op.len());
    check::length("bias", bias, op.channels);
    check::length("out", out, op.len());
    T::rnn_forward(op, h, bias, out);
}

/// Overwrites `dgates` with the gradient of `conv(x)` and `conv(h)`, and adds that of the bias to `dbias`.
///
/// `out` is what [`forward`] wrote, `dout` the gradient with respect to it.
pub fn backward<T: Real>(op: &Gate, out: &[T], dout: &[T], dgates: &mut [T], dbias: &mut [T]) {
    check::length("out", out, op.len());
    check::length("dout", dout, op.len());
    check::length("dgates", dgates, op.len());
    check::length("dbias", dbias, op.channels);
    T::rnn_backward(op, out, dout, dgates, dbias);
}

struct Forward;

impl<T: Real> Formula<T, 1, 1, 1> for Forward {
    #[inline(always)]
    fn at(&self, [bias]: [Chunk<T>; 1], [x]: [Chunk<T>; 1], [h]: [Chunk<T>; 1]) -> [Chunk<T>; 1] {
        [(x + h + bias).tanh()]
    }
}

pub(crate) fn fast_forward<T: Real>(op: &Gate, h: Option<&[T]>, bias: &[T], out: &mut [T]) {
    let shares = op.cut(out).into_iter().map(|[out]| [Some(out)]).collect();
    Pass { op, formula: Forward, biases: [bias], inputs: [h.map(Slab::whole)] }.run::<0, 1>(shares);
}

struct Backward;

impl<T: Real> Formula<T, 0, 1, 2> for Backward {
    #[inline(always)]
    fn at(&self, []: [Chunk<T>; 0], [_]: [Chunk<T>; 1], [out, dout]: [Chunk<T>; 2]) -> [Chunk<T>; 1] {
        [dout * (Chunk::one() - out * out)]
    }
}

pub(crate) fn fast_backward<T: Real>(op: &Gate, out: &[T], dout: &[T], dgates: &mut [T], dbias: &mut [T]) {
    let shares = op.cut(dgates).into_iter().map(|[dgates]| [Some(dgates)]).collect();
    let inputs = [out, dout].map(|input| Some(Slab::whole(input)));
    let sums = Pass { op, formula: Backward, biases: [], inputs }.run::<1, 1>(shares);
    dbias.iter_mut().zip(sums).for_each(|(dbias, [sum])| *dbias += T::of(sum));
}
