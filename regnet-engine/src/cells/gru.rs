//! The gated recurrent unit (Cho et al., 2014; convolutional: Ballas et al., 2016).
//!
//! ```text
//! z, r = sigmoid(..)                       update and reset
//! c = tanh(conv(x) + conv(r H) + bias)     the candidate; gates are in the order z, r, c
//! H' = (1 - z) H + z c
//! ```
//!
//! The candidate's convolution reads `r H`, so that a step has two halves: [`reset`] makes `r H`, and once that is
//! convolved, [`blend`] makes `H'`. Without a previous state `r H` is zero, and [`reset`] is left out both ways.
//! Backward goes the other way round: [`blend_backward`], the convolution's gradients, [`reset_backward`].

use super::chunk::Chunk;
use super::pass::{Formula, Pass, Slab};
use super::{Gate, check_optional};
use crate::{Real, check};

/// Gates of the cell.
pub const GATES: usize = 3;

/// The inputs of [`reset`], beside the gates.
#[derive(Clone, Copy, Debug)]
pub struct Reset<'a, T> {
    /// The convolution of H for z and r, `[batch, 2 channels, pixels]`; only r's half is read.
    pub h: &'a [T],
    /// `[3 channels]`.
    pub bias: &'a [T],
    /// The previous H, `[batch, channels, pixels]`.
    pub state: &'a [T],
}

/// What [`blend`] takes from the previous step.
#[derive(Clone, Copy, Debug)]
pub struct Previous<'a, T> {
    /// The convolution of H for z and r, `[batch, 2 channels, pixels]`; only z's half is read.
    pub h: &'a [T],
    /// The convolution of `r H` for the candidate, `[batch, channels, pixels]`.
    pub candidate: &'a [T],
    /// The previous H, `[batch, channels, pixels]`.
    pub state: &'a [T],
}

/// The gradients that [`blend_backward`] and [`reset_backward`] add to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of the previous H, as far as it does not pass a convolution.
    pub dstate: Option<&'a mut [T]>,
    /// Of the bias, `[3 channels]`.
    pub dbias: &'a mut [T],
}

/// Overwrites `reset`, `[batch, channels, pixels]`, with `r H`, and r's part of `gates`, `[batch, 3 channels, pixels]`,
/// which hold `conv(x)` on entry, with r.
pub fn reset<T: Real>(op: &Gate, args: Reset<'_, T>, gates: &mut [T], reset: &mut [T]) {
    check::length("h", args.h, 2 * op.len());
    check::length("bias", args.bias, GATES * op.channels);
    check::length("state", args.state, op.len());
    check::length("gates", gates, GATES * op.len());
    check::length("reset", reset, op.len());
    T::gru_reset(op, args, gates, reset);
}

/// Overwrites `out`, `[batch, channels, pixels]`, with H', and the other parts of `gates` with z and the candidate.
/// `bias` is `[3 channels]`.
pub fn blend<T: Real>(
    op: &Gate,
    previous: Option<Previous<'_, T>>,
    bias: &[T],
    gates: &mut [T],
    out: &mut [T],
) {
    if let Some(previous) = &previous {
        check::length("h", previous.h, 2 * op.len());
        check::length("candidate", previous.candidate, op.len());
        check::length("state", previous.state, op.len());
    }
    check::length("bias", bias, GATES * op.channels);
    check::length("gates", gates, GATES * op.len());
    check::length("out", out, op.len());
    T::gru_blend(op, previous, bias, gates, out);
}

/// Adds to all of `gradients` what passes [`blend`], and overwrites the parts of `gates` that hold z and the candidate
/// with their gradients, and without a previous `state`, r's with zeros.
///
/// `dout` is the gradient with respect to H'.
pub fn blend_backward<T: Real>(
    op: &Gate,
    state: Option<&[T]>,
    dout: &[T],
    gates: &mut [T],
    gradients: Gradients<'_, T>,
) {
    check_optional("state", state, op.len());
    check::length("dout", dout, op.len());
    check_backward(op, gates, &gradients);
    T::gru_blend_backward(op, state, dout, gates, gradients);
}

/// Adds to all of `gradients` what passes [`reset`], and overwrites the part of `gates` that holds r with its gradient.
///
/// `dreset` is the gradient with respect to `r H`.
pub fn reset_backward<T: Real>(
    op: &Gate,
    state: &[T],
    dreset: &[T],
    gates: &mut [T],
    gradients: Gradients<'_, T>,
) {
    check::length("state", state, op.len());
    check::length("dreset", dreset, op.len());
    check_backward(op, gates, &gradients);
    T::gru_reset_backward(op, state, dreset, gates, gradients);
}

#[track_caller]
fn check_backward<T: Real>(op: &Gate, gates: &[T], gradients: &Gradients<'_, T>) {
    check::length("gates", gates, GATES * op.len());
    check_optional("dstate", gradients.dstate.as_deref(), op.len());
    check::length("dbias", gradients.dbias, GATES * op.channels);
}

/// A gate's part of the bias.
fn bias_of<'a, T>(op: &Gate, bias: &'a [T], gate: usize) -> &'a [T] {
    &bias[gate * op.channels..][..op.channels]
}

struct ResetPass;

