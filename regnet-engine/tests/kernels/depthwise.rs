//! The depthwise convolution against its reference, and that against the grouped convolution's by construction.

use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::conv2d::depthwise::{self, Depthwise, reference};

use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

const NAMES: [&str; 4] = ["forward", "forward_add", "backward_input", "backward_weight"];

/// All passes, by the fast ones or by the reference. Results that are added to start from numbers.
fn run<T: Real>(op: &Depthwise, seed: u64, fast: bool) -> [Vec<T>; 4] {
    let mut random = Generator::new(seed);
    let (x, w): (Vec<T>, Vec<T>) = (random.numbers(op.input_len()), random.numbers(op.weight_len()));
    let dy: Vec<T> = random.numbers(op.output_len());
    let mut y = vec![T::nan(); op.output_len()];
    let (mut added, mut dx, mut dw) =
        (dy.clone(), random.numbers(op.input_len()), random.numbers(op.weight_len()));
    if fast {
        depthwise::forward(op, &x, &w, &mut y);
        depthwise::forward_add(op, &x, &w, &mut added);
        depthwise::backward_input(op, &w, &dy, &mut dx);
        depthwise::backward_weight(op, &x, &dy, &mut dw);
    } else {
        reference::forward(op, &x, &w, &mut y);
        reference::forward_add(op, &x, &w, &mut added);
        reference::backward_input(op, &w, &dy, &mut dx);
        reference::backward_weight(op, &x, &dy, &mut dw);
    }
    [y, added, dx, dw]
}

fn check_as<T: Real>(op: &Depthwise, seed: u64, tolerance: f64) {
    let (fast, slow) = (run::<T>(op, seed, true), run::<T>(op, seed, false));
    for ((name, fast), slow) in NAMES.iter().zip(&fast).zip(&slow) {
        assert_close(name, fast, slow, Tolerance::both(tolerance));
    }
}

fn check(op: &Depthwise, seed: u64) {
    check_as::<f64>(op, seed, 1e-12);
    check_as::<f32>(op, seed, 2e-4);
}

fn any_depthwise() -> impl Strategy<Value = Depthwise> {
    ((1_usize..4, 1_usize..20, 1_usize..5), 1_usize..5, 1_usize..40, 1_usize..40).prop_map(
        |((batch, channels, gates), stride, height, width)| Depthwise {
            batch,
            channels,
            gates,
            stride,
            height,
            width,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn agrees_with_the_reference(op in any_depthwise(), seed: u64) {
        check(&op, seed);
    }
}

/// A regulator's gates.
const GATES: Depthwise = Depthwise { batch: 5, channels: 6, gates: 4, stride: 1, height: 9, width: 7 };

#[test]
fn nothing_to_do() {
    check(&Depthwise { batch: 0, ..GATES }, 1);
    check(&Depthwise { channels: 0, ..GATES }, 2);
    check(&Depthwise { gates: 0, ..GATES }, 3);
    check(&Depthwise { height: 0, ..GATES }, 4);
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let large = Depthwise { batch: 19, height: 33, ..GATES };
    same_bits_for_any_threads("the convolution", || run(&large, 5, true).concat());
}

#[test]
fn gradients_are_finite_differences() {
    for stride in [1, 2] {
        let op = Depthwise { batch: 2, channels: 3, gates: 2, stride, height: 5, width: 4 };
        let mut random = Generator::new(6);
        let (x, w): (Vec<f64>, Vec<f64>) = (random.numbers(op.input_len()), random.numbers(op.weight_len()));
        let dy: Vec<f64> = random.numbers(op.output_len());
        let forward = |x: &[f64], w: &[f64]| {
            let mut y = vec![0.0; op.output_len()];
            depthwise::forward(&op, x, w, &mut y);
            y
        };
        gradient_check("dx", &x, &dy, |x| forward(x, &w), |dx| depthwise::backward_input(&op, &w, &dy, dx));
        gradient_check("dw", &w, &dy, |w| forward(&x, w), |dw| depthwise::backward_weight(&op, &x, &dy, dw));
    }
}
