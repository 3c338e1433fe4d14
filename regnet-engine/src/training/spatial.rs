//! 3x3 convolutions, grouped and dense, forward and backward.
//!
//! Work is cut into bands of rows: a band's input is loaded (and normalised on the way) with a border of zeros, so that no
//! pixel is a special case, and multiplied while it is near. The gradient of the input is the same convolution of the
//! output's gradient, with transposed and rotated weights; of stride 2, of that gradient with zeros between its pixels.

use std::ops::Range;
use std::sync::Arc;

use regnet_space::graph::Conv;

use super::exec::{Context, Step};
use super::norm::{Norm, OutputGradient, Partials, Value, finish_statistics, moments};
use super::outer::{Blocks, Pixels, add_outer_products};
use super::pointwise::{InputGradient, NO_BIAS, Task};
use super::tensor::{BlockedTensor, Chunks, Run};
use super::window::{self, Window};
use crate::frozen::dense::panels;
use crate::frozen::grouped::{At, Grouped, ROWS, Sources, most_columns, multiply as multiply_grouped};
use crate::frozen::isa::{Isa, Kernel, Vectors};
use crate::frozen::map::Map;
use crate::frozen::shared::Shared;
use crate::frozen::store::{Activation, Place, Store};
use crate::frozen::tile::{Factor, most_pixels, multiply};
use crate::frozen::work::begin;

/// Taps of a window.
pub(super) const TAPS: usize = 9;

/// Which input channels an output channel reads, and how the weights lie that a kernel reads.
#[derive(Debug, Clone)]
pub(super) enum Channels {
    /// Those of its group. Blocks that share groups form clusters, which are worked on apart.
    Grouped(Vec<Cluster>),
    /// All of them.
    Dense,
}

/// Blocks that together hold whole groups.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub first: usize,
    pub blocks: usize,
    pub channels: usize,
    pub sources: Arc<Sources>,
    /// Floats before its packed weights.
    pub weights: usize,
}

impl Channels {
    pub fn new(conv: &Conv, lanes: usize) -> Self {
        if conv.groups() == 1 {
            return Self::Dense;
        }
        let each = least_common_multiple(conv.group_width, lanes) / lanes;
        let blocks = conv.output.div_ceil(lanes);
        let mut weights = 0;
        let cluster = |first: usize| {
            let channels = (conv.output - first * lanes).min(each * lanes);
            let sources = Arc::new(Sources::new(channels, conv.group_width, lanes));
            let start = weights;
            weights += sources.packed_len(lanes);
            Cluster { first, blocks: each.min(blocks - first), channels, sources, weights: start }
        };
        Self::Grouped((0..blocks).step_by(each).map(cluster).collect())
    }

    /// Floats of the packed weights of a convolution.
    pub fn packed_len(&self, [output, input]: [usize; 2], lanes: usize) -> usize {
        match self {
            Self::Grouped(clusters) => clusters.iter().map(|cluster| cluster.sources.packed_len(lanes)).sum(),
            Self::Dense => output.next_multiple_of(lanes) * input * TAPS,
        }
    }

    /// Floats of a weight gradient before it is brought into order.
    pub fn sums_len(&self, [output, input]: [usize; 2], lanes: usize) -> usize {
        match self {
            Self::Grouped(_) => self.packed_len([output, input], lanes),
            Self::Dense => output.next_multiple_of(lanes) * input.next_multiple_of(lanes) * TAPS,
        }
    }

    /// Pieces that are worked on apart, and the most blocks of one.
    pub fn clusters(&self) -> usize {
        match self {
            Self::Grouped(clusters) => clusters.len(),
            Self::Dense => 1,
        }
    }

    /// The blocks of a cluster, of `all` there are.
    fn blocks(&self, cluster: usize, all: usize) -> Range<usize> {
        match self {
            Self::Grouped(clusters) => {
                let Cluster { first, blocks, .. } = clusters[cluster];
                first..first + blocks
            }
            Self::Dense => 0..all,
        }
    }
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

/// y = W * x, in windows of 3 x 3 pixels.
#[derive(Debug)]
pub(super) struct SpatialForward {
    pub name: String,
    pub input: Value,
    pub conv: Conv,
    pub channels: Channels,
    pub output: BlockedTensor,
    /// The packed weights' buffer.
    pub weights: usize,
    /// The output rows of an image.
    pub bands: Chunks,
    pub statistics: (Norm, Partials),
}

impl SpatialForward {
    fn window(&self) -> Window {
        let input = self.input.tensor();
        Window {
            rows: window::rows(self.bands.most(), self.conv.stride),
            width: input.width,
            lanes: input.lanes,
        }
    }

