//! The layer graph: every layer of a network, named as in pycls, with the shape it produces.
//!
//! Complexity, the stage table, drawings, exports, weight names and the engine's plan are all read from it.

mod build;
mod op;
mod regulated;

pub use op::{Cells, Conv, Op, Step, Tensor};

use crate::spec::AnyNet;

/// Channels, height and width of one image's activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Channels.
    pub c: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
}

impl Shape {
    /// Number of values: c · h · w.
    pub const fn len(self) -> usize {
        self.c * self.h * self.w
    }

    /// Whether there is no value at all.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// pycls's module name, such as `s1.b1.f.a_bn`. What is no module there is called `input`, `s1.b1.add` for a
    /// block's sum, and `s1.r` or `s1.b1.f.r` for a regulator.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Indices of the nodes it reads, all of them before this one.
    pub inputs: Vec<usize>,
    /// The shape it produces.
    pub shape: Shape,
}

impl Node {
    /// The part of the network it belongs to: `input`, `stem`, `s1` to `s6` or `head`.
    pub fn part(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }
}

/// The layers of a network, each after those it reads; the first is the input, the last the output.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
}

/// One entry of the state dict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, such as `s1.b1.f.a.weight`.
    pub name: String,
    /// Its shape; a convolution's is `[out, group width, kernel, kernel]`.
    pub shape: Vec<usize>,
    /// Whether it is trained; running statistics are not.
    pub trainable: bool,
}

impl Graph {
    /// The graph of a checked spec on an image of `height` x `width` pixels.
    pub(crate) fn new(net: &AnyNet, height: usize, width: usize) -> Self {
        Self { nodes: build::nodes(net, height, width) }
    }

    /// All layers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The layer of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The layers of one part: `stem`, `s1` to `s6` or `head`.
    pub fn part<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| node.part() == part)
    }

    /// The state dict, in the order in which pycls creates it.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        self.nodes.iter().flat_map(|node| {
            node.op.tensors().into_iter().map(|Tensor { suffix, shape, trainable }| Parameter {
                name: format!("{}.{suffix}", node.name),
                shape,
                trainable,
            })
        })
    }
}
