//! What a layer computes: its shape arithmetic and the tensors it owns.

use super::Shape;
use crate::regulator::Regulator;

/// A layer's operation, on one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// The image itself.
    Input,
    /// A convolution.
    Conv(Conv),
    /// Batch normalisation.
    BatchNorm {
        /// Channels in and out.
        channels: usize,
    },
    /// max(x, 0).
    Relu,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// "Same"-padded max pooling.
    MaxPool {
        /// Side of the window; odd.
        kernel: usize,
        /// Stride.
        stride: usize,
    },
    /// The mean over height and width.
    GlobalAvgPool,
    /// A fully connected layer with a bias.
    Linear {
        /// Values in.
        input: usize,
        /// Values out.
        output: usize,
    },
    /// The sum of two inputs of one shape.
    Add,
    /// The first input, each channel multiplied by the second input's only value for it.
    Scale,
    /// The tensors of a regulator, which its steps read. It reads nothing and produces nothing.
    Regulator(Cells),
    /// A step of a regulator, up to its norm: H', of lstm H' and C'. It reads its input, the regulator and, where
    /// there is one, the state.
    Step(Step),
    /// The norm of a step, of whose tensors the scale and shift are the regulator's. It reads the step and the
    /// regulator.
    StepNorm {
        /// Channels in and out.
        channels: usize,
    },
    /// The first channels of what comes in.
    Slice {
        /// How many.
        channels: usize,
    },
    /// The channels of all inputs, one input after another.
    Concat {
        /// Channels of all inputs together.
        channels: usize,
    },
}

/// A regulator of some width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cells {
    /// Its kind.
    pub regulator: Regulator,
    /// Channels of its input and of each map of its state.
    pub channels: usize,
}

/// A step of a regulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// Whose.
    pub cells: Cells,
    /// Stride of the input's convolution; the state's is 1.
    pub stride: usize,
    /// Whether there is a state; else it is zero, and not convolved.
    pub has_state: bool,
}

impl Cells {
    /// Channels that all gates together produce.
    pub const fn gates(&self) -> usize {
        self.regulator.cell.gates() * self.channels
    }

    /// Channels of the whole state.
    pub const fn state(&self) -> usize {
        self.regulator.cell.maps() * self.channels
    }
}

/// A "same"-padded convolution: padding is kernel / 2, and an output side is ceil(side / stride).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Side of the kernel; odd.
    pub kernel: usize,
    /// Stride.
    pub stride: usize,
    /// Channels in per group; equal to `input` when there is one group.
    pub group_width: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv {
    /// A convolution of one group without bias.
    pub const fn dense(input: usize, output: usize, kernel: usize, stride: usize) -> Self {
        Self { input, output, kernel, stride, group_width: input, bias: false }
    }

    /// Number of groups.
    pub const fn groups(&self) -> usize {
        self.input / self.group_width
    }
}

/// A tensor that a layer owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// The last part of its name, such as `weight`.
    pub suffix: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether it is trained.
    pub trainable: bool,
}

impl Op {
    /// The tensors this layer owns, in PyTorch's order.
    pub fn tensors(&self) -> Vec<Tensor> {
        let tensor =
            |trainable| move |suffix, shape: &[usize]| Tensor { suffix, shape: shape.to_vec(), trainable };
        let (trained, running) = (tensor(true), tensor(false));
        match *self {
            Self::Conv(Conv { output, kernel, group_width, bias, .. }) => {
                let weight = trained("weight", &[output, group_width, kernel, kernel]);
                let bias = bias.then(|| trained("bias", &[output]));
                [weight].into_iter().chain(bias).collect()
            }
            Self::BatchNorm { channels } => vec![
                trained("weight", &[channels]),
                trained("bias", &[channels]),
                running("running_mean", &[channels]),
                running("running_var", &[channels]),
            ],
            Self::Linear { input, output } => {
                vec![trained("weight", &[output, input]), trained("bias", &[output])]
            }
            Self::Regulator(Cells { regulator, channels }) => {
                let tensors = regulator.tensors(channels).into_iter();
                tensors.map(|(suffix, shape)| Tensor { suffix, shape, trainable: true }).collect()
            }
            Self::StepNorm { channels } => {
                vec![running("running_mean", &[channels]), running("running_var", &[channels])]
            }
            _ => Vec::new(),
        }
    }

    /// The shape produced from a first input of shape `x`.
    pub(super) fn output(&self, x: Shape) -> Shape {
        let strided = |c, stride| Shape { c, h: x.h.div_ceil(stride), w: x.w.div_ceil(stride) };
        match *self {
            Self::Conv(Conv { output, stride, .. }) => strided(output, stride),
            Self::MaxPool { stride, .. } => strided(x.c, stride),
            Self::GlobalAvgPool => Shape { h: 1, w: 1, ..x },
            Self::Linear { output, .. } => Shape { c: output, h: 1, w: 1 },
            Self::Step(Step { cells, stride, .. }) => strided(cells.state(), stride),
            Self::Slice { channels } | Self::Concat { channels } => Shape { c: channels, ..x },
            Self::Regulator(_) => Shape { c: 0, h: 0, w: 0 },
            Self::StepNorm { .. } => x,
            Self::Input | Self::BatchNorm { .. } | Self::Relu | Self::Sigmoid | Self::Add | Self::Scale => x,
        }
    }
}
