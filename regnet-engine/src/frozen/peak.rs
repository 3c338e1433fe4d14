//! What the machine can do at most: the measure for everything else.

use std::hint::black_box;
use std::time::Instant;

use super::isa::{Isa, Kernel, Vectors};
use super::pool::Pool;

/// Multiply-adds in registers, which wait for no memory.
struct Multiply {
    rounds: usize,
}

/// Sums that do not wait for one another: as many as two units of a latency of four need, and more.
const SUMS: usize = 12;

impl Kernel for Multiply {
    type Output = f32;

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) -> f32 {
        let (x, y) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.001)));
        let mut sums = [simd.splat_f32s(0.0); SUMS];
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, x, y);
            }
        }
        sums.into_iter().map(|sum| simd.reduce_sum_f32s(sum)).sum()
    }
}

/// Floating-point operations a second that `threads` threads can do, a multiply-add being two.
///
/// # Errors
/// Where the system has no thread left to give.
pub fn flops(isa: Isa, threads: usize) -> std::io::Result<f64> {
    // About a millisecond: runs this short are not all interrupted, even where others use the machine.
    const ROUNDS: usize = 300_000;
    let seconds = best(threads, |_| {
        black_box(isa.run(Multiply { rounds: ROUNDS }));
    })?;
    Ok((2 * SUMS * ROUNDS * isa.lanes() * threads) as f64 / seconds)
}

/// Bytes a second that `threads` threads can copy from memory to memory, reading and writing counted.
///
/// # Errors
/// Where the system has no thread left to give.
pub fn bandwidth(threads: usize) -> std::io::Result<f64> {
    const VALUES: usize = 16 << 20;
    let memory: Vec<_> =
        (0..threads).map(|_| std::sync::Mutex::new((vec![1_f32; VALUES], vec![0_f32; VALUES]))).collect();
    let seconds = best(threads, |thread| {
        let mut memory = memory[thread].lock().expect("nobody panics with it");
        let (from, to) = &mut *memory;
        to.copy_from_slice(black_box(from));
        black_box(to);
    })?;
    Ok((2 * size_of::<f32>() * VALUES * threads) as f64 / seconds)
}

/// How many runs the fastest is taken of.
const RUNS: usize = 20;

/// The shortest of some runs, in seconds.
fn best(threads: usize, run: impl Fn(usize) + Sync) -> std::io::Result<f64> {
    let pool = Pool::new(threads, true)?;
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let barrier = pool.barrier();
        let start = Instant::now();
        pool.run(&|thread| {
            barrier.wait(threads);
            run(thread);
        });
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}
