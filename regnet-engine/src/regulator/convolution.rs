//! The convolutions of a regulator's gates.

use std::ops::Range;

use super::{ConvWeights, Inputs, KERNEL, Step, TAPS};
use crate::Real;
use crate::conv2d::depthwise::{self, Depthwise};
use crate::conv2d::{self, Conv2d, Input, InputGradient, Store, WeightGradient};

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
    /// The hidden state, the first channels of the state.
    State,
    /// What a gru makes of the hidden state.
    Reset,
}

impl<T: Real> Convolutions<'_, T> {
    /// Overwrites `out`, `[batch, gates, channels, pixels]`, with the convolution of features and state for all gates.
    pub fn all(&self, Inputs { x, state }: Inputs<'_, T>, out: &mut [T]) {
        let gates = 0..self.op.cell.gates();
        let (of_x, of_state) = (self.full(Of::Features, &gates), self.full(Of::State, &gates));
        if let (&ConvWeights::Full { x: wx, h: wh }, Some(state)) = (self.weights, state)
            && of_x == of_state
        {
            let x = Input { of: self.channels(Of::Features), x, w: wx };
            let state = Input { of: self.channels(Of::State), x: state, w: wh };
            return conv2d::forward_of(&of_x, &[x, state], Store::Overwrite(None), out);
        }
        self.features(x, out);
        if let Some(state) = state {
            self.add(Of::State, gates, state, out);
        }
    }

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

    /// Adds the convolution of the hidden state, or of what stands for it, for `gates` to `out`,
    /// `[batch, gates, channels, pixels]`.
    pub fn add(&self, input: Of, gates: Range<usize>, hidden: &[T], out: &mut [T]) {
        let (rows, of) = (self.rows(&gates), self.channels(input));
        match *self.weights {
            ConvWeights::Full { h: w, .. } => {
                let op = self.full(input, &gates);
                let input = Input { of, x: hidden, w: &w[self.kernels(&rows)] };
                conv2d::forward_of(&op, &[input], Store::Add, out);
            }
            ConvWeights::Efficient { h_scale, spatial, .. } => {
                let weight = scaled(&h_scale[rows.clone()], &spatial[taps(&rows)]);
                depthwise::forward_add_of(&self.efficient(input, &gates), of, hidden, &weight, out);
            }
        }
    }

    /// Adds the gradients of the convolution of features and state for all gates; `dout` is the gradient of the gates.
    pub fn all_backward(
        &self,
        Inputs { x, state }: Inputs<'_, T>,
        dout: &[T],
        dx: &mut [T],
        dstate: Option<&mut [T]>,
        dweights: &mut ConvWeights<&mut [T]>,
    ) {
        let gates = 0..self.op.cell.gates();
        let (op, of_state) = (self.full(Of::Features, &gates), self.full(Of::State, &gates));
        let Some((state, dstate)) = state.zip(dstate) else {
            return self.backward(Of::Features, gates, x, dout, dx, dweights);
        };
        match (self.weights, &mut *dweights) {
            (&ConvWeights::Full { x: wx, h: wh }, ConvWeights::Full { x: dwx, h: dwh }) if op == of_state => {
                let [of_x, of_h] = [Of::Features, Of::State].map(|of| self.channels(of));
                let dx = InputGradient { of: of_x, w: wx, dx };
                let dh = InputGradient { of: of_h, w: wh, dx: dstate };
                conv2d::backward_input_of(&op, dout, vec![dx, dh]);
                let dwx = WeightGradient { of: of_x, x, dw: dwx };
                let dwh = WeightGradient { of: of_h, x: state, dw: dwh };
                conv2d::backward_weight_of(&op, dout, vec![dwx, dwh]);
            }
            _ => {
                self.backward(Of::Features, gates.clone(), x, dout, dx, dweights);
                self.backward(Of::State, gates, state, dout, dstate, dweights);
            }
        }
    }

    /// Adds the gradients of a convolution for `gates`.
    pub fn backward(
        &self,
        which: Of,
        gates: Range<usize>,
        input: &[T],
        dout: &[T],
        dinput: &mut [T],
        dweights: &mut ConvWeights<&mut [T]>,
    ) {
        let (rows, of) = (self.rows(&gates), self.channels(which));
        match (self.weights, dweights) {
            (&ConvWeights::Full { x, h }, ConvWeights::Full { x: dx, h: dh }) => {
                let (op, kernels) = (self.full(which, &gates), self.kernels(&rows));
                let w = &which.pick(x, h)[kernels.clone()];
                conv2d::backward_input_of(&op, dout, vec![InputGradient { of, w, dx: dinput }]);
                let dw = &mut which.pick(dx, dh)[kernels];
                conv2d::backward_weight_of(&op, dout, vec![WeightGradient { of, x: input, dw }]);
            }
            (
                &ConvWeights::Efficient { x_scale, h_scale, spatial },
                ConvWeights::Efficient { x_scale: dx_scale, h_scale: dh_scale, spatial: dspatial },
            ) => {
                let op = self.efficient(which, &gates);
                let (scale, spatial) = (&which.pick(x_scale, h_scale)[rows.clone()], &spatial[taps(&rows)]);
                depthwise::backward_input_of(&op, of, &scaled(scale, spatial), dout, dinput);
                let mut dweight = vec![T::zero(); op.weight_len()];
                depthwise::backward_weight_of(&op, of, input, dout, &mut dweight);
                let dscale = &mut which.pick(dx_scale, dh_scale)[rows.clone()];
                add_scaled_gradients(scale, spatial, &dweight, dscale, &mut dspatial[taps(&rows)]);
            }
            _ => unreachable!("weights and their gradients are of one form"),
        }
    }

    /// Channels of the tensor that is read.
    fn channels(&self, of: Of) -> usize {
        match of {
            Of::Features | Of::Reset => self.op.channels,
            Of::State => self.op.cell.maps() * self.op.channels,
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
            Of::State | Of::Reset => (self.op.out_height(), self.op.out_width(), 1),
        };
        Depthwise { batch, channels, gates: gates.len(), stride, height, width }
    }
}

impl Of {
    fn pick<V>(self, features: V, hidden: V) -> V {
        match self {
            Self::Features => features,
            Self::State | Self::Reset => hidden,
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
