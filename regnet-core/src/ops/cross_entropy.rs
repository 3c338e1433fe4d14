//! The loss.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{CrossEntropySizes, with_gradients};
use crate::tensors::flat;

/// Softmax cross-entropy with label smoothing, averaged over the batch (Szegedy et al., 2016, section 7).
///
/// The target of a label is `1 - smoothing` on its class plus `smoothing / classes` on every class, as in
/// PyTorch's `CrossEntropyLoss(label_smoothing)`.
///
/// # Shapes
/// `logits` `(batch, classes)`, `labels` `(batch,)`: a batch of another size does not compile where the
/// batch is a `Const`.
///
/// # Errors
/// The device's shape error where a label is not below the number of classes, or a run-time batch differs.
pub fn cross_entropy<B: Dim, C: Dim, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    logits: Tensor<(B, C), E, D, T>,
    labels: &Tensor<(B,), usize, D>,
    smoothing: f64,
) -> Result<Tensor<Rank0, E, D, T>, D::Err> {
    let (batch, classes) = (logits.shape().0.size(), logits.shape().1.size());
    let sizes = CrossEntropySizes { batch, classes, smoothing };
    let labels = labels.clone().try_realize::<(usize,)>().map_err(|_| logits.device().shape_error())?;
    let (logits, mut tape) = flat(logits)?.split_tape();
    let device = logits.device().clone();
    let loss = device.cross_entropy(&sizes, &logits, &labels)?;
    let saved = loss.clone();
    tape.add_backward_op(move |grads| {
        with_gradients(grads, [&logits, &saved], |[dlogits, dloss]| {
            device.cross_entropy_backward(&sizes, &logits, &labels, dloss, dlogits)
        })
    });
    loss.put_tape(tape).try_reshape_like(&())
}
