//! What is computed, layer by layer.

use regnet_space::graph::{Conv, Shape};

use crate::frozen::fold::{Affine, Norm};
use crate::frozen::store::Activation;

/// Something that is computed. It makes the value of its own index.
#[derive(Debug)]
pub(in crate::frozen) struct Layer {
    /// The name of the node whose sum it is.
    pub name: String,
    pub shape: Shape,
    pub op: LayerOp,
}

// There is one for each layer of a network; most are convolutions.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub(in crate::frozen) enum LayerOp {
    /// The images.
    Input,
    Conv(Convolution),
    MaxPool {
        input: usize,
        kernel: usize,
        stride: usize,
    },
    Average {
        input: usize,
    },
    /// `input` times `gate`, plus a shortcut.
    Scale {
        input: usize,
        gate: usize,
        shortcut: Option<usize>,
        activation: Activation,
    },
    Add {
        inputs: [usize; 2],
        activation: Activation,
    },
    /// max(scale x + shift, 0), channel by channel.
    Affine {
        input: usize,
        affine: Affine,
    },
    /// H + z (c - H) of the gates z and c and of H, if there is one, and then the norm and ReLU.
    Blend {
        gates: [usize; 2],
        state: Option<usize>,
        affine: Affine,
    },
    /// The product of two values.
    Product {
        inputs: [usize; 2],
    },
    /// f C + i g of the gates i and g and, if there is a state, f and C.
    Remember {
        gates: [usize; 2],
        state: Option<[usize; 2]>,
    },
    /// o tanh(C) and then the norm and ReLU.
    Expose {
        gate: usize,
        cell: usize,
        affine: Affine,
    },
}

/// A convolution and what follows it.
#[derive(Debug)]
pub(in crate::frozen) struct Convolution {
    pub conv: Conv,
    /// The values that make up the input, one after another.
    pub inputs: Vec<usize>,
    pub weights: Weights,
    pub bias: Vec<f32>,
    /// The norm that is to become part of it.
    pub norm: Option<Norm>,
    pub projection: Option<Projection>,
    pub shortcut: Option<usize>,
    pub activation: Activation,
}

/// The weights of a convolution, `[output][group width][kernel][kernel]`. Large ones are not read before they are packed,
/// so that no two are in memory at once.
#[derive(Debug)]
pub(in crate::frozen) enum Weights {
    /// A tensor of this name.
    Tensor(String),
    Values(Vec<f32>),
}

/// A strided 1x1 convolution whose result is added.
#[derive(Debug)]
pub(in crate::frozen) struct Projection {
    pub input: usize,
    pub channels: usize,
    pub stride: usize,
    /// `[output][input]`.
    pub weights: Weights,
    pub bias: Vec<f32>,
    pub norm: Option<Norm>,
}

impl Layer {
    /// The values it reads.
    pub fn reads(&self) -> Vec<usize> {
        match &self.op {
            LayerOp::Input => Vec::new(),
            LayerOp::Conv(Convolution { inputs, projection, shortcut, .. }) => {
                let projection = projection.as_ref().map(|projection| projection.input);
                inputs.iter().copied().chain(projection).chain(*shortcut).collect()
            }
            LayerOp::MaxPool { input, .. } | LayerOp::Average { input } | LayerOp::Affine { input, .. } => {
                vec![*input]
            }
            LayerOp::Scale { input, gate, shortcut, .. } => {
                [*input, *gate].into_iter().chain(*shortcut).collect()
            }
            LayerOp::Add { inputs, .. } | LayerOp::Product { inputs } => inputs.to_vec(),
            LayerOp::Blend { gates, state, .. } => gates.iter().copied().chain(*state).collect(),
            LayerOp::Remember { gates, state } => {
                gates.iter().copied().chain(state.iter().flatten().copied()).collect()
            }
            LayerOp::Expose { gate, cell, .. } => vec![*gate, *cell],
        }
    }
}

impl Convolution {
    /// A convolution and nothing else.
    pub(super) fn plain(conv: Conv, inputs: Vec<usize>, weights: Weights, bias: Vec<f32>) -> Self {
        let (norm, projection, shortcut, activation) = (None, None, None, Activation::None);
        Self { conv, inputs, weights, bias, norm, projection, shortcut, activation }
    }
}
