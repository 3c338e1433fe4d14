//! Squeeze-and-excitation (J. Hu et al., 2018): a factor for each channel of an image, which the steps that read the
//! channel apply.

use super::exec::{Context, Step};
use super::norm::{Norm, OutputGradient, Partials, Value, finish_gradient};
use super::pointwise::Task;
use super::simple::mean_of;
use super::tensor::{BlockedTensor, Run};
use crate::frozen::isa::{Kernel, Vectors};
use crate::frozen::shared::Shared;
use crate::sigmoidal::Sigmoidal;

/// What both passes know. Weights are `[hidden][channel]`, then `[channel][hidden]`.
#[derive(Debug, Clone)]
pub(super) struct Excite {
    pub name: String,
    /// What is squeezed.
    pub input: Value,
    pub hidden: usize,
    /// The parameters' numbers: weight and bias of the first product, and of the second.
    pub parameters: [usize; 4],
    /// The means, and the factors, a pixel for each image.
    pub means: BlockedTensor,
    pub gate: BlockedTensor,
    /// The buffer of hidden values, `[image][hidden]`.
    pub hidden_values: usize,
}

impl Excite {
    fn channels(&self) -> usize {
        self.gate.channels
    }

    fn hidden_values<'a>(&self, context: &'a Context<'_>, image: usize) -> &'a [f32] {
        context.read(self.hidden_values, image * self.hidden..(image + 1) * self.hidden)
    }

    /// Copies an image's channels out of a tensor of one pixel an image.
    fn gather<'a>(
        &self,
        context: &Context<'_>,
        from: &BlockedTensor,
        image: usize,
        to: &'a mut [f32],
    ) -> &'a [f32] {
        for (block, to) in to[..self.channels()].chunks_mut(from.lanes).enumerate() {
            to.copy_from_slice(&context.pixels(from, block, image..image + 1)[..to.len()]);
        }
        &to[..self.channels()]
    }

    /// Puts an image's channels into a tensor of one pixel an image.
    fn scatter(&self, context: &Context<'_>, from: &[f32], image: usize, to: &BlockedTensor) {
        for (block, from) in from.chunks(to.lanes).enumerate() {
            let to = context.pixels_mut(to, block, image..image + 1);
            to[..from.len()].copy_from_slice(from);
            to[from.len()..].fill(0.0);
        }
    }

    fn plane(&self) -> usize {
        let tensor = self.input.tensor();
        tensor.plane() * tensor.lanes
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Step for Excite {
    fn name(&self) -> String {
        format!("{} forward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let own = [self.means.buffer, self.gate.buffer, self.hidden_values];
        self.input.buffers().into_iter().chain(own).collect()
    }

    fn tasks(&self) -> usize {
        self.gate.images
    }

    fn scratch(&self) -> usize {
        self.plane() + self.channels()
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }
}

impl Kernel for Task<'_, Excite> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task: image, scratch } = self;
        for block in 0..step.gate.blocks() {
            let mean = mean_of(simd, context, &step.input, block, image, scratch);
            let to = context.pixels_mut(&step.means, block, image..image + 1);
            S::as_mut_simd_f32s(to).0[0] = mean;
        }
        let channels = step.channels();
        let values = scratch.write(step.plane()..step.plane() + channels);
        let means = step.gather(context, &step.means, image, values);
        let [w1, b1, w2, b2] = step.parameters.map(|index| context.parameters[index]);
        let hidden = context.write(step.hidden_values, image * step.hidden..(image + 1) * step.hidden);
        for ((h, row), bias) in hidden.iter_mut().zip(w1.chunks_exact(channels)).zip(b1) {
            let sum = bias + dot(row, means);
            *h = if sum <= 0.0 { 0.0 } else { sum };
        }
        for ((gate, row), bias) in values.iter_mut().zip(w2.chunks_exact(step.hidden)).zip(b2) {
            *gate = (bias + dot(row, hidden)).sigmoid();
        }
        step.scatter(context, values, image, &step.gate);
    }
}

/// The gradients of the means and, through them, of what was squeezed.
#[derive(Debug)]
pub(super) struct ExciteBackward {
    pub excite: Excite,
    /// Of the product of the input and the gate.
    pub gradient: OutputGradient,
    /// What the squeeze adds to each pixel's gradient.
    pub squeeze: BlockedTensor,
    /// Buffers of the gradients before the sigmoid, `[image][channel]`, and before the ReLU, `[image][hidden]`.
    pub before_sigmoid: usize,
    pub before_relu: usize,
    pub sums: (Norm, Partials),
}

