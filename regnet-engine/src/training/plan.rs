//! From a layer graph to the steps of a training step.

use std::collections::HashMap;

use regnet_space::graph::{Conv, Graph, Node, Op};

use super::Unsupported;
use super::excite::{Excite, ExciteBackward, ExciteWeightGradient};
use super::exec::Step;
use super::norm::{Norm, NormGradient, Normed, OutputGradient, Partials, Value};
use super::pack::{Form, Job, Pack, dense_len};
use super::patches::Patches;
use super::pointwise::{
    InputGradient, PointwiseBackward, PointwiseForward, PointwiseSum, PointwiseWeightGradient, Settle,
    WeightGradient,
};
use super::simple::{AveragePool, AveragePoolBackward, Export, Import, Join, MaxPool, MaxPoolBackward};
use super::spatial::{Channels, SpatialBackward, SpatialForward, SpatialSum};
use super::tensor::{BlockedTensor, Chunks};
use crate::frozen::Isa;
use crate::frozen::memory::{Buffer, LINE, place};

/// The steps of a network's training step, and the memory they work in.
#[derive(Debug)]
pub(super) struct Steps {
    pub forward: Vec<Box<dyn Step>>,
    pub backward: Vec<Box<dyn Step>>,
    /// Names and sizes of the trainable parameters.
    pub parameters: Vec<(String, usize)>,
    /// Names of the batch norms, and how many pixels each one's statistics are over.
    pub norms: Vec<(String, Norm, usize)>,
    /// Where each buffer begins, and the floats of all together.
    pub offsets: Vec<usize>,
    pub len: usize,
    /// Floats of working memory that a thread needs.
    pub scratch: usize,
    pub classes: usize,
}

/// The steps for a batch of images.
pub(super) fn build(graph: &Graph, batch: usize, isa: Isa) -> Result<Steps, Unsupported> {
    let mut builder = Builder::new(batch, isa.lanes());
    builder.read(graph)?;
    builder.forward();
    builder.backward();
    // Kernels count floats of a buffer in 32 bits.
    if builder.lens.iter().any(|&len| u32::try_from(len).is_err()) {
        return Err(Unsupported { layer: "a batch of more than 16 GiB".to_owned() });
    }
    Ok(builder.finish())
}

/// A feature map, and what is known of its gradient.
#[derive(Debug)]
struct Feature {
    value: Value,
    /// Units that read it and have not yet put their part into its gradient.
    readers: usize,
    /// The gradient, and whether anything was put there.
    gradient: Option<BlockedTensor>,
    written: bool,
    from: Producer,
    /// What the squeeze of its gate adds to its gradient.
    squeeze: Option<BlockedTensor>,
}

/// What makes a feature map, as far as its gradient's way back is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Producer {
    Images,
    /// A convolution and its norm.
    Conv,
    /// A unit of this number, which ends a block.
    Join(usize),
    Pool,
}

/// A part of a network that becomes a few steps. Features are named by their numbers.
#[derive(Debug)]
enum Unit {
    Conv {
        name: String,
        conv: Conv,
        weight: usize,
        norm: Norm,
        input: usize,
        output: usize,
    },
    /// The gate of `output`, squeezed out of `input`, which it is applied to.
    Excite {
        excite: Excite,
        input: usize,
        output: usize,
    },
    Join {
        name: String,
        branch: usize,
        shortcut: usize,
        output: usize,
    },
    MaxPool {
        name: String,
        kernel: usize,
        stride: usize,
        input: usize,
        output: usize,
    },
    Head {
        pooled: usize,
        weight: usize,
        bias: usize,
        input: usize,
        logits: BlockedTensor,
    },
}

/// Floats of a chunk's input and output together: some of the second cache.
const CHUNK: usize = 48 << 10;
/// Floats of a band's input.
const BAND: usize = 32 << 10;
/// Pieces that a step has at least, where its sizes allow: threads that claim them end at about the same time.
const PIECES: usize = 16;

struct Builder {
    batch: usize,
    lanes: usize,
    /// The floats of each buffer.
    lens: Vec<usize>,
    /// Buffers that keep their content from step to step.
    lasting: Vec<usize>,
    parameters: Vec<(String, usize)>,
    norms: Vec<(String, Norm, usize)>,
    features: Vec<Feature>,
    units: Vec<Unit>,
    jobs: Vec<Job>,
    forward: Vec<Box<dyn Step>>,
    backward: Vec<Box<dyn Step>>,
    /// For each convolution, its packed transposed weights, and its input and output gradient if they are kept.
    kept: HashMap<usize, (BlockedTensor, BlockedTensor)>,
    classes: usize,
}

