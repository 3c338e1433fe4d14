//! One step of a regulator, the convolutional recurrent network beside the blocks of a self-regulated stage (Xu et al.,
//! "RegNet: Self-Regulated Network for Image Classification", 2021, section 3.2).
//!
//! A step takes features `x` and the previous state and makes the next state; its pointwise half is
//! [`cells`](crate::cells)'s. Each gate convolves the concatenation of features and hidden state, which is linear, so
//! it is computed as the sum of two convolutions: of the features, with the step's stride, and of the hidden state,
//! which has the next state's resolution already. A previous state of zero adds nothing and is left out.
//!
//! | tensor | shape |
//! | --- | --- |
//! | features | `[batch, channels, height, width]` |
//! | state | `[batch, maps * channels, ceil(height / stride), ceil(width / stride)]`: H, of lstm also C |
//! | full weights `x`, `h` | `[gates, channels, channels, 3, 3]` |
//! | efficient weights | `x_scale`, `h_scale`: `[gates, channels]`; `spatial`: `[gates, channels, 3, 3]` |
//! | bias | `[gates, channels]` |

mod convolution;
mod gru;
mod lstm;
mod rnn;

pub use regnet_space::{Cell, CellConv};

use crate::cells::Gate;
use crate::{Real, check};
use convolution::Convolutions;

/// The sizes of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The recurrence.
    pub cell: Cell,
    /// How its gates convolve.
    pub conv: CellConv,
    /// Images.
    pub batch: usize,
    /// Channels of the features and of the hidden state.
    pub channels: usize,
    /// Rows of the features.
    pub height: usize,
    /// Columns of the features.
    pub width: usize,
    /// Step between pixels of the state, in pixels of the features.
    pub stride: usize,
}

impl Step {
    /// Rows of the state.
    pub fn out_height(&self) -> usize {
        self.height.div_ceil(self.stride)
    }

    /// Columns of the state.
    pub fn out_width(&self) -> usize {
        self.width.div_ceil(self.stride)
    }

    /// Elements of the features.
    pub fn input_len(&self) -> usize {
        self.batch * self.channels * self.height * self.width
    }

    /// Elements of the state.
    pub fn state_len(&self) -> usize {
        self.cell.maps() * self.gate().len()
    }

    /// Elements of the bias, and of an efficient form's `x_scale` and `h_scale`.
    pub fn rows(&self) -> usize {
        self.cell.gates() * self.channels
    }

    /// Elements of what [`forward`] saves, with a previous state or without.
    pub fn saved_lens(&self, has_state: bool) -> Saved<usize> {
        let has_reset = has_state && self.cell == Cell::Gru;
        let gate = self.gate().len();
        Saved { gates: self.cell.gates() * gate, reset: if has_reset { gate } else { 0 } }
    }

    /// The sizes of one of its gates.
    pub fn gate(&self) -> Gate {
        Gate { batch: self.batch, channels: self.channels, pixels: self.out_height() * self.out_width() }
    }
}

/// The weights of a regulator: values to read, or, of `&mut`, gradients to add to.
#[derive(Clone, Copy, Debug)]
pub struct Weights<V> {
    /// Of the convolutions.
    pub convolutions: ConvWeights<V>,
    /// One number a channel of a gate.
    pub bias: V,
}

/// The weights of a regulator's convolutions.
#[derive(Clone, Copy, Debug)]
pub enum ConvWeights<V> {
    /// [`CellConv::Full`].
    Full {
        /// What sees the features.
        x: V,
        /// What sees the hidden state.
        h: V,
    },
    /// [`CellConv::Efficient`].
    Efficient {
        /// The grouped 1x1 convolution's half that sees the features.
        x_scale: V,
        /// Its half that sees the hidden state.
        h_scale: V,
        /// The grouped 3x3 convolution that follows.
        spatial: V,
    },
}

impl<V> Weights<V> {
    /// The same with `each` tensor in another form.
    pub fn map<W>(self, mut each: impl FnMut(V) -> W) -> Weights<W> {
        Weights { convolutions: self.convolutions.map(&mut each), bias: each(self.bias) }
    }

    /// References to all tensors.
    pub fn each_ref(&self) -> Weights<&V> {
        let convolutions = match &self.convolutions {
            ConvWeights::Full { x, h } => ConvWeights::Full { x, h },
            ConvWeights::Efficient { x_scale, h_scale, spatial } => {
                ConvWeights::Efficient { x_scale, h_scale, spatial }
            }
        };
        Weights { convolutions, bias: &self.bias }
    }
}

impl<V> ConvWeights<V> {
    /// The same with `each` tensor in another form.
    pub fn map<W>(self, mut each: impl FnMut(V) -> W) -> ConvWeights<W> {
        match self {
            Self::Full { x, h } => ConvWeights::Full { x: each(x), h: each(h) },
            Self::Efficient { x_scale, h_scale, spatial } => ConvWeights::Efficient {
                x_scale: each(x_scale),
                h_scale: each(h_scale),
                spatial: each(spatial),
            },
        }
    }

