//! The convolutions of a regulator's gates.

use std::ops::Range;

use regnet_engine::conv2d::Conv2d;
use regnet_engine::regulator::{Cell, ConvWeights, Step};

use super::Inputs;
use crate::cuda::ops::conv2d::{self, Convolution};
use crate::cuda::ops::{Launch, PRELUDE, length};
use crate::cuda::queue::{Argument, Element, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, include_str!("../../kernels/taps.cu")];

const KERNEL: usize = 3;
const TAPS: usize = KERNEL * KERNEL;

/// What a convolution reads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Of {
    /// The features, with the step's stride.
    Features,
    /// The hidden state, the first channels of the state.
    State,
    /// What a gru makes of the hidden state.
    Reset,
}

impl Of {
    fn pick<V>(self, features: V, hidden: V) -> V {
        match self {
            Self::Features => features,
            Self::State | Self::Reset => hidden,
        }
    }
}

#[track_caller]
pub(super) fn check<E>(op: &Step, weights: &ConvWeights<View<'_, E>>) {
    let rows = op.rows();
    match *weights {
        ConvWeights::Full { x, h } => {
            length("x weight", x, rows * op.channels * TAPS);
            length("h weight", h, rows * op.channels * TAPS);
        }
        ConvWeights::Efficient { x_scale, h_scale, spatial } => {
            length("x_scale", x_scale, rows);
            length("h_scale", h_scale, rows);
            length("spatial", spatial, rows * TAPS);
        }
    }
}

/// All convolutions of one step.
pub(super) struct Convolutions<'a, E, Q> {
    pub queue: &'a Q,
    pub op: &'a Step,
    pub weights: &'a ConvWeights<View<'a, E>>,
}