impl Builder {
    fn new(batch: usize, lanes: usize) -> Self {
        Self {
            batch,
            lanes,
            lens: Vec::new(),
            lasting: Vec::new(),
            parameters: Vec::new(),
            norms: Vec::new(),
            features: Vec::new(),
            units: Vec::new(),
            jobs: Vec::new(),
            forward: Vec::new(),
            backward: Vec::new(),
            kept: HashMap::new(),
            classes: 0,
        }
    }

    fn buffer(&mut self, len: usize) -> usize {
        self.lens.push(len);
        self.lens.len() - 1
    }

    /// A buffer that nothing else lies in, from step to step.
    fn lasting(&mut self, len: usize) -> usize {
        let buffer = self.buffer(len);
        self.lasting.push(buffer);
        buffer
    }

    fn tensor(&mut self, channels: usize, height: usize, width: usize) -> BlockedTensor {
        let (images, lanes) = (self.batch, self.lanes);
        let mut tensor = BlockedTensor { buffer: 0, channels, images, height, width, lanes };
        tensor.buffer = self.buffer(tensor.len());
        tensor
    }

    fn like(&mut self, tensor: &BlockedTensor) -> BlockedTensor {
        self.tensor(tensor.channels, tensor.height, tensor.width)
    }

    fn partials(&mut self, counts: Vec<usize>, channels: usize) -> Partials {
        let padded = channels.next_multiple_of(self.lanes);
        let buffer = self.buffer(Partials::len(counts.len(), padded));
        Partials { buffer, counts, padded }
    }

    fn feature(&mut self, value: Value, from: Producer) -> usize {
        let feature = Feature { value, readers: 0, gradient: None, written: false, from, squeeze: None };
        self.features.push(feature);
        self.features.len() - 1
    }
}

/// Reading the graph.
impl Builder {
    fn read(&mut self, graph: &Graph) -> Result<(), Unsupported> {
        let names = graph.parameters().filter(|parameter| parameter.trainable);
        self.parameters = names.map(|it| (it.name, it.shape.iter().product())).collect();
        let numbers: HashMap<String, usize> =
            self.parameters.iter().enumerate().map(|(index, (name, _))| (name.clone(), index)).collect();
        let number = |node: &Node, suffix: &str| numbers[&format!("{}.{suffix}", node.name)];
        let nodes = graph.nodes();
        // The feature that each node stands for.
        let mut features: Vec<usize> = vec![usize::MAX; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            let input = node.inputs.first().copied();
            let before = input.map(|input| &nodes[input]);
            features[index] = match (node.op, before.map(|before| before.op)) {
                (Op::Input, _) => {
                    let tensor = BlockedTensor {
                        buffer: usize::MAX,
                        channels: node.shape.c,
                        images: self.batch,
                        height: node.shape.h,
                        width: node.shape.w,
                        lanes: self.lanes,
                    };
                    self.feature(Value::Stored(tensor), Producer::Images)
                }
                // What follows them knows them.
                (Op::Conv(_) | Op::GlobalAvgPool | Op::Sigmoid | Op::Add, _)
                | (Op::Relu, Some(Op::Conv(_))) => usize::MAX,
                (Op::BatchNorm { channels }, Some(Op::Conv(conv))) => {
                    let conv_node = &nodes[node.inputs[0]];
                    let padded = channels.next_multiple_of(self.lanes);
                    let buffer = self.lasting(Norm::len(padded));
                    let (weight, bias) = (number(node, "weight"), number(node, "bias"));
                    let norm = Norm { buffer, weight, bias, channels, padded };
                    let tensor = self.tensor(channels, node.shape.h, node.shape.w);
                    self.norms.push((node.name.clone(), norm, tensor.pixels()));
                    let value = Value::Normed(Normed { tensor, norm, relu: false, gate: None });
                    let output = self.feature(value, Producer::Conv);
                    let input = features[conv_node.inputs[0]];
                    let weight = number(conv_node, "weight");
                    let name = conv_node.name.clone();
                    self.unit(Unit::Conv { name, conv, weight, norm, input, output }, &[input])
                }
                (Op::Relu, Some(Op::BatchNorm { .. })) => {
                    let feature = features[node.inputs[0]];
                    if let Value::Normed(normed) = &mut self.features[feature].value {
                        normed.relu = true;
                    }
                    feature
                }
                (Op::Relu, Some(Op::Add)) => {
                    let [shortcut, branch] =
                        [0, 1].map(|input| features[nodes[node.inputs[0]].inputs[input]]);
                    let tensor = self.tensor(node.shape.c, node.shape.h, node.shape.w);
                    let output = self.feature(Value::Stored(tensor), Producer::Join(self.units.len()));
                    let name = nodes[node.inputs[0]].name.clone();
                    self.unit(Unit::Join { name, branch, shortcut, output }, &[branch, shortcut])
                }
                (Op::Scale, _) => {
                    let sigmoid = &nodes[node.inputs[1]];
                    let second = &nodes[sigmoid.inputs[0]];
                    let relu = &nodes[second.inputs[0]];
                    let first = &nodes[relu.inputs[0]];
                    let input = features[node.inputs[0]];
                    let parameters = [
                        number(first, "weight"),
                        number(first, "bias"),
                        number(second, "weight"),
                        number(second, "bias"),
                    ];
                    self.excite(node, first.shape.c, parameters, input)?
                }
                (Op::MaxPool { kernel, stride }, _) => {
                    let input = features[node.inputs[0]];
                    let tensor = self.tensor(node.shape.c, node.shape.h, node.shape.w);
                    let output = self.feature(Value::Stored(tensor), Producer::Pool);
                    let name = node.name.clone();
                    self.unit(Unit::MaxPool { name, kernel, stride, input, output }, &[input])
                }
                (Op::Linear { output, .. }, Some(Op::GlobalAvgPool)) => {
                    let input = features[nodes[node.inputs[0]].inputs[0]];
                    let tensor = self.tensor(nodes[node.inputs[0]].shape.c, 1, 1);
                    let pooled = self.feature(Value::Stored(tensor), Producer::Pool);
                    self.features[pooled].readers = 1;
                    let logits = self.tensor(output, 1, 1);
                    self.classes = output;
                    let (weight, bias) = (number(node, "weight"), number(node, "bias"));
                    self.unit(Unit::Head { pooled, weight, bias, input, logits }, &[input])
                }
                _ => return Err(Unsupported { layer: node.name.clone() }),
            };
        }
        Ok(())
    }