    fn most_blocks(&self) -> usize {
        most_blocks(&self.channels, self.input.tensor().blocks())
    }
}

/// The most blocks of a cluster.
fn most_blocks(channels: &Channels, all: usize) -> usize {
    (0..channels.clusters()).map(|cluster| channels.blocks(cluster, all).len()).max().unwrap_or(0)
}

impl Step for SpatialForward {
    fn name(&self) -> String {
        format!("{} forward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let (norm, partials) = &self.statistics;
        let own = [self.weights, self.output.buffer, norm.buffer, partials.buffer];
        self.input.buffers().into_iter().chain(own).collect()
    }

    fn tasks(&self) -> usize {
        self.output.images * self.bands.count * self.channels.clusters()
    }

    fn scratch(&self) -> usize {
        self.window().len(self.most_blocks())
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn finish(&self, context: &Context<'_>) {
        finish_statistics(context, &self.statistics.0, &self.statistics.1);
    }

    fn multiply_adds(&self) -> usize {
        self.output.pixels() * self.output.channels * self.conv.group_width * TAPS
    }
}

impl Kernel for Task<'_, SpatialForward> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task, scratch } = self;
        let SpatialForward { input, output, conv, channels, bands, .. } = step;
        let (piece, cluster) = (task / channels.clusters(), task % channels.clusters());
        let (image, band) = (piece / bands.count, piece % bands.count);
        let rows = bands.range(band);
        let (window, tensor) = (step.window(), input.tensor());
        let blocks = channels.blocks(cluster, tensor.blocks());
        let loaded = scratch.write(0..window.len(blocks.len()));
        let first = (rows.start * conv.stride) as isize - 1;
        let height = window::rows(rows.len(), conv.stride);
        window.load(tensor.height, first, height, blocks, loaded, |block, row, to| {
            let first = (image * tensor.height + row) * tensor.width;
            input.load(simd, context, block, Run { first, count: tensor.width, step: 1 }, to);
        });
        let convolution = Convolution {
            isa: context.isa,
            memory: context.memory,
            input: loaded,
            window,
            weights: step.weights(context),
            stride: conv.stride,
            input_channels: tensor.channels,
            channels,
            out: output,
            start: context.offsets[output.buffer],
            accumulate: false,
        };
        convolution.run(simd, cluster, image, rows.clone());
        let pixels = (image * output.height + rows.start) * output.width
            ..(image * output.height + rows.end) * output.width;
        for block in channels.blocks(cluster, output.blocks()) {
            let sums = step.statistics.1.block(context, piece, block, output.lanes);
            moments(simd, context.pixels(output, block, pixels.clone()), sums);
        }
    }
}

impl SpatialForward {
    fn weights<'a>(&self, context: &'a Context<'_>) -> &'a [f32] {
        let sizes = [self.conv.output, self.conv.input];
        context.read(self.weights, 0..self.channels.packed_len(sizes, self.output.lanes))
    }
}

/// A convolution of a band that was loaded.
struct Convolution<'a> {
    isa: Isa,
    memory: &'a Shared<'a>,
    input: &'a [f32],
    window: Window,
    weights: &'a [f32],
    stride: usize,
    input_channels: usize,
    channels: &'a Channels,
    out: &'a BlockedTensor,
    /// Where the output's buffer begins.
    start: usize,
    accumulate: bool,
}

