//! From the layer graph to what is computed: norms become part of convolutions, and so do activations, shortcuts and
//! projections.

mod layer;
mod regulator;

use std::collections::HashMap;

use regnet_space::graph::{Conv, Graph, Node, Op, Shape};

use super::FreezeError;
use super::fold::Norm;
use super::store::Activation;

pub(super) use layer::{Convolution, Layer, LayerOp, Projection, Weights};

/// Gives tensors by name, each once.
pub(in crate::frozen) type Take<'a> = &'a mut dyn FnMut(&str) -> Option<Vec<f32>>;

/// Takes the tensor of this name, which must have `len` values.
pub(in crate::frozen) fn taken(take: Take<'_>, name: &str, len: usize) -> Result<Vec<f32>, FreezeError> {
    let values = take(name).ok_or_else(|| FreezeError::Missing { name: name.to_owned() })?;
    if values.len() != len {
        return Err(FreezeError::Length { name: name.to_owned(), found: values.len(), expected: len });
    }
    Ok(values)
}

/// The layers of a graph, and which value each node's result is.
pub(in crate::frozen) fn lower(graph: &Graph, take: Take<'_>) -> Result<Lowered, FreezeError> {
    let mut readers = vec![0; graph.nodes().len()];
    graph.nodes().iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
    let (kept, keep) = (HashMap::new(), false);
    let mut lowering = Lowering { graph, take, readers, kept, keep, lowered: Lowered::default() };
    for node in graph.nodes() {
        let values = lowering.node(node)?;
        lowering.lowered.values.push(values);
    }
    Ok(lowering.lowered)
}

/// The layers of a graph.
#[derive(Debug, Default)]
pub(in crate::frozen) struct Lowered {
    pub layers: Vec<Layer>,
    /// For each node, the values that make up its result, one after another; none for what makes none.
    pub values: Vec<Vec<usize>>,
}

struct Lowering<'a> {
    graph: &'a Graph,
    take: Take<'a>,
    /// How many nodes read each node.
    readers: Vec<usize>,
    /// Tensors that several steps of a regulator share.
    kept: HashMap<String, Vec<f32>>,
    /// Whether what is taken now belongs to them.
    keep: bool,
    lowered: Lowered,
}

