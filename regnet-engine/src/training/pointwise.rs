//! 1x1 convolutions and the classifier, forward and backward.
//!
//! Pixels are worked on in chunks whose inputs stay in the nearest caches: a chunk is loaded (and normalised on the way),
//! multiplied by all weights, and its sums for the next norm are taken while it is still near.

use std::ops::Range;

use super::exec::{Context, Step};
use super::norm::{
    MOST_LANES, Norm, OutputGradient, Partials, Value, finish_gradient, finish_statistics, moments,
};
use super::outer::{Blocks, Pixels, add_outer_products};
use super::tensor::{BlockedTensor, Chunks, Run};
use crate::frozen::dense::panels;
use crate::frozen::isa::{Isa, Kernel, Vectors};
use crate::frozen::shared::Shared;
use crate::frozen::store::{Activation, Place, Store};
use crate::frozen::tile::{Factor, most_pixels, multiply};

/// Bias of a product that has none: of the most blocks that a tile has, and the widest registers.
pub(super) const NO_BIAS: [f32; 48] = [0.0; 48];

/// y = W x.
#[derive(Debug)]
pub(super) struct PointwiseForward {
    pub name: String,
    pub input: Value,
    pub stride: usize,
    /// The packed weights' buffer, and the bias's.
    pub weights: usize,
    pub bias: Option<usize>,
    pub output: BlockedTensor,
    pub chunks: Chunks,
    /// Where the input is kept as it was loaded, if the weight gradient wants it.
    pub kept: Option<BlockedTensor>,
    /// What the norm after it needs.
    pub statistics: Option<(Norm, Partials)>,
}

/// What is done with the gradient of a value once it is complete.
#[derive(Debug, Default)]
pub(super) struct Settle {
    /// The result of a ReLU: where it is zero, so is the gradient.
    pub mask: Option<BlockedTensor>,
    /// Sums that the norms before it need.
    pub sums: Vec<(OutputGradient, Norm, Partials)>,
}

impl Settle {
    pub fn buffers(&self) -> Vec<usize> {
        let sums = self.sums.iter().flat_map(|(gradient, norm, partials)| {
            gradient.buffers().into_iter().chain([norm.buffer, partials.buffer])
        });
        sums.chain(self.mask.map(|mask| mask.buffer)).collect()
    }

    /// Settles some pixels of some blocks, whose sums are row `row` of the partial ones; `add` to what is in the row, else
    /// the row begins here.
    #[inline(always)]
    pub fn run<S: Vectors>(
        &self,
        simd: S,
        context: &Context<'_>,
        gradient: &BlockedTensor,
        blocks: Range<usize>,
        pixels: Range<usize>,
        row: usize,
    ) {
        for block in blocks {
            if let Some(mask) = &self.mask {
                let mask = S::as_simd_f32s(context.pixels(mask, block, pixels.clone())).0;
                let gradient = context.pixels_mut(gradient, block, pixels.clone());
                for (d, &y) in S::as_mut_simd_f32s(gradient).0.iter_mut().zip(mask) {
                    *d = simd.where_positive_f32s(y, *d);
                }
            }
            for (of, _, partials) in &self.sums {
                let sums = partials.block(context, row, block, S::F32_LANES);
                of.sums(simd, context, block, pixels.clone(), sums);
            }
        }
    }

    pub fn finish(&self, context: &Context<'_>) {
        for (_, norm, partials) in &self.sums {
            finish_gradient(context, norm, partials);
        }
    }
}

/// The gradient of an input.
#[derive(Debug)]
pub(super) struct InputGradient {
    pub gradient: BlockedTensor,
    /// Whether something has put its part there before.
    pub accumulate: bool,
    pub settle: Settle,
    /// For each output pixel of a strided convolution, the floats from a block's start to the pixel it reads.
    pub positions: Option<Box<[u32]>>,
}

/// How the gradient of the weights comes about.
#[derive(Debug)]
pub(super) enum WeightGradient {
    /// Each task sums over the pixels of its chunks, into a part of its own in this buffer.
    Parts(usize),
    /// Another step computes it; for that the gradient of the output is kept here.
    Later(BlockedTensor),
}

