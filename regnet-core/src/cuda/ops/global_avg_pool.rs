//! The mean of each channel of each image.

use regnet_engine::global_avg_pool::GlobalAvgPool;

use super::{Launch, PRELUDE, THREADS, length, length_mut};
use crate::cuda::queue::{Argument, Element, Grid, Queue};
use crate::cuda::view::{View, ViewMut};

pub(super) const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/planes.cu")];

/// Overwrites `y`, `[batch, channels]`, with the means of `x`.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &GlobalAvgPool,
    x: View<'_, E>,
    mut y: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    length("x", x, op.input_len());
    length_mut("y", &y, op.output_len());
    let launch = Launch { queue, sources: SOURCES, constants: &[("PIXELS", op.pixels)] };
    let grid = Grid { blocks: [op.output_len(), 1, 1], threads: THREADS };
    launch.run::<E>("plane_mean", grid, &[x.into(), (&mut y).into()])
}

/// Adds to `dx` the gradient of [`forward`].
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    op: &GlobalAvgPool,
    dy: View<'_, E>,
    mut dx: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    length("dy", dy, op.output_len());
    length_mut("dx", &dx, op.input_len());
    let launch = Launch { queue, sources: SOURCES, constants: &[("PIXELS", op.pixels)] };
    let arguments = [Argument::size(op.output_len()), dy.into(), (&mut dx).into()];
    launch.run::<E>("plane_mean_backward", launch.each(op.input_len()), &arguments)
}
