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
    pub use regnet_macros::{declare, declare_anynet};
    pub use regnet_space as space;
}

/// Declares a RegNet; see the [crate's documentation](crate) for the forms of a declaration.
#[macro_export]
macro_rules! regnet {
    ($($tokens:tt)*) => {
        $crate::__private::declare! { [$crate] $($tokens)* }
    };
}

/// Declares a network stage by stage: any model of the paper's AnyNet spaces, and ResNets.
///
/// `depths` and `widths` are lists with one number for each of the 1 to 6 stages; `groups` (the group *width* of the 3x3
/// convolutions; one group where it is left out), `bottleneck` (1) and `strides` (2) are lists or one number for all
/// stages. `block` is `x` or `bottleneck` (the same), `basic` or `vanilla`. `se`, `stem`, `classes` and `input` are those
/// of [`regnet!`]. `space` names a design space that the network must lie in, or the build fails: `AnyNetXA` to
/// `AnyNetXE`, `RegNetX` or `RegNetY` (see [`space::SpaceName`]).
///
/// ```
/// use regnet::anynet;
///
/// type Net = anynet!(depths = [1, 3, 5, 7], widths = [48, 96, 240, 528], groups = 24, space = RegNetX);
///
/// anynet! {
///     /// ResNet-56 for CIFAR-10 (He et al., 2016).
///     pub struct ResNet56 = < depths=[9, 9, 9], widths=[16, 32, 64], strides=[1, 2, 2], block=basic >;
///     stem    = cifar(16);
///     classes = 10;
/// }
///
/// assert_eq!(ResNet56::PARAMS, 855_770);
/// ```
#[macro_export]
macro_rules! anynet {
    ($($tokens:tt)*) => {
        $crate::__private::declare_anynet! { [$crate] $($tokens)* }
    };
}
