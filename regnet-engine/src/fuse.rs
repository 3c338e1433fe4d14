//! The 1x1 convolution that fuses a block's features with the regulator's hidden state (Xu et al., "RegNet:
//! Self-Regulated Network for Image Classification", 2021, equations 6 and 7).

use crate::conv2d::{self, Conv2d};
use crate::slabs::Slabs;
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

    fn conv2d(&self) -> Conv2d {
        let &Self { batch, channels, pixels, .. } = self;
        let (in_channels, out_channels) = (2 * channels, channels);
        Conv2d {
            batch,
            in_channels,
            out_channels,
            group_width: in_channels,
            kernel: 1,
            stride: 1,
            height: 1,
            width: pixels,
        }
    }

    fn slabs(&self) -> Slabs {
        Slabs { batch: self.batch, len: self.channels * self.pixels }
    }

    /// Features and hidden state, one behind the other in each image.
    fn joined<T: Real>(&self, x: &[T], state: &[T]) -> Vec<T> {
        let mut joined = vec![T::zero(); 2 * self.len()];
        self.slabs().put(x, 1, &mut joined, 0..1, 2);
        self.slabs().put(state, self.maps, &mut joined, 1..2, 2);
        joined
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
    conv2d::forward(&op.conv2d(), &op.joined(x, state), w, None, y);
}

/// Adds to all of `gradients`.
pub fn backward<T: Real>(op: &Fuse, x: &[T], state: &[T], w: &[T], dy: &[T], into: Gradients<'_, T>) {
    check::length("x", x, op.len());
    check::length("state", state, op.state_len());
    check::length("dx", into.dx, op.len());
    check::length("dstate", into.dstate, op.state_len());
    let conv = op.conv2d();
    conv2d::backward_weight(&conv, &op.joined(x, state), dy, into.dw);
    let mut djoined = vec![T::zero(); 2 * op.len()];
    conv2d::backward_input(&conv, w, dy, &mut djoined);
    op.slabs().add(&djoined, 0, 2, into.dx, 0..1, 1);
    op.slabs().add(&djoined, 1, 2, into.dstate, 0..1, op.maps);
}