impl Step for ExciteBackward {
    fn name(&self) -> String {
        format!("{} backward", self.excite.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let (norm, partials) = &self.sums;
        let own = [self.squeeze.buffer, self.before_sigmoid, self.before_relu, norm.buffer, partials.buffer];
        [self.excite.buffers(), self.gradient.buffers(), own.to_vec()].concat()
    }

    fn tasks(&self) -> usize {
        self.excite.tasks()
    }

    fn scratch(&self) -> usize {
        self.excite.scratch()
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn finish(&self, context: &Context<'_>) {
        finish_gradient(context, &self.sums.0, &self.sums.1);
    }
}

impl Kernel for Task<'_, ExciteBackward> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task: image, scratch } = self;
        let ExciteBackward { excite, gradient, squeeze, .. } = step;
        let plane = excite.input.tensor().plane();
        let (channels, pixels) = (excite.channels(), image * plane..(image + 1) * plane);
        let gates = context.write(step.before_sigmoid, image * channels..(image + 1) * channels);
        // The gradient of a gate: the sum of the products of what it multiplied and the gradient.
        for (block, gates) in gates.chunks_mut(S::F32_LANES).enumerate() {
            let loaded = scratch.write(0..plane * S::F32_LANES);
            let run = Run { first: pixels.start, count: plane, step: 1 };
            excite.input.load(simd, context, block, run, loaded);
            let d = S::as_simd_f32s(context.pixels(&gradient.gradient, block, pixels.clone())).0;
            let products = S::as_simd_f32s(loaded).0.iter().zip(d);
            let zero = simd.splat_f32s(0.0);
            let mut sum = [0.0; super::norm::MOST_LANES];
            S::as_mut_simd_f32s(&mut sum).0[0] =
                products.fold(zero, |sum, (&x, &d)| simd.mul_add_e_f32s(x, d, sum));
            let gate = context.pixels(&excite.gate, block, image..image + 1);
            for ((to, sum), gate) in gates.iter_mut().zip(sum).zip(gate) {
                *to = sum * gate * (1.0 - gate);
            }
        }
        let [w1, _, w2, _] = excite.parameters.map(|index| context.parameters[index]);
        let size = excite.hidden;
        let before_relu = context.write(step.before_relu, image * size..(image + 1) * size);
        before_relu.fill(0.0);
        for (row, &d) in w2.chunks_exact(size).zip(&*gates) {
            before_relu.iter_mut().zip(row).for_each(|(to, w)| *to += d * w);
        }
        for (to, &h) in before_relu.iter_mut().zip(excite.hidden_values(context, image)) {
            *to = if h <= 0.0 { 0.0 } else { *to };
        }
        let sums = scratch.write(excite.plane()..excite.plane() + channels);
        sums.fill(0.0);
        for (row, &d) in w1.chunks_exact(channels).zip(&*before_relu) {
            sums.iter_mut().zip(row).for_each(|(to, w)| *to += d * w);
        }
        sums.iter_mut().for_each(|sum| *sum /= plane as f32);
        excite.scatter(context, sums, image, squeeze);
        for block in 0..squeeze.blocks() {
            let sums = step.sums.1.block(context, image, block, S::F32_LANES);
            gradient.sums(simd, context, block, pixels.clone(), sums);
        }
    }
}

/// The gradients of the weights: sums over images of outer products.
#[derive(Debug)]
pub(super) struct ExciteWeightGradient {
    pub excite: Excite,
    pub before_sigmoid: usize,
    pub before_relu: usize,
}

impl Step for ExciteWeightGradient {
    fn name(&self) -> String {
        format!("{} weight gradient", self.excite.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let Excite { means, hidden_values, .. } = &self.excite;
        vec![means.buffer, *hidden_values, self.before_sigmoid, self.before_relu]
    }

    /// The first product's, and the second's.
    fn tasks(&self) -> usize {
        2
    }

    fn scratch(&self) -> usize {
        self.excite.channels()
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        let Excite { hidden, parameters, means, .. } = &self.excite;
        let (channels, hidden) = (self.excite.channels(), *hidden);
        let [weight, bias] =
            [parameters[2 * task], parameters[2 * task + 1]].map(|index| &context.gradients[index]);
        let weight = weight.write(0..channels * hidden);
        let (buffer, rows) = [(self.before_relu, hidden), (self.before_sigmoid, channels)][task];
        let bias = bias.write(0..rows);
        for image in 0..means.images {
            let gradient = context.read(buffer, image * rows..(image + 1) * rows);
            let input = match task {
                0 => self.excite.gather(context, means, image, scratch.write(0..channels)),
                _ => self.excite.hidden_values(context, image),
            };
            for ((row, bias), &d) in weight.chunks_exact_mut(input.len()).zip(&mut *bias).zip(gradient) {
                row.iter_mut().zip(input).for_each(|(to, x)| *to += d * x);
                *bias += d;
            }
        }
    }
}