    /// Adds a unit; returns the feature it makes.
    fn unit(&mut self, unit: Unit, reads: &[usize]) -> usize {
        reads.iter().for_each(|&feature| self.features[feature].readers += 1);
        let output = match &unit {
            Unit::Conv { output, .. }
            | Unit::Excite { output, .. }
            | Unit::Join { output, .. }
            | Unit::MaxPool { output, .. } => *output,
            Unit::Head { pooled, .. } => *pooled,
        };
        self.units.push(unit);
        output
    }

    fn excite(
        &mut self,
        node: &Node,
        hidden: usize,
        parameters: [usize; 4],
        input: usize,
    ) -> Result<usize, Unsupported> {
        let Value::Normed(normed) = self.features[input].value else {
            return Err(Unsupported { layer: node.name.clone() });
        };
        let [means, gate] = [(); 2].map(|()| self.tensor(normed.tensor.channels, 1, 1));
        let hidden_values = self.buffer(self.batch * hidden);
        let name = node.name.clone();
        let excite =
            Excite { name, input: Value::Normed(normed), hidden, parameters, means, gate, hidden_values };
        let gated = Value::Normed(Normed { gate: Some(gate), ..normed });
        let output = self.feature(gated, Producer::Conv);
        Ok(self.unit(Unit::Excite { excite, input, output }, &[input]))
    }
}

/// The forward pass.
impl Builder {
    fn forward(&mut self) {
        for index in 0..self.units.len() {
            let step: Vec<Box<dyn Step>> = match &self.units[index] {
                &Unit::Conv { ref name, conv, weight, norm, input, output } => {
                    let (name, output) = (name.clone(), *self.features[output].value.tensor());
                    vec![self.conv_forward(index, name, conv, weight, norm, input, output)]
                }
                Unit::Excite { excite, .. } => vec![Box::new(excite.clone())],
                Unit::Join { name, branch, shortcut, output } => {
                    let [branch, shortcut, output] =
                        [branch, shortcut, output].map(|&feature| self.features[feature].value);
                    let output = *output.tensor();
                    let chunks = self.chunks(output.pixels(), 2 * output.channels);
                    vec![Box::new(Join { name: name.clone(), branch, shortcut, output, chunks })]
                }
                Unit::MaxPool { .. } => vec![Box::new(self.max_pool(index))],
                &Unit::Head { pooled, weight, bias, input, logits } => {
                    self.head_forward(index, pooled, weight, bias, input, logits)
                }
            };
            self.forward.extend(step);
        }
    }

