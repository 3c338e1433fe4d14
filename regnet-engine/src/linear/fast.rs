//! The linear layer as register-blocked products, in blocks of rows.

use rayon::prelude::*;

use super::{Linear, reference};
use crate::Real;
use crate::product::{Inner, Outer, Panel, Start};

/// Rows of the result that a task computes.
const ROWS: usize = 16;

/// See [`forward`](super::forward).
pub(crate) fn forward<T: Real>(op: &Linear, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    if op.in_features == 0 || y.is_empty() {
        return reference::forward(op, x, w, bias, y);
    }
    let offsets: Vec<usize> = (0..op.out_features).map(|output| output * op.in_features).collect();
    let rows = y.par_chunks_mut(ROWS * op.out_features).zip(x.par_chunks(ROWS * op.in_features));
    rows.for_each(|(y, x)| {
        for y in y.chunks_exact_mut(op.out_features) {
            match bias {
                Some(bias) => y.copy_from_slice(bias),
                None => y.fill(T::zero()),
            }
        }
        Inner {
            left: x,
            left_stride: op.in_features,
            rows: x.len() / op.in_features,
            offsets: &offsets,
            input: w,
            columns: op.in_features,
            out: y,
        }
        .run();
    });
}

/// See [`backward_input`](super::backward_input).
pub(crate) fn backward_input<T: Real>(op: &Linear, w: &[T], dy: &[T], dx: &mut [T]) {
    if dx.is_empty() || dy.is_empty() {
        return;
    }
    let rows = dx.par_chunks_mut(ROWS * op.in_features).zip(dy.par_chunks(ROWS * op.out_features));
    rows.for_each(|(dx, dy)| {
        let rows = dx.len() / op.in_features;
        let panel = Panel::new(rows, op.out_features, |row, output| dy[row * op.out_features + output]);
        add_rows(&panel, w, op.in_features, dx);
    });
}

/// See [`backward_weight`](super::backward_weight).
pub(crate) fn backward_weight<T: Real>(op: &Linear, x: &[T], dy: &[T], dw: &mut [T]) {
    if dw.is_empty() || dy.is_empty() {
        return;
    }
    dw.par_chunks_mut(ROWS * op.in_features).enumerate().for_each(|(index, dw)| {
        let (first, rows) = (index * ROWS, dw.len() / op.in_features);
        let panel = Panel::new(rows, op.batch, |row, image| dy[image * op.out_features + first + row]);
        add_rows(&panel, x, op.in_features, dw);
    });
}

/// Adds the product of `panel` and `right`, a matrix of rows of `columns` elements, to `out`.
fn add_rows<T: Real>(panel: &Panel<T>, right: &[T], columns: usize, out: &mut [T]) {
    let offsets: Vec<usize> = (0..right.len() / columns).map(|row| row * columns).collect();
    Outer {
        panel,
        rows: 0..out.len() / columns,
        taps: 0..offsets.len(),
        offsets: &offsets,
        input: right,
        columns,
        start: Start::Output,
        out,
        out_stride: columns,
    }
    .run();
}
