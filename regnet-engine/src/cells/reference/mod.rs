//! The cells in plain loops; the definition that the fast kernels are tested against.

pub mod gru;
pub mod lstm;
pub mod rnn;

use super::Gate;
use crate::Real;

fn sigmoid<T: Real>(x: T) -> T {
    T::one() / (T::one() + (-x).exp())
}

/// Where an element of a gate lies in tensors of several.
#[derive(Clone, Copy)]
struct Place {
    image: usize,
    channel: usize,
    /// Elements of a gate in an image.
    slab: usize,
    /// Within the slab.
    element: usize,
}

impl Place {
    /// Index into the tensor of which the gate is number `index` of `of`.
    fn of(&self, index: usize, of: usize) -> usize {
        (self.image * of + index) * self.slab + self.element
    }
}

/// Every element of a gate.
fn places(op: &Gate) -> impl Iterator<Item = Place> {
    let (slab, pixels) = (op.channels * op.pixels, op.pixels);
    (0..op.len()).map(move |i| {
        let element = i % slab;
        Place { image: i / slab, channel: element / pixels, slab, element }
    })
}
