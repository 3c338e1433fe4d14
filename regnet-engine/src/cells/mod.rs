//! The pointwise halves of the convolutional recurrent cells; their convolutions are [`conv2d`](crate::conv2d)'s.
//!
//! A cell's gates are `conv(x) + conv(h) + bias`, `[batch, gates * channels, pixels]`, gate-major: all channels
//! of the first gate, then all of the second. They live in one buffer that changes its meaning **in place**, so
//! that nothing large is allocated or saved twice:
//!
//! | | `gates` on entry | `gates` on return |
//! | --- | --- | --- |
//! | forward | the convolution of `x` | the activated gates, which backward needs |
//! | backward | the activated gates | the gradient of `conv(x)`, `conv(h)` and, summed, of the bias |
//!
//! The convolution of `h` is added on the way and may lie in the same buffer from the start. Where there is no
//! previous state (it is zero), it is left out.
//!
//! Tensors of states have the hidden state's channels first, then, in [`lstm`], the memory's.

mod chunk;
pub mod gru;
pub mod lstm;
mod pass;
pub mod reference;
pub mod rnn;

/// The sizes of one gate, which are those of the hidden state: `[batch, channels, pixels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Images.
    pub batch: usize,
    /// Channels of a gate.
    pub channels: usize,
    /// Pixels of a channel: height times width.
    pub pixels: usize,
}

impl Gate {
    /// Elements of a gate.
    pub fn len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Panics unless an optional slice, called `name` in the message, has `expected` elements.
#[track_caller]
fn check_optional<T>(name: &str, slice: Option<&[T]>, expected: usize) {
    if let Some(slice) = slice {
        crate::check::length(name, slice, expected);
    }
}
