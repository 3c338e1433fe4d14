//! What lies between convolutions: shortcuts, pooling, and the way of logits in and out.

use super::exec::{Context, Step};
use super::norm::Value;
use super::pointwise::{Settle, Task};
use super::tensor::{BlockedTensor, Chunks, Run};
use crate::frozen::isa::{Kernel, Vectors};
use crate::frozen::shared::Shared;

/// max(branch + shortcut, 0).
#[derive(Debug)]
pub(super) struct Join {
    pub name: String,
    pub branch: Value,
    pub shortcut: Value,
    pub output: BlockedTensor,
    pub chunks: Chunks,
}

impl Step for Join {
    fn name(&self) -> String {
        format!("{} forward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        [self.branch.buffers(), self.shortcut.buffers(), vec![self.output.buffer]].concat()
    }

    fn tasks(&self) -> usize {
        self.chunks.count
    }

    fn scratch(&self) -> usize {
        self.chunks.most() * self.output.lanes
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }
}

impl Kernel for Task<'_, Join> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task, scratch } = self;
        let pixels = step.chunks.range(task);
        for block in 0..step.output.blocks() {
            let shortcut = scratch.write(0..pixels.len() * S::F32_LANES);
            let sum = context.pixels_mut(&step.output, block, pixels.clone());
            step.branch.load_all(simd, context, block..block + 1, pixels.clone(), sum, 0);
            step.shortcut.load_all(simd, context, block..block + 1, pixels.clone(), shortcut, 0);
            let shortcut = S::as_simd_f32s(shortcut).0;
            for (y, &x) in S::as_mut_simd_f32s(sum).0.iter_mut().zip(shortcut) {
                let sum = simd.add_f32s(*y, x);
                *y = simd.relu_f32s(sum);
            }
        }
    }
}

/// The mean of each channel of an image.
#[derive(Debug)]
pub(super) struct AveragePool {
    pub name: String,
    pub input: Value,
    pub output: BlockedTensor,
}

impl Step for AveragePool {
    fn name(&self) -> String {
        format!("{} forward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        self.input.buffers().into_iter().chain([self.output.buffer]).collect()
    }

    fn tasks(&self) -> usize {
        self.output.images
    }

    fn scratch(&self) -> usize {
        let input = self.input.tensor();
        input.plane() * input.lanes
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }
}

impl Kernel for Task<'_, AveragePool> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task: image, scratch } = self;
        for block in 0..step.output.blocks() {
            let mean = mean_of(simd, context, &step.input, block, image, scratch);
            let to = context.pixels_mut(&step.output, block, image..image + 1);
            S::as_mut_simd_f32s(to).0[0] = mean;
        }
    }
}

/// The mean of a block's channels over an image.
#[inline(always)]
pub(super) fn mean_of<S: Vectors>(
    simd: S,
    context: &Context<'_>,
    value: &Value,
    block: usize,
    image: usize,
    scratch: &Shared<'_>,
) -> S::f32s {
    let plane = value.tensor().plane();
    let loaded = scratch.write(0..plane * S::F32_LANES);
    value.load(simd, context, block, Run { first: image * plane, count: plane, step: 1 }, loaded);
    let zero = simd.splat_f32s(0.0);
    let sum = S::as_simd_f32s(loaded).0.iter().fold(zero, |sum, &x| simd.add_f32s(sum, x));
    simd.mul_f32s(sum, simd.splat_f32s(1.0 / plane as f32))
}

/// The gradient of what was averaged.
#[derive(Debug)]
pub(super) struct AveragePoolBackward {
    pub name: String,
    pub gradient: BlockedTensor,
    pub into: BlockedTensor,
    pub settle: Settle,
}

impl Step for AveragePoolBackward {
    fn name(&self) -> String {
        format!("{} backward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        self.settle.buffers().into_iter().chain([self.gradient.buffer, self.into.buffer]).collect()
    }

    fn tasks(&self) -> usize {
        self.gradient.images
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn finish(&self, context: &Context<'_>) {
        self.settle.finish(context);
    }
}

impl Kernel for Task<'_, AveragePoolBackward> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task: image, .. } = self;
        let plane = step.into.plane();
        let pixels = image * plane..(image + 1) * plane;
        let part = simd.splat_f32s(1.0 / plane as f32);
        for block in 0..step.into.blocks() {
            let mean = S::as_simd_f32s(context.pixels(&step.gradient, block, image..image + 1)).0[0];
            let to = context.pixels_mut(&step.into, block, pixels.clone());
            S::as_mut_simd_f32s(to).0.fill(simd.mul_f32s(mean, part));
        }
        step.settle.run(simd, context, &step.into, 0..step.into.blocks(), pixels, image);
    }
}

/// The greatest value of each window, which ends at the image's borders.
#[derive(Debug)]
pub(super) struct MaxPool {
    pub name: String,
    pub input: Value,
    pub kernel: usize,
    pub stride: usize,
    pub output: BlockedTensor,
}

impl MaxPool {
    /// Calls `each` with the output pixel and the input pixels of every window of an image.
    fn windows(&self, mut each: impl FnMut(usize, &mut dyn Iterator<Item = usize>)) {
        let (input, output) = (self.input.tensor(), &self.output);
        let covered = |at: usize, len: usize| {
            let first = at * self.stride;
            first.saturating_sub(self.kernel / 2)..(first + self.kernel / 2 + 1).min(len)
        };
        for y in 0..output.height {
            for x in 0..output.width {
                let columns = covered(x, input.width);
                let mut pixels = covered(y, input.height)
                    .flat_map(|row| columns.clone().map(move |column| row * input.width + column));
                each(y * output.width + x, &mut pixels);
            }
        }
    }

