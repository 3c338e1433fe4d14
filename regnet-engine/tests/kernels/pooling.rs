use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::global_avg_pool::{self, GlobalAvgPool};
use regnet_engine::max_pool::{self, MaxPool};

use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

fn any_max_pool() -> impl Strategy<Value = MaxPool> {
    let window =
        prop_oneof![Just((3_usize, 1_usize)), Just((2, 0)), Just((2, 1)), Just((5, 2)), Just((1, 0))];
    (1_usize..4, 1_usize..4, 5_usize..12, 5_usize..12, window, 1_usize..4).prop_map(
        |(batch, channels, height, width, (kernel, padding), stride)| MaxPool {
            batch,
            channels,
            height,
            width,
            kernel,
            stride,
            padding,
        },
    )
}

proptest! {
    #[test]
    fn max_pool_agrees_with_the_reference(op in any_max_pool(), seed: u64) {
        let mut random = Generator::new(seed);
        let x: Vec<f32> = random.numbers(op.input_len());
        let dy: Vec<f32> = random.numbers(op.output_len());
        let (mut y, mut argmax) = (vec![f32::NAN; op.output_len()], vec![u32::MAX; op.output_len()]);
        let (mut plain_y, mut plain_argmax) = (y.clone(), argmax.clone());
        max_pool::forward(&op, &x, &mut y, &mut argmax);
        max_pool::reference::forward(&op, &x, &mut plain_y, &mut plain_argmax);
        prop_assert_eq!(y, plain_y);
        prop_assert_eq!(&argmax, &plain_argmax);
        let start: Vec<f32> = random.numbers(op.input_len());
        let (mut dx, mut plain_dx) = (start.clone(), start);
        max_pool::backward(&op, &argmax, &dy, &mut dx);
        max_pool::reference::backward(&op, &argmax, &dy, &mut plain_dx);
        prop_assert_eq!(dx, plain_dx);
    }

    #[test]
    fn average_agrees_with_the_reference(
        batch in 0_usize..5, channels in 1_usize..80, pixels in 1_usize..1200, seed: u64,
    ) {
        check_average::<f64>(GlobalAvgPool { batch, channels, pixels }, seed, Tolerance::both(1e-13));
        check_average::<f32>(GlobalAvgPool { batch, channels, pixels }, seed, Tolerance::both(1e-6));
    }
}

fn check_average<T: Real>(op: GlobalAvgPool, seed: u64, tolerance: Tolerance) {
    let mut random = Generator::new(seed);
    let (x, dy): (Vec<T>, Vec<T>) = (random.numbers(op.input_len()), random.numbers(op.output_len()));
    let (mut y, mut plain_y) = (vec![T::nan(); op.output_len()], vec![T::nan(); op.output_len()]);
    global_avg_pool::forward(&op, &x, &mut y);
    global_avg_pool::reference::forward(&op, &x, &mut plain_y);
    assert_close("y", &y, &plain_y, tolerance);
    let (mut dx, mut plain_dx) = (x.clone(), x);
    global_avg_pool::backward(&op, &dy, &mut dx);
    global_avg_pool::reference::backward(&op, &dy, &mut plain_dx);
    assert_close("dx", &dx, &plain_dx, tolerance);
}

/// 3x3, stride 2, padding 1 over 4x4: the windows of PyTorch's `max_pool2d(x, 3, 2, 1)`, worked out by hand.
#[test]
fn max_pool_of_the_resnet_stem() {
    let op = MaxPool { batch: 1, channels: 1, height: 4, width: 4, kernel: 3, stride: 2, padding: 1 };
    #[rustfmt::skip]
    let x = [
        1.0, 2.0, 3.0, 4.0,
        8.0, 7.0, 6.0, 5.0,
        9.0, 9.0, -1.0, -2.0,
        0.0, 1.0, -3.0, -1.0_f32,
    ];
    let (mut y, mut argmax) = ([0.0; 4], [0; 4]);
    max_pool::forward(&op, &x, &mut y, &mut argmax);
    assert_eq!((y, argmax), ([8.0, 7.0, 9.0, 9.0], [4, 5, 8, 9]));
    let mut dx = [0.0; 16];
    max_pool::backward(&op, &argmax, &[1.0, 10.0, 100.0, 1000.0], &mut dx);
    assert_eq!([dx[4], dx[5], dx[8], dx[9]], [1.0, 10.0, 100.0, 1000.0]);
    assert_eq!(dx.iter().sum::<f32>(), 1111.0);
}

#[test]
fn max_pool_of_negative_numbers_ignores_the_padding_and_keeps_nan() {
    let op = MaxPool { batch: 1, channels: 1, height: 2, width: 2, kernel: 3, stride: 2, padding: 1 };
    let (mut y, mut argmax) = ([0.0], [9]);
    max_pool::forward(&op, &[-4.0, -3.0, -2.0, -5.0], &mut y, &mut argmax);
    assert_eq!((y, argmax), ([-2.0], [2]));
    max_pool::forward(&op, &[-4.0, f64::NAN, -2.0, -5.0], &mut y, &mut argmax);
    assert!(y[0].is_nan() && argmax == [1]);
}

#[test]
fn average_gives_the_same_bits_for_any_number_of_threads() {
    let op = GlobalAvgPool { batch: 9, channels: 50, pixels: 49 };
    let x: Vec<f32> = Generator::new(1).numbers(op.input_len());
    same_bits_for_any_threads("the average", || {
        let mut y = vec![0.0; op.output_len()];
        global_avg_pool::forward(&op, &x, &mut y);
        y
    });
}

#[test]
fn reference_gradients_are_finite_differences() {
    let op = MaxPool { batch: 2, channels: 2, height: 5, width: 4, kernel: 3, stride: 2, padding: 1 };
    let mut random = Generator::new(2);
    let (x, dy) = (random.numbers(op.input_len()), random.numbers(op.output_len()));
    let forward = |x: &[f64]| {
        let (mut y, mut argmax) = (vec![0.0; op.output_len()], vec![0; op.output_len()]);
        max_pool::reference::forward(&op, x, &mut y, &mut argmax);
        (y, argmax)
    };
    let (_, argmax) = forward(&x);
    gradient_check(
        "max",
        &x,
        &dy,
        |x| forward(x).0,
        |dx| {
            max_pool::reference::backward(&op, &argmax, &dy, dx);
        },
    );

    let op = GlobalAvgPool { batch: 2, channels: 3, pixels: 5 };
    let (x, dy) = (random.numbers(op.input_len()), random.numbers(op.output_len()));
    let forward = |x: &[f64]| {
        let mut y = vec![0.0; op.output_len()];
        global_avg_pool::reference::forward(&op, x, &mut y);
        y
    };
    gradient_check("average", &x, &dy, forward, |dx| global_avg_pool::reference::backward(&op, &dy, dx));
}
