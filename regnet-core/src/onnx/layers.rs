//! How each layer is written, other than a regulator's.

use regnet_engine::frozen::{Norm, fold};
use regnet_space::graph::{Conv, Node, Op};

use super::proto::Attribute;
use super::tensors::Tensor;
use super::writer::Writer;
use crate::layers::batch_norm2d::EPSILON;

/// The axis of channels.
pub(super) const CHANNELS: usize = 1;

/// "Same" padding for an odd kernel.
pub(super) fn window(kernel: usize, stride: usize) -> Vec<Attribute> {
    vec![
        Attribute::of_ints("kernel_shape", &[kernel; 2]),
        Attribute::of_ints("strides", &[stride; 2]),
        Attribute::of_ints("pads", &[kernel / 2; 4]),
    ]
}

impl Writer<'_> {
    /// Writes a layer; returns the name of the value it makes.
    pub fn layer(&mut self, index: usize, node: &Node) -> String {
        match node.op {
            Op::Input => node.name.clone(),
            Op::Conv(conv) => self.conv(index, node, conv),
            Op::BatchNorm { .. } if self.is_folded(index) => self.input(node, 0),
            Op::BatchNorm { .. } => self.norm(node, &node.name),
            Op::Relu => self.plain(node, "Relu", Vec::new()),
            Op::Sigmoid => self.plain(node, "Sigmoid", Vec::new()),
            Op::MaxPool { kernel, stride } => self.plain(node, "MaxPool", window(kernel, stride)),
            Op::GlobalAvgPool => self.plain(node, "GlobalAveragePool", Vec::new()),
            Op::Linear { .. } => self.linear(node),
            Op::Add => self.plain(node, "Add", Vec::new()),
            Op::Scale => self.plain(node, "Mul", Vec::new()),
            Op::Concat { .. } => self.plain(node, "Concat", vec![Attribute::of_int("axis", CHANNELS)]),
            Op::Slice { channels } => self.first_channels(node, channels),
            Op::Regulator(cells) => self.regulator(node, cells),
            Op::Step(step) => self.step(node, step),
            Op::StepNorm { .. } => {
                let regulator = self.input(node, 1);
                self.norm(node, &format!("{regulator}.bn"))
            }
        }
    }

    /// An operator on all inputs, without tensors.
    fn plain(&mut self, node: &Node, op: &str, attributes: Vec<Attribute>) -> String {
        let inputs: Vec<String> = (0..node.inputs.len()).map(|place| self.input(node, place)).collect();
        self.operator(&node.name, op, inputs, attributes)
    }

    fn conv(&mut self, index: usize, node: &Node, conv: Conv) -> String {
        let (weight, bias) = (format!("{}.weight", node.name), format!("{}.bias", node.name));
        let mut inputs = vec![self.input(node, 0), weight.clone()];
        match self.folded(index).map(|norm| norm.name.clone()) {
            Some(norm) => {
                let norm = self.take_norm(&norm);
                let mut tensor = self.tensors.take(&weight);
                let mut shift = Tensor { dims: vec![conv.output], values: vec![0.0; conv.output] };
                fold(&mut tensor.values, &mut shift.values, &norm);
                self.initializer(weight, &tensor);
                inputs.push(self.initializer(bias, &shift));
            }
            None => {
                self.constant(weight);
                inputs.extend(conv.bias.then(|| self.constant(bias)));
            }
        }
        let mut attributes = window(conv.kernel, conv.stride);
        attributes.push(Attribute::of_int("group", conv.groups()));
        self.operator(&node.name, "Conv", inputs, attributes)
    }

    fn take_norm(&mut self, norm: &str) -> Norm {
        let mut take = |part: &str| self.tensors.take(&format!("{norm}.{part}")).values;
        Norm {
            scale: take("weight"),
            shift: take("bias"),
            mean: take("running_mean"),
            var: take("running_var"),
        }
    }

    /// A batch norm whose scale and shift are those of the module `affine`.
    fn norm(&mut self, node: &Node, affine: &str) -> String {
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{affine}.{part}"));
        if affine == node.name {
            self.constant(weight.clone());
            self.constant(bias.clone());
        }
        let [mean, var] = ["running_mean", "running_var"].map(|part| format!("{}.{part}", node.name));
        let inputs = [self.input(node, 0), weight, bias, self.constant(mean), self.constant(var)];
        self.operator(
            &node.name,
            "BatchNormalization",
            inputs,
            vec![Attribute::of_float("epsilon", EPSILON as f32)],
        )
    }

    fn linear(&mut self, node: &Node) -> String {
        let flat = vec![Attribute::of_int("axis", CHANNELS)];
        let x = self.operator(format!("{}.flat", node.name), "Flatten", [self.input(node, 0)], flat);
        let [weight, bias] = ["weight", "bias"].map(|part| self.constant(format!("{}.{part}", node.name)));
        self.operator(&node.name, "Gemm", [x, weight, bias], vec![Attribute::of_int("transB", 1)])
    }

    fn first_channels(&mut self, node: &Node, channels: usize) -> String {
        let [start, end, axis] = [0, channels as i64, CHANNELS as i64].map(|number| self.numbers(&[number]));
        let inputs = [self.input(node, 0), start, end, axis];
        self.operator(&node.name, "Slice", inputs, Vec::new())
    }
}
