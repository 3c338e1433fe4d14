//! Every operation on the emulated device against `regnet-engine`'s kernel of the same name.

mod batch_norm;
mod conv2d;
mod cross_entropy;
mod fuse;
mod linear;
mod pooling;
mod regulator;
mod relu;
mod sgd;
mod squeeze_excite;

use regnet_engine::Real;
use regnet_engine::compare::{Tolerance, assert_close};

use super::emulator::{Emulator, HostMemory};
use super::queue::Element;

/// Uniform numbers between -1 and 1 from a 64-bit linear congruential generator (Knuth's MMIX constants).
struct Generator(u64);

impl Generator {
    fn numbers<T: Real>(&mut self, count: usize) -> Vec<T> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            T::of((self.0 >> 33) as f64 / (1_u64 << 30) as f64 - 1.0)
        };
        (0..count).map(|_| next()).collect()
    }
}

/// An element type with how far a kernel's sums may be off the engine's.
trait Number: Real + Element {
    const TOLERANCE: Tolerance;
}

impl Number for f32 {
    const TOLERANCE: Tolerance = Tolerance::both(2e-5);
}

impl Number for f64 {
    const TOLERANCE: Tolerance = Tolerance::both(1e-12);
}

#[track_caller]
fn same<T: Number>(what: &str, actual: &HostMemory<T>, expected: &[T]) {
    assert_close(what, actual.slice(), expected, T::TOLERANCE);
}

/// A copy of `elements` in the emulator's memory.
fn on_device<T: Copy>(elements: &[T]) -> HostMemory<T> {
    HostMemory::of(elements)
}

/// Room for an output of `len` elements, which starts as not a number.
fn room<T: Number>(len: usize) -> HostMemory<T> {
    HostMemory::of(&vec![T::nan(); len])
}

/// Runs an operation on the emulator.
#[track_caller]
fn run(operation: Result<(), String>) {
    if let Err(message) = operation {
        panic!("{message}");
    }
}
