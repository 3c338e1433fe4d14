//! Batch normalisation, split between its neighbours (W. Jung et al., "Restructuring Batch Normalization to Accelerate CNN
//! Training", 2019): the step before takes the sums that it needs, the step after normalises what it loads.

use std::ops::Range;

use super::exec::Context;
use super::patches::Patches;
use super::tensor::{BlockedTensor, Run, by_image};
use crate::batch_norm::EPSILON;
use crate::frozen::isa::Vectors;

/// The most lanes of a register.
pub(super) const MOST_LANES: usize = 16;

/// Numbers of a batch norm: for each of the channels, padded with zeros to whole blocks, a row of
/// [`Row`]s in a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Norm {
    /// The buffer of rows.
    pub buffer: usize,
    /// The parameters' numbers.
    pub weight: usize,
    pub bias: usize,
    pub channels: usize,
    /// Channels and the padding.
    pub padded: usize,
}

/// What is known of a channel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Row {
    /// Of the batch.
    Mean,
    /// Of the batch, biased.
    Variance,
    /// 1 / sqrt(variance + epsilon).
    InverseDeviation,
    /// The weight times the inverse deviation.
    Scale,
    /// The bias.
    Shift,
    /// In the gradient, what is multiplied by the deviation from the mean.
    Slope,
    /// In the gradient, what is subtracted from it.
    Constant,
}

impl Norm {
    /// Floats of the buffer.
    pub fn len(padded: usize) -> usize {
        padded * (Row::Constant as usize + 1)
    }

    fn range(&self, row: Row) -> Range<usize> {
        let start = row as usize * self.padded;
        start..start + self.padded
    }

    /// A row, a value for each channel.
    pub fn row<'a>(&self, context: &'a Context<'_>, row: Row) -> &'a [f32] {
        context.read(self.buffer, self.range(row))
    }

    /// A row's vector for a block of channels.
    #[inline(always)]
    fn vector<S: Vectors>(&self, context: &Context<'_>, row: Row, block: usize) -> S::f32s {
        let start = row as usize * self.padded + block * S::F32_LANES;
        S::as_simd_f32s(context.read(self.buffer, start..start + S::F32_LANES)).0[0]
    }
}

/// A feature map as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// As it lies in memory.
    Stored(BlockedTensor),
    /// Normalised, and what follows, when it is loaded.
    Normed(Normed),
    /// The windows of images that a first convolution multiplies.
    Patches(Patches),
}

/// What a convolution put out, normalised when it is loaded; then a ReLU, then a factor for each channel of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Normed {
    pub tensor: BlockedTensor,
    pub norm: Norm,
    pub relu: bool,
    pub gate: Option<BlockedTensor>,
}

impl Value {
    pub fn tensor(&self) -> &BlockedTensor {
        match self {
            Self::Stored(tensor)
            | Self::Normed(Normed { tensor, .. })
            | Self::Patches(Patches { tensor, .. }) => tensor,
        }
    }

    /// The buffers that loading it reads.
    pub fn buffers(&self) -> Vec<usize> {
        match self {
            Self::Stored(tensor) => vec![tensor.buffer],
            Self::Patches(_) => Vec::new(),
            Self::Normed(Normed { tensor, norm, gate, .. }) => {
                [tensor.buffer, norm.buffer].into_iter().chain(gate.map(|gate| gate.buffer)).collect()
            }
        }
    }

