//! A training step of a layer graph in plain loops, in double precision: the definition that plans are tested against.

use std::collections::HashMap;

use regnet_engine::batch_norm::EPSILON;
use regnet_engine::conv2d::{self, Conv2d};
use regnet_space::graph::{Conv, Graph, Op, Shape};

/// Values by name.
pub type Tensors = HashMap<String, Vec<f64>>;

/// A training step of a batch.
pub struct Step<'a> {
    graph: &'a Graph,
    batch: usize,
    tensors: &'a Tensors,
    /// Of each node, `[image][channel][row][column]`.
    values: Vec<Vec<f64>>,
    /// Mean and biased variance of the batch, by norm.
    pub statistics: HashMap<String, [Vec<f64>; 2]>,
}

impl<'a> Step<'a> {
    /// The forward pass.
    pub fn new(graph: &'a Graph, batch: usize, tensors: &'a Tensors, images: &[f64]) -> Self {
        let mut step = Step { graph, batch, tensors, values: Vec::new(), statistics: HashMap::new() };
        for index in 0..graph.nodes().len() {
            let value = step.forward(index, images);
            step.values.push(value);
        }
        step
    }

    pub fn logits(&self) -> &[f64] {
        self.values.last().expect("a network")
    }

    fn tensor(&self, node: usize, suffix: &str) -> &[f64] {
        &self.tensors[&format!("{}.{suffix}", self.graph.nodes()[node].name)]
    }

    fn input(&self, node: usize, which: usize) -> (Shape, &[f64]) {
        let input = self.graph.nodes()[node].inputs[which];
        (self.graph.nodes()[input].shape, &self.values[input])
    }

    fn forward(&mut self, index: usize, images: &[f64]) -> Vec<f64> {
        let node = &self.graph.nodes()[index];
        let out = self.batch * node.shape.len();
        match node.op {
            Op::Input => images.to_vec(),
            Op::Conv(conv) => {
                let (shape, x) = self.input(index, 0);
                let bias = conv.bias.then(|| self.tensor(index, "bias"));
                let mut y = vec![0.0; out];
                let op = sizes(&conv, self.batch, shape);
                conv2d::reference::forward(&op, x, self.tensor(index, "weight"), bias, &mut y);
                y
            }
            Op::Linear { input, output } => {
                let (shape, x) = self.input(index, 0);
                let op = sizes(&Conv::dense(input, output, 1, 1), self.batch, shape);
                let mut y = vec![0.0; out];
                let (weight, bias) = (self.tensor(index, "weight"), self.tensor(index, "bias"));
                conv2d::reference::forward(&op, x, weight, Some(bias), &mut y);
                y
            }
            Op::BatchNorm { channels } => {
                let (shape, x) = self.input(index, 0);
                let pixels = shape.h * shape.w;
                let statistics = moments(x, channels, pixels);
                let [mean, variance] = &statistics;
                let (weight, bias) = (self.tensor(index, "weight"), self.tensor(index, "bias"));
                let y = each(x, channels, pixels, |c, x| {
                    (x - mean[c]) / (variance[c] + EPSILON).sqrt() * weight[c] + bias[c]
                });
                self.statistics.insert(node.name.clone(), statistics);
                y
            }
            Op::Relu => self.input(index, 0).1.iter().map(|x| x.max(0.0)).collect(),
            Op::Sigmoid => self.input(index, 0).1.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            Op::Add => {
                let [a, b] = [0, 1].map(|which| self.input(index, which).1);
                a.iter().zip(b).map(|(a, b)| a + b).collect()
            }
            Op::Scale => {
                let (shape, x) = self.input(index, 0);
                let gates = self.input(index, 1).1;
                let pixels = shape.h * shape.w;
                x.iter().enumerate().map(|(i, x)| x * gates[i / pixels]).collect()
            }
            Op::GlobalAvgPool => {
                let (shape, x) = self.input(index, 0);
                let pixels = shape.h * shape.w;
                x.chunks_exact(pixels).map(|plane| plane.iter().sum::<f64>() / pixels as f64).collect()
            }
            Op::MaxPool { kernel, stride } => {
                let (shape, x) = self.input(index, 0);
                greatest(shape, node.shape, kernel, stride, x).into_iter().map(|at| x[at]).collect()
            }
            _ => panic!("{} has no reference", node.name),
        }
    }