/// dx = W' dy, and the gradient of W.
#[derive(Debug)]
pub(super) struct PointwiseBackward {
    pub name: String,
    pub input: Value,
    pub stride: usize,
    /// Of the output.
    pub gradient: OutputGradient,
    /// The packed transposed weights' buffer.
    pub weights: usize,
    pub into: Option<InputGradient>,
    pub chunks: Chunks,
    /// The chunks of each task.
    pub parts: Chunks,
    pub weight_gradient: WeightGradient,
}

/// Multiplies `pixels` pixels of an input by packed weights.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn product<S: Vectors>(
    simd: S,
    isa: Isa,
    memory: &Shared<'_>,
    input: Blocks<'_>,
    channels: usize,
    pixels: usize,
    weights: &[f32],
    bias: &[f32],
    out: Place<'_>,
    (blocks, accumulate): (usize, bool),
) {
    let lanes = S::F32_LANES;
    for panel in panels(blocks, 1) {
        let size = channels * lanes;
        let weights = &weights[panel.first * size..][..panel.blocks * size];
        let bias = if bias.len() == NO_BIAS.len() { bias } else { &bias[panel.first * lanes..] };
        let bias = &bias[..panel.blocks * lanes];
        let most = most_pixels(isa, panel.blocks, 1);
        let tiles = pixels.div_ceil(most);
        for tile in 0..tiles {
            let (first, end) = (pixels * tile / tiles, pixels * (tile + 1) / tiles);
            let factor = Factor {
                input: input.values,
                block_stride: input.stride,
                channels,
                weights,
                taps: &[0],
                start: first * lanes,
            };
            let start = out.start + panel.first * out.block_stride;
            let out = match out.positions {
                Some(positions) => Place { start, positions: Some(&positions[first..end]), ..out },
                None => Place { start: start + first * lanes, ..out },
            };
            let shortcut = accumulate.then_some(out);
            let store = Store { memory, bias, out, shortcut, activation: Activation::None };
            multiply(simd, end - first, panel.blocks, 1, &[factor], store);
        }
    }
}

/// Floats from one block to the next of a chunk in working memory.
fn chunk_stride(pixels: usize, lanes: usize) -> usize {
    // Blocks that are a multiple of 4 KB apart would share a few lines of the nearest cache.
    (pixels + usize::from(pixels.is_multiple_of(64))) * lanes
}

/// The input pixels that output pixels `pixels` of a strided convolution read, as runs, and how many came before each.
fn strided_runs(
    pixels: Range<usize>,
    stride: usize,
    input: &BlockedTensor,
    output: &BlockedTensor,
) -> impl Iterator<Item = (usize, Run)> {
    let (input, output) = (*input, *output);
    let rows = pixels.start / output.width..pixels.end.div_ceil(output.width);
    rows.map(move |row| {
        let first = pixels.start.max(row * output.width);
        let end = pixels.end.min((row + 1) * output.width);
        let (image, y) = (row / output.height, row % output.height);
        let column = first - row * output.width;
        let from = image * input.plane() + y * stride * input.width + column * stride;
        (first - pixels.start, Run { first: from, count: end - first, step: stride })
    })
}

/// Loads the input of output pixels `pixels`.
#[inline(always)]
fn load_input<S: Vectors>(
    simd: S,
    context: &Context<'_>,
    value: &Value,
    (stride, output): (usize, &BlockedTensor),
    pixels: Range<usize>,
    to: &mut [f32],
    block_stride: usize,
) {
    let tensor = value.tensor();
    if stride == 1 {
        value.load_all(simd, context, 0..tensor.blocks(), pixels, to, block_stride);
        return;
    }
    for block in 0..tensor.blocks() {
        let to = &mut to[block * block_stride..];
        for (before, run) in strided_runs(pixels.clone(), stride, tensor, output) {
            let to = &mut to[before * S::F32_LANES..][..run.count * S::F32_LANES];
            value.load(simd, context, block, run, to);
        }
    }
}

/// Copies a chunk in working memory to where it is kept.
fn keep(context: &Context<'_>, chunk: &[f32], stride: usize, to: &BlockedTensor, pixels: Range<usize>) {
    for block in 0..to.blocks() {
        let to = context.pixels_mut(to, block, pixels.clone());
        to.copy_from_slice(&chunk[block * stride..][..to.len()]);
    }
}

/// A step's task, to be compiled for an instruction set.
pub(super) struct Task<'a, T> {
    pub step: &'a T,
    pub context: &'a Context<'a>,
    pub task: usize,
    pub scratch: &'a Shared<'a>,
}