impl Convolution<'_> {
    /// Computes output rows `rows` of an image, of which the first one's window begins where the band does.
    #[inline(always)]
    fn run<S: Vectors>(&self, simd: S, cluster: usize, image: usize, rows: Range<usize>) {
        match self.channels {
            Channels::Grouped(clusters) => self.grouped(simd, &clusters[cluster], image, rows),
            Channels::Dense => self.dense(simd, image, rows),
        }
    }

    /// Where a row of an image's block begins.
    fn row(&self, block: usize, image: usize, row: usize) -> usize {
        let pixel = (image * self.out.height + row) * self.out.width;
        self.start + self.out.range(block, pixel..pixel).start
    }

    #[inline(always)]
    fn grouped<S: Vectors>(&self, simd: S, cluster: &Cluster, image: usize, rows: Range<usize>) {
        let lanes = S::F32_LANES;
        let out = Map {
            offset: 0,
            channels: self.out.channels,
            height: self.out.height,
            width: self.out.width,
            border: 0,
            images: self.out.images,
            lanes,
        };
        let step = Grouped {
            input: self.window.map(cluster.blocks),
            stride: self.stride,
            out,
            weights: 0,
            bias: 0,
            shortcut: self.accumulate.then_some(out),
            activation: Activation::None,
            sources: Arc::clone(&cluster.sources),
        };
        let most = most_columns(self.isa);
        let columns = out.width.div_ceil(most);
        for block in 0..cluster.blocks {
            let source = &cluster.sources.blocks[block];
            let weights = &self.weights[cluster.weights + source.weights * lanes..];
            for row in rows.clone().step_by(ROWS) {
                let height = ROWS.min(rows.end - row);
                let first = (row - rows.start) * self.stride * self.window.row_stride();
                let start = self.row(cluster.first + block, image, row);
                for tile in 0..columns {
                    let column = begin(out.width, most, tile);
                    let width = begin(out.width, most, tile + 1) - column;
                    let start = start + column * lanes;
                    let place = Place { start, block_stride: out.block_stride(), positions: None };
                    let at = At {
                        step: &step,
                        memory: self.memory,
                        input: self.input,
                        first: first + column * self.stride * lanes,
                        lanes: &source.lanes,
                        weights,
                        bias: &NO_BIAS[..lanes],
                        out: place,
                        shortcut: self.accumulate.then_some(place),
                    };
                    multiply_grouped(simd, width, height, &at);
                }
            }
        }
    }

    #[inline(always)]
    fn dense<S: Vectors>(&self, simd: S, image: usize, rows: Range<usize>) {
        let (lanes, stride) = (S::F32_LANES, self.stride);
        let size = TAPS * self.input_channels * lanes;
        let taps = self.window.taps();
        for panel in panels(self.out.blocks(), stride) {
            let most = most_pixels(self.isa, panel.blocks, stride);
            let tiles = self.out.width.div_ceil(most);
            for row in rows.clone() {
                let line = (row - rows.start) * stride * self.window.row_stride();
                let start = self.row(panel.first, image, row);
                for tile in 0..tiles {
                    let column = self.out.width * tile / tiles;
                    let end = self.out.width * (tile + 1) / tiles;
                    let factor = Factor {
                        input: self.input,
                        block_stride: self.window.block_stride(),
                        channels: self.input_channels,
                        weights: &self.weights[panel.first * size..][..panel.blocks * size],
                        taps: &taps,
                        start: line + column * stride * lanes,
                    };
                    let start = start + column * lanes;
                    let out = Place { start, block_stride: self.out.block_stride(), positions: None };
                    let bias = &NO_BIAS[..panel.blocks * lanes];
                    let shortcut = self.accumulate.then_some(out);
                    let activation = Activation::None;
                    let store = Store { memory: self.memory, bias, out, shortcut, activation };
                    multiply(simd, end - column, panel.blocks, stride, &[factor], store);
                }
            }
        }
    }
}

/// The gradients of a 3x3 convolution's input and weights.
#[derive(Debug)]
pub(super) struct SpatialBackward {
    pub name: String,
    pub input: Value,
    pub conv: Conv,
    pub channels: Channels,
    /// Of the output.
    pub gradient: OutputGradient,
    /// The buffer of the packed weights, transposed and rotated, and how those are read.
    pub weights: usize,
    pub transposed: Channels,
    pub into: InputGradient,
    /// The output rows of an image.
    pub bands: Chunks,
    /// The images that a task works on.
    pub parts: Chunks,
    /// The buffer of each part's weight gradient.
    pub sums: usize,
}

impl SpatialBackward {
    /// Of the input, as it is multiplied by the gradient of the output.
    fn input_window(&self) -> Window {
        let input = self.input.tensor();
        Window {
            rows: window::rows(self.bands.most(), self.conv.stride),
            width: input.width,
            lanes: input.lanes,
        }
    }

    /// Of the output's gradient, brought to the resolution of the input.
    fn gradient_window(&self) -> Window {
        let input = self.input.tensor();
        Window { rows: self.bands.most() * self.conv.stride + 2, width: input.width, lanes: input.lanes }
    }

    fn sizes(&self) -> [usize; 2] {
        [self.conv.output, self.conv.input]
    }

