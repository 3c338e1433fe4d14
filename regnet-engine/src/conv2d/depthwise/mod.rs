//! Convolution of each channel on its own by 3x3 kernels, one for each of several *gates* that read the same channels.
//!
//! With one gate it is a [`Conv2d`] of group width 1 (which comes here when its kernel is 3x3). With more, outputs are
//! gate-major, as the [`cells`](crate::cells) want them: output channel `g * channels + c` reads channel `c`.
//!
//! The cells' efficient convolution, a grouped 1x1 that weighs `x` and `h` followed by a 3x3, is two of these, of `x`
//! and of `h` with the 3x3 kernels times the respective scales, so that what lies between is never stored.

pub(crate) mod fast;
pub mod reference;

use super::Conv2d;
use crate::{Real, check};

/// Numbers of a kernel.
const TAPS: usize = 9;

/// The sizes: input `[batch, channels, height, width]`, weight `[gates * channels, 3, 3]`, output
/// `[batch, gates * channels, ceil(height / stride), ceil(width / stride)]`; padded by 1 on all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depthwise {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Kernels of a channel.
    pub gates: usize,
    /// Step between output pixels, in input pixels.
    pub stride: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
}

impl Depthwise {
    /// One gate as a grouped convolution.
    fn gate(&self) -> Conv2d {
        Conv2d {
            batch: self.batch,
            in_channels: self.channels,
            out_channels: self.channels,
            group_width: 1,
            kernel: 3,
            stride: self.stride,
            height: self.height,
            width: self.width,
        }
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.gate().input_len()
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.gates * self.gate().output_len()
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.gates * self.channels * TAPS
    }

    /// Multiply-adds of [`forward`], and of each backward pass, counting those on padding.
    pub fn multiply_adds(&self) -> usize {
        self.output_len() * TAPS
    }

    #[track_caller]
    fn check<T>(&self, of: usize, x: (&str, &[T]), w: (&str, &[T]), y: (&str, &[T])) {
        assert!(self.stride > 0, "the stride is 0: {self:?}");
        check::length(x.0, x.1, self.gate().tensor_len(of));
        check::length(w.0, w.1, self.weight_len());
        check::length(y.0, y.1, self.output_len());
    }
}

/// Overwrites `y` with the convolution of `x` by `w`.
pub fn forward<T: Real>(op: &Depthwise, x: &[T], w: &[T], y: &mut [T]) {
    op.check(op.channels, ("x", x), ("w", w), ("y", y));
    T::depthwise_forward(op, op.channels, x, w, false, y);
}

/// Adds the convolution of `x` by `w` to `y`.
pub fn forward_add<T: Real>(op: &Depthwise, x: &[T], w: &[T], y: &mut [T]) {
    forward_add_of(op, op.channels, x, w, y);
}

/// Adds the gradient with respect to the input to `dx`.
pub fn backward_input<T: Real>(op: &Depthwise, w: &[T], dy: &[T], dx: &mut [T]) {
    backward_input_of(op, op.channels, w, dy, dx);
}

/// Adds the gradient with respect to the weight to `dw`.
pub fn backward_weight<T: Real>(op: &Depthwise, x: &[T], dy: &[T], dw: &mut [T]) {
    backward_weight_of(op, op.channels, x, dy, dw);
}

/// [`forward_add`] whose input is the first channels of `of`.
pub(crate) fn forward_add_of<T: Real>(op: &Depthwise, of: usize, x: &[T], w: &[T], y: &mut [T]) {
    op.check(of, ("x", x), ("w", w), ("y", y));
    T::depthwise_forward(op, of, x, w, true, y);
}

/// [`backward_input`] whose input is the first channels of `of`; the others' gradient is left alone.
pub(crate) fn backward_input_of<T: Real>(op: &Depthwise, of: usize, w: &[T], dy: &[T], dx: &mut [T]) {
    op.check(of, ("dx", dx), ("w", w), ("dy", dy));
    T::depthwise_backward_input(op, of, w, dy, dx);
}

/// [`backward_weight`] whose input is the first channels of `of`.
pub(crate) fn backward_weight_of<T: Real>(op: &Depthwise, of: usize, x: &[T], dy: &[T], dw: &mut [T]) {
    op.check(of, ("x", x), ("dw", dw), ("dy", dy));
    T::depthwise_backward_weight(op, of, x, dy, dw);
}
