//! The cells' fast passes against their references, and those against finite differences.

mod gru;
mod lstm;
mod rnn;

use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::cells::Gate;
use regnet_engine::compare::{Tolerance, assert_close};

/// Gates with and without whole vectors, whole tasks and several tasks an image.
fn any_gate() -> impl Strategy<Value = Gate> {
    let pixels = prop_oneof![3 => 1_usize..70, 1 => Just(1024_usize), 1 => Just(289)];
    (1_usize..4, 1_usize..20, pixels).prop_map(|(batch, channels, pixels)| Gate { batch, channels, pixels })
}

/// More than one task an image, the last one short.
const LARGE: Gate = Gate { batch: 2, channels: 7, pixels: 97 * 53 };

/// Nothing to do.
const EMPTY: [Gate; 3] = [
    Gate { batch: 0, channels: 3, pixels: 4 },
    Gate { batch: 2, channels: 0, pixels: 4 },
    Gate { batch: 2, channels: 3, pixels: 0 },
];

/// For finite differences.
const SMALL: Gate = Gate { batch: 2, channels: 3, pixels: 5 };

/// Compares each result with the reference's.
#[track_caller]
fn assert_all_close<T: Real>(names: &[&str], fast: &[Vec<T>], slow: &[Vec<T>]) {
    let tolerance = if size_of::<T>() == 4 { Tolerance::both(2e-4) } else { Tolerance::both(1e-12) };
    for ((name, fast), slow) in names.iter().zip(fast).zip(slow) {
        assert_close(name, fast, slow, tolerance);
    }
}