impl Step for PointwiseForward {
    fn name(&self) -> String {
        format!("{} forward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let mut buffers = self.input.buffers();
        buffers.extend([self.weights, self.output.buffer]);
        buffers.extend(self.bias);
        buffers.extend(self.kept.map(|kept| kept.buffer));
        if let Some((norm, partials)) = &self.statistics {
            buffers.extend([norm.buffer, partials.buffer]);
        }
        buffers
    }

    fn tasks(&self) -> usize {
        self.chunks.count
    }

    fn scratch(&self) -> usize {
        let input = self.input.tensor();
        chunk_stride(self.chunks.most(), input.lanes) * input.blocks()
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn finish(&self, context: &Context<'_>) {
        if let Some((norm, partials)) = &self.statistics {
            finish_statistics(context, norm, partials);
        }
    }

    fn multiply_adds(&self) -> usize {
        self.output.pixels() * self.output.channels * self.input.tensor().channels
    }
}

impl Kernel for Task<'_, PointwiseForward> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task, scratch } = self;
        let PointwiseForward { input, output, kept, .. } = step;
        let pixels = step.chunks.range(task);
        let tensor = input.tensor();
        let blocks = match input {
            Value::Stored(_) if step.stride == 1 => {
                let all = tensor.blocks() * tensor.block_stride();
                let values = context.read(tensor.buffer, pixels.start * tensor.lanes..all);
                Blocks { values, count: tensor.blocks(), stride: tensor.block_stride() }
            }
            _ => {
                let stride = chunk_stride(pixels.len(), tensor.lanes);
                let to = scratch.write(0..stride * tensor.blocks());
                load_input(simd, context, input, (step.stride, output), pixels.clone(), to, stride);
                if let Some(kept) = kept {
                    keep(context, to, stride, kept, pixels.clone());
                }
                Blocks { values: to, count: tensor.blocks(), stride }
            }
        };
        let count = output.blocks();
        let weights = context.offsets[step.weights];
        let weights = context.memory.read(weights..weights + count * tensor.channels * output.lanes);
        let bias = match step.bias {
            Some(bias) => context.read(bias, 0..count * output.lanes),
            None => &NO_BIAS,
        };
        let start = context.offsets[output.buffer] + pixels.start * output.lanes;
        let out = Place { start, block_stride: output.block_stride(), positions: None };
        let (isa, memory) = (context.isa, context.memory);
        product(simd, isa, memory, blocks, tensor.channels, pixels.len(), weights, bias, out, (count, false));
        if let Some((_, partials)) = &step.statistics {
            for block in 0..count {
                let sums = partials.block(context, task, block, output.lanes);
                moments(simd, context.pixels(output, block, pixels.clone()), sums);
            }
        }
    }
}

