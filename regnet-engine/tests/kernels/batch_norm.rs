//! The fast batch normalisation against its reference, and the reference against finite differences.

use crate::common::{Generator, gradient_check, same_bits_for_any_threads};
use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::batch_norm::{
    self, Activation, Apply, Backward, BatchNorm, Gradients, Statistics, reference,
};
use regnet_engine::compare::{Tolerance, assert_close};

/// One problem; the gradients start from numbers, because the backward pass adds.
struct Problem<T> {
    op: BatchNorm,
    activation: Activation,
    training: bool,
    x: Vec<T>,
    residual: Option<Vec<T>>,
    gamma: Vec<T>,
    beta: Vec<T>,
    dy: Vec<T>,
    start: Vec<T>,
}

impl<T: Real> Problem<T> {
    fn new(op: BatchNorm, activation: Activation, residual: bool, training: bool, seed: u64) -> Self {
        let mut random = Generator::new(seed);
        Problem {
            op,
            activation,
            training,
            x: random.numbers(op.len()),
            residual: residual.then(|| random.numbers(op.len())),
            gamma: random.numbers(op.channels),
            beta: random.numbers(op.channels),
            dy: random.numbers(op.len()),
            start: random.numbers(op.len().max(op.channels)),
        }
    }

    fn apply<'a>(&'a self, statistics: &'a Statistics<T>) -> Apply<'a, T> {
        Apply {
            statistics,
            gamma: &self.gamma,
            beta: &self.beta,
            residual: self.residual.as_deref(),
            activation: self.activation,
            x: &self.x,
        }
    }