    fn task(&self, task: usize) -> (usize, usize) {
        (task / self.output.blocks(), task % self.output.blocks())
    }
}

impl Step for MaxPool {
    fn name(&self) -> String {
        format!("{} forward", self.name)
    }

    fn buffers(&self) -> Vec<usize> {
        self.input.buffers().into_iter().chain([self.output.buffer]).collect()
    }

    fn tasks(&self) -> usize {
        self.output.images * self.output.blocks()
    }

    fn scratch(&self) -> usize {
        let input = self.input.tensor();
        input.plane() * input.lanes
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }
}

impl Kernel for Task<'_, MaxPool> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, context, task, scratch } = self;
        let (image, block) = step.task(task);
        let plane = step.input.tensor().plane();
        let loaded = scratch.write(0..plane * S::F32_LANES);
        step.input.load(simd, context, block, Run { first: image * plane, count: plane, step: 1 }, loaded);
        let loaded = S::as_simd_f32s(loaded).0;
        let plane = step.output.plane();
        let to = context.pixels_mut(&step.output, block, image * plane..(image + 1) * plane);
        let to = S::as_mut_simd_f32s(to).0;
        step.windows(|output, pixels| {
            let first = simd.splat_f32s(f32::NEG_INFINITY);
            to[output] = pixels.fold(first, |most, pixel| simd.max_f32s(most, loaded[pixel]));
        });
    }
}

/// The gradient of what was pooled: each window's goes to the first of its greatest values.
#[derive(Debug)]
pub(super) struct MaxPoolBackward {
    pub pool: MaxPool,
    pub gradient: BlockedTensor,
    pub into: BlockedTensor,
    pub settle: Settle,
}

impl Step for MaxPoolBackward {
    fn name(&self) -> String {
        format!("{} backward", self.pool.name)
    }

    fn buffers(&self) -> Vec<usize> {
        let own = [self.gradient.buffer, self.into.buffer, self.pool.output.buffer];
        [self.pool.input.buffers(), self.settle.buffers(), own.to_vec()].concat()
    }

    fn tasks(&self) -> usize {
        self.pool.tasks()
    }

    fn scratch(&self) -> usize {
        self.pool.scratch()
    }

    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>) {
        context.isa.run(Task { step: self, context, task, scratch });
    }

    fn finish(&self, context: &Context<'_>) {
        self.settle.finish(context);
    }
}

impl Kernel for Task<'_, MaxPoolBackward> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step: MaxPoolBackward { pool, gradient, into, settle }, context, task, scratch } = self;
        let (image, block) = pool.task(task);
        let (plane, lanes) = (into.plane(), S::F32_LANES);
        let pixels = image * plane..(image + 1) * plane;
        let loaded = scratch.write(0..plane * lanes);
        pool.input.load(simd, context, block, Run { first: image * plane, count: plane, step: 1 }, loaded);
        let to = context.pixels_mut(into, block, pixels.clone());
        to.fill(0.0);
        let outputs = image * pool.output.plane()..(image + 1) * pool.output.plane();
        let greatest = context.pixels(&pool.output, block, outputs.clone());
        let from = context.pixels(gradient, block, outputs);
        pool.windows(|output, window| {
            let greatest = &greatest[output * lanes..][..lanes];
            let from = &from[output * lanes..][..lanes];
            let mut found = [false; super::norm::MOST_LANES];
            for pixel in window {
                let values = &loaded[pixel * lanes..][..lanes];
                let to = &mut to[pixel * lanes..][..lanes];
                for lane in 0..lanes {
                    let value = values[lane];
                    let is_it = !found[lane] && (value == greatest[lane] || value.is_nan());
                    to[lane] += if is_it { from[lane] } else { 0.0 };
                    found[lane] |= is_it;
                }
            }
        });
        settle.run(simd, context, into, block..block + 1, pixels, image);
    }
}

/// Hands the logits out.
#[derive(Debug)]
pub(super) struct Export {
    pub logits: BlockedTensor,
}

impl Step for Export {
    fn name(&self) -> String {
        "logits".to_owned()
    }

    fn buffers(&self) -> Vec<usize> {
        vec![self.logits.buffer]
    }

    fn tasks(&self) -> usize {
        self.logits.images
    }

    fn run(&self, context: &Context<'_>, image: usize, _: &Shared<'_>) {
        let (classes, lanes) = (self.logits.channels, self.logits.lanes);
        let to = context.logits.write(image * classes..(image + 1) * classes);
        for (block, to) in to.chunks_mut(lanes).enumerate() {
            to.copy_from_slice(&context.pixels(&self.logits, block, image..image + 1)[..to.len()]);
        }
    }
}

/// Takes the gradient of the logits.
#[derive(Debug)]
pub(super) struct Import {
    pub gradient: BlockedTensor,
}

impl Step for Import {
    fn name(&self) -> String {
        "gradient of the logits".to_owned()
    }

    fn buffers(&self) -> Vec<usize> {
        vec![self.gradient.buffer]
    }

    fn tasks(&self) -> usize {
        self.gradient.images
    }

    fn run(&self, context: &Context<'_>, image: usize, _: &Shared<'_>) {
        let (classes, lanes) = (self.gradient.channels, self.gradient.lanes);
        let from = context.logits.read(image * classes..(image + 1) * classes);
        for (block, from) in from.chunks(lanes).enumerate() {
            let to = context.pixels_mut(&self.gradient, block, image..image + 1);
            to[..from.len()].copy_from_slice(from);
            to[from.len()..].fill(0.0);
        }
    }
}
