//! The convolutions of a regulator's gates.

use std::ops::Range;

use super::{ConvWeights, KERNEL, Step, TAPS};
use crate::Real;
use crate::conv2d::depthwise::{self, Depthwise};
use crate::conv2d::{self, Conv2d};

/// All convolutions of one step.
pub(super) struct Convolutions<'a, T> {
    pub op: &'a Step,
    pub weights: &'a ConvWeights<&'a [T]>,
}

/// What a convolution reads.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// The features, with the step's stride.
    Features,
    /// The hidden state, or what a gru makes of it.
    Hidden,
}

impl<T: Real> Convolutions<'_, T> {
    /// Overwrites `out`, `[batch, gates, channels, pixels]`, with the features' convolution for all gates.
    pub fn features(&self, x: &[T], out: &mut [T]) {
        let gates = 0..self.op.cell.gates();
        match *self.weights {
            ConvWeights::Full { x: w, .. } => {
                conv2d::forward(&self.full(Of::Features, &gates), x, w, None, out)
            }
            ConvWeights::Efficient { x_scale, spatial, .. } => {
                let op = self.efficient(Of::Features, &gates);
                depthwise::forward(&op, x, &scaled(x_scale, spatial), out);
            }
        }
    }

    /// Adds the hidden state's convolution for `gates` to `out`, `[batch, gates, channels, pixels]`.
    pub fn add_hidden(&self, gates: Range<usize>, hidden: &[T], out: &mut [T]) {
        let rows = self.rows(&gates);
        match *self.weights {
            ConvWeights::Full { h: w, .. } => {
                conv2d::forward_add(&self.full(Of::Hidden, &gates), hidden, &w[self.kernels(&rows)], out);
            }
            ConvWeights::Efficient { h_scale, spatial, .. } => {
                let weight = scaled(&h_scale[rows.clone()], &spatial[taps(&rows)]);
                depthwise::forward_add(&self.efficient(Of::Hidden, &gates), hidden, &weight, out);
            }
        }
    }

    /// Adds the gradients of a convolution for `gates`.
    pub fn backward(
        &self,
        of: Of,
        gates: Range<usize>,
        input: &[T],
        dout: &[T],
        dinput: &mut [T],
        dweights: &mut ConvWeights<&mut [T]>,
    ) {
        let rows = self.rows(&gates);
        match (self.weights, dweights) {
            (&ConvWeights::Full { x, h }, ConvWeights::Full { x: dx, h: dh }) => {
                let (op, kernels) = (self.full(of, &gates), self.kernels(&rows));
                conv2d::backward_input(&op, &of.pick(x, h)[kernels.clone()], dout, dinput);
                conv2d::backward_weight(&op, input, dout, &mut of.pick(dx, dh)[kernels]);
            }
            (
                &ConvWeights::Efficient { x_scale, h_scale, spatial },
                ConvWeights::Efficient { x_scale: dx_scale, h_scale: dh_scale, spatial: dspatial },
            ) => {
                let op = self.efficient(of, &gates);
                let (scale, spatial) = (&of.pick(x_scale, h_scale)[rows.clone()], &spatial[taps(&rows)]);
                depthwise::backward_input(&op, &scaled(scale, spatial), dout, dinput);
                let mut dweight = vec![T::zero(); op.weight_len()];
                depthwise::backward_weight(&op, input, dout, &mut dweight);
                let dscale = &mut of.pick(dx_scale, dh_scale)[rows.clone()];
                add_scaled_gradients(scale, spatial, &dweight, dscale, &mut dspatial[taps(&rows)]);
            }
            _ => unreachable!("weights and their gradients are of one form"),
        }
    }

    /// The rows of the weight that belong to `gates`.
    fn rows(&self, gates: &Range<usize>) -> Range<usize> {
        gates.start * self.op.channels..gates.end * self.op.channels
    }

    /// The elements of a full weight that belong to `rows`.
    fn kernels(&self, rows: &Range<usize>) -> Range<usize> {
        let row = self.op.channels * TAPS;
        rows.start * row..rows.end * row
    }

    /// From all channels to those of `gates`.
    fn full(&self, of: Of, gates: &Range<usize>) -> Conv2d {
        let Depthwise { batch, channels, stride, height, width, .. } = self.efficient(of, gates);
        Conv2d {
            batch,
            in_channels: channels,
            out_channels: gates.len() * channels,
            group_width: channels,
            kernel: KERNEL,
            stride,
            height,
            width,
        }
    }

    /// From each channel to its own of each of `gates`.
    fn efficient(&self, of: Of, gates: &Range<usize>) -> Depthwise {
        let &Step { batch, channels, height, width, stride, .. } = self.op;
        let (height, width, stride) = match of {
            Of::Features => (height, width, stride),
            Of::Hidden => (self.op.out_height(), self.op.out_width(), 1),
        };
        Depthwise { batch, channels, gates: gates.len(), stride, height, width }
    }
}

impl Of {
    fn pick<V>(self, features: V, hidden: V) -> V {
        match self {
            Self::Features => features,
            Self::Hidden => hidden,
        }
    }
}

/// The elements of a depthwise weight that belong to `rows`.
fn taps(rows: &Range<usize>) -> Range<usize> {
    rows.start * TAPS..rows.end * TAPS
}

/// The 1x1 convolution of each channel alone is a factor, which the 3x3 one that follows can take in.
fn scaled<T: Real>(scale: &[T], spatial: &[T]) -> Vec<T> {
    spatial
        .chunks_exact(TAPS)
        .zip(scale)
        .flat_map(|(taps, &s)| taps.iter().map(move |&tap| s * tap))
        .collect()
}

fn add_scaled_gradients<T: Real>(
    scale: &[T],
    spatial: &[T],
    dweight: &[T],
    dscale: &mut [T],
    dspatial: &mut [T],
) {
    let taps =
        spatial.chunks_exact(TAPS).zip(dspatial.chunks_exact_mut(TAPS)).zip(dweight.chunks_exact(TAPS));
    for (((spatial, dspatial), dweight), (&scale, dscale)) in taps.zip(scale.iter().zip(dscale)) {
        for ((&tap, dtap), &d) in spatial.iter().zip(dspatial).zip(dweight) {
            *dscale += d * tap;
            *dtap += d * scale;
        }
    }
}
