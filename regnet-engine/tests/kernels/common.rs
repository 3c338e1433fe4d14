//! What several tests of the kernels need.

use regnet_engine::Real;
use regnet_engine::compare::{Tolerance, assert_close};

/// Uniform numbers between -1 and 1 from a 64-bit linear congruential generator (Knuth's MMIX constants).
pub struct Generator(u64);

impl Generator {
    pub fn new(seed: u64) -> Self {
        Generator(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as f64 / (1_u64 << 30) as f64 - 1.0
    }

    /// The next `count` numbers.
    pub fn numbers<T: Real>(&mut self, count: usize) -> Vec<T> {
        (0..count).map(|_| T::of(self.number())).collect()
    }
}

/// Compares the gradient of `sum(dy * forward(x))` that `backward` adds with central differences.
#[track_caller]
pub fn gradient_check(
    what: &str,
    x: &[f64],
    dy: &[f64],
    forward: impl Fn(&[f64]) -> Vec<f64>,
    backward: impl FnOnce(&mut [f64]),
) {
    const STEP: f64 = 1e-5;
    let mut gradient = vec![0.0; x.len()];
    backward(&mut gradient);
    let objective = |x: &[f64]| forward(x).iter().zip(dy).map(|(y, dy)| y * dy).sum::<f64>();
    let mut moved = x.to_vec();
    let differences: Vec<f64> = (0..x.len())
        .map(|index| {
            moved[index] = x[index] + STEP;
            let above = objective(&moved);
            moved[index] = x[index] - STEP;
            let below = objective(&moved);
            moved[index] = x[index];
            (above - below) / (2.0 * STEP)
        })
        .collect();
    assert_close(what, &gradient, &differences, Tolerance::both(1e-7));
}

/// The bits of `compute()` in pools of 1, 2 and 3 threads must be the same.
#[track_caller]
pub fn same_bits_for_any_threads(what: &str, compute: impl Fn() -> Vec<f32> + Sync) {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let values = pool.expect("a small pool").install(&compute);
        values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3), "{what} depends on the number of threads");
}
