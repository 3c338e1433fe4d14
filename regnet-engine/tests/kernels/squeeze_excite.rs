use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::squeeze_excite::{self, Gradients, Parameters, Saved, SqueezeExcite, reference};

use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

struct Problem<T> {
    op: SqueezeExcite,
    w1: Vec<T>,
    b1: Vec<T>,
    w2: Vec<T>,
    b2: Vec<T>,
    x: Vec<T>,
    dy: Vec<T>,
}

impl<T: Real> Problem<T> {
    fn new(op: SqueezeExcite, seed: u64) -> Self {
        let mut random = Generator::new(seed);
        Problem {
            op,
            w1: random.numbers(op.hidden * op.channels),
            b1: random.numbers(op.hidden),
            w2: random.numbers(op.channels * op.hidden),
            b2: random.numbers(op.channels),
            x: random.numbers(op.len()),
            dy: random.numbers(op.len()),
        }
    }

    fn parameters(&self) -> Parameters<'_, T> {
        Parameters { w1: &self.w1, b1: &self.b1, w2: &self.w2, b2: &self.b2 }
    }

    /// Everything that the two passes compute. The gradients start from numbers, because the backward pass adds.
    fn run(
        &self,
        forward: impl Fn(&SqueezeExcite, Parameters<'_, T>, &[T], &mut [T]) -> Saved<T>,
        backward: impl Fn(&SqueezeExcite, Parameters<'_, T>, &Saved<T>, &[T], &[T], Gradients<'_, T>),
    ) -> [Vec<T>; 9] {
        let mut y = vec![T::nan(); self.op.len()];
        let saved = forward(&self.op, self.parameters(), &self.x, &mut y);
        let (mut dx, mut dw1, mut db1) = (self.x.clone(), self.w1.clone(), self.b1.clone());
        let (mut dw2, mut db2) = (self.w2.clone(), self.b2.clone());
        let gradients = Gradients { dx: &mut dx, dw1: &mut dw1, db1: &mut db1, dw2: &mut dw2, db2: &mut db2 };
        backward(&self.op, self.parameters(), &saved, &self.x, &self.dy, gradients);
        [y, saved.pooled, saved.hidden, saved.gate, dx, dw1, db1, dw2, db2]
    }

    fn fast(&self) -> [Vec<T>; 9] {
        self.run(squeeze_excite::forward, squeeze_excite::backward)
    }

    fn check(&self, tolerance: Tolerance) {
        let reference = self.run(reference::forward, reference::backward);
        let names = ["y", "pooled", "hidden", "gate", "dx", "dw1", "db1", "dw2", "db2"];
        for (name, (fast, reference)) in names.iter().zip(self.fast().iter().zip(&reference)) {
            assert_close(name, fast, reference, tolerance);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_the_reference(
        batch in 0_usize..20, channels in 1_usize..40, hidden in 1_usize..12, pixels in 1_usize..40, seed: u64,
    ) {
        let op = SqueezeExcite { batch, channels, hidden, pixels };
        Problem::<f64>::new(op, seed).check(Tolerance::both(1e-11));
        Problem::<f32>::new(op, seed).check(Tolerance::both(1e-4));
    }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let op = SqueezeExcite { batch: 21, channels: 40, hidden: 10, pixels: 100 };
    let problem = Problem::<f32>::new(op, 1);
    same_bits_for_any_threads("squeeze-and-excitation", || problem.fast().concat());
}

#[test]
fn reference_gradients_are_finite_differences() {
    let op = SqueezeExcite { batch: 2, channels: 3, hidden: 4, pixels: 5 };
    let problem = Problem::<f64>::new(op, 2);
    let saved = reference::forward(&op, problem.parameters(), &problem.x, &mut vec![0.0; op.len()]);
    let (mut dx, mut dw1, mut db1) = (vec![0.0; op.len()], [0.0; 12], [0.0; 4]);
    let (mut dw2, mut db2) = ([0.0; 12], [0.0; 3]);
    let gradients = Gradients { dx: &mut dx, dw1: &mut dw1, db1: &mut db1, dw2: &mut dw2, db2: &mut db2 };
    reference::backward(&op, problem.parameters(), &saved, &problem.x, &problem.dy, gradients);

    let forward = |parameters: Parameters<'_, f64>, x: &[f64]| {
        let mut y = vec![0.0; op.len()];
        reference::forward(&op, parameters, x, &mut y);
        y
    };
    let (p, x, dy) = (problem.parameters(), &problem.x, &problem.dy);
    gradient_check("dx", x, dy, |x| forward(p, x), |d| d.copy_from_slice(&dx));
    gradient_check("dw1", p.w1, dy, |w1| forward(Parameters { w1, ..p }, x), |d| d.copy_from_slice(&dw1));
    gradient_check("db1", p.b1, dy, |b1| forward(Parameters { b1, ..p }, x), |d| d.copy_from_slice(&db1));
    gradient_check("dw2", p.w2, dy, |w2| forward(Parameters { w2, ..p }, x), |d| d.copy_from_slice(&dw2));
    gradient_check("db2", p.b2, dy, |b2| forward(Parameters { b2, ..p }, x), |d| d.copy_from_slice(&db2));
}
