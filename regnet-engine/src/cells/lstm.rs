//! The cell with a memory (Hochreiter and Schmidhuber, 1997; convolutional: Shi et al., 2015).
//!
//! ```text
//! i, f, o = sigmoid(..)    g = tanh(..)    the four gates, in this order
//! C' = f C + i g
//! H' = o tanh(C')
//! ```

use super::chunk::Chunk;
use super::pass::{Formula, Pass, Slab};
use super::{Gate, check_optional};
use crate::{Real, check};

/// Gates of the cell.
pub const GATES: usize = 4;

/// The inputs of [`forward`], beside the gates.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a, T> {
    /// The convolution of the previous hidden state, `[batch, 4 channels, pixels]`.
    pub h: Option<&'a [T]>,
    /// `[4 channels]`.
    pub bias: &'a [T],
    /// The previous H and C, `[batch, 2 channels, pixels]`; only C is read. `None` is zero.
    pub state: Option<&'a [T]>,
}

/// The inputs of [`backward`], beside the gates.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a, T> {
    /// As given to [`forward`].
    pub state: Option<&'a [T]>,
    /// What [`forward`] wrote; only C' is read.
    pub out: &'a [T],
    /// The gradient with respect to `out`.
    pub dout: &'a [T],
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of the previous state, `[batch, 2 channels, pixels]`; H's half, which only the convolution reads, is left alone.
    pub dstate: Option<&'a mut [T]>,
    /// Of the bias, `[4 channels]`.
    pub dbias: &'a mut [T],
}

/// Overwrites `out`, `[batch, 2 channels, pixels]`, with H' and C', and `gates`, `[batch, 4 channels, pixels]`,
/// which hold `conv(x)` on entry, with the activated gates.
pub fn forward<T: Real>(op: &Gate, args: Forward<'_, T>, gates: &mut [T], out: &mut [T]) {
    check_optional("h", args.h, GATES * op.len());
    check::length("bias", args.bias, GATES * op.channels);
    check_optional("state", args.state, 2 * op.len());
    check::length("gates", gates, GATES * op.len());
    check::length("out", out, 2 * op.len());
    T::lstm_forward(op, args, gates, out);
}

/// Adds to all of `gradients`, and overwrites `gates`, as [`forward`] left them, with the gradient of `conv(x)` and
/// `conv(h)`.
pub fn backward<T: Real>(op: &Gate, args: Backward<'_, T>, gates: &mut [T], gradients: Gradients<'_, T>) {
    check_optional("state", args.state, 2 * op.len());
    check::length("out", args.out, 2 * op.len());
    check::length("dout", args.dout, 2 * op.len());
    check::length("gates", gates, GATES * op.len());
    check_optional("dstate", gradients.dstate.as_deref(), 2 * op.len());
    check::length("dbias", gradients.dbias, GATES * op.channels);
    T::lstm_backward(op, args, gates, gradients);
}

/// The half of a state's tensor.
fn hidden<T>(tensor: &[T]) -> Slab<'_, T> {
    Slab { tensor, index: 0, of: 2 }
}

/// The other half.
fn memory<T>(tensor: &[T]) -> Slab<'_, T> {
    Slab { tensor, index: 1, of: 2 }
}

struct ForwardPass;

impl<T: Real> Formula<T, 4, 6, 5> for ForwardPass {
    #[inline(always)]
    fn at(
        &self,
        bias: [Chunk<T>; 4],
        [xi, xf, xo, xg, ..]: [Chunk<T>; 6],
        [hi, hf, ho, hg, c]: [Chunk<T>; 5],
    ) -> [Chunk<T>; 6] {
        let i = (xi + hi + bias[0]).sigmoid();
        let f = (xf + hf + bias[1]).sigmoid();
        let o = (xo + ho + bias[2]).sigmoid();
        let g = (xg + hg + bias[3]).tanh();
        let c = f * c + i * g;
        [i, f, o, g, o * c.tanh(), c]
    }
}

pub(crate) fn fast_forward<T: Real>(op: &Gate, args: Forward<'_, T>, gates: &mut [T], out: &mut [T]) {
    let each = op.cut(gates).into_iter().zip(op.cut(out));
    let shares = each.map(|([i, f, o, g], [h, c])| [i, f, o, g, h, c].map(Some)).collect();
    let h = |index| args.h.map(|tensor| Slab { tensor, index, of: GATES });
    let inputs = [h(0), h(1), h(2), h(3), args.state.map(memory)];
    let biases = std::array::from_fn(|gate| &args.bias[gate * op.channels..][..op.channels]);
    Pass { op, formula: ForwardPass, biases, inputs }.run::<0, 6>(shares);
}

struct BackwardPass;

impl<T: Real> Formula<T, 0, 5, 4> for BackwardPass {
    #[inline(always)]
    fn at(
        &self,
        []: [Chunk<T>; 0],
        [i, f, o, g, dstate]: [Chunk<T>; 5],
        [c_before, c, dh, dc]: [Chunk<T>; 4],
    ) -> [Chunk<T>; 5] {
        let one = Chunk::one();
        let tanh = c.tanh();
        let dc = dc + dh * o * (one - tanh * tanh);
        let di = dc * g * i * (one - i);
        let df = dc * c_before * f * (one - f);
        let d_o = dh * tanh * o * (one - o);
        let dg = dc * i * (one - g * g);
        [di, df, d_o, dg, dstate + dc * f]
    }
}

pub(crate) fn fast_backward<T: Real>(
    op: &Gate,
    args: Backward<'_, T>,
    gates: &mut [T],
    gradients: Gradients<'_, T>,
) {
    let each = op.cut(gates).into_iter().zip(op.cut_optional(gradients.dstate));
    let shares = each.map(|([i, f, o, g], dstate)| {
        let dc = dstate.map(|[_, dc]| dc);
        [Some(i), Some(f), Some(o), Some(g), dc]
    });
    let inputs =
        [args.state.map(memory), Some(memory(args.out)), Some(hidden(args.dout)), Some(memory(args.dout))];
    let sums = Pass { op, formula: BackwardPass, biases: [], inputs }.run::<GATES, 5>(shares.collect());
    for (channel, sums) in sums.iter().enumerate() {
        for (gate, &sum) in sums.iter().enumerate() {
            gradients.dbias[gate * op.channels + channel] += T::of(sum);
        }
    }
}
