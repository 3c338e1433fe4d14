//! The fully connected layer, `y = x wᵀ + bias`.

pub(crate) mod fast;
pub mod reference;

use crate::{Real, check};

/// The sizes of one linear layer: input `[batch, in_features]`, weight `[out_features, in_features]`, output
/// `[batch, out_features]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Rows of the input.
    pub batch: usize,
    /// Columns of the input.
    pub in_features: usize,
    /// Columns of the output.
    pub out_features: usize,
}

impl Linear {
    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.in_features
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_features
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_features * self.in_features
    }
}

/// Overwrites `y` with `x wᵀ + bias`.
pub fn forward<T: Real>(op: &Linear, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    check::length("x", x, op.input_len());
    check::length("w", w, op.weight_len());
    if let Some(bias) = bias {
        check::length("bias", bias, op.out_features);
    }
    check::length("y", y, op.output_len());
    T::linear_forward(op, x, w, bias, y);
}

/// Adds the gradient with respect to the input, `dy w`, to `dx`.
pub fn backward_input<T: Real>(op: &Linear, w: &[T], dy: &[T], dx: &mut [T]) {
    check::length("w", w, op.weight_len());
    check::length("dy", dy, op.output_len());
    check::length("dx", dx, op.input_len());
    T::linear_backward_input(op, w, dy, dx);
}

/// Adds the gradient with respect to the weight, `dyᵀ x`, to `dw`.
pub fn backward_weight<T: Real>(op: &Linear, x: &[T], dy: &[T], dw: &mut [T]) {
    check::length("x", x, op.input_len());
    check::length("dy", dy, op.output_len());
    check::length("dw", dw, op.weight_len());
    T::linear_backward_weight(op, x, dy, dw);
}

/// Adds the gradient with respect to the bias, the column sums of `dy`, to `db`.
pub fn backward_bias<T: Real>(op: &Linear, dy: &[T], db: &mut [T]) {
    check::length("dy", dy, op.output_len());
    check::length("db", db, op.out_features);
    reference::backward_bias(op, dy, db);
}
