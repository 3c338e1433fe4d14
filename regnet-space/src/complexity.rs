//! Flops, parameters and activations, folded from the layer graph and counted as pycls counts them.

use std::iter::Sum;
use std::ops::Add;

use crate::error::SpecError;
use crate::graph::{Graph, Node, Op, Shape, Step};
use crate::regulator::CellConv;
use crate::spec::{AnyNet, Block};

/// What a network, or a part of it, costs for one image. Counts saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Complexity {
    /// Multiply-adds of convolutions and linear layers, one more for each bias added.
    pub flops: u64,
    /// Trained numbers.
    pub params: u64,
    /// Activations: values out of convolutions, max pooling and linear layers.
    pub acts: u64,
}

impl Add for Complexity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            params: self.params.saturating_add(other.params),
            acts: self.acts.saturating_add(other.acts),
        }
    }
}

impl Sum for Complexity {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

impl Node {
    /// What this layer costs.
    pub fn complexity(&self) -> Complexity {
        let trained = self.op.tensors().into_iter().filter(|tensor| tensor.trainable);
        let params = trained.map(|tensor| product(&tensor.shape)).sum();
        let out = product(&[self.shape.c, self.shape.h, self.shape.w]);
        let (flops, acts) = match self.op {
            Op::Conv(conv) => {
                let per_output =
                    product(&[conv.kernel, conv.kernel, conv.group_width]) + u64::from(conv.bias);
                (per_output.saturating_mul(out), out)
            }
            Op::Linear { input, .. } => ((input as u64 + 1).saturating_mul(out), out),
            Op::MaxPool { .. } => (0, out),
            Op::Step(step) => step.cost(product(&[step.cells.gates(), self.shape.h, self.shape.w])),
            _ => (0, 0),
        };
        Complexity { flops, params, acts }
    }
}

impl Step {
    /// Flops and activations of the gates' convolutions, which produce `out` values.
    ///
    /// The convolution over input and state counts as one, whose half for a state of zero does not run. Of the
    /// efficient form the grouped 1x1 is a layer of its own, unless a stride keeps input and state apart: then it
    /// scales the weights of the 3x3, which runs on both.
    fn cost(&self, out: u64) -> (u64, u64) {
        let seen = if self.has_state { 2 } else { 1 };
        let (per_output, layers) = match self.cells.regulator.conv {
            CellConv::Full => (product(&[3, 3, self.cells.channels, seen]), 1),
            CellConv::Efficient if self.stride == 1 => (product(&[3, 3]) + seen as u64, 2),
            CellConv::Efficient => (product(&[3, 3, seen]), 1),
        };
        (per_output.saturating_add(1).saturating_mul(out), out.saturating_mul(layers))
    }
}

fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1, |product: u64, &factor| product.saturating_mul(factor as u64))
}

impl Graph {
    /// What the whole network costs.
    pub fn complexity(&self) -> Complexity {
        self.nodes().iter().map(Node::complexity).sum()
    }
}

/// One row of the stage table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageRow {
    /// `stem`, `s1` to `s6`, or `head`.
    pub name: String,
    /// Number of blocks; 0 for stem and head.
    pub blocks: usize,
    /// Group width of the 3x3 convolutions, where there are groups.
    pub group_width: Option<usize>,
    /// The shape of what comes out.
    pub output: Shape,
    /// What it costs.
    pub complexity: Complexity,
}

impl AnyNet {
    /// The stem, each stage and the head, with their shapes and costs on an image of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// As [`graph`](Self::graph).
    pub fn stage_table(&self, height: usize, width: usize) -> Result<Vec<StageRow>, SpecError> {
        let graph = self.graph(height, width)?;
        let mut rows: Vec<StageRow> = Vec::new();
        for node in graph.nodes().iter().filter(|node| node.op != Op::Input) {
            let (output, complexity) = (node.shape, node.complexity());
            match rows.last_mut() {
                Some(row) if row.name == node.part() => {
                    (row.output, row.complexity) = (output, row.complexity + complexity);
                }
                _ => {
                    let name = node.part().to_owned();
                    rows.push(StageRow { name, blocks: 0, group_width: None, output, complexity });
                }
            }
        }
        // The stem comes first.
        for (row, stage) in rows.iter_mut().skip(1).zip(&self.stages) {
            row.blocks = stage.depth;
            row.group_width = (self.block == Block::Bottleneck).then_some(stage.group_width);
        }
        Ok(rows)
    }
}
