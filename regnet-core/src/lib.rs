//! Statically typed RegNet layers, blocks, stages and networks for [dfdx] on stable Rust.
//!
//! Each module comes in two types, as in dfdx: a *builder* that says only what it is
//! ([`builders::Conv2d<3, 32, 3, 3, 2>`](builders::Conv2d)), and the module a device builds of it
//! ([`layers::Conv2d`]), which holds tensors. A forward pass has two halves as well: [`Accepts`] is what the
//! compiler checks, [`Run`] is what runs, on shapes that are plain numbers, compiled once for all of them.
//!
//! ```
//! use dfdx::prelude::*;
//! use regnet_core::builders::{Head, RegNet, SimpleStem, XStage};
//!
//! type Net = RegNet<SimpleStem<3, 16>, (XStage<1, 16, 24, 24, 8, 2>, XStage<2, 24, 56, 56, 8, 2>), Head<56, 10>>;
//!
//! let dev = Cpu::default();
//! let net = dev.build_module::<Net, f32>();
//! let images: Tensor<Rank4<2, 3, 64, 64>, f32, _> = dev.zeros();
//! let logits: Tensor<Rank2<2, 10>, f32, _> = net.forward(images);
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`dims`] | sizes known at compile time or at run time; strides |
//! | [`layers`] | convolution, batch norm, ReLU, max pool, squeeze-and-excitation |
//! | [`model`] | stems, blocks, stages, heads, networks; networks shaped at run time |
//! | [`regulator`] | recurrent networks beside the blocks, for self-regulated stages |
//! | [`builders`] | the same as types alone |
//! | [`device`] | which device a program was told to compute on |
//! | [`backend`] | the kernels a device offers |
//! | [`state`] | a model's tensors by name |
//! | [`training`] | a whole network's training step as one operation |
//! | [`weights`] | saving and loading, with the names of pycls, timm and torchvision |
//! | [`onnx`] | networks as ONNX files |
//! | [`frozen`] | networks frozen for inference |
//! | [`init`] | how parameters start |
//! | [`text_file`] | text files, read up to a bound |

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod backend;
pub mod builders;
#[cfg(any(feature = "cuda", all(test, feature = "emulate-cuda")))]
pub mod cuda;
mod declared;
pub mod device;
pub mod dims;
mod forward;
pub mod frozen;
pub mod init;
pub mod layers;
pub mod model;
pub mod onnx;
mod ops;
mod peek;
mod population;
pub mod regulator;
pub mod state;
pub mod tensors;
pub mod text_file;
pub mod training;
pub mod weights;

pub use backend::{Backend, Products};
pub use declared::{BuiltFrom, Declared};
pub use device::DeviceName;
pub use forward::{Accepts, Run};
pub use model::{DynRegNet, Features};
pub use ops::{Scores, StepScore, cross_entropy};
pub use population::{Candidate, Visitor};
pub use training::TrainingPlans;

/// The module that a device builds of a declared network.
pub type Built<Net, E, D> = <Net as dfdx::nn::BuildOnDevice<D, E>>::Built;
