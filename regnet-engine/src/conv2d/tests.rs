//! Inputs that are the first channels of a wider tensor.

use super::*;
use crate::channels::{self, Channels};
use crate::compare::{Tolerance, assert_close};

/// Numbers between -1 and 1.
fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i * 7919 % 1009) as f64 / 504.0 - 1.0).collect()
}

/// A convolution of each kind: in tiles, in planes of several images and of one, 1x1, depthwise.
fn operations() -> [Conv2d; 5] {
    let op = |batch, channels, group_width, kernel, side| Conv2d {
        batch,
        in_channels: channels,
        out_channels: channels,
        group_width,
        kernel,
        stride: 1,
        height: side,
        width: side,
    };
    [op(17, 16, 16, 3, 4), op(17, 6, 3, 3, 4), op(2, 6, 3, 3, 9), op(2, 8, 8, 1, 8), op(2, 4, 1, 3, 5)]
}

#[test]
fn other_channels_are_neither_read_nor_written() {
    for op in operations() {
        for of in [op.in_channels, op.in_channels + 1, 2 * op.in_channels] {
            let Conv2d { batch, in_channels: count, .. } = op;
            let first = Channels { batch, channels: of, first: 0, count, pixels: op.pixels() };
            let (whole, w, y) =
                (numbers(op.tensor_len(of)), numbers(op.weight_len()), numbers(op.output_len()));
            let x = channels::taken(&first, &whole);

            let (mut actual, mut expected) = (y.clone(), y.clone());
            let inputs = [Input { of, x: &whole, w: &w }, Input { of: count, x: &x, w: &w }];
            forward_of(&op, &inputs, Store::Add, &mut actual);
            forward_add(&op, &x, &w, &mut expected);
            forward_add(&op, &x, &w, &mut expected);
            assert_close("forward", &actual, &expected, Tolerance::both(1e-12));

            let (mut actual, mut dx) = (whole.clone(), vec![0.0; x.len()]);
            let mut second = x.clone();
            let of_whole = InputGradient { of, w: &w, dx: &mut actual };
            let of_x = InputGradient { of: count, w: &w, dx: &mut second };
            backward_input_of(&op, &y, vec![of_whole, of_x]);
            backward_input(&op, &w, &y, &mut dx);
            let mut expected = whole.clone();
            channels::add(&first, &dx, &mut expected);
            assert_close("backward_input", &actual, &expected, Tolerance::both(1e-12));
            assert_close("the second", &second, &channels::taken(&first, &expected), Tolerance::both(1e-12));

            let (mut actual, mut second, mut expected) = (w.clone(), w.clone(), w.clone());
            let of_whole = WeightGradient { of, x: &whole, dw: &mut actual };
            let of_x = WeightGradient { of: count, x: &x, dw: &mut second };
            backward_weight_of(&op, &y, vec![of_whole, of_x]);
            backward_weight(&op, &x, &y, &mut expected);
            assert_close("backward_weight", &actual, &expected, Tolerance::both(1e-12));
            assert_close("the second", &second, &expected, Tolerance::both(1e-12));
        }
    }
}
