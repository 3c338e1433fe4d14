//! A layer graph in plain loops, in double precision: the definition that the engine is tested against.

use std::collections::HashMap;

use regnet_engine::batch_norm::EPSILON;
use regnet_engine::conv2d::{self, Conv2d};
use regnet_space::graph::{Conv, Graph, Node, Op, Shape, Step};
use regnet_space::{Cell, CellConv};

/// Tensors by name.
pub type Tensors = HashMap<String, Vec<f32>>;

/// The result of every node for one image.
pub fn run(graph: &Graph, tensors: &Tensors, image: &[f32]) -> Vec<Vec<f64>> {
    let mut results: Vec<Vec<f64>> = Vec::new();
    let reference = Reference { graph, tensors };
    for node in graph.nodes() {
        let inputs: Vec<&[f64]> = node.inputs.iter().map(|&input| &results[input][..]).collect();
        let result = match node.op {
            Op::Input => image.iter().map(|&value| f64::from(value)).collect(),
            _ => reference.node(node, &inputs),
        };
        results.push(result);
    }
    results
}

struct Reference<'a> {
    graph: &'a Graph,
    tensors: &'a Tensors,
}

impl Reference<'_> {
    fn tensor(&self, owner: &str, suffix: &str) -> Vec<f64> {
        self.tensors[&format!("{owner}.{suffix}")].iter().map(|&value| f64::from(value)).collect()
    }

    fn node(&self, node: &Node, inputs: &[&[f64]]) -> Vec<f64> {
        let from = |input: usize| self.graph.nodes()[node.inputs[input]].shape;
        let name = &node.name;
        let pixels = node.shape.h * node.shape.w;
        match node.op {
            Op::Input | Op::Regulator(_) => Vec::new(),
            Op::Conv(conv) => {
                let bias = conv.bias.then(|| self.tensor(name, "bias"));
                convolve(&conv, from(0), inputs[0], &self.tensor(name, "weight"), bias.as_deref())
            }
            Op::BatchNorm { .. } => self.norm(inputs[0], pixels, name, name),
            Op::StepNorm { .. } => {
                let regulator = &self.graph.nodes()[node.inputs[1]].name;
                self.norm(inputs[0], pixels, &format!("{regulator}.bn"), name)
            }
            // As in PyTorch, NaN stays NaN.
            Op::Relu => inputs[0].iter().map(|&value| if value < 0.0 { 0.0 } else { value }).collect(),
            Op::Sigmoid => inputs[0].iter().map(|&value| sigmoid(value)).collect(),
            Op::MaxPool { kernel, stride } => max_pool(from(0), inputs[0], node.shape, kernel, stride),
            Op::GlobalAvgPool => {
                let pixels = from(0).h * from(0).w;
                inputs[0]
                    .chunks_exact(pixels)
                    .map(|plane| plane.iter().sum::<f64>() / pixels as f64)
                    .collect()
            }
            Op::Linear { input, output } => {
                let conv = Conv::dense(input, output, 1, 1);
                let (weight, bias) = (self.tensor(name, "weight"), self.tensor(name, "bias"));
                convolve(&conv, from(0), inputs[0], &weight, Some(&bias))
            }
            Op::Add => inputs[0].iter().zip(inputs[1]).map(|(a, b)| a + b).collect(),
            Op::Scale => {
                let planes = inputs[0].chunks_exact(pixels).zip(inputs[1]);
                planes.flat_map(|(plane, gate)| plane.iter().map(move |value| value * gate)).collect()
            }
            Op::Step(step) => {
                let regulator = &self.graph.nodes()[node.inputs[1]].name;
                self.step(step, regulator, from(0), inputs[0], inputs.get(2).copied())
            }
            Op::Slice { channels } => inputs[0][..channels * pixels].to_vec(),
            Op::Concat { .. } => inputs.concat(),
        }
    }

    fn norm(&self, x: &[f64], pixels: usize, trained: &str, running: &str) -> Vec<f64> {
        let (scale, shift) = (self.tensor(trained, "weight"), self.tensor(trained, "bias"));
        let (mean, var) = (self.tensor(running, "running_mean"), self.tensor(running, "running_var"));
        let normed = |(index, value): (usize, &f64)| {
            let channel = index / pixels;
            (value - mean[channel]) / (var[channel] + EPSILON).sqrt() * scale[channel] + shift[channel]
        };
        x.iter().enumerate().map(normed).collect()
    }

    /// The gates before their activations, one after another.
    fn step(&self, step: Step, r: &str, shape: Shape, x: &[f64], state: Option<&[f64]>) -> Vec<f64> {
        let (n, cell) = (step.cells.channels, step.cells.regulator.cell);
        let gates = cell.gates();
        let bias = self.tensor(r, "bias");
        let small = Shape { c: n, h: shape.h.div_ceil(step.stride), w: shape.w.div_ceil(step.stride) };
        let len = small.len();
        let weights = |letter: &str| match step.cells.regulator.conv {
            CellConv::Full => self.tensor(r, &format!("{letter}.weight")),
            CellConv::Efficient => {
                let scale = self.tensor(r, &format!("{letter}_scale"));
                let spatial = self.tensor(r, "spatial.weight");
                spatial.iter().enumerate().map(|(index, value)| value * scale[index / 9]).collect()
            }
        };
        let group_width = if step.cells.regulator.conv == CellConv::Full { n } else { 1 };
        let conv = |stride| Conv { group_width, ..Conv::dense(n, n, 3, stride) };
        let row = n * group_width * 9;
        let gate = |gate: usize, hidden: Option<&[f64]>| {
            let bias = &bias[gate * n..][..n];
            let of_x = &weights("x")[gate * row..][..row];
            let mut sum = convolve(&conv(step.stride), shape, x, of_x, Some(bias));
            if let Some(hidden) = hidden {
                let of_h = convolve(&conv(1), small, hidden, &weights("h")[gate * row..][..row], None);
                sum.iter_mut().zip(of_h).for_each(|(sum, value)| *sum += value);
            }
            sum
        };
        let _ = gates;
        let hidden = state.map(|state| &state[..len]);
        match cell {
            Cell::Rnn => gate(0, hidden).into_iter().map(f64::tanh).collect(),
            Cell::Gru => {
                let z: Vec<f64> = gate(0, hidden).into_iter().map(sigmoid).collect();
                let zero = vec![0.0; len];
                let h = hidden.unwrap_or(&zero);
                let r = gate(1, hidden).into_iter().map(sigmoid);
                let reset: Vec<f64> = r.zip(h).map(|(r, h)| r * h).collect();
                let candidate = gate(2, hidden.map(|_| &reset[..]));
                let of = |index: usize| (1.0 - z[index]) * h[index] + z[index] * candidate[index].tanh();
                (0..len).map(of).collect()
            }
            Cell::Lstm => {
                let [i, f, o] = [0, 1, 2]
                    .map(|index| -> Vec<f64> { gate(index, hidden).into_iter().map(sigmoid).collect() });
                let g = gate(3, hidden);
                let before = |index: usize| state.map_or(0.0, |state| state[len + index]);
                let c: Vec<f64> =
                    (0..len).map(|index| f[index] * before(index) + i[index] * g[index].tanh()).collect();
                let h = c.iter().zip(&o).map(|(c, o)| o * c.tanh());
                h.chain(c.iter().copied()).collect()
            }
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn convolve(conv: &Conv, shape: Shape, x: &[f64], w: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
    let op = Conv2d {
        batch: 1,
        in_channels: conv.input,
        out_channels: conv.output,
        group_width: conv.group_width,
        kernel: conv.kernel,
        stride: conv.stride,
        height: shape.h,
        width: shape.w,
    };
    let mut y = vec![0.0; op.output_len()];
    conv2d::forward(&op, x, w, bias, &mut y);
    y
}

fn max_pool(from: Shape, x: &[f64], to: Shape, kernel: usize, stride: usize) -> Vec<f64> {
    let reach = kernel / 2;
    let window =
        |at: usize, side: usize| (at * stride).saturating_sub(reach)..(at * stride + reach + 1).min(side);
    let mut y = Vec::new();
    for plane in x.chunks_exact(from.h * from.w) {
        for row in 0..to.h {
            for column in 0..to.w {
                let rows = window(row, from.h);
                let values =
                    rows.flat_map(|row| window(column, from.w).map(move |c| plane[row * from.w + c]));
                let larger = |a: f64, b: f64| if a > b || a.is_nan() { a } else { b };
                y.push(values.fold(f64::NEG_INFINITY, larger));
            }
        }
    }
    y
}