    fn max_pool(&self, unit: usize) -> MaxPool {
        let Unit::MaxPool { name, kernel, stride, input, output } = &self.units[unit] else {
            unreachable!("a pool")
        };
        let [input, output] = [input, output].map(|&feature| self.features[feature].value);
        MaxPool { name: name.clone(), input, kernel: *kernel, stride: *stride, output: *output.tensor() }
    }

    /// Pixels whose `channels` channels stay in the second cache.
    fn chunks(&self, pixels: usize, channels: usize) -> Chunks {
        /// Pixels of the largest tile.
        const TILE: usize = 14;
        let near = CHUNK / channels.next_multiple_of(self.lanes);
        let even = pixels / PIECES;
        let most = near.clamp(2 * TILE, 512).min(even.max(TILE));
        Chunks::new(pixels, most / TILE * TILE)
    }

    /// A convolution's input as a 1x1 convolution reads it.
    fn read_by(&self, conv: &Conv, input: usize) -> Value {
        let feature = &self.features[input];
        match feature.from {
            Producer::Images => {
                let tensor = feature.value.tensor();
                let image =
                    regnet_space::graph::Shape { c: tensor.channels, h: tensor.height, w: tensor.width };
                Value::Patches(Patches::new(image, conv, self.batch, self.lanes))
            }
            _ => feature.value,
        }
    }

    /// Whether a convolution is computed as a product of pixels.
    fn is_pointwise(&self, conv: &Conv, input: usize) -> bool {
        (conv.kernel == 1 && conv.groups() == 1) || self.features[input].from == Producer::Images
    }

    #[allow(clippy::too_many_arguments)]
    fn conv_forward(
        &mut self,
        unit: usize,
        name: String,
        conv: Conv,
        weight: usize,
        norm: Norm,
        input: usize,
        output: BlockedTensor,
    ) -> Box<dyn Step> {
        let lanes = self.lanes;
        if self.is_pointwise(&conv, input) {
            let value = self.read_by(&conv, input);
            let (channels, stride) = self.product(&conv, &value);
            let weights = self.pack(weight, dense_len(channels, 1, lanes), pointwise(channels, false));
            let chunks = self.chunks(output.pixels(), channels[0] + channels[1]);
            let counts = (0..chunks.count).map(|chunk| chunks.range(chunk).len()).collect();
            let statistics = Some((norm, self.partials(counts, norm.channels)));
            let kept = self.keeps_operands(channels, &chunks, output.pixels()).then(|| {
                let kept = match value {
                    // It lies as it is loaded.
                    Value::Stored(tensor) if stride == 1 => tensor,
                    _ => self.tensor(channels[1], output.height, output.width),
                };
                let gradient = self.like(&output);
                self.kept.insert(unit, (kept, gradient));
                kept
            });
            let (input, bias) = (value, None);
            let step =
                PointwiseForward { name, input, stride, weights, bias, output, chunks, kept, statistics };
            return Box::new(step);
        }
        let channels = Channels::new(&conv, lanes);
        let sizes = [conv.output, conv.input];
        let weights = self.pack(weight, channels.packed_len(sizes, lanes), spatial(&conv, &channels, false));
        let value = self.features[input].value;
        let bands = self.bands(&conv, &channels, value.tensor(), &output);
        let images = 0..self.batch;
        let counts = images
            .flat_map(|_| (0..bands.count).map(|band| bands.range(band).len() * output.width))
            .collect();
        let statistics = (norm, self.partials(counts, norm.channels));
        Box::new(SpatialForward { name, input: value, conv, channels, output, weights, bands, statistics })
    }

    /// Output and input channels of a convolution that is a product of pixels, and its stride.
    fn product(&self, conv: &Conv, value: &Value) -> ([usize; 2], usize) {
        match value {
            Value::Patches(patches) => ([conv.output, patches.tensor.channels], 1),
            _ => ([conv.output, conv.input], conv.stride),
        }
    }

    fn pack(&mut self, parameter: usize, len: usize, form: Form) -> usize {
        let buffer = self.lasting(len);
        self.jobs.push(Job { parameter, buffer, form });
        buffer
    }

    /// Whether it costs less to keep input and gradient and to sum over all pixels at once than to sum part by part.
    fn keeps_operands(&self, [output, input]: [usize; 2], chunks: &Chunks, pixels: usize) -> bool {
        let parts = weight_parts(chunks).count;
        parts * output * input > pixels * (output + input)
    }

