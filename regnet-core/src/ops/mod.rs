//! Tape operations: one file each, a forward kernel and the closure that runs its backward kernel.
//!
//! All of them work on run-time-shaped tensors, so that they are compiled once per element type, device and
//! tape; the typed layers are shells around them.

mod batch_norm;
mod conv2d;
mod cross_entropy;
mod fuse;
mod head;
mod max_pool;
mod regulate;
mod relu;
mod scores;
mod squeeze_excite;

pub(crate) use batch_norm::{BatchNormArgs, batch_norm};
pub(crate) use conv2d::{conv2d, conv2d_flat};
pub use cross_entropy::cross_entropy;
pub(crate) use fuse::fuse;
pub(crate) use head::{global_avg_pool, linear};
pub(crate) use max_pool::max_pool;
pub(crate) use regulate::regulate;
pub(crate) use relu::relu;
pub use scores::{Scores, StepScore};
pub(crate) use squeeze_excite::squeeze_excite;
