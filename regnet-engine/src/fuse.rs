//! The 1x1 convolution that fuses a block's features with the regulator's hidden state (Xu et al., "RegNet:
//! Self-Regulated Network for Image Classification", 2021, equations 6 and 7).

use crate::channels::{self, Channels};
use crate::conv2d::{self, Conv2d, Input, InputGradient, Store, WeightGradient};
use crate::{Real, check};

/// The sizes of one fusion.
///
/// Features and output `[batch, channels, pixels]`, state `[batch, maps * channels, pixels]` with the hidden state
/// first, weight `[channels, 2 * channels]`, of which the first half of each row sees the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fuse {
    /// Images.
    pub batch: usize,
    /// Channels of the features, of the hidden state and of the output.
    pub channels: usize,
    /// Feature maps of the state: 1, or 2 where a memory follows the hidden state.
    pub maps: usize,
    /// Pixels of a channel.
    pub pixels: usize,
}

impl Fuse {
    /// Elements of the features, and of the output.
    pub fn len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements of the state.
    pub fn state_len(&self) -> usize {
        self.maps * self.len()
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        2 * self.channels * self.channels
    }

    /// The convolution of the features, or of the hidden state, alone.
    pub fn conv2d(&self) -> Conv2d {
        let &Self { batch, channels, pixels, .. } = self;
        Conv2d {
            batch,
            in_channels: channels,
            out_channels: channels,
            group_width: channels,
            kernel: 1,
            stride: 1,
            height: 1,
            width: pixels,
        }
    }

    /// The half of the weight that sees the features, and the one that sees the hidden state.
    fn halves(&self) -> [Channels; 2] {
        let &Self { channels, .. } = self;
        [0, channels].map(|first| Channels {
            batch: channels,
            channels: 2 * channels,
            first,
            count: channels,
            pixels: 1,
        })
    }
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of the features.
    pub dx: &'a mut [T],
    /// Of the state; a memory in it has none.
    pub dstate: &'a mut [T],
    /// Of the weight.
    pub dw: &'a mut [T],
}

/// Overwrites `y` with the convolution of features and hidden state.
pub fn forward<T: Real>(op: &Fuse, x: &[T], state: &[T], w: &[T], y: &mut [T]) {
    check::length("x", x, op.len());
    check::length("state", state, op.state_len());
    let (conv, [of_x, of_h]) = (op.conv2d(), op.halves());
    let [of_x, of_h] = [of_x, of_h].map(|half| channels::taken(&half, w));
    let x = Input { of: op.channels, x, w: &of_x };
    let state = Input { of: op.maps * op.channels, x: state, w: &of_h };
    conv2d::forward_of(&conv, &[x, state], Store::Overwrite(None), y);
}

/// Adds to all of `gradients`.
pub fn backward<T: Real>(op: &Fuse, x: &[T], state: &[T], w: &[T], dy: &[T], into: Gradients<'_, T>) {
    check::length("x", x, op.len());
    check::length("state", state, op.state_len());
    check::length("dx", into.dx, op.len());
    check::length("dstate", into.dstate, op.state_len());
    let (conv, [of_x, of_h]) = (op.conv2d(), op.halves());
    let of_state = op.maps * op.channels;
    let [wx, wh] = [of_x, of_h].map(|half| channels::taken(&half, w));
    let dx = InputGradient { of: op.channels, w: &wx, dx: into.dx };
    let dstate = InputGradient { of: of_state, w: &wh, dx: into.dstate };
    conv2d::backward_input_of(&conv, dy, vec![dx, dstate]);
    let [mut dwx, mut dwh] = [0, 1].map(|_| vec![T::zero(); conv.weight_len()]);
    let of_x_gradient = WeightGradient { of: op.channels, x, dw: &mut dwx };
    let of_h_gradient = WeightGradient { of: of_state, x: state, dw: &mut dwh };
    conv2d::backward_weight_of(&conv, dy, vec![of_x_gradient, of_h_gradient]);
    channels::add(&of_x, &dwx, into.dw);
    channels::add(&of_h, &dwh, into.dw);
}