    /// Bands whose input is near while it is multiplied.
    fn bands(
        &self,
        conv: &Conv,
        channels: &Channels,
        input: &BlockedTensor,
        output: &BlockedTensor,
    ) -> Chunks {
        let blocks = match channels {
            Channels::Grouped(clusters) => clusters[0].blocks,
            Channels::Dense => input.blocks(),
        };
        let rows = BAND / (blocks * (input.width + 2) * self.lanes) / conv.stride;
        // Kernels take two rows at a time.
        Chunks::new(output.height, (rows / 2 * 2).clamp(2, output.height.max(2)))
    }

    fn head_forward(
        &mut self,
        unit: usize,
        pooled: usize,
        weight: usize,
        bias: usize,
        input: usize,
        logits: BlockedTensor,
    ) -> Vec<Box<dyn Step>> {
        let name = "head.fc".to_owned();
        let value = self.features[pooled].value;
        let tensor = *value.tensor();
        let channels = [logits.channels, tensor.channels];
        let weights = self.pack(weight, dense_len(channels, 1, self.lanes), pointwise(channels, false));
        let padded = logits.channels.next_multiple_of(self.lanes);
        let bias = self.pack(bias, padded, Form::Bias);
        let gradient = self.like(&logits);
        self.kept.insert(unit, (tensor, gradient));
        // The weights are many for so few pixels: each is read once.
        let chunks = Chunks::new(logits.pixels(), 2 * PIECES);
        let average = AveragePool {
            name: "head.avg_pool".to_owned(),
            input: self.features[input].value,
            output: tensor,
        };
        let linear = PointwiseForward {
            name,
            input: value,
            stride: 1,
            weights,
            bias: Some(bias),
            output: logits,
            chunks,
            kept: None,
            statistics: None,
        };
        vec![Box::new(average), Box::new(linear), Box::new(Export { logits })]
    }
}

/// The chunks that each part of a weight gradient sums over.
fn weight_parts(chunks: &Chunks) -> Chunks {
    Chunks::new(chunks.count, chunks.count.div_ceil(PIECES))
}

fn pointwise(channels: [usize; 2], transposed: bool) -> Form {
    Form::Dense { channels, taps: 1, stride: 1, transposed }
}

fn spatial(conv: &Conv, channels: &Channels, transposed: bool) -> Form {
    match channels {
        Channels::Dense => {
            let stride = if transposed { 1 } else { conv.stride };
            Form::Dense {
                channels: [conv.output, conv.input],
                taps: super::spatial::TAPS,
                stride,
                transposed,
            }
        }
        Channels::Grouped(_) => {
            Form::Grouped { channels: channels.clone(), group_width: conv.group_width, transposed }
        }
    }
}

/// The backward pass.
impl Builder {
    fn backward(&mut self) {
        let mut done = vec![false; self.units.len()];
        for index in (0..self.units.len()).rev() {
            if !done[index] {
                self.unit_backward(index);
            }
            // A projection before the branch beside it, so that the branch completes the gradient of what both read.
            if let Unit::Join { shortcut, .. } = self.units[index]
                && let Some(projection) = self.projection(shortcut)
            {
                self.unit_backward(projection);
                done[projection] = true;
            }
        }
    }

    /// The convolution that a shortcut comes from and nothing else reads.
    fn projection(&self, shortcut: usize) -> Option<usize> {
        let makes = |unit: &Unit| matches!(unit, Unit::Conv { output, .. } if *output == shortcut);
        let unit = self.units.iter().position(makes)?;
        match self.units[unit] {
            Unit::Conv { norm, .. } => {
                let Value::Normed(normed) = self.features[shortcut].value else { return None };
                (!normed.relu && normed.norm.buffer == norm.buffer).then_some(unit)
            }
            _ => None,
        }
    }

    fn unit_backward(&mut self, index: usize) {
        match &self.units[index] {
            &Unit::Conv { ref name, conv, weight, input, output, .. } => {
                let name = name.clone();
                self.conv_backward(index, name, conv, weight, input, output);
            }
            Unit::Excite { excite, input, output } => {
                let (excite, input, output) = (excite.clone(), *input, *output);
                self.excite_backward(excite, input, output);
            }
            // Its gradient was settled when it was complete.
            Unit::Join { .. } => {}
            &Unit::MaxPool { input, output, .. } => {
                let pool = self.max_pool(index);
                let gradient = self.gradient(output);
                let (into, accumulate, settle) = self.contribute(input, self.image_counts(input));
                debug_assert!(!accumulate, "a pool's input has one reader");
                self.backward.push(Box::new(MaxPoolBackward { pool, gradient, into, settle }));
            }
            &Unit::Head { pooled, weight, bias, input, logits } => {
                self.head_backward(index, pooled, weight, bias, input, logits);
            }
        }
    }

