//! Convolutions of narrow numbers: bf16, or whole numbers of 8 bits.
//!
//! Computed so are the 1x1 convolutions and the grouped 3x3 ones, which are nearly all of a RegNet's work. In f32 stay the
//! stem, 3x3 convolutions of one group, squeeze-and-excitation, the head, shortcuts, and all that is no convolution.
//!
//! | file | holds |
//! | --- | --- |
//! | `numbers` | the formats, and the words they lie in |
//! | `isa` | the instructions |
//! | `choice`, `quantise` | which layers are computed so, and their weights |
//! | `convert`, `dense`, `grouped` | the steps; `sources` and `outlet` what they read and write |
//! | `calibrate` | the ranges of activations |
//!
//! A map of narrow numbers is a [`Map`](super::map::Map) of words, each of which holds two or four channels and takes the
//! place of an f32; a block has as many channels as one of f32. Sums become f32 before bias, shortcut and activation.

pub(super) mod calibrate;
mod choice;
mod convert;
mod dense;
mod grouped;
mod isa;
mod numbers;
mod outlet;
mod precision;
mod quantise;
mod sources;
mod step;
#[cfg(test)]
mod tests;

pub(super) use self::choice::Choice;
pub(super) use self::convert::Convert;
pub(super) use self::dense::{Dense, pack};
pub(super) use self::grouped::Grouped;
pub(super) use self::numbers::{Code, Format};
pub(super) use self::outlet::{Outlet, Spot};
pub use self::precision::Precision;
pub(super) use self::quantise::quantise;
pub(super) use self::sources::Sources;
pub(super) use self::step::{Kind, Step};
