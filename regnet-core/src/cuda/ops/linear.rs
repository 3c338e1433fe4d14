//! The linear layer: matrix products.

use regnet_engine::linear::Linear;

use super::product::{Matrix, Sizes, multiply};
use super::{Launch, PRELUDE, length, length_mut};
use crate::cuda::queue::{Argument, Element, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/elementwise.cu")];

/// Overwrites `y` with `x wᵀ + bias`.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &Linear,
    x: View<'_, E>,
    w: View<'_, E>,
    bias: View<'_, E>,
    mut y: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    let &Linear { batch, in_features, out_features } = op;
    length("x", x, op.input_len());
    length("w", w, op.weight_len());
    length("bias", bias, out_features);
    length_mut("y", &y, op.output_len());
    let launch = Launch { queue, sources: SOURCES, constants: &[] };
    let arguments = [Argument::size(batch), Argument::int(out_features), bias.into(), (&mut y).into()];
    launch.run::<E>("spread_bias", launch.each(y.len()), &arguments)?;
    let sizes = Sizes { batch: 1, rows: batch, columns: out_features, terms: in_features };
    let w = Matrix::new(w, in_features).transposed();
    multiply(queue, sizes, Matrix::new(x, in_features), w, Matrix::new(y, out_features), true)
}

/// Adds to `dx` the gradient of [`forward`].
pub fn backward_input<E: Element, Q: Queue>(
    queue: &Q,
    op: &Linear,
    w: View<'_, E>,
    dy: View<'_, E>,
    dx: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    let &Linear { batch, in_features, out_features } = op;
    length("w", w, op.weight_len());
    length("dy", dy, op.output_len());
    length_mut("dx", &dx, op.input_len());
    let sizes = Sizes { batch: 1, rows: batch, columns: in_features, terms: out_features };
    let (dy, w) = (Matrix::new(dy, out_features), Matrix::new(w, in_features));
    multiply(queue, sizes, dy, w, Matrix::new(dx, in_features), true)
}

/// Adds to `dw` and `dbias` the gradients of [`forward`].
pub fn backward_parameters<E: Element, Q: Queue>(
    queue: &Q,
    op: &Linear,
    x: View<'_, E>,
    dy: View<'_, E>,
    dw: ViewMut<'_, E>,
    mut dbias: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    let &Linear { batch, in_features, out_features } = op;
    length("x", x, op.input_len());
    length("dy", dy, op.output_len());
    length_mut("dw", &dw, op.weight_len());
    length_mut("dbias", &dbias, out_features);
    let sizes = Sizes { batch: 1, rows: out_features, columns: in_features, terms: batch };
    let of_dy = Matrix::new(dy, out_features).transposed();
    multiply(queue, sizes, of_dy, Matrix::new(x, in_features), Matrix::new(dw, in_features), true)?;
    let launch = Launch { queue, sources: SOURCES, constants: &[] };
    let arguments = [Argument::int(batch), Argument::int(out_features), dy.into(), (&mut dbias).into()];
    launch.run::<E>("add_rows", launch.each(out_features), &arguments)
}