    /// Loads a block's pixels into `to`, one after another. A gated value's are of one image.
    #[inline(always)]
    pub fn load<S: Vectors>(&self, simd: S, context: &Context<'_>, block: usize, run: Run, to: &mut [f32]) {
        let tensor = self.tensor();
        let end = run.first + (run.count - 1) * run.step + 1;
        let from = S::as_simd_f32s(context.pixels(tensor, block, run.first..end)).0;
        let to = S::as_mut_simd_f32s(to).0;
        match self {
            Self::Patches(_) => unreachable!("patches are loaded all at once"),
            Self::Stored(_) => each(from, run.step, to, |x| x),
            Self::Normed(Normed { norm, relu, gate, .. }) => {
                let mean = norm.vector::<S>(context, Row::Mean, block);
                let scale = norm.vector::<S>(context, Row::Scale, block);
                let shift = norm.vector::<S>(context, Row::Shift, block);
                let normalise = |x| simd.mul_add_e_f32s(simd.sub_f32s(x, mean), scale, shift);
                let rectify = |x| {
                    let x = normalise(x);
                    simd.relu_f32s(x)
                };
                match (relu, gate) {
                    (true, None) => each(from, run.step, to, rectify),
                    (false, None) => each(from, run.step, to, normalise),
                    (relu, Some(gate)) => {
                        let image = run.first / tensor.plane();
                        let gate = S::as_simd_f32s(context.pixels(gate, block, image..image + 1)).0[0];
                        if *relu {
                            each(from, run.step, to, |x| simd.mul_f32s(rectify(x), gate));
                        } else {
                            each(from, run.step, to, |x| simd.mul_f32s(normalise(x), gate));
                        }
                    }
                }
            }
        }
    }

    /// Whether pixels are read differently in each image.
    pub fn is_gated(&self) -> bool {
        matches!(self, Self::Normed(Normed { gate: Some(_), .. }))
    }

    /// Loads pixels `pixels` of blocks `blocks` into `to`, blocks `stride` floats apart.
    #[inline(always)]
    pub fn load_all<S: Vectors>(
        &self,
        simd: S,
        context: &Context<'_>,
        blocks: Range<usize>,
        pixels: Range<usize>,
        to: &mut [f32],
        stride: usize,
    ) {
        if let Self::Patches(patches) = self {
            return patches.load(context.images, pixels, to, stride);
        }
        let first = blocks.start;
        for block in blocks {
            let to = &mut to[(block - first) * stride..];
            let plane = if self.is_gated() { self.tensor().plane() } else { usize::MAX / 2 };
            for (_, run) in by_image(pixels.clone(), plane) {
                let at = (run.start - pixels.start) * S::F32_LANES;
                let to = &mut to[at..at + run.len() * S::F32_LANES];
                self.load(simd, context, block, Run { first: run.start, count: run.len(), step: 1 }, to);
            }
        }
    }
}

/// Vectors `step` apart, changed.
#[inline(always)]
fn each<V: Copy>(from: &[V], step: usize, to: &mut [V], change: impl Fn(V) -> V) {
    if step == 1 {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = change(from);
        }
    } else {
        for (to, &from) in to.iter_mut().zip(from.iter().step_by(step)) {
            *to = change(from);
        }
    }
}

/// The gradient of what a convolution put out, formed when it is loaded from the gradient of what was made of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputGradient {
    /// Of the value; already without what a ReLU took, unless the norm's does that.
    pub gradient: BlockedTensor,
    pub norm: Option<NormGradient>,
}

/// How to get through a norm.
#[derive(Debug, Clone, Copy)]
pub(super) struct NormGradient {
    pub of: Normed,
    /// Where there is a gate: what its squeeze adds to the gradient of every pixel, by image and channel.
    pub squeeze: Option<BlockedTensor>,
}

impl OutputGradient {
    pub fn buffers(&self) -> Vec<usize> {
        let norm = self.norm.iter().flat_map(|norm| {
            let squeeze = norm.squeeze.map(|squeeze| squeeze.buffer);
            Value::Normed(norm.of).buffers().into_iter().chain(squeeze)
        });
        [self.gradient.buffer].into_iter().chain(norm).collect()
    }

    /// Whether pixels are read differently in each image.
    fn is_gated(&self) -> bool {
        self.norm.is_some_and(|norm| norm.of.gate.is_some())
    }