    /// The gradient of a feature.
    fn gradient(&mut self, feature: usize) -> BlockedTensor {
        if let Some(gradient) = self.features[feature].gradient {
            return gradient;
        }
        let tensor = *self.features[feature].value.tensor();
        let gradient = self.like(&tensor);
        self.features[feature].gradient = Some(gradient);
        gradient
    }

    /// The gradient of what a unit put out, as it is read before its norm.
    fn output_gradient(&mut self, feature: usize) -> OutputGradient {
        let gradient = self.gradient(feature);
        let Feature { value, squeeze, .. } = &self.features[feature];
        let norm = match value {
            Value::Normed(of) => Some(NormGradient { of: *of, squeeze: *squeeze }),
            _ => None,
        };
        OutputGradient { gradient, norm }
    }

    /// Pixels of each image of a feature.
    fn image_counts(&self, feature: usize) -> Vec<usize> {
        vec![self.features[feature].value.tensor().plane(); self.batch]
    }

    /// A unit puts its part into the gradient of a feature that it reads: where that is, whether something is there, and
    /// what is to be done with it afterwards, by pieces of so many pixels.
    fn contribute(&mut self, feature: usize, counts: Vec<usize>) -> (BlockedTensor, bool, Settle) {
        let gradient = self.gradient(feature);
        let accumulate = std::mem::replace(&mut self.features[feature].written, true);
        self.features[feature].readers -= 1;
        let settle = match self.features[feature].readers {
            0 => self.settle(feature, counts),
            _ => Settle::default(),
        };
        (gradient, accumulate, settle)
    }

    /// What is to be done with a gradient that is complete.
    fn settle(&mut self, feature: usize, counts: Vec<usize>) -> Settle {
        match self.features[feature].from {
            Producer::Images | Producer::Pool => Settle::default(),
            Producer::Conv => {
                Settle { mask: None, sums: self.norm_sums(feature, counts).into_iter().collect() }
            }
            Producer::Join(unit) => {
                let Unit::Join { branch, shortcut, .. } = self.units[unit] else { unreachable!("a join") };
                let gradient = self.gradient(feature);
                let mut sums = Vec::new();
                for input in [branch, shortcut] {
                    // A sum's parts have the sum's gradient; it lies in the same place for both.
                    self.features[input].gradient = Some(gradient);
                    self.features[input].written = true;
                    self.features[input].readers -= 1;
                    if self.features[input].readers == 0 && self.features[input].from == Producer::Conv {
                        sums.extend(self.norm_sums(input, counts.clone()));
                    }
                }
                Settle { mask: Some(*self.features[feature].value.tensor()), sums }
            }
        }
    }

    /// The sums that a norm's gradient needs; a gated one's are taken where the gate's gradient is.
    fn norm_sums(&mut self, feature: usize, counts: Vec<usize>) -> Option<(OutputGradient, Norm, Partials)> {
        let Value::Normed(normed) = self.features[feature].value else { return None };
        if normed.gate.is_some() {
            return None;
        }
        let gradient = self.output_gradient(feature);
        Some((gradient, normed.norm, self.partials(counts, normed.norm.channels)))
    }

    fn conv_backward(
        &mut self,
        unit: usize,
        name: String,
        conv: Conv,
        weight: usize,
        input: usize,
        output: usize,
    ) {
        // Of an excited convolution, the gradient that is known is the gated one's.
        let gradient = self.output_gradient(self.gated(output));
        if self.is_pointwise(&conv, input) {
            self.pointwise_backward(unit, name, conv, weight, input, gradient);
        } else {
            self.spatial_backward(name, conv, weight, input, gradient);
        }
    }

    /// The feature that is read in place of a convolution's output: with its gate, if there is one.
    fn gated(&self, output: usize) -> usize {
        let gate = self.units.iter().find_map(|unit| match unit {
            Unit::Excite { input, output: gated, .. } if *input == output => Some(*gated),
            _ => None,
        });
        gate.unwrap_or(output)
    }

