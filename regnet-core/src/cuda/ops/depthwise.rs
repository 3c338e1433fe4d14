//! Convolution of each channel by itself; `conv2d` hands over to it.

use super::conv2d::{Convolution, LAYER, add_partials, splits};
use super::{Launch, PRELUDE, THREADS};
use crate::cuda::queue::{Argument, Element, Grid, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, LAYER, include_str!("../kernels/depthwise.cu")];

/// Overwrites `y` with the convolution of `x`, or adds it.
pub(super) fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &Convolution,
    x: View<'_, E>,
    w: View<'_, E>,
    mut y: ViewMut<'_, E>,
    add: bool,
) -> Result<(), Q::Error> {
    let launch = Launch { queue, sources: SOURCES, constants: &op.constants() };
    let arguments = [Argument::int(op.sizes.batch), Argument::flag(add), x.into(), w.into(), (&mut y).into()];
    launch.run::<E>("depthwise_forward", launch.each(op.sizes.output_len()), &arguments)
}

/// Adds to `dx` the gradient of [`forward`].
pub(super) fn backward_input<E: Element, Q: Queue>(
    queue: &Q,
    op: &Convolution,
    w: View<'_, E>,
    dy: View<'_, E>,
    mut dx: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    let launch = Launch { queue, sources: SOURCES, constants: &op.constants() };
    let arguments = [Argument::int(op.sizes.batch), w.into(), dy.into(), (&mut dx).into()];
    launch.run::<E>("depthwise_backward_input", launch.each(op.sizes.input_len()), &arguments)
}

/// Adds to `dw` the gradient of [`forward`].
pub(super) fn backward_weight<E: Element, Q: Queue>(
    queue: &Q,
    op: &Convolution,
    x: View<'_, E>,
    dy: View<'_, E>,
    dw: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    let all = op.sizes.batch * op.sizes.out_pixels();
    if all == 0 || dw.len() == 0 {
        return Ok(());
    }
    let channels = op.sizes.in_channels;
    let (terms, splits) = splits(queue, all, channels);
    let mut memory = queue.memory::<E>(splits * dw.len())?;
    let mut partials = queue.elements(&mut memory);
    let launch = Launch { queue, sources: SOURCES, constants: &op.constants() };
    let grid = Grid { blocks: [channels, splits, 1], threads: THREADS };
    let arguments =
        [Argument::int(op.sizes.batch), Argument::int(terms), x.into(), dy.into(), (&mut partials).into()];
    launch.run::<E>("depthwise_backward_weight", grid, &arguments)?;
    add_partials(queue, splits, partials.view(), dw)
}
