//! The convolution in plain loops; the definition that the fast kernels are tested against.

use super::Conv2d;
use crate::Real;

/// One multiplication of the convolution: indices into the output, the input and the weight.
struct Tap {
    y: usize,
    x: usize,
    w: usize,
}

/// Calls `visit` for every multiplication that does not fall on padding.
fn for_each_tap(op: &Conv2d, mut visit: impl FnMut(Tap)) {
    let (out_height, out_width) = (op.out_height(), op.out_width());
    for image in 0..op.batch {
        for output in 0..op.out_channels {
            let group = output / op.group_outputs();
            for input in 0..op.group_width {
                let plane = image * op.in_channels + group * op.group_width + input;
                for (row, column, ky, kx) in positions(out_height, out_width, op.kernel) {
                    let iy = (row * op.stride + ky).checked_sub(op.padding()).filter(|&iy| iy < op.height);
                    let ix = (column * op.stride + kx).checked_sub(op.padding()).filter(|&ix| ix < op.width);
                    let (Some(iy), Some(ix)) = (iy, ix) else { continue };
                    visit(Tap {
                        y: ((image * op.out_channels + output) * out_height + row) * out_width + column,
                        x: (plane * op.height + iy) * op.width + ix,
                        w: ((output * op.group_width + input) * op.kernel + ky) * op.kernel + kx,
                    });
                }
            }
        }
    }
}

/// Every output pixel with every kernel position: `(row, column, kernel row, kernel column)`.
fn positions(rows: usize, columns: usize, k: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..rows * columns * k * k).map(move |i| {
        let (pixel, tap) = (i / (k * k), i % (k * k));
        (pixel / columns, pixel % columns, tap / k, tap % k)
    })
}

/// See [`forward`](super::forward).
pub fn forward<T: Real>(op: &Conv2d, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let pixels = op.out_pixels();
    for (index, y) in y.iter_mut().enumerate() {
        *y = bias.map_or(T::zero(), |bias| bias[index / pixels % op.out_channels]);
    }
    forward_add(op, x, w, y);
}

/// See [`forward_add`](super::forward_add).
pub fn forward_add<T: Real>(op: &Conv2d, x: &[T], w: &[T], y: &mut [T]) {
    for_each_tap(op, |tap| y[tap.y] += w[tap.w] * x[tap.x]);
}

/// See [`backward_input`](super::backward_input).
pub fn backward_input<T: Real>(op: &Conv2d, w: &[T], dy: &[T], dx: &mut [T]) {
    for_each_tap(op, |tap| dx[tap.x] += w[tap.w] * dy[tap.y]);
}

/// See [`backward_weight`](super::backward_weight).
pub fn backward_weight<T: Real>(op: &Conv2d, x: &[T], dy: &[T], dw: &mut [T]) {
    for_each_tap(op, |tap| dw[tap.w] += x[tap.x] * dy[tap.y]);
}

/// See [`backward_bias`](super::backward_bias).
pub fn backward_bias<T: Real>(op: &Conv2d, dy: &[T], db: &mut [T]) {
    let pixels = op.out_pixels();
    for (index, &dy) in dy.iter().enumerate() {
        db[index / pixels % op.out_channels] += dy;
    }
}
