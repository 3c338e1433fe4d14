use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::linear::{self, Linear, reference};

use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

/// Operands, and what the gradients start from, because the backward passes add.
struct Operands<T> {
    op: Linear,
    x: Vec<T>,
    w: Vec<T>,
    bias: Vec<T>,
    dy: Vec<T>,
}

impl<T: Real> Operands<T> {
    fn new(op: Linear, seed: u64) -> Self {
        let mut random = Generator::new(seed);
        Operands {
            op,
            x: random.numbers(op.input_len()),
            w: random.numbers(op.weight_len()),
            bias: random.numbers(op.out_features),
            dy: random.numbers(op.output_len()),
        }
    }

    fn fast(&self, bias: bool) -> [Vec<T>; 4] {
        let Operands { op, x, w, dy, .. } = self;
        let (mut y, mut dx, mut dw) = (vec![T::nan(); op.output_len()], x.clone(), w.clone());
        let mut db = self.bias.clone();
        linear::forward(op, x, w, bias.then_some(&self.bias[..]), &mut y);
        linear::backward_input(op, w, dy, &mut dx);
        linear::backward_weight(op, x, dy, &mut dw);
        linear::backward_bias(op, dy, &mut db);
        [y, dx, dw, db]
    }

    fn reference(&self, bias: bool) -> [Vec<T>; 4] {
        let Operands { op, x, w, dy, .. } = self;
        let (mut y, mut dx, mut dw) = (vec![T::nan(); op.output_len()], x.clone(), w.clone());
        let mut db = self.bias.clone();
        reference::forward(op, x, w, bias.then_some(&self.bias[..]), &mut y);
        reference::backward_input(op, w, dy, &mut dx);
        reference::backward_weight(op, x, dy, &mut dw);
        reference::backward_bias(op, dy, &mut db);
        [y, dx, dw, db]
    }

    fn check(&self, bias: bool, tolerance: Tolerance) {
        let names = ["forward", "backward_input", "backward_weight", "backward_bias"];
        for (name, (fast, reference)) in names.iter().zip(self.fast(bias).iter().zip(&self.reference(bias))) {
            assert_close(name, fast, reference, tolerance);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_the_reference(
        batch in 0_usize..40, in_features in 0_usize..70, out_features in 0_usize..40, bias: bool, seed: u64,
    ) {
        let op = Linear { batch, in_features, out_features };
        Operands::<f64>::new(op, seed).check(bias, Tolerance::both(1e-12));
        Operands::<f32>::new(op, seed).check(bias, Tolerance::both(1e-4));
    }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let operands = Operands::<f32>::new(Linear { batch: 67, in_features: 300, out_features: 45 }, 1);
    same_bits_for_any_threads("linear", || operands.fast(true).concat());
}

#[test]
fn reference_gradients_are_finite_differences() {
    let op = Linear { batch: 3, in_features: 4, out_features: 5 };
    let Operands { x, w, bias, dy, .. } = Operands::<f64>::new(op, 2);
    let forward = |x: &[f64], w: &[f64], bias: &[f64]| {
        let mut y = vec![0.0; op.output_len()];
        reference::forward(&op, x, w, Some(bias), &mut y);
        y
    };
    gradient_check("dx", &x, &dy, |x| forward(x, &w, &bias), |d| reference::backward_input(&op, &w, &dy, d));
    gradient_check("dw", &w, &dy, |w| forward(&x, w, &bias), |d| reference::backward_weight(&op, &x, &dy, d));
    gradient_check("db", &bias, &dy, |b| forward(&x, &w, b), |d| reference::backward_bias(&op, &dy, d));
}
