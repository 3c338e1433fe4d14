//! CPU kernels on plain slices for RegNet models, each beside a plain Rust reference.
//!
//! Tensors are contiguous slices in NCHW order: `[batch, channels, height, width]`, the width
//! innermost. A kernel takes a small struct that names its sizes, input slices, and `&mut` slices
//! for its results; its documentation says whether it **overwrites** them or **adds** to them.
//! Every backward pass adds, because a tensor's gradient is the sum over its uses.
//!
//! | module | computes |
//! | --- | --- |
//! | [`conv2d`] | grouped "same" convolution, strides 1 and up |
//! | [`conv2d::depthwise`] | the same channel by channel, several gates at once |
//! | [`batch_norm`] | batch normalisation with an optional residual and ReLU |
//! | [`cells`] | the pointwise part of convolutional recurrent cells |
//! | [`regulator`] | one step of a self-regulated stage's recurrent network |
//! | [`channels`] | some channels of a tensor |
//! | [`relu`] | rectified linear unit |
//! | [`fuse`] | 1x1 convolution over features and a hidden state |
//! | [`max_pool`], [`global_avg_pool`] | pooling |
//! | [`linear`] | the classifier's matrix product |
//! | [`squeeze_excite`] | channel gates |
//! | [`training`] | a whole network's training step |
//! | [`cross_entropy`] | label-smoothed softmax loss |
//! | [`compare`] | the comparison that the workspace's tests use |
//!
//! Each kernel that is not plain itself has a `reference` with the same functions in plain loops: it
//! defines what the fast ones must compute, and the tests hold them to it.
//!
//! # Determinism
//!
//! Work is cut into chunks that depend on the sizes alone, and partial sums are added in a fixed
//! order, so results are the same bits for any number of threads.
//!
//! # Speed
//!
//! `cargo bench -p regnet-engine` prints a table. The vector instructions are chosen at run time by
//! [`pulp`]; no compiler flags are needed.
//!
//! # Panics
//!
//! Every kernel panics, naming the slice, when a slice's length does not follow from the sizes.

// The frozen engine's threads share memory and jobs, it asks for memory in large pages and before it is read, and its narrow
// products are instructions that `pulp` has no methods for: small modules allow it, and say why it is sound.
#![deny(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

// The reference that unit tests share with integration tests names this crate.
#[cfg(test)]
extern crate self as regnet_engine;

mod aligned;
pub mod batch_norm;
pub mod cells;
pub mod channels;
mod check;
pub mod compare;
pub mod conv2d;
pub mod cross_entropy;
pub mod frozen;
pub mod fuse;
pub mod global_avg_pool;
mod kernels;
pub mod linear;
pub mod max_pool;
mod pages;
mod planes;
mod product;
mod real;
pub mod regulator;
pub mod relu;
mod sigmoidal;
mod simd;
pub mod squeeze_excite;
pub mod training;

pub use real::Real;