    fn pointwise_backward(
        &mut self,
        unit: usize,
        name: String,
        conv: Conv,
        weight: usize,
        input: usize,
        gradient: OutputGradient,
    ) {
        let lanes = self.lanes;
        let value = self.read_by(&conv, input);
        let (channels, stride) = self.product(&conv, &value);
        let output = gradient.gradient;
        let chunks = self.chunks(output.pixels(), channels[0] + channels[1]);
        let (weights, into) = match value {
            // Nobody asks for the gradient of images.
            Value::Patches(_) => (self.buffer(0), None),
            _ => {
                let len = dense_len([channels[1], channels[0]], 1, lanes);
                let weights = self.pack(weight, len, pointwise(channels, true));
                let tensor = *value.tensor();
                // Strided ones leave gaps, and are never the last to put their part there.
                let counts = match stride {
                    1 => (0..chunks.count).map(|chunk| chunks.range(chunk).len()).collect(),
                    _ => Vec::new(),
                };
                let (gradient, accumulate, settle) = self.contribute(input, counts);
                let positions = (stride > 1).then(|| positions(&tensor, &output, stride));
                (weights, Some(InputGradient { gradient, accumulate, settle, positions }))
            }
        };
        let kept = self.kept.get(&unit).copied();
        let parts = if kept.is_some() { Chunks::new(chunks.count, 1) } else { weight_parts(&chunks) };
        let weight_gradient = match kept {
            Some((_, gradient)) => WeightGradient::Later(gradient),
            None => {
                let part: usize = channels.iter().map(|channels| channels.next_multiple_of(lanes)).product();
                WeightGradient::Parts(self.buffer(parts.count * part))
            }
        };
        let sum: Box<dyn Step> = match (&weight_gradient, kept) {
            (WeightGradient::Parts(sums), _) => {
                let (parts, count, name) = (*sums, parts.count, name.clone());
                Box::new(PointwiseSum { name, parts, count, weight, channels, lanes })
            }
            (WeightGradient::Later(_), Some(kept)) => {
                Box::new(weight_gradient_later(name.clone(), kept, weight, None))
            }
            (WeightGradient::Later(_), None) => unreachable!("what is computed later was kept"),
        };
        let backward = PointwiseBackward {
            name,
            input: value,
            stride,
            gradient,
            weights,
            into,
            chunks,
            parts,
            weight_gradient,
        };
        self.backward.extend([Box::new(backward) as Box<dyn Step>, sum]);
    }

    fn spatial_backward(
        &mut self,
        name: String,
        conv: Conv,
        weight: usize,
        input: usize,
        gradient: OutputGradient,
    ) {
        let lanes = self.lanes;
        let value = self.features[input].value;
        let (tensor, output) = (*value.tensor(), gradient.gradient);
        let channels = Channels::new(&conv, lanes);
        let opposite = Conv { input: conv.output, output: conv.input, ..conv };
        let transposed = match channels {
            Channels::Dense => Channels::Dense,
            Channels::Grouped(_) => Channels::new(&opposite, lanes),
        };
        let len = transposed.packed_len([conv.input, conv.output], lanes);
        let weights = self.pack(weight, len, spatial(&conv, &channels, true));
        let bands = self.bands(&conv, &channels, &tensor, &output);
        let row = |rows: std::ops::Range<usize>| {
            ((rows.end * conv.stride).min(tensor.height) - rows.start * conv.stride) * tensor.width
        };
        let bands_of = |_| (0..bands.count).map(|band| row(bands.range(band)));
        let counts = (0..self.batch).flat_map(bands_of).collect();
        let (into, accumulate, settle) = self.contribute(input, counts);
        let into = InputGradient { gradient: into, accumulate, settle, positions: None };
        let part = channels.sums_len([conv.output, conv.input], lanes);
        // Each part is a whole weight gradient: no more of them than threads are likely to want.
        let wanted = (2 * PIECES).div_ceil(channels.clusters()).min((4 << 20) / part).max(1);
        let parts = Chunks::new(self.batch, self.batch.div_ceil(wanted));
        let sums = self.buffer(parts.count * part);
        let sum = SpatialSum {
            name: name.clone(),
            conv,
            channels: channels.clone(),
            sums,
            count: parts.count,
            weight,
            lanes,
        };
        let backward = SpatialBackward {
            name,
            input: value,
            conv,
            channels,
            gradient,
            weights,
            transposed,
            into,
            bands,
            parts,
            sums,
        };
        self.backward.extend([Box::new(backward) as Box<dyn Step>, Box::new(sum)]);
    }