    fn backward<'a>(&'a self, statistics: &'a Statistics<T>, y: &'a [T]) -> Backward<'a, T> {
        Backward {
            statistics,
            gamma: &self.gamma,
            activation: self.activation,
            x: &self.x,
            y,
            dy: &self.dy,
            training: self.training,
        }
    }

    /// Everything the two passes compute, by name; `y` is the output that the backward pass reads.
    fn run(
        &self,
        statistics: impl Fn(&BatchNorm, &[T]) -> Statistics<T>,
        apply: impl Fn(&BatchNorm, Apply<'_, T>, &mut [T]),
        backward: impl Fn(&BatchNorm, Backward<'_, T>, Gradients<'_, T>),
    ) -> Vec<(&'static str, Vec<T>)> {
        let (op, c) = (&self.op, self.op.channels);
        let statistics = statistics(op, &self.x);
        let mut y = vec![T::nan(); op.len()];
        apply(op, self.apply(&statistics), &mut y);
        let (mut dx, mut dresidual) = (self.start[..op.len()].to_vec(), self.start[..op.len()].to_vec());
        let (mut dgamma, mut dbeta) = (self.start[..c].to_vec(), self.start[..c].to_vec());
        let gradients = Gradients {
            dx: &mut dx,
            dresidual: self.residual.is_some().then_some(&mut dresidual),
            dgamma: &mut dgamma,
            dbeta: &mut dbeta,
        };
        backward(op, self.backward(&statistics, &y), gradients);
        let Statistics { mean, variance, inv_std } = statistics;
        vec![
            ("mean", mean),
            ("variance", variance),
            ("inv_std", inv_std),
            ("y", y),
            ("dx", dx),
            ("dresidual", dresidual),
            ("dgamma", dgamma),
            ("dbeta", dbeta),
        ]
    }

    fn fast(&self) -> Vec<(&'static str, Vec<T>)> {
        self.run(batch_norm::statistics, batch_norm::apply, batch_norm::backward)
    }

    fn check(&self, tolerance: Tolerance) {
        let reference = self.run(reference::statistics, reference::apply, reference::backward);
        for ((name, fast), (_, reference)) in self.fast().iter().zip(&reference) {
            assert_close(name, fast, reference, tolerance);
        }
    }
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![Just(Activation::Identity), Just(Activation::Relu)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn agrees_with_the_reference(
        batch in 1_usize..8, channels in 1_usize..40, pixels in 1_usize..70,
        activation in activation(), residual: bool, training: bool, seed: u64,
    ) {
        // Few, almost equal pixels have no usable variance in f32.
        let op = BatchNorm { batch, channels, pixels, epsilon: 1e-2 };
        Problem::<f64>::new(op, activation, residual, training, seed).check(Tolerance::both(1e-11));
        Problem::<f32>::new(op, activation, residual, training, seed).check(Tolerance::both(1e-4));
    }
}

#[test]
fn planes_longer_than_a_task_and_blocks_with_a_rest() {
    for (batch, channels, pixels) in [(2, 3, 20_000), (5, 70, 64), (33, 2, 1)] {
        let op = BatchNorm { batch, channels, pixels, epsilon: 1e-5 };
        Problem::<f64>::new(op, Activation::Relu, true, true, 1).check(Tolerance::both(1e-11));
    }
}

#[test]
fn nothing_to_normalise() {
    for (batch, channels, pixels) in [(2, 0, 4), (0, 0, 0)] {
        let op = BatchNorm { batch, channels, pixels, epsilon: 1e-5 };
        Problem::<f64>::new(op, Activation::Relu, true, true, 1).check(Tolerance::both(0.0));
    }
}

#[test]
fn single_precision_statistics_keep_six_digits_far_from_zero() {
    let op = BatchNorm { batch: 16, channels: 3, pixels: 1024, epsilon: 1e-5 };
    for offset in [0.0, 10.0, 1000.0] {
        let x: Vec<f32> =
            Generator::new(2).numbers::<f64>(op.len()).iter().map(|x| (x + offset) as f32).collect();
        let exact: Vec<f64> = x.iter().copied().map(f64::from).collect();
        let (fast, exact) = (batch_norm::statistics(&op, &x), reference::statistics(&op, &exact));
        for (fast, exact) in [(&fast.mean, &exact.mean), (&fast.variance, &exact.variance)] {
            let exact: Vec<f32> = exact.iter().map(|&value| value as f32).collect();
            assert_close("statistics", fast, &exact, Tolerance { absolute: 1e-7, relative: 1e-6 });
        }
    }
}

#[test]
fn an_outlying_first_image_does_not_spoil_the_variance() {
    let op = BatchNorm { batch: 32, channels: 1, pixels: 64, epsilon: 1e-5 };
    let mut x: Vec<f64> = Generator::new(3).numbers(op.len());
    x[..64].iter_mut().for_each(|x| *x += 1e6);
    let (fast, exact) = (batch_norm::statistics(&op, &x), reference::statistics(&op, &x));
    assert_close("variance", &fast.variance, &exact.variance, Tolerance { absolute: 0.0, relative: 1e-13 });
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    for (batch, channels, pixels) in [(37, 24, 64), (8, 3, 5000), (64, 130, 4)] {
        let op = BatchNorm { batch, channels, pixels, epsilon: 1e-5 };
        let problem = Problem::<f32>::new(op, Activation::Relu, true, true, 4);
        same_bits_for_any_threads(&format!("{op:?}"), || {
            problem.fast().into_iter().flat_map(|(_, values)| values).collect()
        });
    }
}

#[test]
fn reference_gradients_are_finite_differences() {
    let op = BatchNorm { batch: 3, channels: 2, pixels: 5, epsilon: 1e-3 };
    for (activation, training) in
        [(Activation::Identity, true), (Activation::Relu, true), (Activation::Relu, false)]
    {
        let problem = Problem::<f64>::new(op, activation, true, training, 5);
        let constant = Statistics::new(&op, vec![0.1, -0.2], vec![0.5, 2.0]);
        let residual = problem.residual.clone().expect("asked for");
        let statistics = |x: &[f64]| if training { reference::statistics(&op, x) } else { constant.clone() };
        let forward = |x: &[f64], residual: &[f64], gamma: &[f64], beta: &[f64]| {
            let statistics = statistics(x);
            let residual = Some(residual);
            let mut y = vec![0.0; op.len()];
            reference::apply(
                &op,
                Apply { statistics: &statistics, gamma, beta, residual, activation, x },
                &mut y,
            );
            y
        };
        let (x, gamma, beta) = (&problem.x, &problem.gamma, &problem.beta);
        let y = forward(x, &residual, gamma, beta);
        let mut gradients = [vec![0.0; op.len()], vec![0.0; op.len()], vec![0.0; 2], vec![0.0; 2]];
        let [dx, dresidual, dgamma, dbeta] = &mut gradients;
        let outputs = Gradients { dx, dresidual: Some(dresidual), dgamma, dbeta };
        reference::backward(&op, problem.backward(&statistics(x), &y), outputs);
        let [dx, dresidual, dgamma, dbeta] = &gradients;
        let dy = &problem.dy;
        gradient_check("dx", x, dy, |x| forward(x, &residual, gamma, beta), |d| d.copy_from_slice(dx));
        gradient_check(
            "dresidual",
            &residual,
            dy,
            |r| forward(x, r, gamma, beta),
            |d| d.copy_from_slice(dresidual),
        );
        gradient_check(
            "dgamma",
            gamma,
            dy,
            |g| forward(x, &residual, g, beta),
            |d| d.copy_from_slice(dgamma),
        );
        gradient_check("dbeta", beta, dy, |b| forward(x, &residual, gamma, b), |d| d.copy_from_slice(dbeta));
    }
}