    /// Loads a block's pixels into `to`, one after another. A gated value's are of one image.
    #[inline(always)]
    pub fn load<S: Vectors>(
        &self,
        simd: S,
        context: &Context<'_>,
        block: usize,
        pixels: Range<usize>,
        to: &mut [f32],
    ) {
        let gradient = S::as_simd_f32s(context.pixels(&self.gradient, block, pixels.clone())).0;
        let to = S::as_mut_simd_f32s(to).0;
        let Some(NormGradient { of, .. }) = &self.norm else {
            to[..gradient.len()].copy_from_slice(gradient);
            return;
        };
        let x = S::as_simd_f32s(context.pixels(&of.tensor, block, pixels.clone())).0;
        let row = |row| of.norm.vector::<S>(context, row, block);
        let (mean, scale, shift) = (row(Row::Mean), row(Row::Scale), row(Row::Shift));
        let (slope, constant) = (row(Row::Slope), row(Row::Constant));
        let through = |d, deviation| {
            simd.sub_f32s(simd.mul_add_e_f32s(deviation, slope, simd.mul_f32s(d, scale)), constant)
        };
        self.through_gate(simd, context, block, pixels.start, |gated| {
            for ((to, &d), &x) in to.iter_mut().zip(gradient).zip(x) {
                let (d, deviation) = (gated.through(simd, d), simd.sub_f32s(x, mean));
                let d = match of.relu {
                    true => simd.where_positive_f32s(simd.mul_add_e_f32s(deviation, scale, shift), d),
                    false => d,
                };
                *to = through(d, deviation);
            }
        });
    }

    /// Hands out how the gradient of an image's pixels gets through the gate.
    #[inline(always)]
    fn through_gate<S: Vectors>(
        &self,
        simd: S,
        context: &Context<'_>,
        block: usize,
        pixel: usize,
        run: impl FnOnce(Gated<S>),
    ) {
        let one_image = |tensor: &BlockedTensor| {
            let image = pixel / self.gradient.plane();
            S::as_simd_f32s(context.pixels(tensor, block, image..image + 1)).0[0]
        };
        match self.norm {
            Some(NormGradient { of: Normed { gate: Some(gate), .. }, squeeze: Some(squeeze) }) => {
                run(Gated::<S> { factor: one_image(&gate), summand: one_image(&squeeze) })
            }
            // A product with one and a sum with minus zero change nothing.
            _ => run(Gated::<S> { factor: simd.splat_f32s(1.0), summand: simd.splat_f32s(-0.0) }),
        }
    }

    /// Loads pixels of some blocks into `to`, blocks `stride` floats apart.
    #[inline(always)]
    pub fn load_all<S: Vectors>(
        &self,
        simd: S,
        context: &Context<'_>,
        blocks: Range<usize>,
        pixels: Range<usize>,
        to: &mut [f32],
        stride: usize,
    ) {
        let first = blocks.start;
        for block in blocks {
            let to = &mut to[(block - first) * stride..];
            let plane = if self.is_gated() { self.gradient.plane() } else { usize::MAX / 2 };
            for (_, run) in by_image(pixels.clone(), plane) {
                let at = (run.start - pixels.start) * S::F32_LANES;
                self.load(simd, context, block, run.clone(), &mut to[at..at + run.len() * S::F32_LANES]);
            }
        }
    }