impl<E: Element, Q: Queue> Convolutions<'_, E, Q> {
    /// Overwrites `out`, `[batch, gates, channels, pixels]`, with the features' convolution, and that of the state where
    /// no gate has to come first.
    pub fn all(&self, inputs: &Inputs<'_, E>, mut out: ViewMut<'_, E>) -> Result<(), Q::Error> {
        let gates = 0..self.op.cell.gates();
        self.forward(Of::Features, gates.clone(), inputs.x, out.again(), false)?;
        match inputs.state.filter(|_| self.op.cell != Cell::Gru) {
            Some(state) => self.forward(Of::State, gates, state, out, true),
            None => Ok(()),
        }
    }

    /// Writes the convolution for some of the gates to their places in `out`, or adds it.
    pub fn forward(
        &self,
        of: Of,
        gates: Range<usize>,
        input: View<'_, E>,
        mut out: ViewMut<'_, E>,
        add: bool,
    ) -> Result<(), Q::Error> {
        match *self.weights {
            ConvWeights::Full { x, h } => {
                let w = of.pick(x, h).part(self.kernels(&gates));
                let out = out.part(self.starting_at(gates.start, out.len()));
                conv2d::forward(self.queue, &self.full(of, gates.len()), input, w, out, add)
            }
            ConvWeights::Efficient { x_scale, h_scale, spatial } => {
                let mut memory = self.scaled(of.pick(x_scale, h_scale), spatial, &gates)?;
                let scaled = self.queue.elements(&mut memory);
                for (index, gate) in gates.enumerate() {
                    let w = scaled.view().part(self.taps(&(index..index + 1)));
                    let out = out.part(self.starting_at(gate, out.len()));
                    conv2d::forward(self.queue, &self.depthwise(of), input, w, out, add)?;
                }
                Ok(())
            }
        }
    }

    /// Adds the gradients of [`Convolutions::forward`]; `dout` is that of all gates.
    pub fn backward(
        &self,
        of: Of,
        gates: Range<usize>,
        input: View<'_, E>,
        dout: View<'_, E>,
        mut dinput: ViewMut<'_, E>,
        dweights: &mut ConvWeights<ViewMut<'_, E>>,
    ) -> Result<(), Q::Error> {
        match (self.weights, dweights) {
            (&ConvWeights::Full { x, h }, ConvWeights::Full { x: dx, h: dh }) => {
                let (op, kernels) = (self.full(of, gates.len()), self.kernels(&gates));
                let dout = dout.part(self.starting_at(gates.start, dout.len()));
                conv2d::backward_input(self.queue, &op, of.pick(x, h).part(kernels.clone()), dout, dinput)?;
                conv2d::backward_weight(self.queue, &op, input, dout, of.pick(dx, dh).part(kernels))
            }
            (
                &ConvWeights::Efficient { x_scale, h_scale, spatial },
                ConvWeights::Efficient { x_scale: dx_scale, h_scale: dh_scale, spatial: dspatial },
            ) => {
                let scale = of.pick(x_scale, h_scale);
                let mut memory = self.scaled(scale, spatial, &gates)?;
                let scaled = self.queue.elements(&mut memory);
                let mut memory = self.queue.memory::<E>(gates.len() * self.op.channels * TAPS)?;
                self.queue.clear(&mut memory)?;
                let mut dw = self.queue.elements(&mut memory);
                let op = self.depthwise(of);
                for (index, gate) in gates.clone().enumerate() {
                    let taps = self.taps(&(index..index + 1));
                    let dout = dout.part(self.starting_at(gate, dout.len()));
                    let w = scaled.view().part(taps.clone());
                    conv2d::backward_input(self.queue, &op, w, dout, dinput.again())?;
                    conv2d::backward_weight(self.queue, &op, input, dout, dw.part(taps))?;
                }
                let dscale = of.pick(dx_scale, dh_scale);
                self.scaled_backward((scale, spatial), dw.view(), (dscale, dspatial), &gates)
            }
            _ => unreachable!("weights and their gradients are of one form"),
        }
    }

    /// The 1x1 convolution of each channel alone is a factor, which the 3x3 one that follows takes in.
    fn scaled(
        &self,
        scale: View<'_, E>,
        spatial: View<'_, E>,
        gates: &Range<usize>,
    ) -> Result<Q::Memory<E>, Q::Error> {
        let (rows, taps) = (self.rows(gates), self.taps(gates));
        let mut memory = self.queue.memory::<E>(taps.len())?;
        let mut w = self.queue.elements(&mut memory);
        let launch = Launch { queue: self.queue, sources: SOURCES, constants: &[] };
        let arguments = [
            Argument::int(rows.len()),
            scale.part(rows.clone()).into(),
            spatial.part(taps.clone()).into(),
            (&mut w).into(),
        ];
        launch.run::<E>("scale_taps", launch.each(taps.len()), &arguments)?;
        Ok(memory)
    }

    fn scaled_backward(
        &self,
        (scale, spatial): (View<'_, E>, View<'_, E>),
        dw: View<'_, E>,
        (dscale, dspatial): (&mut ViewMut<'_, E>, &mut ViewMut<'_, E>),
        gates: &Range<usize>,
    ) -> Result<(), Q::Error> {
        let (rows, taps) = (self.rows(gates), self.taps(gates));
        let launch = Launch { queue: self.queue, sources: SOURCES, constants: &[] };
        let arguments = [
            Argument::int(rows.len()),
            scale.part(rows.clone()).into(),
            spatial.part(taps.clone()).into(),
            dw.into(),
            (&mut dscale.part(rows.clone())).into(),
            (&mut dspatial.part(taps)).into(),
        ];
        launch.run::<E>("scale_taps_backward", launch.each(rows.len()), &arguments)
    }

    /// The rows of the weight that belong to `gates`.
    fn rows(&self, gates: &Range<usize>) -> Range<usize> {
        gates.start * self.op.channels..gates.end * self.op.channels
    }

    /// The elements of a depthwise weight that belong to `gates`.
    fn taps(&self, gates: &Range<usize>) -> Range<usize> {
        let rows = self.rows(gates);
        rows.start * TAPS..rows.end * TAPS
    }

    /// The elements of a full weight that belong to `gates`.
    fn kernels(&self, gates: &Range<usize>) -> Range<usize> {
        let (rows, row) = (self.rows(gates), self.op.channels * TAPS);
        rows.start * row..rows.end * row
    }

    /// Of the `len` elements of all gates, those from `gate` of the first image on.
    fn starting_at(&self, gate: usize, len: usize) -> Range<usize> {
        let first = gate * self.op.channels * self.op.out_height() * self.op.out_width();
        first.min(len)..len
    }

    /// From all channels to those of `gates` gates.
    fn full(&self, of: Of, gates: usize) -> Convolution {
        self.convolution(of, self.op.channels, gates * self.op.channels)
    }

    /// From each channel to its own of one gate.
    fn depthwise(&self, of: Of) -> Convolution {
        self.convolution(of, 1, self.op.channels)
    }

    fn convolution(&self, of: Of, group_width: usize, out_channels: usize) -> Convolution {
        let &Step { batch, channels, height, width, stride, .. } = self.op;
        let (height, width, stride) =
            of.pick((height, width, stride), (self.op.out_height(), self.op.out_width(), 1));
        let in_of = if of == Of::State { self.op.cell.maps() * channels } else { channels };
        let sizes = Conv2d {
            batch,
            in_channels: channels,
            out_channels,
            group_width,
            kernel: KERNEL,
            stride,
            height,
            width,
        };
        Convolution { sizes, in_of, out_of: self.op.cell.gates() * channels }
    }
}