impl Step for PointwiseBackward {
    fn name(&self) -> String {
        format!("{} backward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let mut buffers = self.input.buffers();
        buffers.extend(self.gradient.buffers());
        buffers.push(self.weights);
        if let Some(into) = &self.into {
            buffers.push(into.gradient.buffer);
            buffers.extend(into.settle.buffers());
        }
        buffers.push(match &self.weight_gradient {
            WeightGradient::Parts(buffer) => *buffer,
            WeightGradient::Later(kept) => kept.buffer,
        });
        buffers
    }

    fn tasks(&self) -> usize {
        self.parts.count
    }

    fn scratch(&self) -> usize {
        let (input, output) = (self.input.tensor(), &self.gradient.gradient);
        chunk_stride(self.chunks.most(), input.lanes) * (input.blocks() + output.blocks())
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn finish(&self, context: &Context<'_>) {
        if let Some(into) = &self.into {
            into.settle.finish(context);
        }
    }

    fn multiply_adds(&self) -> usize {
        let passes = usize::from(self.into.is_some())
            + usize::from(matches!(self.weight_gradient, WeightGradient::Parts(_)));
        let output = &self.gradient.gradient;
        passes * output.pixels() * output.channels * self.input.tensor().channels
    }
}

impl Task<'_, PointwiseBackward> {
    /// The gradient of the input of a chunk, from that of its output.
    #[inline(always)]
    fn input_gradient<S: Vectors>(
        &self,
        simd: S,
        into: &InputGradient,
        gradient: Blocks<'_>,
        chunk: usize,
        pixels: Range<usize>,
    ) {
        let Self { step, context, .. } = self;
        let (tensor, output) = (&into.gradient, &step.gradient.gradient);
        let (lanes, count) = (tensor.lanes, tensor.blocks());
        let start = context.offsets[tensor.buffer];
        let block_stride = tensor.block_stride();
        let out = match &into.positions {
            Some(positions) => {
                if !into.accumulate {
                    self.clear_between(into, pixels.clone());
                }
                Place { start, block_stride, positions: Some(&positions[pixels.clone()]) }
            }
            None => Place { start: start + pixels.start * lanes, block_stride, positions: None },
        };
        let weights = context.read(step.weights, 0..count * output.channels * lanes);
        let (isa, memory) = (context.isa, context.memory);
        let target = (count, into.accumulate);
        product(simd, isa, memory, gradient, output.channels, pixels.len(), weights, &NO_BIAS, out, target);
        if into.positions.is_none() {
            into.settle.run(simd, context, tensor, 0..count, pixels, chunk);
        }
    }

    /// Zeroes the input pixels that belong to output pixels `pixels` of a strided convolution: those that it reads, and
    /// those between them and the next.
    fn clear_between(&self, into: &InputGradient, pixels: Range<usize>) {
        let Self { step, context, .. } = self;
        let (tensor, output) = (&into.gradient, &step.gradient.gradient);
        for block in 0..tensor.blocks() {
            for (_, run) in strided_runs(pixels.clone(), step.stride, tensor, output) {
                let (row, column) = (run.first / tensor.width, run.first % tensor.width);
                let end = (column + run.count * run.step).min(tensor.width);
                let image_end = (row / tensor.height + 1) * tensor.height;
                for row in row..(row + step.stride).min(image_end) {
                    let pixels = row * tensor.width + column..row * tensor.width + end;
                    context.pixels_mut(tensor, block, pixels).fill(0.0);
                }
            }
        }
    }
}

impl Kernel for Task<'_, PointwiseBackward> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task, scratch } = &self;
        let (tensor, output) = (step.input.tensor(), &step.gradient.gradient);
        let lanes = tensor.lanes;
        let row = tensor.blocks() * lanes * output.blocks() * lanes;
        if let WeightGradient::Parts(parts) = step.weight_gradient {
            context.write(parts, task * row..(task + 1) * row).fill(0.0);
        }
        for chunk in step.parts.range(*task) {
            let pixels = step.chunks.range(chunk);
            let stride = chunk_stride(pixels.len(), lanes);
            let gradient = scratch.write(0..stride * output.blocks());
            step.gradient.load_all(simd, context, 0..output.blocks(), pixels.clone(), gradient, stride);
            let gradient = Blocks { values: gradient, count: output.blocks(), stride };
            if let Some(into) = &step.into {
                self.input_gradient(simd, into, gradient, chunk, pixels.clone());
            }
            match &step.weight_gradient {
                WeightGradient::Later(kept) => keep(context, gradient.values, stride, kept, pixels),
                WeightGradient::Parts(parts) => {
                    let first = stride * output.blocks();
                    let input = scratch.write(first..first + stride * tensor.blocks());
                    load_input(
                        simd,
                        context,
                        &step.input,
                        (step.stride, output),
                        pixels.clone(),
                        input,
                        stride,
                    );
                    let input = Blocks { values: input, count: tensor.blocks(), stride };
                    let sums = context.write(*parts, task * row..(task + 1) * row);
                    add_outer_products(simd, input, gradient, Pixels::line(pixels.len()), sums);
                }
            }
        }
    }
}

/// The gradient of weights that are many for their pixels, by blocks of output channels.
#[derive(Debug)]
pub(super) struct PointwiseWeightGradient {
    pub name: String,
    /// As they were kept.
    pub input: BlockedTensor,
    pub gradient: BlockedTensor,
    /// The parameters' numbers.
    pub weight: usize,
    pub bias: Option<usize>,
    /// The blocks of output channels that a task takes, and of input channels.
    pub outputs: Chunks,
    pub inputs: Chunks,
    pub chunks: Chunks,
}