    /// Writes the sums over some pixels that the norm's gradient needs: of the gradient, and of its product with the
    /// normalised value. The pixels of a gated value are of one image.
    #[inline(always)]
    pub fn sums<S: Vectors>(
        &self,
        simd: S,
        context: &Context<'_>,
        block: usize,
        pixels: Range<usize>,
        sums: [&mut [f32]; 2],
    ) {
        let Some(NormGradient { of, .. }) = &self.norm else { return };
        let gradient = S::as_simd_f32s(context.pixels(&self.gradient, block, pixels.clone())).0;
        let x = S::as_simd_f32s(context.pixels(&of.tensor, block, pixels.clone())).0;
        let row = |row| of.norm.vector::<S>(context, row, block);
        let (mean, scale, shift) = (row(Row::Mean), row(Row::Scale), row(Row::Shift));
        let mut total = [simd.splat_f32s(0.0); 2];
        self.through_gate(simd, context, block, pixels.start, |gated| {
            for (&d, &x) in gradient.iter().zip(x) {
                let (d, deviation) = (gated.through(simd, d), simd.sub_f32s(x, mean));
                let d = match of.relu {
                    true => simd.where_positive_f32s(simd.mul_add_e_f32s(deviation, scale, shift), d),
                    false => d,
                };
                total[0] = simd.add_f32s(total[0], d);
                total[1] = simd.mul_add_e_f32s(d, deviation, total[1]);
            }
        });
        let inverse = row(Row::InverseDeviation);
        let [first, second] = sums;
        S::as_mut_simd_f32s(first).0[0] = total[0];
        S::as_mut_simd_f32s(second).0[0] = simd.mul_f32s(total[1], inverse);
    }
}

/// d' = factor d + summand.
#[derive(Clone, Copy)]
struct Gated<S: Vectors> {
    factor: S::f32s,
    summand: S::f32s,
}

impl<S: Vectors> Gated<S> {
    #[inline(always)]
    fn through(&self, simd: S, d: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(d, self.factor, self.summand)
    }
}

/// Two sums for each channel and each of some pieces of work: `[row][sum][channel]`.
#[derive(Debug, Clone)]
pub(super) struct Partials {
    pub buffer: usize,
    /// Pixels that each row's sums are over.
    pub counts: Vec<usize>,
    pub padded: usize,
}

impl Partials {
    /// Floats of the buffer.
    pub fn len(rows: usize, padded: usize) -> usize {
        rows * 2 * padded
    }

    /// A block's sums in a row.
    #[inline(always)]
    pub fn block<'a>(
        &self,
        context: &'a Context<'_>,
        row: usize,
        block: usize,
        lanes: usize,
    ) -> [&'a mut [f32]; 2] {
        [0, 1].map(|sum| {
            let start = (2 * row + sum) * self.padded + block * lanes;
            context.write(self.buffer, start..start + lanes)
        })
    }

    /// A row's values of one of the sums, for all channels.
    fn row<'a>(&self, context: &'a Context<'_>, row: usize, sum: usize) -> &'a [f32] {
        let start = (2 * row + sum) * self.padded;
        context.read(self.buffer, start..start + self.padded)
    }

    fn pixels(&self) -> f64 {
        self.counts.iter().sum::<usize>() as f64
    }
}

/// The mean of some pixels of a block, and the sum of squares of what they deviate from it, in that order.
#[inline(always)]
pub(super) fn moments<S: Vectors>(simd: S, pixels: &[f32], sums: [&mut [f32]; 2]) {
    let pixels = S::as_simd_f32s(pixels).0;
    let zero = simd.splat_f32s(0.0);
    // Several sums, since additions take several cycles.
    let (fours, rest) = pixels.as_chunks::<4>();
    let mut sum = [zero; 4];
    for four in fours {
        for i in 0..4 {
            sum[i] = simd.add_f32s(sum[i], four[i]);
        }
    }
    rest.iter().for_each(|&x| sum[0] = simd.add_f32s(sum[0], x));
    let sum = simd.add_f32s(simd.add_f32s(sum[0], sum[1]), simd.add_f32s(sum[2], sum[3]));
    let mean = simd.mul_f32s(sum, simd.splat_f32s(1.0 / pixels.len() as f32));
    let mut squares = [zero; 4];
    for four in fours {
        for i in 0..4 {
            let deviation = simd.sub_f32s(four[i], mean);
            squares[i] = simd.mul_add_e_f32s(deviation, deviation, squares[i]);
        }
    }
    for &x in rest {
        let deviation = simd.sub_f32s(x, mean);
        squares[0] = simd.mul_add_e_f32s(deviation, deviation, squares[0]);
    }
    let [first, second] = sums;
    S::as_mut_simd_f32s(first).0[0] = mean;
    S::as_mut_simd_f32s(second).0[0] =
        simd.add_f32s(simd.add_f32s(squares[0], squares[1]), simd.add_f32s(squares[2], squares[3]));
}

