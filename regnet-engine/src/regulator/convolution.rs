//! The convolutions of a regulator's gates.

use std::ops::Range;

use super::{CellConv, ConvWeights, KERNEL, Step, TAPS};
use crate::Real;
use crate::conv2d::{self, Conv2d};
use crate::slabs::Slabs;

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
    /// The convolution of `input` for `gates`, `[batch, gates, channels, pixels]`.
    pub fn forward(&self, of: Of, gates: Range<usize>, input: &[T]) -> Vec<T> {
        let rows = self.rows(&gates);
        match *self.weights {
            ConvWeights::Full { x, h } => {
                let op = self.conv2d(of, &gates);
                let mut out = vec![T::zero(); op.output_len()];
                conv2d::forward(&op, input, &of.pick(x, h)[self.full(&rows)], None, &mut out);
                out
            }
            ConvWeights::Efficient { x_scale, h_scale, spatial } => {
                let op = self.conv2d(of, &gates);
                let weight = scaled(&of.pick(x_scale, h_scale)[rows.clone()], &spatial[taps(&rows)]);
                let mut out = vec![T::zero(); op.output_len()];
                conv2d::forward(&op, &self.slabs(&op).repeated(input, gates.len()), &weight, None, &mut out);
                out
            }
        }
    }

    /// Adds the gradients of [`forward`](Self::forward).
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
                let op = self.conv2d(of, &gates);
                let full = self.full(&rows);
                conv2d::backward_input(&op, &of.pick(x, h)[full.clone()], dout, dinput);
                conv2d::backward_weight(&op, input, dout, &mut of.pick(dx, dh)[full]);
            }
            (
                &ConvWeights::Efficient { x_scale, h_scale, spatial },
                ConvWeights::Efficient { x_scale: dx_scale, h_scale: dh_scale, spatial: dspatial },
            ) => {
                let op = self.conv2d(of, &gates);
                let slabs = self.slabs(&op);
                let (scale, spatial) = (&of.pick(x_scale, h_scale)[rows.clone()], &spatial[taps(&rows)]);
                let mut drepeated = vec![T::zero(); op.input_len()];
                conv2d::backward_input(&op, &scaled(scale, spatial), dout, &mut drepeated);
                slabs.add_repeats(&drepeated, gates.len(), dinput);
                let mut dweight = vec![T::zero(); op.weight_len()];
                conv2d::backward_weight(&op, &slabs.repeated(input, gates.len()), dout, &mut dweight);
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
    fn full(&self, rows: &Range<usize>) -> Range<usize> {
        let row = self.op.channels * TAPS;
        rows.start * row..rows.end * row
    }

    /// Dense, from all channels to those of `gates`; or depthwise, on a copy of the channels for each of them.
    fn conv2d(&self, of: Of, gates: &Range<usize>) -> Conv2d {
        let &Step { batch, channels, height, width, stride, .. } = self.op;
        let (height, width, stride) = match of {
            Of::Features => (height, width, stride),
            Of::Hidden => (self.op.out_height(), self.op.out_width(), 1),
        };
        let out_channels = gates.len() * channels;
        let (in_channels, group_width) = match self.op.conv {
            CellConv::Full => (channels, channels),
            CellConv::Efficient => (out_channels, 1),
        };
        Conv2d { batch, in_channels, out_channels, group_width, kernel: KERNEL, stride, height, width }
    }

    fn slabs(&self, op: &Conv2d) -> Slabs {
        Slabs { batch: op.batch, len: self.op.channels * op.pixels() }
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
