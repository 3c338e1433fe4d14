//! Running the steps of a plan on the threads.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::tensor::BlockedTensor;
use crate::frozen::Isa;
use crate::frozen::pool::Pool;
use crate::frozen::shared::Shared;

/// What the executor knows of a step.
pub(super) trait Step: Debug + Send + Sync {
    /// What it computes, and for which layer.
    fn name(&self) -> String;

    /// The buffers it reads or writes.
    fn buffers(&self) -> Vec<usize>;

    /// Pieces of work. Whichever thread takes one, it computes the same, and writes what no other piece reads or writes.
    fn tasks(&self) -> usize;

    /// Floats of working memory that a task needs.
    fn scratch(&self) -> usize {
        0
    }

    /// Does a piece of work.
    fn run(&self, context: &Context<'_>, task: usize, scratch: &Shared<'_>);

    /// What is left to do once all tasks are done, by whoever ends the last one.
    fn finish(&self, _: &Context<'_>) {}

    /// Multiply-adds of all tasks.
    fn multiply_adds(&self) -> usize {
        0
    }
}

/// What a step works on.
pub(super) struct Context<'a> {
    pub isa: Isa,
    /// All buffers of the plan.
    pub memory: &'a Shared<'a>,
    /// Where each buffer begins.
    pub offsets: &'a [usize],
    /// `[image][channel][row][column]`.
    pub images: &'a [f32],
    /// The trainable parameters, in the plan's order.
    pub parameters: &'a [&'a [f32]],
    /// Their gradients, to which backward steps add.
    pub gradients: &'a [Shared<'a>],
    /// `[image][class]`: written by the forward pass; in the backward pass, the gradient.
    pub logits: &'a Shared<'a>,
}

impl Context<'_> {
    /// Some floats of a buffer, to read.
    #[inline(always)]
    pub fn read(&self, buffer: usize, range: Range<usize>) -> &[f32] {
        let start = self.offsets[buffer];
        self.memory.read(start + range.start..start + range.end)
    }

    /// Some floats of a buffer, to write.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub fn write(&self, buffer: usize, range: Range<usize>) -> &mut [f32] {
        let start = self.offsets[buffer];
        self.memory.write(start + range.start..start + range.end)
    }

    /// Pixels of a block of a tensor, to read.
    #[inline(always)]
    pub fn pixels(&self, tensor: &BlockedTensor, block: usize, pixels: Range<usize>) -> &[f32] {
        self.read(tensor.buffer, tensor.range(block, pixels))
    }

    /// Pixels of a block of a tensor, to write.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub fn pixels_mut(&self, tensor: &BlockedTensor, block: usize, pixels: Range<usize>) -> &mut [f32] {
        self.write(tensor.buffer, tensor.range(block, pixels))
    }
}

/// Runs steps one after another, each shared by the threads task by task: whoever is free takes the next one.
///
/// `seconds`, if there are any, are added the time that each step takes.
pub(super) fn execute(
    pool: &Pool,
    steps: &[Box<dyn Step>],
    context: &Context<'_>,
    scratch: &Shared<'_>,
    counters: &mut [Counter],
    seconds: Option<&mut [f64]>,
) {
    counters.iter_mut().for_each(|counter| *counter = Counter::default());
    let counters = &*counters;
    let (barrier, threads) = (pool.barrier(), pool.threads());
    let clock = seconds.map(std::sync::Mutex::new);
    let part = scratch.len() / threads;
    pool.run(&|thread| {
        let _guard = barrier.guard();
        let scratch = scratch.part(thread * part..(thread + 1) * part);
        for (index, (step, counter)) in steps.iter().zip(counters).enumerate() {
            let start = clock.as_ref().filter(|_| thread == 0).map(|_| Instant::now());
            let tasks = step.tasks();
            loop {
                let task = counter.taken.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    break;
                }
                step.run(context, task, &scratch);
                // Acquires what the others have done, and releases what this one has.
                if counter.done.fetch_add(1, Ordering::AcqRel) + 1 == tasks {
                    step.finish(context);
                }
            }
            barrier.wait(threads);
            if let (Some(clock), Some(start)) = (&clock, start)
                && let Ok(mut seconds) = clock.lock()
            {
                seconds[index] += start.elapsed().as_secs_f64();
            }
        }
    });
}

/// How many tasks of a step were taken, and how many are done.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Counter {
    taken: AtomicUsize,
    done: AtomicUsize,
}