/// The statistics of a batch, from the moments of its pieces (T. Chan et al., "Updating Formulae and a Pairwise Algorithm
/// for Computing Sample Variances", 1979), and what the norm makes of them.
pub(super) fn finish_statistics(context: &Context<'_>, norm: &Norm, moments: &Partials) {
    let pixels = moments.pixels();
    let parameter = |index: usize, channel: usize| context.parameters[index].get(channel).copied();
    let lanes = context.isa.lanes();
    for first in (0..norm.padded).step_by(lanes) {
        let (mut mean, mut squares) = ([0.0_f64; MOST_LANES], [0.0_f64; MOST_LANES]);
        for (row, &count) in moments.counts.iter().enumerate() {
            let values = &moments.row(context, row, 0)[first..first + lanes];
            mean.iter_mut().zip(values).for_each(|(sum, &value)| *sum += count as f64 * f64::from(value));
        }
        mean.iter_mut().for_each(|sum| *sum /= pixels);
        for (row, &count) in moments.counts.iter().enumerate() {
            let values = [0, 1].map(|sum| &moments.row(context, row, sum)[first..first + lanes]);
            for lane in 0..lanes {
                let apart = f64::from(values[0][lane]) - mean[lane];
                squares[lane] += f64::from(values[1][lane]) + count as f64 * apart * apart;
            }
        }
        for lane in 0..lanes {
            let channel = first + lane;
            let variance = squares[lane] / pixels;
            let inverse = 1.0 / (variance + EPSILON).sqrt();
            // Channels of the padding have no weight, and come to zero.
            let weight = f64::from(parameter(norm.weight, channel).unwrap_or(0.0));
            let set = |row: Row, value: f64| {
                let at = row as usize * norm.padded + channel;
                context.write(norm.buffer, at..at + 1)[0] = value as f32;
            };
            set(Row::Mean, mean[lane]);
            set(Row::Variance, variance);
            set(Row::InverseDeviation, inverse);
            set(Row::Scale, weight * inverse);
            set(Row::Shift, f64::from(parameter(norm.bias, channel).unwrap_or(0.0)));
        }
    }
}

/// What the gradient needs of the sums over a batch: the gradients of weight and bias, and the rows for
/// [`OutputGradient::load`].
pub(super) fn finish_gradient(context: &Context<'_>, norm: &Norm, sums: &Partials) {
    let pixels = sums.pixels();
    let lanes = context.isa.lanes();
    for first in (0..norm.padded).step_by(lanes) {
        let mut totals = [[0.0_f64; MOST_LANES]; 2];
        for row in 0..sums.counts.len() {
            for (sum, totals) in totals.iter_mut().enumerate() {
                let values = &sums.row(context, row, sum)[first..first + lanes];
                totals.iter_mut().zip(values).for_each(|(total, &value)| *total += f64::from(value));
            }
        }
        for lane in 0..lanes {
            let channel = first + lane;
            let of = |row: Row| f64::from(norm.row(context, row)[channel]);
            let (scale, inverse) = (of(Row::Scale), of(Row::InverseDeviation));
            let [bias, weight] = totals.map(|totals| totals[lane]);
            if channel < norm.channels {
                context.gradients[norm.weight].write(channel..channel + 1)[0] += weight as f32;
                context.gradients[norm.bias].write(channel..channel + 1)[0] += bias as f32;
            }
            let set = |row: Row, value: f64| {
                let at = row as usize * norm.padded + channel;
                context.write(norm.buffer, at..at + 1)[0] = value as f32;
            };
            set(Row::Slope, -scale * inverse * weight / pixels);
            set(Row::Constant, scale * bias / pixels);
        }
    }
}