impl Step for PointwiseWeightGradient {
    fn name(&self) -> String {
        format!("{} weight gradient", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        vec![self.input.buffer, self.gradient.buffer]
    }

    fn tasks(&self) -> usize {
        self.outputs.count * self.inputs.count
    }

    fn scratch(&self) -> usize {
        let lanes = self.input.lanes;
        self.outputs.most() * lanes * self.inputs.most() * lanes
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn multiply_adds(&self) -> usize {
        self.input.pixels() * self.input.channels * self.gradient.channels
    }
}

impl Kernel for Task<'_, PointwiseWeightGradient> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task, scratch } = self;
        let PointwiseWeightGradient { input, gradient, .. } = step;
        let lanes = input.lanes;
        let outputs = step.outputs.range(task / step.inputs.count);
        let inputs = step.inputs.range(task % step.inputs.count);
        let sums = scratch.write(0..outputs.len() * lanes * inputs.len() * lanes);
        sums.fill(0.0);
        for chunk in 0..step.chunks.count {
            let pixels = step.chunks.range(chunk);
            let blocks = |tensor: &BlockedTensor, blocks: &Range<usize>| {
                let start = tensor.range(blocks.start, pixels.clone()).start;
                let end = tensor.range(blocks.end - 1, pixels.clone()).end;
                (start..end, blocks.len(), tensor.block_stride())
            };
            let (range, count, stride) = blocks(input, &inputs);
            let from = Blocks { values: context.read(input.buffer, range), count, stride };
            let (range, count, stride) = blocks(gradient, &outputs);
            let of = Blocks { values: context.read(gradient.buffer, range), count, stride };
            add_outer_products(simd, from, of, Pixels::line(pixels.len()), sums);
        }
        let weights = &context.gradients[step.weight];
        let columns = inputs.start * lanes..(inputs.end * lanes).min(input.channels);
        for output in outputs.start * lanes..(outputs.end * lanes).min(gradient.channels) {
            let (block, lane) = (output / lanes - outputs.start, output % lanes);
            let at = output * input.channels;
            let row = weights.write(at + columns.start..at + columns.end);
            let sums = &sums[block * inputs.len() * lanes * lanes + lane..];
            row.iter_mut().zip(sums.iter().step_by(lanes)).for_each(|(to, &sum)| *to += sum);
        }
        if let Some(bias) = step.bias.filter(|_| inputs.start == 0) {
            for block in outputs {
                let pixels = S::as_simd_f32s(context.pixels(gradient, block, 0..gradient.pixels())).0;
                let zero = simd.splat_f32s(0.0);
                let mut sum = [0.0; MOST_LANES];
                S::as_mut_simd_f32s(&mut sum).0[0] =
                    pixels.iter().fold(zero, |sum, &d| simd.add_f32s(sum, d));
                let channels = block * lanes..((block + 1) * lanes).min(gradient.channels);
                let to = context.gradients[bias].write(channels);
                to.iter_mut().zip(sum).for_each(|(to, sum)| *to += sum);
            }
        }
    }
}

/// Adds the parts of a weight gradient, in order, to the gradient.
#[derive(Debug)]
pub(super) struct PointwiseSum {
    pub name: String,
    pub parts: usize,
    pub count: usize,
    pub weight: usize,
    /// Channels out and in.
    pub channels: [usize; 2],
    pub lanes: usize,
}

impl Step for PointwiseSum {
    fn name(&self) -> String {
        format!("{} sum", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        vec![self.parts]
    }

    fn tasks(&self) -> usize {
        self.channels[0].div_ceil(self.lanes)
    }

    fn run(&self, context: &Context<'_>, block: usize, scratch: &Shared<'_>) {
        let ([outputs, inputs], lanes) = (self.channels, self.lanes);
        let row = inputs.next_multiple_of(lanes) * lanes;
        let part = row * self.tasks();
        let sums = scratch.write(0..row);
        sums.fill(0.0);
        for index in 0..self.count {
            let start = index * part + block * row;
            let from = context.read(self.parts, start..start + row);
            sums.iter_mut().zip(from).for_each(|(sum, &value)| *sum += value);
        }
        for output in block * lanes..((block + 1) * lanes).min(outputs) {
            let to = context.gradients[self.weight].write(output * inputs..(output + 1) * inputs);
            let sums = sums[output % lanes..].iter().step_by(lanes);
            to.iter_mut().zip(sums).for_each(|(to, &sum)| *to += sum);
        }
    }

    fn scratch(&self) -> usize {
        self.channels[1].next_multiple_of(self.lanes) * self.lanes
    }
}