    fn excite_backward(&mut self, excite: Excite, input: usize, output: usize) {
        let squeeze = self.like(&excite.means);
        self.features[output].squeeze = Some(squeeze);
        let gradient = self.output_gradient(output);
        self.features[input].readers -= 1;
        let before_sigmoid = self.buffer(self.batch * excite.gate.channels);
        let before_relu = self.buffer(self.batch * excite.hidden);
        let Value::Normed(normed) = self.features[input].value else {
            unreachable!("what is excited is normed")
        };
        let partials = self.partials(self.image_counts(input), normed.norm.channels);
        let sums = (normed.norm, partials);
        let weights = ExciteWeightGradient { excite: excite.clone(), before_sigmoid, before_relu };
        let backward = ExciteBackward { excite, gradient, squeeze, before_sigmoid, before_relu, sums };
        self.backward.extend([Box::new(backward) as Box<dyn Step>, Box::new(weights)]);
    }

    fn head_backward(
        &mut self,
        unit: usize,
        pooled: usize,
        weight: usize,
        bias: usize,
        input: usize,
        logits: BlockedTensor,
    ) {
        let value = self.features[pooled].value;
        let tensor = *value.tensor();
        let channels = [logits.channels, tensor.channels];
        let gradient = self.like(&logits);
        self.backward.push(Box::new(Import { gradient }));
        let kept = self.kept[&unit];
        let len = dense_len([channels[1], channels[0]], 1, self.lanes);
        let weights = self.pack(weight, len, pointwise(channels, true));
        let chunks = Chunks::new(logits.pixels(), 2 * PIECES);
        let into = self.gradient(pooled);
        let backward = PointwiseBackward {
            name: "head.fc".to_owned(),
            input: value,
            stride: 1,
            gradient: OutputGradient { gradient, norm: None },
            weights,
            into: Some(InputGradient {
                gradient: into,
                accumulate: false,
                settle: Settle::default(),
                positions: None,
            }),
            chunks,
            parts: Chunks::new(chunks.count, 1),
            weight_gradient: WeightGradient::Later(kept.1),
        };
        let later = weight_gradient_later("head.fc".to_owned(), kept, weight, Some(bias));
        self.backward.extend([Box::new(backward) as Box<dyn Step>, Box::new(later)]);
        let (target, accumulate, settle) = self.contribute(input, self.image_counts(input));
        debug_assert!(!accumulate, "the head is the last reader");
        let name = "head.avg_pool".to_owned();
        self.backward.push(Box::new(AveragePoolBackward { name, gradient: into, into: target, settle }));
    }
}

/// The gradient of weights from input and gradient as they were kept.
fn weight_gradient_later(
    name: String,
    (input, gradient): (BlockedTensor, BlockedTensor),
    weight: usize,
    bias: Option<usize>,
) -> PointwiseWeightGradient {
    let outputs = Chunks::new(gradient.blocks(), 3);
    let wanted = PIECES.div_ceil(outputs.count);
    let inputs = Chunks::new(input.blocks(), input.blocks().div_ceil(wanted));
    let chunks = Chunks::new(input.pixels(), 128);
    PointwiseWeightGradient { name, input, gradient, weight, bias, outputs, inputs, chunks }
}

/// For each output pixel of a strided convolution, the floats from the start of a block of the input to the pixel it reads.
fn positions(input: &BlockedTensor, output: &BlockedTensor, stride: usize) -> Box<[u32]> {
    let pixel = |pixel: usize| {
        let (image, at) = (pixel / output.plane(), pixel % output.plane());
        let (y, x) = (at / output.width * stride, at % output.width * stride);
        ((image * input.plane() + y * input.width + x) * input.lanes) as u32
    };
    (0..output.pixels()).map(pixel).collect()
}

impl Builder {
    /// Finds the memory for all buffers.
    fn finish(mut self) -> Steps {
        let pack = Pack { jobs: self.jobs, lanes: self.lanes };
        self.forward.insert(0, Box::new(pack));
        let mut buffers: Vec<Buffer> = self.lens.iter().map(|&len| Buffer::new(len)).collect();
        let steps = self.forward.iter().chain(&self.backward);
        for (index, step) in steps.clone().enumerate() {
            // What lies nowhere, such as images, has no buffer.
            let there = buffers.len();
            for buffer in step.buffers().into_iter().filter(|&buffer| buffer < there) {
                buffers[buffer].extend(index);
            }
        }
        let last = steps.clone().count();
        for &buffer in &self.lasting {
            buffers[buffer].extend(0);
            buffers[buffer].extend(last);
        }
        let scratch = steps.map(|step| step.scratch()).max().unwrap_or(0).next_multiple_of(LINE);
        let (offsets, len) = place(&buffers);
        Steps {
            forward: self.forward,
            backward: self.backward,
            parameters: self.parameters,
            norms: self.norms,
            offsets,
            len,
            scratch,
            classes: self.classes,
        }
    }
}
