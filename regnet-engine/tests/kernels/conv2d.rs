//! The fast convolution against its reference, on random problems and on awkward ones by name.

use crate::common::{Generator, gradient_check, same_bits_for_any_threads};
use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::conv2d::{self, Conv2d, reference};

/// Results of the four passes.
struct Passes<T> {
    y: Vec<T>,
    dx: Vec<T>,
    dw: Vec<T>,
    db: Vec<T>,
}

/// Operands of the four passes. The gradients start from numbers, because backward passes add.
struct Operands<T> {
    op: Conv2d,
    x: Vec<T>,
    w: Vec<T>,
    bias: Option<Vec<T>>,
    dy: Vec<T>,
    dx: Vec<T>,
    dw: Vec<T>,
    db: Vec<T>,
}

impl<T: Real> Operands<T> {
    fn new(op: Conv2d, bias: bool, seed: u64) -> Self {
        let mut random = Generator::new(seed);
        Operands {
            op,
            x: random.numbers(op.input_len()),
            w: random.numbers(op.weight_len()),
            bias: bias.then(|| random.numbers(op.out_channels)),
            dy: random.numbers(op.output_len()),
            dx: random.numbers(op.input_len()),
            dw: random.numbers(op.weight_len()),
            db: random.numbers(op.out_channels),
        }
    }

    fn fast(&self) -> Passes<T> {
        let op = &self.op;
        // NaN, because the forward pass must overwrite.
        let mut y = vec![T::nan(); op.output_len()];
        let (mut dx, mut dw, mut db) = (self.dx.clone(), self.dw.clone(), self.db.clone());
        conv2d::forward(op, &self.x, &self.w, self.bias.as_deref(), &mut y);
        conv2d::backward_input(op, &self.w, &self.dy, &mut dx);
        conv2d::backward_weight(op, &self.x, &self.dy, &mut dw);
        conv2d::backward_bias(op, &self.dy, &mut db);
        Passes { y, dx, dw, db }
    }

    fn reference(&self) -> Passes<T> {
        let op = &self.op;
        let mut y = vec![T::nan(); op.output_len()];
        let (mut dx, mut dw, mut db) = (self.dx.clone(), self.dw.clone(), self.db.clone());
        reference::forward(op, &self.x, &self.w, self.bias.as_deref(), &mut y);
        reference::backward_input(op, &self.w, &self.dy, &mut dx);
        reference::backward_weight(op, &self.x, &self.dy, &mut dw);
        reference::backward_bias(op, &self.dy, &mut db);
        Passes { y, dx, dw, db }
    }
}

fn check<T: Real>(op: Conv2d, bias: bool, seed: u64, tolerance: Tolerance) {
    let operands = Operands::<T>::new(op, bias, seed);
    let (mut added, mut expected) = (operands.dy.clone(), operands.dy.clone());
    conv2d::forward_add(&op, &operands.x, &operands.w, &mut added);
    reference::forward_add(&op, &operands.x, &operands.w, &mut expected);
    assert_close("forward_add", &added, &expected, tolerance);
    let (fast, slow) = (operands.fast(), operands.reference());
    assert_close("forward", &fast.y, &slow.y, tolerance);
    assert_close("backward_input", &fast.dx, &slow.dx, tolerance);
    assert_close("backward_weight", &fast.dw, &slow.dw, tolerance);
    assert_close("backward_bias", &fast.db, &slow.db, tolerance);
}

fn check_both(op: Conv2d, bias: bool, seed: u64) {
    check::<f64>(op, bias, seed, Tolerance::both(1e-12));
    check::<f32>(op, bias, seed, Tolerance::both(2e-4));
}

