//! What a layer computes: its shape arithmetic and the tensors it owns.

use super::Shape;

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
            Self::Input | Self::BatchNorm { .. } | Self::Relu | Self::Sigmoid | Self::Add | Self::Scale => x,
        }
    }
}
