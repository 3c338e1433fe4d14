//! From the layer graph to what is computed: norms become part of convolutions, and so do activations, shortcuts and
//! projections.

use std::collections::HashMap;

use regnet_space::graph::{Cells, Conv, Graph, Node, Op, Shape, Step};
use regnet_space::{Cell, CellConv};

use super::FreezeError;
use super::fold::{Affine, Norm};
use super::store::Activation;

/// Something that is computed. It makes the value of its own index.
#[derive(Debug)]
pub(super) struct Layer {
    /// The name of the node whose sum it is.
    pub name: String,
    pub shape: Shape,
    pub op: LayerOp,
}

// There is one for each layer of a network; most are convolutions.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub(super) enum LayerOp {
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
pub(super) struct Convolution {
    pub conv: Conv,
    /// The values that make up the input, one after another, and how many channels each has.
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
pub(super) enum Weights {
    /// A tensor of this name.
    Tensor(String),
    Values(Vec<f32>),
}

/// A strided 1x1 convolution whose result is added.
#[derive(Debug)]
pub(super) struct Projection {
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

/// Gives tensors by name, each once.
pub(super) type Take<'a> = &'a mut dyn FnMut(&str) -> Option<Vec<f32>>;

/// Takes the tensor of this name, which must have `len` values.
pub(super) fn taken(take: Take<'_>, name: &str, len: usize) -> Result<Vec<f32>, FreezeError> {
    let values = take(name).ok_or_else(|| FreezeError::Missing { name: name.to_owned() })?;
    if values.len() != len {
        return Err(FreezeError::Length { name: name.to_owned(), found: values.len(), expected: len });
    }
    Ok(values)
}

/// The layers of a graph, and which value each node's result is.
pub(super) fn lower(graph: &Graph, take: Take<'_>) -> Result<Lowered, FreezeError> {
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
pub(super) struct Lowered {
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
            return Ok(vec![self.push(node, plain(conv, inputs, Weights::Tensor(name), bias))]);
        }
        // A state's maps, each convolved on its own.
        let row = conv.group_width * conv.kernel * conv.kernel;
        let weights = self.tensor(name, conv.output * row)?;
        let output = conv.output / conv.groups();
        let part = Conv { input: conv.group_width, output, ..conv };
        let shape = Shape { c: output, ..node.shape };
        let parts = weights.chunks_exact(output * row).zip(bias.chunks_exact(output)).zip(inputs);
        let each = parts.map(|((weights, bias), input)| {
            let op = plain(part, vec![input], Weights::Values(weights.to_vec()), bias.to_vec());
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

    /// A step of a regulator with its norm and ReLU; the maps of the state.
    fn step(&mut self, node: &Node, step: Step) -> Result<Vec<usize>, FreezeError> {
        let Cells { regulator, channels: n } = step.cells;
        let name = self.graph.nodes()[node.inputs[1]].name.clone();
        let x = self.lowered.values[node.inputs[0]].clone();
        let state = if step.has_state { self.lowered.values[node.inputs[2]].clone() } else { Vec::new() };
        let running = node.name.replace("r_step", "r_bn");
        let maps = regulator.cell.maps();
        self.keep = true;
        let mut norms = (0..maps)
            .map(|map| {
                Ok(self.norm(&format!("{name}.bn"), &running, maps * n, map * n..(map + 1) * n)?.affine())
            })
            .collect::<Result<Vec<_>, FreezeError>>()?;
        let gates = self.gates(&name, step)?;
        self.keep = false;
        let shape = Shape { c: n, ..node.shape };
        let hidden = state.first().copied();
        let gate = |lowering: &mut Self, index: usize, h: Option<usize>, activation| {
            lowering.gate(&node.name, &gates[index], shape, x[0], h, activation)
        };
        use Activation::{Sigmoid, Tanh};
        Ok(match regulator.cell {
            Cell::Rnn => {
                let h = gate(self, 0, hidden, Tanh);
                vec![self.layer(
                    node.name.clone(),
                    shape,
                    LayerOp::Affine { input: h, affine: norms.remove(0) },
                )]
            }
            Cell::Gru => {
                let z = gate(self, 0, hidden, Sigmoid);
                let reset = hidden.map(|h| {
                    let r = gate(self, 1, hidden, Sigmoid);
                    self.layer(node.name.clone(), shape, LayerOp::Product { inputs: [r, h] })
                });
                let candidate = gate(self, 2, reset, Tanh);
                let (gates, affine) = ([z, candidate], norms.remove(0));
                vec![self.layer(node.name.clone(), shape, LayerOp::Blend { gates, state: hidden, affine })]
            }
            Cell::Lstm => {
                let (i, o) = (gate(self, 0, hidden, Sigmoid), gate(self, 2, hidden, Sigmoid));
                let g = gate(self, 3, hidden, Tanh);
                let memory = hidden.map(|_| [gate(self, 1, hidden, Sigmoid), state[1]]);
                let gates = [i, g];
                let c = self.layer(node.name.clone(), shape, LayerOp::Remember { gates, state: memory });
                let (of_c, of_h) = (norms.remove(1), norms.remove(0));
                let op = LayerOp::Expose { gate: o, cell: c, affine: of_h };
                let h = self.layer(node.name.clone(), shape, op);
                let c = self.layer(node.name.clone(), shape, LayerOp::Affine { input: c, affine: of_c });
                vec![h, c]
            }
        })
    }

    /// The convolutions of a regulator's gates.
    fn gates(&mut self, name: &str, step: Step) -> Result<Vec<Gate>, FreezeError> {
        let Cells { regulator, channels: n } = step.cells;
        let count = regulator.cell.gates();
        let bias = self.tensor(format!("{name}.bias"), count * n)?;
        let (features, hidden) = match regulator.conv {
            CellConv::Full => {
                let len = count * n * n * 9;
                (self.tensor(format!("{name}.x.weight"), len)?, self.tensor(format!("{name}.h.weight"), len)?)
            }
            CellConv::Efficient => {
                let spatial = self.tensor(format!("{name}.spatial.weight"), count * n * 9)?;
                let mut scaled = |suffix| -> Result<Vec<f32>, FreezeError> {
                    let scale = self.tensor(format!("{name}.{suffix}"), count * n)?;
                    let rows = spatial.chunks_exact(9).zip(scale);
                    Ok(rows.flat_map(|(row, scale)| row.iter().map(move |value| value * scale)).collect())
                };
                (scaled("x_scale")?, scaled("h_scale")?)
            }
        };
        let group_width = if regulator.conv == CellConv::Full { n } else { 1 };
        let row = n * group_width * 9;
        let part = |values: &[f32], gate: usize, len: usize| values[gate * len..][..len].to_vec();
        Ok((0..count)
            .map(|gate| Gate {
                features: part(&features, gate, row),
                hidden: part(&hidden, gate, row),
                bias: part(&bias, gate, n),
                conv: Conv { group_width, bias: true, ..Conv::dense(n, n, 3, 1) },
                stride: step.stride,
            })
            .collect())
    }

    /// One gate: the convolution of the features plus that of the state.
    fn gate(
        &mut self,
        name: &str,
        gate: &Gate,
        shape: Shape,
        x: usize,
        h: Option<usize>,
        activation: Activation,
    ) -> usize {
        let mut layer = |conv, inputs, weights, bias, shortcut, activation| {
            let plain = convolution(conv, inputs, Weights::Values(weights), bias);
            let op = LayerOp::Conv(Convolution { shortcut, activation, ..plain });
            self.layer(name.to_owned(), shape, op)
        };
        let Gate { features, hidden, bias, conv, stride } = gate;
        let of_x = Conv { stride: *stride, ..*conv };
        let Some(h) = h else {
            return layer(of_x, vec![x], features.clone(), bias.clone(), None, activation);
        };
        if conv.groups() == 1 && *stride == 1 {
            let both = Conv { input: 2 * conv.input, group_width: 2 * conv.input, ..*conv };
            let row = conv.input * 9;
            let rows = features.chunks_exact(row).zip(hidden.chunks_exact(row));
            let weights = rows.flat_map(|(x, h)| [x, h].concat()).collect();
            return layer(both, vec![x, h], weights, bias.clone(), None, activation);
        }
        let sum = layer(of_x, vec![x], features.clone(), bias.clone(), None, Activation::None);
        layer(*conv, vec![h], hidden.clone(), vec![0.0; conv.output], Some(sum), activation)
    }
}

/// A convolution and nothing else.
fn convolution(conv: Conv, inputs: Vec<usize>, weights: Weights, bias: Vec<f32>) -> Convolution {
    let (norm, projection, shortcut, activation) = (None, None, None, Activation::None);
    Convolution { conv, inputs, weights, bias, norm, projection, shortcut, activation }
}

fn plain(conv: Conv, inputs: Vec<usize>, weights: Weights, bias: Vec<f32>) -> LayerOp {
    LayerOp::Conv(convolution(conv, inputs, weights, bias))
}

/// The convolutions of one gate.
struct Gate {
    features: Vec<f32>,
    hidden: Vec<f32>,
    bias: Vec<f32>,
    conv: Conv,
    stride: usize,
}
