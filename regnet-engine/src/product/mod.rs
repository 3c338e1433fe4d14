//! The matrix products that every convolution and linear layer is made of, in registers.
//!
//! [`Outer`] computes `out[row][q] += sum_t panel[row][t] input[offset_t + q]`: rows of the output are sums of
//! shifted rows of the input, one a *tap*. A 1x1 convolution's taps are its input channels; a 3x3's are nine
//! shifts of each channel in an image with a border of zeros, so that nothing is unrolled in memory.
//!
//! Two compute the gradient of such a panel. [`Windows`] does so of tensors whose channels lie innermost: each pixel of
//! the output's gradient, some vectors of channels, is added to the sums of what it saw, one number a tap. [`Inner`] takes
//! planes as they are, `out[row][t] += sum_q left[row][q] input[offset_t + q]`, for rows that are too few for vectors.
//!
//! All keep a block of sums in registers: with 32 registers 24 of them, 8 rows x 3 vectors, 4 x 6 scalar products, or 24
//! taps of one vector to 6 of four.

mod inner;
mod outer;
mod windows;

pub(crate) use inner::Inner;
pub(crate) use outer::{Outer, Panel, Start, TAPS_PER_PASS};
pub(crate) use windows::{Line, Windows};