fn any_conv2d() -> impl Strategy<Value = Conv2d> {
    let group_width = prop_oneof![Just(1_usize), Just(3), Just(8), Just(16), Just(24), 1_usize..20];
    let kernel = prop_oneof![3 => Just(1_usize), 4 => Just(3), 1 => Just(5), 1 => Just(7)];
    let sizes = (1_usize..6, 1_usize..4, group_width, 1_usize..13);
    (sizes, kernel, 1_usize..4, 1_usize..20, 1_usize..20).prop_map(
        |((batch, groups, group_width, group_outputs), kernel, stride, height, width)| Conv2d {
            batch,
            in_channels: groups * group_width,
            out_channels: groups * group_outputs,
            group_width,
            kernel,
            stride,
            height,
            width,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn agrees_with_the_reference(op in any_conv2d(), bias: bool, seed: u64) {
        check_both(op, bias, seed);
    }
}

/// A square convolution with as many outputs as inputs.
fn square(
    batch: usize,
    channels: usize,
    group_width: usize,
    kernel: usize,
    stride: usize,
    side: usize,
) -> Conv2d {
    Conv2d {
        batch,
        in_channels: channels,
        out_channels: channels,
        group_width,
        kernel,
        stride,
        height: side,
        width: side,
    }
}

#[test]
fn wide_panels_take_several_passes_over_the_taps() {
    check_both(square(2, 208, 208, 1, 1, 5), false, 1);
    check_both(square(1, 24, 24, 3, 1, 7), false, 2);
}

#[test]
fn small_maps_share_a_tile_and_the_last_block_is_short() {
    check_both(square(37, 8, 8, 3, 1, 4), false, 3);
    check_both(square(37, 8, 8, 3, 2, 4), false, 4);
    check_both(square(41, 16, 16, 1, 1, 2), true, 5);
    check_both(square(33, 8, 8, 3, 1, 1), false, 6);
}

#[test]
fn every_width_with_its_own_row_copy() {
    for side in [4, 7, 8, 14, 16, 28, 32] {
        check_both(square(1, 8, 8, 3, 1, side), false, side as u64);
    }
}

#[test]
fn dense_kernels_of_3_in_tiles() {
    // Odd sizes, images side by side, rows of more than one strip, more channels than a pass takes.
    check_both(square(2, 16, 16, 3, 1, 9), true, 15);
    check_both(square(35, 16, 16, 3, 1, 4), false, 16);
    check_both(Conv2d { out_channels: 40, ..square(2, 24, 24, 3, 1, 8) }, true, 17);
    check_both(Conv2d { height: 6, width: 135, ..square(1, 12, 12, 3, 1, 0) }, false, 18);
    check_both(Conv2d { out_channels: 12, ..square(1, 72, 72, 3, 1, 32) }, true, 19);
    check_both(square(2, 48, 24, 3, 1, 7), false, 20);
}

#[test]
fn rows_split_among_tasks_at_batch_1() {
    check_both(square(1, 96, 96, 1, 1, 6), true, 7);
    check_both(square(1, 48, 48, 3, 2, 9), true, 8);
}

#[test]
fn strides_beyond_the_kernel_leave_pixels_out() {
    check_both(square(2, 6, 3, 1, 3, 7), false, 9);
    check_both(square(2, 6, 3, 3, 5, 12), false, 10);
}

#[test]
fn nothing_to_do() {
    check_both(square(0, 8, 8, 3, 1, 4), true, 11);
    check_both(square(2, 8, 8, 3, 1, 0), true, 12);
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    for op in [
        square(13, 24, 8, 3, 1, 9),
        square(9, 40, 40, 1, 1, 4),
        square(5, 16, 16, 3, 2, 11),
        square(19, 32, 16, 3, 1, 6),
    ] {
        let operands = Operands::<f32>::new(op, true, 13);
        same_bits_for_any_threads(&format!("{op:?}"), || {
            let passes = operands.fast();
            [passes.y, passes.dx, passes.dw, passes.db].concat()
        });
    }
}

#[test]
fn reference_gradients_are_finite_differences() {
    for (stride, kernel) in [(1, 3), (2, 3), (1, 1), (2, 1), (2, 5)] {
        let op = Conv2d { out_channels: 4, ..square(2, 6, 3, kernel, stride, 5) };
        let operands = Operands::<f64>::new(op, true, 14);
        let bias = operands.bias.clone().expect("asked for");
        let forward = |x: &[f64], w: &[f64], bias: &[f64]| {
            let mut y = vec![0.0; op.output_len()];
            reference::forward(&op, x, w, Some(bias), &mut y);
            y
        };
        let (x, w, dy) = (&operands.x, &operands.w, &operands.dy);
        gradient_check("dx", x, dy, |x| forward(x, w, &bias), |dx| reference::backward_input(&op, w, dy, dx));
        gradient_check(
            "dw",
            w,
            dy,
            |w| forward(x, w, &bias),
            |dw| reference::backward_weight(&op, x, dy, dw),
        );
        gradient_check("db", &bias, dy, |b| forward(x, w, b), |db| reference::backward_bias(&op, dy, db));
    }
}

#[test]
#[should_panic(expected = "`w` has 5 elements, its sizes ask for 72")]
fn a_slice_of_the_wrong_length_is_named() {
    let op = square(1, 8, 1, 3, 1, 4);
    conv2d::forward(&op, &vec![0.0; op.input_len()], &[0.0; 5], None, &mut vec![0.0; op.output_len()]);
}
