//! Declare RegNet image classifiers in one line of Rust.
#![doc = include_str!("../README.md")]

pub use regnet_core::{Accepts, Backend, Built, Declared, DynRegNet, Run, cross_entropy};
pub use regnet_core::{builders, dims, init, layers, model, state, weights};
pub use regnet_space as space;
pub use regnet_train as train;

/// The version of dfdx that the modules are built on.
pub use dfdx;

/// What expanded declarations refer to; not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use core;
    pub use dfdx;
    pub use regnet_macros::declare;
    pub use regnet_space as space;
}

/// Declares a RegNet; see the [crate's documentation](crate) for the forms of a declaration.
#[macro_export]
macro_rules! regnet {
    ($($tokens:tt)*) => {
        $crate::__private::declare! { [$crate] $($tokens)* }
    };
}