    /// The gradients of all parameters, given that of the logits.
    pub fn backward(&self, logits: &[f64]) -> Tensors {
        let nodes = self.graph.nodes();
        let mut gradients: Vec<Vec<f64>> = self.values.iter().map(|value| vec![0.0; value.len()]).collect();
        gradients.last_mut().expect("a network").copy_from_slice(logits);
        let mut tensors = Tensors::new();
        for index in (1..nodes.len()).rev() {
            let node = &nodes[index];
            let dy = std::mem::take(&mut gradients[index]);
            let inputs = &node.inputs;
            let (shape, x) = self.input(index, 0);
            let pixels = shape.h * shape.w;
            let mut keep = |suffix: &str, values| tensors.insert(format!("{}.{suffix}", node.name), values);
            let mut dx = vec![0.0; x.len()];
            match node.op {
                Op::Conv(_) | Op::Linear { .. } => {
                    let (conv, bias) = match node.op {
                        Op::Conv(conv) => (conv, conv.bias),
                        Op::Linear { input, output } => (Conv::dense(input, output, 1, 1), true),
                        _ => unreachable!(),
                    };
                    let op = sizes(&conv, self.batch, shape);
                    let weight = self.tensor(index, "weight");
                    let mut dw = vec![0.0; weight.len()];
                    conv2d::reference::backward_input(&op, weight, &dy, &mut dx);
                    conv2d::reference::backward_weight(&op, x, &dy, &mut dw);
                    keep("weight", dw);
                    if bias {
                        let mut db = vec![0.0; conv.output];
                        conv2d::reference::backward_bias(&op, &dy, &mut db);
                        keep("bias", db);
                    }
                }
                Op::BatchNorm { channels } => {
                    let [mean, variance] = &self.statistics[&node.name];
                    let inverse: Vec<f64> = variance.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect();
                    let channel = |i: usize| i / pixels % channels;
                    let normalised = |i: usize| (x[i] - mean[channel(i)]) * inverse[channel(i)];
                    let (mut dw, mut db) = (vec![0.0; channels], vec![0.0; channels]);
                    for (i, d) in dy.iter().enumerate() {
                        dw[channel(i)] += d * normalised(i);
                        db[channel(i)] += d;
                    }
                    let count = (self.batch * pixels) as f64;
                    let weight = self.tensor(index, "weight");
                    for (i, dx) in dx.iter_mut().enumerate() {
                        let c = channel(i);
                        *dx =
                            weight[c] * inverse[c] * (dy[i] - db[c] / count - normalised(i) * dw[c] / count);
                    }
                    keep("weight", dw);
                    keep("bias", db);
                }
                Op::Relu => dx = x.iter().zip(&dy).map(|(&x, &d)| if x > 0.0 { d } else { 0.0 }).collect(),
                Op::Sigmoid => {
                    let y = &self.values[index];
                    dx = y.iter().zip(&dy).map(|(y, d)| d * y * (1.0 - y)).collect();
                }
                Op::Add => {
                    gradients[inputs[1]].iter_mut().zip(&dy).for_each(|(to, d)| *to += d);
                    dx.copy_from_slice(&dy);
                }
                Op::Scale => {
                    let gates = self.input(index, 1).1;
                    for (i, d) in dy.iter().enumerate() {
                        dx[i] = d * gates[i / pixels];
                        gradients[inputs[1]][i / pixels] += d * x[i];
                    }
                }
                Op::GlobalAvgPool => {
                    dx.iter_mut().enumerate().for_each(|(i, dx)| *dx = dy[i / pixels] / pixels as f64);
                }
                Op::MaxPool { kernel, stride } => {
                    let places = greatest(shape, node.shape, kernel, stride, x);
                    places.into_iter().zip(&dy).for_each(|(at, d)| dx[at] += d);
                }
                _ => panic!("{} has no reference", node.name),
            }
            gradients[inputs[0]].iter_mut().zip(dx).for_each(|(to, d)| *to += d);
        }
        tensors
    }
}

fn sizes(conv: &Conv, batch: usize, shape: Shape) -> Conv2d {
    Conv2d {
        batch,
        in_channels: conv.input,
        out_channels: conv.output,
        group_width: conv.group_width,
        kernel: conv.kernel,
        stride: conv.stride,
        height: shape.h,
        width: shape.w,
    }
}

fn each(x: &[f64], channels: usize, pixels: usize, f: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    x.iter().enumerate().map(|(i, &x)| f(i / pixels % channels, x)).collect()
}

fn moments(x: &[f64], channels: usize, pixels: usize) -> [Vec<f64>; 2] {
    let count = (x.len() / channels) as f64;
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    x.iter().enumerate().for_each(|(i, x)| mean[i / pixels % channels] += x / count);
    x.iter().enumerate().for_each(|(i, x)| {
        let c = i / pixels % channels;
        variance[c] += (x - mean[c]).powi(2) / count;
    });
    [mean, variance]
}

/// Where the greatest value of each window is, the first of equals.
fn greatest(from: Shape, to: Shape, kernel: usize, stride: usize, x: &[f64]) -> Vec<usize> {
    let mut places = Vec::new();
    for plane in 0..x.len() / (from.h * from.w) {
        for (row, column) in (0..to.h).flat_map(|row| (0..to.w).map(move |column| (row, column))) {
            let covered = |at: usize, len: usize| {
                (at * stride).saturating_sub(kernel / 2)..(at * stride + kernel / 2 + 1).min(len)
            };
            let columns = covered(column, from.w);
            let window = covered(row, from.h)
                .flat_map(|y| columns.clone().map(move |x| (plane * from.h + y) * from.w + x));
            let most = window.reduce(|most, at| if x[at] > x[most] { at } else { most });
            places.push(most.expect("a window of a pixel at least"));
        }
    }
    places
}
