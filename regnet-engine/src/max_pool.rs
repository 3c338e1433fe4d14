//! Max pooling with a square window, as in the ResNet stem (3x3, stride 2, padding 1).

use rayon::prelude::*;

use crate::{Real, check};

/// The sizes: input `[batch, channels, height, width]`, output
/// `[batch, channels, out_height, out_width]` with `out = floor((in + 2 padding - kernel) / stride) + 1`.
///
/// Pixels outside the input never win. `padding` is at most `kernel / 2`, as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// Images.
    pub batch: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Rows and columns around the input that windows may reach into.
    pub padding: usize,
}

impl MaxPool {
    /// Rows of the output.
    pub fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Columns of the output.
    pub fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Pixels of one input channel.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Pixels of one output channel.
    pub fn out_pixels(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.channels * self.pixels()
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.channels * self.out_pixels()
    }

    /// Panics unless every window holds at least one pixel.
    #[track_caller]
    fn check(&self) {
        let smallest = self.height.min(self.width);
        assert!(
            self.stride > 0
                && self.kernel > 0
                && self.padding <= self.kernel / 2
                && smallest > 0
                && smallest + 2 * self.padding >= self.kernel
                && self.pixels() <= u32::MAX as usize,
            "windows without a pixel, or too many pixels: {self:?}"
        );
    }
}

/// Overwrites `y` with each window's largest value and `argmax` with its place in the input channel
/// (`row * width + column`; the first one in reading order where several are equal).
pub fn forward<T: Real>(op: &MaxPool, x: &[T], y: &mut [T], argmax: &mut [u32]) {
    op.check();
    check::length("x", x, op.input_len());
    check::length("y", y, op.output_len());
    check::length("argmax", argmax, op.output_len());
    let one_plane = MaxPool { batch: 1, channels: 1, ..*op };
    let outputs = y.par_chunks_mut(op.out_pixels()).zip(argmax.par_chunks_mut(op.out_pixels()));
    outputs.zip(x.par_chunks(op.pixels())).for_each(|((y, argmax), x)| {
        reference::forward(&one_plane, x, y, argmax);
    });
}

/// Adds each output's gradient to `dx` at the place that [`forward`] noted in `argmax`.
pub fn backward<T: Real>(op: &MaxPool, argmax: &[u32], dy: &[T], dx: &mut [T]) {
    op.check();
    check::length("argmax", argmax, op.output_len());
    check::length("dy", dy, op.output_len());
    check::length("dx", dx, op.input_len());
    let one_plane = MaxPool { batch: 1, channels: 1, ..*op };
    let inputs = argmax.par_chunks(op.out_pixels()).zip(dy.par_chunks(op.out_pixels()));
    dx.par_chunks_mut(op.pixels()).zip(inputs).for_each(|(dx, (argmax, dy))| {
        reference::backward(&one_plane, argmax, dy, dx);
    });
}

/// The same in plain loops.
pub mod reference {
    use super::MaxPool;
    use crate::Real;

    /// See [`forward`](super::forward).
    pub fn forward<T: Real>(op: &MaxPool, x: &[T], y: &mut [T], argmax: &mut [u32]) {
        let (out_height, out_width) = (op.out_height(), op.out_width());
        for plane in 0..op.batch * op.channels {
            let x = &x[plane * op.pixels()..][..op.pixels()];
            for row in 0..out_height {
                for column in 0..out_width {
                    let index = (plane * out_height + row) * out_width + column;
                    let place = window_argmax(op, x, row, column);
                    y[index] = x[place];
                    argmax[index] = place as u32;
                }
            }
        }
    }

    /// Where the largest pixel under the window of one output pixel lies; a NaN counts as the largest.
    fn window_argmax<T: Real>(op: &MaxPool, x: &[T], row: usize, column: usize) -> usize {
        let span = |start: usize, size: usize| {
            start.saturating_sub(op.padding)..(start + op.kernel - op.padding).min(size)
        };
        let columns = span(column * op.stride, op.width);
        let mut best = span(row * op.stride, op.height).start * op.width + columns.start;
        for iy in span(row * op.stride, op.height) {
            for ix in columns.clone() {
                let place = iy * op.width + ix;
                if x[place] > x[best] || (x[place].is_nan() && !x[best].is_nan()) {
                    best = place;
                }
            }
        }
        best
    }

    /// See [`backward`](super::backward).
    pub fn backward<T: Real>(op: &MaxPool, argmax: &[u32], dy: &[T], dx: &mut [T]) {
        for (index, (&place, &dy)) in argmax.iter().zip(dy).enumerate() {
            dx[index / op.out_pixels() * op.pixels() + place as usize] += dy;
        }
    }
}
