//! Running a plan on the threads.

use std::sync::Mutex;
use std::time::Instant;

use super::map::Map;
use super::plan::Plan;
use super::pool::Barrier;
use super::shared::Shared;
use super::step::Step;
use super::work::Work;
use super::{Arenas, Engine};

/// Seconds of each step of a plan, the first part's and then the second's.
pub(super) type Clock = Mutex<Vec<f64>>;

impl Engine {
    /// Runs a batch in `count` arenas, one for each thread or one for all.
    #[allow(unsafe_code)]
    pub(super) fn compute(
        &self,
        plan: &Plan,
        call: Call<'_>,
        results: &[Shared<'_>],
        Arenas { values: arenas, lost }: &mut Arenas,
        count: usize,
    ) {
        // SAFETY: every step writes, of its own maps and results, the part of its thread (`Work::part`), and reads maps
        // that were written before the barrier in between; maps that are needed at the same time lie apart
        // (`memory::place`). Threads with arenas of their own compute images of their own; each has its own scratch memory.
        let arenas = unsafe { Shared::new(arenas.as_mut()) };
        let lost = &lost[..call.batch];
        let barrier = self.pool.barrier();
        let threads = self.pool.threads();
        // Whole images for each thread, and the rest for all of them together.
        let own = if count == threads { call.batch / threads } else { 0 };
        self.pool.run(&|thread| {
            let _guard = barrier.guard();
            let arena = |index| arenas.part(index * plan.arena..(index + 1) * plan.arena);
            let first = plan.floats(count, thread);
            let scratch = arenas.part(first..first + plan.scratch);
            let run =
                Run { engine: self, plan, clock: call.clock.filter(|_| thread == 0), barrier: &barrier };
            let work = Work {
                memory: &arenas,
                scratch: &scratch,
                weights: self.packed.values.as_ref(),
                input: call.images,
                results,
                lost,
                first: 0,
                images: 1,
                thread: 0,
                threads: 1,
            };
            if own > 0 {
                run.images(Work { memory: &arena(thread), ..work }, thread * own, own);
                barrier.wait(threads);
            }
            let rest = call.batch - threads * own;
            run.images(Work { memory: &arena(0), thread, threads, ..work }, threads * own, rest);
        });
    }
}

/// What a call brings.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub images: &'a [f32],
    pub batch: usize,
    pub clock: Option<&'a Clock>,
}

struct Run<'a> {
    engine: &'a Engine,
    plan: &'a Plan,
    clock: Option<&'a Clock>,
    barrier: &'a Barrier,
}

impl Run<'_> {
    /// Runs `count` images from `first` on, group by group.
    fn images(&self, work: Work<'_>, first: usize, count: usize) {
        let Plan { early, gather, late, images, .. } = self.plan;
        let groups = count.div_ceil(*images);
        for group in 0..groups {
            let begin = first + count * group / groups;
            let end = first + count * (group + 1) / groups;
            for image in begin..end {
                self.steps(early, 0, Work { first: image, images: 1, ..work });
                if let Some([from, to]) = gather {
                    copy(work, from, to, image - begin);
                    // The next image's steps may write where this one's result lay.
                    self.barrier.wait(work.threads);
                }
            }
            self.steps(late, early.len(), Work { first: begin, images: end - begin, ..work });
        }
    }

    fn steps(&self, steps: &[Step], before: usize, work: Work<'_>) {
        for (index, step) in steps.iter().enumerate() {
            let start = self.clock.map(|_| Instant::now());
            step.run(self.engine.isa, work);
            self.barrier.wait(work.threads);
            if let (Some(clock), Some(start)) = (self.clock, start)
                && let Ok(mut seconds) = clock.lock()
            {
                seconds[before + index] += start.elapsed().as_secs_f64();
            }
        }
    }
}

/// Copies this thread's part of a map of one image to the place of an image in a group.
fn copy(work: Work<'_>, from: &Map, to: &Map, image: usize) {
    let len = from.image_stride();
    for block in work.part(from.blocks()) {
        let source = from.offset + block * from.block_stride();
        let target = to.offset + block * to.block_stride() + image * len;
        work.memory.write(target..target + len).copy_from_slice(work.memory.read(source..source + len));
    }
}

#[cfg(test)]
mod tests {
    use regnet_space::{AnyNet, Block, Bottleneck, Cell, Stage, Stem, StemKind};

    use crate::frozen::pool::Pool;
    use crate::frozen::{Engine, Isa, Options};

    /// Small enough for Miri, which watches every access that the threads make to the memory they share.
    #[test]
    fn two_threads_compute_what_one_does() {
        let stage = |width, group_width, stride| Stage {
            depth: 1,
            width,
            stride,
            bottleneck: Bottleneck::ONE,
            group_width,
        };
        let net = AnyNet {
            input_channels: 1,
            stem: Stem { kind: StemKind::Cifar, width: 8 },
            block: Block::Bottleneck,
            stages: vec![stage(16, 8, 1), stage(12, 4, 2)],
            se: Some(0.5),
            // It has many convolutions, which take Miri an hour.
            regulator: (!cfg!(miri)).then_some(Cell::Lstm.into()),
            classes: 3,
        };
        let graph = net.graph(3, 4).expect("a network");
        let tensor = |name: &str| {
            let tensor = graph.parameters().find(|tensor| tensor.name == name)?;
            let len: usize = tensor.shape.iter().product();
            Some((0..len).map(|i| ((i + name.len()) % 7) as f32 / 7.0 + 0.1).collect())
        };
        let images: Vec<f32> = (0..3 * 12).map(|i| (i % 5) as f32 - 2.0).collect();
        let run = |threads, batch: usize| {
            let options = Options { isa: Isa::Portable, ..Options::default() };
            let pool = Pool::new(threads, true).expect("threads");
            let results = |lowered: &_| options.results(&graph, lowered);
            let engine = Engine::build(&graph, tensor, &options, pool, None, results).expect("an engine");
            let mut logits = vec![f32::NAN; batch * 3];
            engine.run(&images[..batch * 12], &mut logits).expect("a batch");
            logits
        };
        for batch in [1, 3] {
            let expected = run(1, batch);
            assert!(expected.iter().all(|logit| logit.is_finite()));
            assert_eq!(run(2, batch), expected, "batch {batch}");
        }
    }
}
