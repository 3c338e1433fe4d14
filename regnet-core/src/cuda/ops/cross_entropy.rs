//! Label-smoothed cross-entropy.

use regnet_engine::cross_entropy::CrossEntropy;

use super::{Launch, PRELUDE, THREADS, length, length_mut};
use crate::cuda::queue::{Argument, Element, Grid, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/cross_entropy.cu")];

#[track_caller]
fn check<E>(op: &CrossEntropy, logits: View<'_, E>, labels: View<'_, usize>) {
    length("logits", logits, op.logits_len());
    length("labels", labels, op.batch);
    assert!(op.classes > 0 && op.batch > 0, "a loss of nothing: {op:?}");
}

/// Overwrites `loss`, one number, with the mean loss; not a number where a label is no class, which only the device can see.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &CrossEntropy,
    logits: View<'_, E>,
    labels: View<'_, usize>,
    mut loss: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    check(op, logits, labels);
    length_mut("loss", &loss, 1);
    let mut memory = queue.memory::<E>(op.batch)?;
    let mut losses = queue.elements(&mut memory);
    let launch = Launch { queue, sources: SOURCES, constants: &[("CLASSES", op.classes)] };
    let grid = |blocks| Grid { blocks: [blocks, 1, 1], threads: THREADS };
    let arguments = [E::argument(op.smoothing), logits.into(), labels.into(), (&mut losses).into()];
    launch.run::<E>("cross_entropy_losses", grid(op.batch), &arguments)?;
    let arguments = [Argument::int(op.batch), losses.view().into(), (&mut loss).into()];
    launch.run::<E>("mean_loss", grid(1), &arguments)
}

/// Adds to `dlogits` the gradient of [`forward`], whose own is `dloss`.
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    op: &CrossEntropy,
    logits: View<'_, E>,
    labels: View<'_, usize>,
    dloss: View<'_, E>,
    mut dlogits: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    check(op, logits, labels);
    length("dloss", dloss, 1);
    length_mut("dlogits", &dlogits, op.logits_len());
    let launch = Launch { queue, sources: SOURCES, constants: &[("CLASSES", op.classes)] };
    let grid = Grid { blocks: [op.batch, 1, 1], threads: THREADS };
    let arguments = [
        Argument::int(op.batch),
        E::argument(op.smoothing),
        logits.into(),
        labels.into(),
        dloss.into(),
        (&mut dlogits).into(),
    ];
    launch.run::<E>("cross_entropy_backward", grid, &arguments)
}

/// Overwrites `score` with the loss and the number of images whose largest logit is at their label.
pub fn score<E: Element, Q: Queue>(
    queue: &Q,
    op: &CrossEntropy,
    (logits, labels, loss): (View<'_, E>, View<'_, usize>, View<'_, E>),
    mut score: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    check(op, logits, labels);
    length("loss", loss, 1);
    length_mut("score", &score, 2);
    let mut memory = queue.memory::<E>(op.batch)?;
    let mut hits = queue.elements(&mut memory);
    let launch = Launch { queue, sources: SOURCES, constants: &[("CLASSES", op.classes)] };
    let grid = |blocks| Grid { blocks: [blocks, 1, 1], threads: THREADS };
    launch.run::<E>("hits", grid(op.batch), &[logits.into(), labels.into(), (&mut hits).into()])?;
    let arguments = [Argument::int(op.batch), loss.into(), hits.view().into(), (&mut score).into()];
    launch.run::<E>("score", grid(1), &arguments)
}
