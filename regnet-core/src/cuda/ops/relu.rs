//! Rectified linear unit.

use super::{Launch, PRELUDE, length, length_mut};
use crate::cuda::queue::{Argument, Element, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/elementwise.cu")];

/// Overwrites `y` with `max(x, 0)`.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    x: View<'_, E>,
    mut y: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    length_mut("y", &y, x.len());
    let launch = Launch { queue, sources: SOURCES, constants: &[] };
    let arguments = [Argument::size(x.len()), x.into(), (&mut y).into()];
    launch.run::<E>("relu", launch.each(x.len()), &arguments)
}

/// Adds to `dx` the gradient of [`forward`], whose output was `y`.
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    y: View<'_, E>,
    dy: View<'_, E>,
    mut dx: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    length("dy", dy, y.len());
    length_mut("dx", &dx, y.len());
    let launch = Launch { queue, sources: SOURCES, constants: &[] };
    let arguments = [Argument::size(y.len()), y.into(), dy.into(), (&mut dx).into()];
    launch.run::<E>("relu_backward", launch.each(y.len()), &arguments)
}