    /// The form of convolution that they are the weights of.
    pub fn form(&self) -> CellConv {
        match self {
            Self::Full { .. } => CellConv::Full,
            Self::Efficient { .. } => CellConv::Efficient,
        }
    }
}

/// What [`backward`] needs of [`forward`], beside its inputs and its output: buffers of the caller's, which [`forward`]
/// overwrites and [`backward`] uses up. [`Step::saved_lens`] says how long they are.
#[derive(Clone, Copy, Debug)]
pub struct Saved<V> {
    /// The activated gates; of an rnn, whose gate is its output, room for the gate's gradient.
    pub gates: V,
    /// `r H` of a gru.
    pub reset: V,
}

impl<V> Saved<V> {
    /// The same with `each` buffer in another form.
    pub fn map<W>(self, mut each: impl FnMut(V) -> W) -> Saved<W> {
        Saved { gates: each(self.gates), reset: each(self.reset) }
    }
}

/// What a step reads.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, T> {
    /// The features.
    pub x: &'a [T],
    /// The previous state; `None` is zero.
    pub state: Option<&'a [T]>,
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of the features.
    pub dx: &'a mut [T],
    /// Of the previous state, if there is one.
    pub dstate: Option<&'a mut [T]>,
    /// Of the weights.
    pub dweights: Weights<&'a mut [T]>,
}

/// Overwrites `out` with the next state, before its norm, and `saved`.
pub fn forward<T: Real>(
    op: &Step,
    weights: &Weights<&[T]>,
    inputs: Inputs<'_, T>,
    saved: Saved<&mut [T]>,
    out: &mut [T],
) {
    check(op, weights, inputs, &saved);
    check::length("out", out, op.state_len());
    let convolutions = Convolutions { op, weights: &weights.convolutions };
    match op.cell {
        Cell::Rnn => rnn::forward(&convolutions, weights.bias, inputs, out),
        Cell::Gru => gru::forward(&convolutions, weights.bias, inputs, saved, out),
        Cell::Lstm => lstm::forward(&convolutions, weights.bias, inputs, saved.gates, out),
    }
}

/// Adds to all of `gradients`; `saved` and `out` are what [`forward`] wrote, `dout` the gradient with respect to `out`.
pub fn backward<T: Real>(
    op: &Step,
    weights: &Weights<&[T]>,
    inputs: Inputs<'_, T>,
    saved: Saved<&mut [T]>,
    (out, dout): (&[T], &[T]),
    gradients: Gradients<'_, T>,
) {
    check(op, weights, inputs, &saved);
    check::length("out", out, op.state_len());
    check::length("dout", dout, op.state_len());
    check::length("dx", gradients.dx, op.input_len());
    assert_eq!(
        inputs.state.is_some(),
        gradients.dstate.is_some(),
        "a state has a gradient, and zero has none"
    );
    let convolutions = Convolutions { op, weights: &weights.convolutions };
    match op.cell {
        Cell::Rnn => rnn::backward(&convolutions, inputs, saved.gates, (out, dout), gradients),
        Cell::Gru => gru::backward(&convolutions, inputs, saved, dout, gradients),
        Cell::Lstm => lstm::backward(&convolutions, inputs, saved.gates, (out, dout), gradients),
    }
}

#[track_caller]
fn check<T>(op: &Step, weights: &Weights<&[T]>, inputs: Inputs<'_, T>, saved: &Saved<&mut [T]>) {
    assert!(op.stride > 0, "the stride is 0: {op:?}");
    let lens = op.saved_lens(inputs.state.is_some());
    check::length("saved gates", saved.gates, lens.gates);
    check::length("saved reset", saved.reset, lens.reset);
    let rows = op.rows();
    match weights.convolutions {
        ConvWeights::Full { x, h } => {
            assert_eq!(op.conv, CellConv::Full, "the weights are of the full form");
            check::length("x weight", x, rows * op.channels * TAPS);
            check::length("h weight", h, rows * op.channels * TAPS);
        }
        ConvWeights::Efficient { x_scale, h_scale, spatial } => {
            assert_eq!(op.conv, CellConv::Efficient, "the weights are of the efficient form");
            check::length("x_scale", x_scale, rows);
            check::length("h_scale", h_scale, rows);
            check::length("spatial", spatial, rows * TAPS);
        }
    }
    check::length("bias", weights.bias, rows);
    check::length("x", inputs.x, op.input_len());
    if let Some(state) = inputs.state {
        check::length("state", state, op.state_len());
    }
}

/// Rows and columns of the gates' convolutions.
const KERNEL: usize = 3;

/// Elements of one of their kernels.
const TAPS: usize = KERNEL * KERNEL;