    /// Floats of the input's window, the gradient's, and the gradient itself where that lies elsewhere.
    fn scratch_lens(&self, blocks: [usize; 2]) -> [usize; 3] {
        let own = match self.conv.stride {
            1 => 0,
            _ => blocks[1] * self.bands.most() * self.gradient.gradient.width * self.input.tensor().lanes,
        };
        [self.input_window().len(blocks[0]), self.gradient_window().len(blocks[1]), own]
    }

    fn blocks(&self, cluster: usize) -> [Range<usize>; 2] {
        [self.input.tensor(), &self.gradient.gradient]
            .map(|tensor| self.channels.blocks(cluster, tensor.blocks()))
    }
}

impl Step for SpatialBackward {
    fn name(&self) -> String {
        format!("{} backward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let mut buffers = self.input.buffers();
        buffers.extend(self.gradient.buffers());
        buffers.extend([self.weights, self.sums, self.into.gradient.buffer]);
        buffers.extend(self.into.settle.buffers());
        buffers
    }

    fn tasks(&self) -> usize {
        self.parts.count * self.channels.clusters()
    }

    fn scratch(&self) -> usize {
        let tensors = [self.input.tensor(), &self.gradient.gradient];
        self.scratch_lens(tensors.map(|tensor| most_blocks(&self.channels, tensor.blocks()))).iter().sum()
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn finish(&self, context: &Context<'_>) {
        self.into.settle.finish(context);
    }

    fn multiply_adds(&self) -> usize {
        2 * self.gradient.gradient.pixels() * self.conv.output * self.conv.group_width * TAPS
    }
}

impl Kernel for Task<'_, SpatialBackward> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task, .. } = &self;
        let (part, cluster) = (task / step.channels.clusters(), task % step.channels.clusters());
        let lanes = S::F32_LANES;
        let len = step.channels.sums_len(step.sizes(), lanes);
        let range = match &step.channels {
            Channels::Grouped(clusters) => {
                let Cluster { weights, sources, .. } = &clusters[cluster];
                *weights..weights + sources.packed_len(lanes)
            }
            Channels::Dense => 0..len,
        };
        let sums = context.write(step.sums, part * len + range.start..part * len + range.end);
        sums.fill(0.0);
        for image in step.parts.range(part) {
            for band in 0..step.bands.count {
                self.band(simd, cluster, image, band, sums);
            }
        }
    }
}

impl Task<'_, SpatialBackward> {
    #[inline(always)]
    fn band<S: Vectors>(&self, simd: S, cluster: usize, image: usize, band: usize, sums: &mut [f32]) {
        let Self { step, context, scratch, .. } = self;
        let [input_blocks, blocks] = step.blocks(cluster);
        let lens = step.scratch_lens([input_blocks.len(), blocks.len()]);
        let [input, gradient, own] = parts(scratch, lens);
        let rows = step.bands.range(band);
        let (stride, lanes) = (step.conv.stride, S::F32_LANES);
        let (tensor, output) = (step.input.tensor(), &step.gradient.gradient);

        let first = (rows.start * stride) as isize - 1;
        let window = step.gradient_window();
        let load = |block, row: usize, to: &mut [f32]| {
            let first = (image * output.height + row) * output.width;
            step.gradient.load(simd, context, block, first..first + output.width, to);
        };
        let height = rows.len() * stride + 2;
        // What the weight gradient reads: rows without a border, or inside of it.
        let (of, of_strides, of_first);
        if stride == 1 {
            window.load(output.height, first, height, blocks.clone(), gradient, load);
            of_strides = [window.block_stride(), window.row_stride()];
            (of, of_first) = (&*gradient, window.row_stride() + lanes);
        } else {
            let row_len = output.width * lanes;
            of_strides = [step.bands.most() * row_len, row_len];
            for (index, block) in blocks.clone().enumerate() {
                for (index_row, row) in rows.clone().enumerate() {
                    let start = index * of_strides[0] + index_row * row_len;
                    load(block, row, &mut own[start..start + row_len]);
                }
            }
            window.spread(first, height, rows.clone(), blocks.clone(), own, of_strides, gradient);
            if rows.end < output.height {
                // The band below begins with the row that is this one's border.
                window.spread_row(height - 1, blocks.clone(), gradient, |block, to| {
                    load(block, rows.end, to);
                });
            }
            (of, of_first) = (&*own, 0);
        }

        let input_rows = rows.start * stride..(rows.end * stride).min(tensor.height);
        let into = &step.into;
        let convolution = Convolution {
            isa: context.isa,
            memory: context.memory,
            input: gradient,
            window,
            weights: context.read(
                step.weights,
                0..step.transposed.packed_len([step.conv.input, step.conv.output], lanes),
            ),
            stride: 1,
            input_channels: output.channels,
            channels: &step.transposed,
            out: &into.gradient,
            start: context.offsets[into.gradient.buffer],
            accumulate: into.accumulate,
        };
        convolution.run(simd, cluster, image, input_rows.clone());
        let pixels = (image * tensor.height + input_rows.start) * tensor.width
            ..(image * tensor.height + input_rows.end) * tensor.width;
        let row = image * step.bands.count + band;
        into.settle.run(simd, context, &into.gradient, input_blocks.clone(), pixels, row);

        let window = step.input_window();
        let height = window::rows(rows.len(), stride);
        window.load(tensor.height, first, height, input_blocks.clone(), input, |block, row, to| {
            let first = (image * tensor.height + row) * tensor.width;
            step.input.load(simd, context, block, Run { first, count: tensor.width, step: 1 }, to);
        });
        let pixels = Pixels {
            rows: rows.len(),
            columns: output.width,
            row_strides: [window.row_stride(), of_strides[1]],
            step: stride,
        };
        let gradient = Blocks { values: &of[of_first..], count: blocks.len(), stride: of_strides[0] };
        match &step.channels {
            Channels::Dense => {
                let (count, stride) = (input_blocks.len(), window.block_stride());
                let each = sums.len() / TAPS;
                for (tap, sums) in window.taps().into_iter().zip(sums.chunks_exact_mut(each)) {
                    let input = Blocks { values: &input[tap as usize..], count, stride };
                    add_outer_products(simd, input, gradient, pixels, sums);
                }
            }
            Channels::Grouped(clusters) => {
                let input =
                    Blocks { values: input, count: input_blocks.len(), stride: window.block_stride() };
                window::add_grouped_products(simd, &clusters[cluster].sources, input, gradient, pixels, sums);
            }
        }
    }
}

