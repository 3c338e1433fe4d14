//! dfdx's CUDA device as a [`Backend`](crate::Backend).
//!
//! | module | what it holds |
//! | --- | --- |
//! | `kernels/` | the kernels, in CUDA C++; compiled for the card that is found, for each layer's sizes |
//! | `ops` | each operation as launches of kernels on views of device memory |
//! | `queue`, `view` | what a device must do for `ops`, and how its memory is lent to them |
//! | `stream` | a CUDA device that does it |
//! | `pool`, `staging` | batches on their way to a device, copied beside what it computes |
//! | `location`, `tensor` | where a tensor's elements lie |
//! | `backend`, `sgd` | the operations on dfdx's tensors, and the optimiser's on all of a network's |
//! | `emulator` | the same kernels on the host, for tests where there is no GPU |

#[cfg(feature = "cuda")]
mod backend;
#[cfg(all(test, feature = "cuda"))]
mod compiled;
#[cfg(feature = "cuda")]
mod device;
#[cfg(all(test, feature = "emulate-cuda"))]
mod emulator;
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
mod location;
mod ops;
#[cfg_attr(not(feature = "cuda"), allow(dead_code))]
mod pool;
mod queue;
#[cfg(feature = "cuda")]
mod sgd;
#[cfg(feature = "cuda")]
mod staging;
#[cfg(feature = "cuda")]
mod stream;
#[cfg(feature = "cuda")]
mod tensor;
#[cfg(all(test, feature = "emulate-cuda"))]
mod tests;
mod view;

#[cfg(feature = "cuda")]
pub use device::{NoCuda, device};
#[cfg(feature = "cuda")]
pub use staging::{Loaded, Sent, Staging};
