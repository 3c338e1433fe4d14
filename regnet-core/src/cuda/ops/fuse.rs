//! The 1x1 convolution that fuses features with a hidden state: two matrix products of each image.

use regnet_engine::fuse::Fuse;

use super::conv2d::{Convolution, backward_weight};
use super::product::{Matrix, Sizes, multiply};
use super::{Launch, PRELUDE, length, length_mut};
use crate::cuda::queue::{Argument, Element, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/elementwise.cu")];

/// What is fused.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, E> {
    /// The features.
    pub x: View<'a, E>,
    /// The state, the hidden one first.
    pub state: View<'a, E>,
    /// The weight; the first half of each row sees the features.
    pub w: View<'a, E>,
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, E> {
    /// Of the features.
    pub dx: ViewMut<'a, E>,
    /// Of the state; a memory in it has none.
    pub dstate: ViewMut<'a, E>,
    /// Of the weight.
    pub dw: ViewMut<'a, E>,
}

impl<E> Inputs<'_, E> {
    #[track_caller]
    fn check(&self, op: &Fuse) {
        length("x", self.x, op.len());
        length("state", self.state, op.state_len());
        length("w", self.w, op.weight_len());
    }
}

/// The product of a half of the weight with each image.
fn sizes(&Fuse { batch, channels, pixels, .. }: &Fuse) -> Sizes {
    Sizes { batch, rows: channels, columns: pixels, terms: channels }
}

/// The first channels of each image of a tensor of `maps` times as many.
fn images<V>(op: &Fuse, elements: V, maps: usize) -> Matrix<V> {
    Matrix::each(elements, op.pixels, maps * op.channels * op.pixels)
}

/// The two halves of a weight.
fn halves<'a, E>(op: &Fuse, w: View<'a, E>) -> [Matrix<View<'a, E>>; 2] {
    [0, op.channels].map(|first| Matrix::new(w.part(first..w.len()), 2 * op.channels))
}

/// Overwrites `y` with the fused features.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &Fuse,
    inputs: Inputs<'_, E>,
    mut y: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    inputs.check(op);
    length_mut("y", &y, op.len());
    if op.is_empty() {
        return Ok(());
    }
    let [of_x, of_h] = halves(op, inputs.w);
    multiply(queue, sizes(op), of_x, images(op, inputs.x, 1), images(op, y.again(), 1), false)?;
    multiply(queue, sizes(op), of_h, images(op, inputs.state, op.maps), images(op, y, 1), true)
}

/// Adds the gradients of [`forward`].
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    op: &Fuse,
    inputs: Inputs<'_, E>,
    dy: View<'_, E>,
    mut into: Gradients<'_, E>,
) -> Result<(), Q::Error> {
    inputs.check(op);
    length("dy", dy, op.len());
    length_mut("dx", &into.dx, op.len());
    length_mut("dstate", &into.dstate, op.state_len());
    length_mut("dw", &into.dw, op.weight_len());
    if op.is_empty() {
        return Ok(());
    }
    let [of_x, of_h] = halves(op, inputs.w).map(Matrix::transposed);
    let dy_images = images(op, dy, 1);
    multiply(queue, sizes(op), of_x, dy_images, images(op, into.dx.again(), 1), true)?;
    multiply(queue, sizes(op), of_h, dy_images, images(op, into.dstate.again(), op.maps), true)?;
    weight_half(queue, op, (inputs.x, 1), dy, into.dw.again())?;
    let len = into.dw.len();
    weight_half(queue, op, (inputs.state, op.maps), dy, into.dw.part(op.channels..len))
}

/// Adds to the half of a weight's gradient that a view starts with.
fn weight_half<E: Element, Q: Queue>(
    queue: &Q,
    op: &Fuse,
    (x, maps): (View<'_, E>, usize),
    dy: View<'_, E>,
    mut dw: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    let (channels, sizes) = (op.channels, op.conv2d());
    let op = Convolution { sizes, in_of: maps * channels, out_of: channels };
    let mut half = queue.memory::<E>(sizes.weight_len())?;
    queue.clear(&mut half)?;
    let mut half = queue.elements(&mut half);
    backward_weight(queue, &op, x, dy, half.again())?;
    let launch = Launch { queue, sources: SOURCES, constants: &[] };
    let arguments = [
        Argument::size(half.len()),
        Argument::int(channels),
        Argument::int(2 * channels),
        half.view().into(),
        (&mut dw).into(),
    ];
    launch.run::<E>("add_columns", launch.each(half.len()), &arguments)
}