/// Pieces of a thread's working memory.
fn parts<'a>(scratch: &'a Shared<'_>, lens: [usize; 3]) -> [&'a mut [f32]; 3] {
    let mut first = 0;
    lens.map(|len| {
        first += len;
        scratch.write(first - len..first)
    })
}

/// Adds the parts of a weight gradient, in order, to the gradient.
#[derive(Debug)]
pub(super) struct SpatialSum {
    pub name: String,
    pub conv: Conv,
    pub channels: Channels,
    pub sums: usize,
    pub count: usize,
    pub weight: usize,
    pub lanes: usize,
}

impl Step for SpatialSum {
    fn name(&self) -> String {
        format!("{} sum", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        vec![self.sums]
    }

    /// One for each block of output channels.
    fn tasks(&self) -> usize {
        self.conv.output.div_ceil(self.lanes)
    }

    fn run(&self, context: &Context<'_>, block: usize, _: &Shared<'_>) {
        let Conv { output, input, group_width, .. } = self.conv;
        let lanes = self.lanes;
        let part = self.channels.sums_len([output, input], lanes);
        let sums = context.read(self.sums, 0..self.count * part);
        for channel in block * lanes..((block + 1) * lanes).min(output) {
            let weights = channel * group_width * TAPS..(channel + 1) * group_width * TAPS;
            let to = context.gradients[self.weight].write(weights);
            for (within, to) in to.as_chunks_mut::<TAPS>().0.iter_mut().enumerate() {
                for (tap, to) in to.iter_mut().enumerate() {
                    let at = self.position(channel, within, tap);
                    *to += (0..self.count).map(|index| sums[index * part + at]).sum::<f32>();
                }
            }
        }
    }
}

impl SpatialSum {
    /// Where the sum for a weight lies in a part.
    fn position(&self, channel: usize, within: usize, tap: usize) -> usize {
        let lanes = self.lanes;
        let lane = channel % lanes;
        match &self.channels {
            Channels::Grouped(clusters) => {
                let each = clusters[0].blocks * lanes;
                let Cluster { sources, weights, .. } = &clusters[channel / each];
                weights + (sources.position(channel % each, within, lanes) + tap) * lanes + lane
            }
            Channels::Dense => {
                let row = self.conv.input.next_multiple_of(lanes);
                let blocks = self.conv.output.div_ceil(lanes);
                ((tap * blocks + channel / lanes) * row + within) * lanes + lane
            }
        }
    }
}
