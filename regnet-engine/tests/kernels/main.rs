//! Every fast kernel against its reference, and every reference against finite differences.

mod batch_norm;
mod cells;
mod common;
mod conv2d;
mod cross_entropy;
mod depthwise;
mod fuse;
mod linear;
mod non_finite;
mod pooling;
mod regulator;
mod relu;
mod squeeze_excite;