impl<T: Real> Formula<T, 1, 2, 2> for ResetPass {
    #[inline(always)]
    fn at(&self, [bias]: [Chunk<T>; 1], [x, _]: [Chunk<T>; 2], [h, state]: [Chunk<T>; 2]) -> [Chunk<T>; 2] {
        let r = (x + h + bias).sigmoid();
        [r, r * state]
    }
}

pub(crate) fn fast_reset<T: Real>(op: &Gate, args: Reset<'_, T>, gates: &mut [T], reset: &mut [T]) {
    let each = op.cut::<T, GATES>(gates).into_iter().zip(op.cut(reset));
    let shares = each.map(|([_, r, _], [reset])| [r, reset].map(Some)).collect();
    let inputs = [Some(Slab { tensor: args.h, index: 1, of: 2 }), Some(Slab::whole(args.state))];
    Pass { op, formula: ResetPass, biases: [bias_of(op, args.bias, 1)], inputs }.run::<0, 2>(shares);
}

struct BlendPass;

impl<T: Real> Formula<T, 2, 3, 3> for BlendPass {
    #[inline(always)]
    fn at(
        &self,
        bias: [Chunk<T>; 2],
        [xz, xc, _]: [Chunk<T>; 3],
        [hz, hc, state]: [Chunk<T>; 3],
    ) -> [Chunk<T>; 3] {
        let z = (xz + hz + bias[0]).sigmoid();
        let candidate = (xc + hc + bias[1]).tanh();
        [z, candidate, (Chunk::one() - z) * state + z * candidate]
    }
}

pub(crate) fn fast_blend<T: Real>(
    op: &Gate,
    previous: Option<Previous<'_, T>>,
    bias: &[T],
    gates: &mut [T],
    out: &mut [T],
) {
    let each = op.cut::<T, GATES>(gates).into_iter().zip(op.cut(out));
    let shares = each.map(|([z, _, candidate], [out])| [z, candidate, out].map(Some)).collect();
    let inputs = [
        previous.map(|previous| Slab { tensor: previous.h, index: 0, of: 2 }),
        previous.map(|previous| Slab::whole(previous.candidate)),
        previous.map(|previous| Slab::whole(previous.state)),
    ];
    let biases = [bias_of(op, bias, 0), bias_of(op, bias, 2)];
    Pass { op, formula: BlendPass, biases, inputs }.run::<0, 3>(shares);
}

struct BlendBackward;

impl<T: Real> Formula<T, 0, 3, 2> for BlendBackward {
    #[inline(always)]
    fn at(
        &self,
        []: [Chunk<T>; 0],
        [z, candidate, dstate]: [Chunk<T>; 3],
        [state, dout]: [Chunk<T>; 2],
    ) -> [Chunk<T>; 3] {
        let one = Chunk::one();
        let dz = dout * (candidate - state) * z * (one - z);
        let dcandidate = dout * z * (one - candidate * candidate);
        [dz, dcandidate, dstate + dout * (one - z)]
    }
}

pub(crate) fn fast_blend_backward<T: Real>(
    op: &Gate,
    state: Option<&[T]>,
    dout: &[T],
    gates: &mut [T],
    gradients: Gradients<'_, T>,
) {
    let each = op.cut::<T, GATES>(gates).into_iter().zip(op.cut_optional(gradients.dstate));
    let shares = each.map(|([z, r, candidate], dstate)| {
        if state.is_none() {
            r.fill(T::zero());
        }
        [Some(z), Some(candidate), dstate.map(|[dstate]| dstate)]
    });
    let inputs = [state.map(Slab::whole), Some(Slab::whole(dout))];
    let sums = Pass { op, formula: BlendBackward, biases: [], inputs }.run::<2, 3>(shares.collect());
    for (channel, [dz, dcandidate]) in sums.into_iter().enumerate() {
        gradients.dbias[channel] += T::of(dz);
        gradients.dbias[2 * op.channels + channel] += T::of(dcandidate);
    }
}

struct ResetBackward;

impl<T: Real> Formula<T, 0, 2, 2> for ResetBackward {
    #[inline(always)]
    fn at(
        &self,
        []: [Chunk<T>; 0],
        [r, dstate]: [Chunk<T>; 2],
        [state, dreset]: [Chunk<T>; 2],
    ) -> [Chunk<T>; 2] {
        [dreset * state * r * (Chunk::one() - r), dstate + dreset * r]
    }
}

pub(crate) fn fast_reset_backward<T: Real>(
    op: &Gate,
    state: &[T],
    dreset: &[T],
    gates: &mut [T],
    gradients: Gradients<'_, T>,
) {
    let each = op.cut::<T, GATES>(gates).into_iter().zip(op.cut_optional(gradients.dstate));
    let shares = each.map(|([_, r, _], dstate)| [Some(r), dstate.map(|[dstate]| dstate)]).collect();
    let inputs = [state, dreset].map(|input| Some(Slab::whole(input)));
    let sums = Pass { op, formula: ResetBackward, biases: [], inputs }.run::<1, 2>(shares);
    for (channel, [dr]) in sums.into_iter().enumerate() {
        gradients.dbias[op.channels + channel] += T::of(dr);
    }
}
