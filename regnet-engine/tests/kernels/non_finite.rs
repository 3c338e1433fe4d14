//! NaN and infinities pass every kernel, forward and backward, as they pass its plain reference.

use regnet_engine::batch_norm::{self, Activation, Apply, Backward, BatchNorm, EPSILON, Statistics};
use regnet_engine::conv2d::{self, Conv2d};
use regnet_engine::global_avg_pool::{self, GlobalAvgPool};
use regnet_engine::squeeze_excite::{self, Parameters, SqueezeExcite};
use regnet_engine::{Real, relu};

use crate::common::Generator;

/// Numbers of which one is not finite.
fn numbers<T: Real>(random: &mut Generator, count: usize, value: T) -> Vec<T> {
    let mut numbers = random.numbers(count);
    numbers[count / 2] = value;
    numbers
}

fn finite<T: Real>(values: &[T]) -> Vec<bool> {
    values.iter().map(|value| value.is_finite()).collect()
}

fn not_finite<T: Real>() -> [T; 3] {
    [T::nan(), T::infinity(), T::neg_infinity()]
}

fn norms<T: Real>() {
    // More pixels than a vector has lanes, and some left.
    let op = BatchNorm { batch: 2, channels: 3, pixels: 37, epsilon: EPSILON };
    for value in not_finite::<T>() {
        let random = &mut Generator::new(1);
        let x = numbers(random, op.len(), value);
        let fast = batch_norm::statistics(&op, &x);
        let plain = batch_norm::reference::statistics(&op, &x);
        for (fast, plain) in [(&fast.mean, &plain.mean), (&fast.variance, &plain.variance)] {
            assert_eq!(finite(fast), finite(plain), "{value}");
            assert!(fast.iter().any(|value| !value.is_finite()), "{value}");
        }
        assert!(fast.inv_std.iter().any(|value| value.is_nan()), "{value}: {:?}", fast.inv_std);

        let ones = vec![T::one(); op.channels];
        let zeros = vec![T::zero(); op.channels];
        let statistics = Statistics::new(&op, zeros.clone(), ones.clone());
        for activation in [Activation::Identity, Activation::Relu] {
            let residual = numbers(random, op.len(), value);
            let apply = Apply {
                statistics: &statistics,
                gamma: &ones,
                beta: &zeros,
                residual: Some(&residual),
                activation,
                x: &x,
            };
            let (mut fast, mut plain) = (vec![T::zero(); op.len()], vec![T::zero(); op.len()]);
            batch_norm::apply(&op, apply, &mut fast);
            batch_norm::reference::apply(&op, apply, &mut plain);
            assert_eq!(finite(&fast), finite(&plain), "{value}, {activation:?}");

            let dy = random.numbers(op.len());
            let gradients = |backward: &dyn Fn(Backward<'_, T>, batch_norm::Gradients<'_, T>)| {
                let (mut dx, mut dresidual) = (vec![T::zero(); op.len()], vec![T::zero(); op.len()]);
                let (mut dgamma, mut dbeta) = (zeros.clone(), zeros.clone());
                let args = Backward {
                    statistics: &statistics,
                    gamma: &ones,
                    activation,
                    x: &x,
                    y: &plain,
                    dy: &dy,
                    training: true,
                };
                let gradients = batch_norm::Gradients {
                    dx: &mut dx,
                    dresidual: Some(&mut dresidual),
                    dgamma: &mut dgamma,
                    dbeta: &mut dbeta,
                };
                backward(args, gradients);
                [dx, dresidual, dgamma, dbeta].map(|values| finite(&values))
            };
            let fast = gradients(&|args, gradients| batch_norm::backward(&op, args, gradients));
            let plain = gradients(&|args, gradients| batch_norm::reference::backward(&op, args, gradients));
            assert_eq!(fast, plain, "{value}, {activation:?}");
        }
    }
}

#[test]
fn batch_norms() {
    norms::<f32>();
    norms::<f64>();
}

#[test]
fn rectified_linear_units() {
    // The gradient passes, as in PyTorch, wherever the output is not at most 0.
    let cases = [
        (f32::NAN, f32::NAN, 3.0),
        (f32::INFINITY, f32::INFINITY, 3.0),
        (f32::NEG_INFINITY, 0.0, 0.0),
        (-1.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (2.0, 2.0, 3.0),
    ];
    let x: Vec<f32> = cases.iter().cycle().take(40).map(|&(x, ..)| x).collect();
    let (mut y, mut dx) = (vec![0.0; 40], vec![0.0; 40]);
    relu::forward(&x, &mut y);
    relu::backward(&y, &[3.0; 40], &mut dx);
    for ((y, dx), &(x, expected, gradient)) in y.into_iter().zip(dx).zip(cases.iter().cycle()) {
        assert!(y == expected || y.is_nan() && expected.is_nan(), "{x} becomes {y}");
        assert_eq!(dx, gradient, "behind {x}");
    }
}

#[test]
fn pools_and_gates() {
    let op = GlobalAvgPool { batch: 2, channels: 3, pixels: 35 };
    for value in not_finite::<f32>() {
        let x = numbers(&mut Generator::new(1), op.input_len(), value);
        let mut y = vec![0.0; op.output_len()];
        global_avg_pool::forward(&op, &x, &mut y);
        assert_eq!(finite(&y), [true, true, true, false, true, true], "{value}");
    }
    let op = SqueezeExcite { batch: 2, channels: 4, hidden: 2, pixels: 9 };
    let random = &mut Generator::new(2);
    let (w1, b1) = (random.numbers::<f32>(8), random.numbers(2));
    let (mut w2, b2) = (random.numbers(8), random.numbers(4));
    w2[5] = f32::NAN;
    let (x, mut y) = (random.numbers(op.len()), vec![0.0; op.len()]);
    let saved = squeeze_excite::forward(&op, Parameters { w1: &w1, b1: &b1, w2: &w2, b2: &b2 }, &x, &mut y);
    let expected: Vec<bool> = (0..8).map(|index| index % 4 != 2).collect();
    assert_eq!(finite(&saved.gate), expected);
    assert_eq!(finite(&y), expected.iter().flat_map(|&finite| [finite; 9]).collect::<Vec<_>>());
}

#[test]
fn convolutions() {
    for (group_width, kernel, stride) in [(8, 3, 1), (8, 1, 1), (1, 3, 1), (4, 3, 2), (16, 3, 1)] {
        let op = Conv2d {
            batch: 2,
            in_channels: 16,
            out_channels: 16,
            group_width,
            kernel,
            stride,
            height: 12,
            width: 13,
        };
        for value in not_finite::<f32>() {
            let random = &mut Generator::new(3);
            let (x, w) = (random.numbers(op.input_len()), random.numbers(op.weight_len()));
            let broken_x = numbers(&mut Generator::new(3), op.input_len(), value);
            let broken_w = numbers(&mut Generator::new(4), op.weight_len(), value);
            for (x, w) in [(&broken_x, &w), (&x, &broken_w)] {
                let (mut fast, mut plain) = (vec![0.0; op.output_len()], vec![0.0; op.output_len()]);
                conv2d::forward(&op, x, w, None, &mut fast);
                conv2d::reference::forward(&op, x, w, None, &mut plain);
                assert!(plain.iter().any(|value| !value.is_finite()));
                for (index, (fast, plain)) in fast.iter().zip(&plain).enumerate() {
                    // Winograd's filtering spreads it to the pixels beside.
                    assert!(!fast.is_finite() || plain.is_finite(), "{value}, {op:?}: {index} is {fast}");
                }
            }
        }
    }
}
