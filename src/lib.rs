//! Declare RegNet image classifiers in one line of Rust.
#![doc = include_str!("../README.md")]

#[cfg(feature = "cuda")]
pub use regnet_core::cuda;
pub use regnet_core::{
    Accepts, Backend, Built, Declared, DeviceName, DynRegNet, Features, Products, Run, cross_entropy,
};
pub use regnet_core::{Candidate, Visitor};
pub use regnet_core::{
    builders, device, dims, frozen, init, layers, model, on_device, onnx, regulator, state, tensors,
    text_file, weights,
};
pub use regnet_space as space;
pub use regnet_train as train;

/// The version of dfdx that the modules are built on.
pub use dfdx;

/// What expanded declarations refer to; not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use core;
    pub use dfdx;
    pub use regnet_macros::{declare, declare_anynet, declare_self_regulated, population};
    pub use regnet_space as space;
}

/// Declares a RegNet; see the [crate's documentation](crate) for the forms of a declaration.
///
/// Every mistake is an error of its own, under the tokens at fault. Its first line ends with a short name in brackets,
/// which stays the same when messages are reworded (those of mistakes in numbers are listed in [`space::code`]); its
/// second line says what to do.
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
/// stages. `block` is `x` or `bottleneck` (the same), `basic` or `vanilla`. `se`, `regulator`, `stem`, `classes` and
/// `input` are those of [`regnet!`]. `space` names a design space that the network must lie in, or the build fails: `AnyNetXA` to
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

/// Declares a self-regulated ResNet ([arXiv 2101.00590](https://arxiv.org/abs/2101.00590)).
///
/// ```
/// use regnet::{Declared, self_regulated, space};
///
/// self_regulated! {
///     /// The paper's smallest network for CIFAR-10.
///     pub struct Net = < depth = 20, cell = lstm >;
///     classes = 10;
/// }
///
/// type Efficient = self_regulated!(depth = 20, cell = gru, conv = efficient, se = true);
///
/// assert_eq!(Net::STAGE_DEPTHS, [3, 3, 3]);
/// assert_eq!(Net::spec(), space::self_regulated_presets()[0].to_anynet(space::Cell::Lstm.into()));
/// ```
///
/// Only `depth` must be there. The macros for other networks take a regulator as well, as one key:
/// `regnet!(RegNetX-200MF, regulator = gru(conv = efficient, share = block, carry = true))`.
///
/// | key | meaning |
/// | --- | --- |
/// | `depth` | 6n + 2 for CIFAR: a stem of 16 and three stages of n basic blocks; 50 is ResNet-50, for ImageNet |
/// | `cell` | `rnn`, `gru` or `lstm`, the default |
/// | `conv` | the convolutions of the cell: `full`, the default, or `efficient` |
/// | `share` | who shares a regulator: the blocks of a `stage`, the default, or nobody, with `block` |
/// | `carry` | whether the state goes from stage to stage; `false` by default |
/// | `se` | squeeze-and-excitation after a block's last convolution: `true`, a ratio, or `false`, the default |
/// | `classes` | classes the head tells apart; 10 by default, 1000 at depth 50 |
/// | `input` | channels x height x width of the images; by default 3 x 32 x 32, at depth 50 3 x 224 x 224 |
/// | `budget` | limits on what the network may cost, as in [`regnet!`] |
#[macro_export]
macro_rules! self_regulated {
    ($($tokens:tt)*) => {
        $crate::__private::declare_self_regulated! { [$crate] $($tokens)* }
    };
}

/// Declares a module of networks drawn from a design space, the same ones for the same seed.
///
/// ```
/// use regnet::{Candidate, Visitor, population};
///
/// population! {
///     /// Small networks for small images.
///     pub mod candidates = RegNetX[2] {
///         seed    = 7;
///         flops   = 4M..=6M;
///         input   = 3 x 32 x 32;
///         classes = 10;
///         stem    = cifar(16);
///     }
/// }
///
/// struct Names(Vec<String>);
///
/// impl Visitor for Names {
///     fn visit<N: Candidate>(&mut self) {
///         self.0.push(format!("{:?}", N::default()));
///     }
/// }
///
/// let mut names = Names(Vec::new());
/// candidates::visit_all(&mut names);
/// assert_eq!(names.0, ["Candidate0", "Candidate1"]);
/// assert_eq!(names.0.len(), candidates::COUNT);
/// assert!(candidates::Candidate1::FLOPS <= 6_000_000);
/// ```
///
/// The spaces are the paper's, `AnyNetXA` to `AnyNetXE`, `RegNetX` and `RegNetY`, with the ranges of
/// [`DesignSpace`](space::design); the number in brackets is 1 to 64. Only `seed` must be there:
///
/// | key | meaning |
/// | --- | --- |
/// | `seed` | what every draw follows from |
/// | `flops`, `params`, `acts` | windows on the complexity: `80M..=100M`, `..=6.5M`; units are `K`, `M` and `G` |
/// | `input` | channels x height x width of the images; by default as in `regnet!` |
/// | `classes` | classes the head tells apart; 1000 by default |
/// | `stem` | `simple`, `cifar` or `resnet` and its width; `simple(32)` by default |
///
/// The module holds `Candidate0`, `Candidate1` and so on, each with the constants and documentation of a `regnet!`
/// item; `COUNT`; and `visit_all`, which runs a [`Visitor`] on each. A [`Sampler`](space::Sampler) of the same
/// settings draws the same networks at run time.
#[macro_export]
macro_rules! population {
    ($($tokens:tt)*) => {
        $crate::__private::population! { [$crate] $($tokens)* }
    };
}
