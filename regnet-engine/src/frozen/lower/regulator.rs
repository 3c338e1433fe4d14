//! The steps of regulators: their gates as convolutions, and what is made of them.

use regnet_space::graph::{Cells, Conv, Node, Shape, Step};
use regnet_space::{Cell, CellConv};

use super::{Convolution, LayerOp, Lowering, Weights};
use crate::frozen::FreezeError;
use crate::frozen::store::Activation;

impl Lowering<'_> {
    /// A step of a regulator with its norm and ReLU; the maps of the state.
    pub(super) fn step(&mut self, node: &Node, step: Step) -> Result<Vec<usize>, FreezeError> {
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
            let plain = Convolution::plain(conv, inputs, Weights::Values(weights), bias);
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

/// The convolutions of one gate.
struct Gate {
    features: Vec<f32>,
    hidden: Vec<f32>,
    bias: Vec<f32>,
    conv: Conv,
    stride: usize,
}
