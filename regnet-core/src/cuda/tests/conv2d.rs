use regnet_engine::conv2d::{self as engine, Conv2d};

use super::*;
use crate::cuda::ops::conv2d::{self, Convolution};

fn compare<T: Number>(sizes: Conv2d) {
    let op = Convolution::from(sizes);
    let mut generator = Generator(17);
    let x = generator.numbers::<T>(sizes.input_len());
    let w = generator.numbers::<T>(sizes.weight_len());
    let dy = generator.numbers::<T>(sizes.output_len());
    let (before_x, before_w) = (generator.numbers::<T>(x.len()), generator.numbers::<T>(w.len()));
    let (mut y, mut dx, mut dw) = (vec![T::zero(); dy.len()], before_x.clone(), before_w.clone());
    engine::reference::forward(&sizes, &x, &w, None, &mut y);
    engine::reference::backward_input(&sizes, &w, &dy, &mut dx);
    engine::reference::backward_weight(&sizes, &x, &dy, &mut dw);

    let [x, w, dy] = [x, w, dy].map(|elements| on_device(&elements));
    let mut actual = room(y.len());
    run(conv2d::forward(&Emulator, &op, x.view(), w.view(), actual.view_mut(), false));
    same("y", &actual, &y);
    run(conv2d::forward(&Emulator, &op, x.view(), w.view(), actual.view_mut(), true));
    same("y twice", &actual, &y.iter().map(|&y| y + y).collect::<Vec<_>>());
    let mut actual = on_device(&before_x);
    run(conv2d::backward_input(&Emulator, &op, w.view(), dy.view(), actual.view_mut()));
    same("dx", &actual, &dx);
    let mut actual = on_device(&before_w);
    run(conv2d::backward_weight(&Emulator, &op, x.view(), dy.view(), actual.view_mut()));
    same("dw", &actual, &dw);
}

/// `[batch, in, out, group width, kernel, stride, height, width]`.
fn sizes(
    [batch, in_channels, out_channels, group_width, kernel, stride, height, width]: [usize; 8],
) -> Conv2d {
    Conv2d { batch, in_channels, out_channels, group_width, kernel, stride, height, width }
}

#[test]
fn dense_products() {
    compare::<f64>(sizes([3, 5, 7, 5, 1, 1, 4, 6]));
    compare::<f32>(sizes([2, 16, 24, 16, 1, 1, 7, 7]));
}

#[test]
fn projections() {
    compare::<f64>(sizes([3, 6, 10, 6, 1, 2, 7, 5]));
}

#[test]
fn stems() {
    compare::<f64>(sizes([2, 3, 32, 3, 3, 2, 11, 8]));
    compare::<f64>(sizes([1, 3, 20, 3, 7, 2, 13, 13]));
}

#[test]
fn group_widths() {
    compare::<f64>(sizes([2, 24, 24, 8, 3, 1, 9, 7]));
    compare::<f64>(sizes([2, 24, 24, 24, 3, 2, 9, 7]));
    compare::<f32>(sizes([1, 80, 80, 40, 3, 1, 5, 6]));
}

#[test]
fn more_rows_than_a_block_has() {
    compare::<f64>(sizes([1, 104, 104, 104, 3, 1, 3, 4]));
}

#[test]
fn depthwise() {
    compare::<f64>(sizes([2, 5, 5, 1, 3, 1, 6, 6]));
    compare::<f64>(sizes([2, 5, 5, 1, 3, 2, 7, 6]));
    compare::<f64>(sizes([1, 3, 3, 1, 5, 4, 9, 10]));
    compare::<f64>(sizes([3, 2, 2, 1, 3, 2, 1, 1]));
    // Several splits, of which the last is shorter.
    compare::<f64>(sizes([3, 2, 2, 1, 3, 1, 33, 35]));
    compare::<f32>(sizes([2, 70, 70, 1, 3, 2, 14, 15]));
}

#[test]
fn basic_blocks() {
    compare::<f64>(sizes([2, 6, 12, 6, 3, 2, 8, 8]));
}

#[test]
fn groups_of_other_widths_out_than_in() {
    compare::<f64>(sizes([2, 6, 15, 2, 3, 1, 5, 5]));
}

#[test]
fn a_single_pixel_and_a_long_stride() {
    compare::<f64>(sizes([3, 4, 4, 2, 3, 2, 1, 1]));
    compare::<f64>(sizes([1, 4, 4, 4, 3, 4, 9, 10]));
}

#[test]
fn splits_of_many_pixels() {
    compare::<f64>(sizes([3, 2, 4, 2, 3, 1, 33, 35]));
}

fn compare_channels(sizes: Conv2d) {
    let op = Convolution { sizes, in_of: 9, out_of: 8 };
    let (mut generator, pixels, written) = (Generator(5), sizes.pixels(), sizes.out_channels);
    let x = generator.numbers::<f64>(2 * 9 * pixels);
    let w = generator.numbers::<f64>(sizes.weight_len());
    let before = generator.numbers::<f64>(2 * 8 * pixels);
    let first = |of: usize, count: usize, all: &[f64]| -> Vec<f64> {
        all.chunks(of * pixels).flat_map(|image| image[..count * pixels].to_vec()).collect()
    };
    let x_first = first(9, sizes.in_channels, &x);
    let (mut y, mut dw) = (vec![0.0; sizes.output_len()], vec![0.0; w.len()]);
    engine::reference::forward(&sizes, &x_first, &w, None, &mut y);
    engine::reference::backward_weight(&sizes, &x_first, &first(8, written, &before), &mut dw);

    let mut actual = on_device(&vec![0.0; w.len()]);
    let (on_x, dy) = (on_device(&x), on_device(&before));
    run(conv2d::backward_weight(&Emulator, &op, on_x.view(), dy.view(), actual.view_mut()));
    same("dw", &actual, &dw);
    let (mut actual, on_w) = (on_device(&before), on_device(&w));
    run(conv2d::forward(&Emulator, &op, on_x.view(), on_w.view(), actual.view_mut(), false));
    same("channels written", &on_device(&first(8, written, actual.slice())), &y);
    let behind = |all: &[f64]| {
        all.chunks(8 * pixels).map(|image| image[written * pixels..].to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(behind(actual.slice()), behind(&before), "channels behind them are left alone");

    let (mut dx, mut actual) = (x_first.clone(), on_device(&x));
    engine::reference::backward_input(&sizes, &w, &first(8, written, &before), &mut dx);
    run(conv2d::backward_input(&Emulator, &op, on_w.view(), dy.view(), actual.view_mut()));
    same("dx", &on_device(&first(9, sizes.in_channels, actual.slice())), &dx);
}

#[test]
fn channels_of_a_wider_tensor() {
    compare_channels(sizes([2, 4, 6, 4, 3, 1, 5, 4]));
    compare_channels(sizes([2, 6, 6, 1, 3, 1, 5, 4]));
}
