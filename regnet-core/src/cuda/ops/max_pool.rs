//! Max pooling.

use regnet_engine::max_pool::MaxPool;

use super::{Launch, PRELUDE, length, length_mut};
use crate::cuda::queue::{Argument, Element, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/pooling.cu")];

fn constants(op: &MaxPool) -> [(&'static str, usize); 7] {
    [
        ("HEIGHT", op.height),
        ("WIDTH", op.width),
        ("KERNEL", op.kernel),
        ("STRIDE", op.stride),
        ("PADDING", op.padding),
        ("OUT_HEIGHT", op.out_height()),
        ("OUT_WIDTH", op.out_width()),
    ]
}

/// Overwrites `y` with each window's largest value and `argmax` with its place in the input channel.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &MaxPool,
    x: View<'_, E>,
    mut y: ViewMut<'_, E>,
    mut argmax: ViewMut<'_, u32>,
) -> Result<(), Q::Error> {
    length("x", x, op.input_len());
    length_mut("y", &y, op.output_len());
    length_mut("argmax", &argmax, op.output_len());
    assert!(
        op.padding <= op.kernel / 2 && op.pixels() <= i32::MAX as usize,
        "windows without a pixel: {op:?}"
    );
    let launch = Launch { queue, sources: SOURCES, constants: &constants(op) };
    let arguments = [Argument::size(op.batch * op.channels), x.into(), (&mut y).into(), (&mut argmax).into()];
    launch.run::<E>("max_pool", launch.each(op.output_len()), &arguments)
}

/// Adds to `dx` the gradient of [`forward`].
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    op: &MaxPool,
    argmax: View<'_, u32>,
    dy: View<'_, E>,
    mut dx: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    length("argmax", argmax, op.output_len());
    length("dy", dy, op.output_len());
    length_mut("dx", &dx, op.input_len());
    let launch = Launch { queue, sources: SOURCES, constants: &constants(op) };
    let arguments = [Argument::size(op.batch * op.channels), argmax.into(), dy.into(), (&mut dx).into()];
    launch.run::<E>("max_pool_backward", launch.each(op.input_len()), &arguments)
}
