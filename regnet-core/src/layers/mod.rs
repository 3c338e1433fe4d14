//! Layers: one file each, the module, its run-time half and its compile-time half.

pub(crate) mod batch_norm2d;
mod conv2d;
mod max_pool;
mod relu;
mod squeeze_excite;

pub use batch_norm2d::BatchNorm2d;
pub use conv2d::Conv2d;
pub use max_pool::{MaxPool, NoPool, Pool};
pub use relu::Relu;
pub(crate) use squeeze_excite::NAMES as EXCITE_NAMES;
pub use squeeze_excite::{Excite, NoExcite, SqueezeExcite};