impl Lowering<'_> {
    fn node(&mut self, node: &Node) -> Result<Vec<usize>, FreezeError> {
        let inputs: Vec<Vec<usize>> =
            node.inputs.iter().map(|&input| self.lowered.values[input].clone()).collect();
        let parts = |input: usize| inputs[input].clone();
        Ok(match node.op {
            Op::Input => vec![self.push(node, LayerOp::Input)],
            Op::Conv(conv) => self.convolution(node, conv)?,
            Op::BatchNorm { channels } => {
                let norm = self.norm(&node.name, &node.name, channels, 0..channels)?;
                let [value] = parts(0)[..] else { unreachable!("a norm of one value") };
                let LayerOp::Conv(conv) = &mut self.lowered.layers[value].op else {
                    unreachable!("every batch norm follows a convolution")
                };
                conv.norm = Some(norm);
                vec![value]
            }
            Op::Relu => self.activated(node, Activation::Relu),
            Op::Sigmoid => self.activated(node, Activation::Sigmoid),
            Op::MaxPool { kernel, stride } => {
                vec![self.push(node, LayerOp::MaxPool { input: parts(0)[0], kernel, stride })]
            }
            Op::GlobalAvgPool => vec![self.push(node, LayerOp::Average { input: parts(0)[0] })],
            Op::Linear { input, output } => {
                let conv = Conv { bias: true, ..Conv::dense(input, output, 1, 1) };
                self.convolution(node, conv)?
            }
            Op::Add => vec![self.sum(node, parts(0)[0], parts(1)[0])],
            Op::Scale => {
                let (input, gate) = (parts(0)[0], parts(1)[0]);
                let op = LayerOp::Scale { input, gate, shortcut: None, activation: Activation::None };
                vec![self.push(node, op)]
            }
            Op::Regulator(_) => Vec::new(),
            Op::Step(step) => self.step(node, step)?,
            // Its tensors are taken by the step, which does its work.
            Op::StepNorm { .. } => parts(0),
            Op::Slice { channels } => {
                let mut left = channels;
                let layers = &self.lowered.layers;
                let first = |value: &usize| {
                    let before = left;
                    left = left.saturating_sub(layers[*value].shape.c);
                    before > 0
                };
                parts(0).into_iter().take_while(first).collect()
            }
            Op::Concat { .. } => (0..node.inputs.len()).flat_map(parts).collect(),
        })
    }

    fn push(&mut self, node: &Node, op: LayerOp) -> usize {
        self.layer(node.name.clone(), node.shape, op)
    }

    fn layer(&mut self, name: String, shape: Shape, op: LayerOp) -> usize {
        self.lowered.layers.push(Layer { name, shape, op });
        self.lowered.layers.len() - 1
    }

    /// A tensor of `len` values.
    fn tensor(&mut self, name: String, len: usize) -> Result<Vec<f32>, FreezeError> {
        if let Some(values) = self.kept.get(&name) {
            return Ok(values.clone());
        }
        let values = taken(self.take, &name, len)?;
        if self.keep {
            self.kept.insert(name, values.clone());
        }
        Ok(values)
    }

    /// Some channels of a norm of `channels` channels.
    fn norm(
        &mut self,
        trained: &str,
        running: &str,
        channels: usize,
        of: std::ops::Range<usize>,
    ) -> Result<Norm, FreezeError> {
        let mut tensor = |owner: &str, suffix| -> Result<Vec<f32>, FreezeError> {
            Ok(self.tensor(format!("{owner}.{suffix}"), channels)?[of.clone()].to_vec())
        };
        Ok(Norm {
            scale: tensor(trained, "weight")?,
            shift: tensor(trained, "bias")?,
            mean: tensor(running, "running_mean")?,
            var: tensor(running, "running_var")?,
        })
    }

    fn convolution(&mut self, node: &Node, conv: Conv) -> Result<Vec<usize>, FreezeError> {
        let name = format!("{}.weight", node.name);
        let bias = if conv.bias {
            self.tensor(format!("{}.bias", node.name), conv.output)?
        } else {
            vec![0.0; conv.output]
        };
        let inputs = self.lowered.values[node.inputs[0]].clone();
        if inputs.len() == 1 || conv.groups() == 1 {
            return Ok(vec![
                self.push(node, LayerOp::Conv(Convolution::plain(conv, inputs, Weights::Tensor(name), bias))),
            ]);
        }
        // A state's maps, each convolved on its own.
        let row = conv.group_width * conv.kernel * conv.kernel;
        let weights = self.tensor(name, conv.output * row)?;
        let output = conv.output / conv.groups();
        let part = Conv { input: conv.group_width, output, ..conv };
        let shape = Shape { c: output, ..node.shape };
        let parts = weights.chunks_exact(output * row).zip(bias.chunks_exact(output)).zip(inputs);
        let each = parts.map(|((weights, bias), input)| {
            let weights = Weights::Values(weights.to_vec());
            let op = LayerOp::Conv(Convolution::plain(part, vec![input], weights, bias.to_vec()));
            self.layer(node.name.clone(), shape, op)
        });
        Ok(each.collect())
    }

    /// The node's input after an activation; of a step, which has one already, the input itself.
    fn activated(&mut self, node: &Node, wanted: Activation) -> Vec<usize> {
        let values = self.lowered.values[node.inputs[0]].clone();
        for &value in &values {
            match &mut self.lowered.layers[value].op {
                LayerOp::Conv(Convolution { activation, .. })
                | LayerOp::Scale { activation, .. }
                | LayerOp::Add { activation, .. } => *activation = wanted,
                _ => {}
            }
        }
        values
    }

    /// The sum of a shortcut and a branch, which becomes part of what made the branch.
    fn sum(&mut self, node: &Node, shortcut: usize, branch: usize) -> usize {
        let once = |input: usize| self.readers[node.inputs[input]] == 1;
        let projects = once(0) && self.projects(shortcut);
        let layers = &mut self.lowered.layers;
        match &mut layers[branch].op {
            LayerOp::Conv(conv) if once(1) && conv.conv.kernel == 1 && projects => {
                self.project(shortcut, branch);
                branch
            }
            LayerOp::Conv(Convolution { shortcut: sum, .. }) | LayerOp::Scale { shortcut: sum, .. }
                if once(1) =>
            {
                *sum = Some(shortcut);
                branch
            }
            _ => self.push(node, LayerOp::Add { inputs: [shortcut, branch], activation: Activation::None }),
        }
    }

    /// Whether a value is a 1x1 convolution and nothing else.
    fn projects(&self, value: usize) -> bool {
        match &self.lowered.layers[value].op {
            LayerOp::Conv(conv) => {
                let plain = conv.projection.is_none() && conv.shortcut.is_none() && conv.inputs.len() == 1;
                plain
                    && conv.conv.kernel == 1
                    && conv.conv.groups() == 1
                    && conv.activation == Activation::None
            }
            _ => false,
        }
    }

    /// Makes the projection `from` a part of the convolution `to`.
    fn project(&mut self, from: usize, to: usize) {
        let placeholder = LayerOp::Input;
        let LayerOp::Conv(from) = std::mem::replace(&mut self.lowered.layers[from].op, placeholder) else {
            unreachable!("a projection is a convolution")
        };
        let LayerOp::Conv(to) = &mut self.lowered.layers[to].op else {
            unreachable!("a projection is added to a convolution")
        };
        let Convolution { conv, inputs, weights, bias, norm, .. } = from;
        let (channels, stride) = (conv.input, conv.stride);
        to.projection = Some(Projection { input: inputs[0], channels, stride, weights, bias, norm });
    }
}
