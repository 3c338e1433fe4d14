//! The parts of networks as types alone, without device or element type: what `regnet!` expands to, and what
//! hand-written networks are composed of.
//!
//! All sizes are const generics. A device builds a module of each with `device.build_module::<T, f32>()`.

use dfdx::prelude::{BuildModule, BuildOnDevice, Const, Device, Dtype};

use crate::layers::{self, NoPool};
use crate::model;
use crate::regulator::{self, Kind};

pub use crate::layers::{MaxPool, NoExcite, Relu};
pub use crate::model::{Identity, RegNet, RegulatedStage, ResBlock, Stage};
pub use crate::regulator::{Gru, Lent, Lstm, NoCarry, PerBlock, Rnn};

/// Gives a builder type and what it builds.
macro_rules! builder {
    ($(#[$doc:meta])* $name:ident<$($size:ident),+ $(; $($part:ident),+)?> => $built:ty) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct $name<$(const $size: usize,)+ $($($part),+)?>($($(std::marker::PhantomData<$part>),+)?);

        impl<$(const $size: usize,)+ $($($part,)+)? E: Dtype, D: Device<E>> BuildOnDevice<D, E>
            for $name<$($size,)+ $($($part),+)?>
        where
            $($($part: BuildOnDevice<D, E>,)+)?
            $built: BuildModule<D, E>,
        {
            type Built = $built;
        }
    };
}

builder! {
    /// Builds a [`layers::Conv2d`]: `OUT` filters of `KERNEL` x `KERNEL` over groups of `GROUP` channels.
    Conv2d<IN, OUT, GROUP, KERNEL, STRIDE>
        => layers::Conv2d<Const<IN>, Const<OUT>, Const<GROUP>, Const<KERNEL>, Const<STRIDE>, E, D>
}

builder! {
    /// Builds a [`layers::BatchNorm2d`].
    BatchNorm2d<CHANNELS> => layers::BatchNorm2d<Const<CHANNELS>, E, D>
}

builder! {
    /// Builds a [`layers::SqueezeExcite`].
    SqueezeExcite<CHANNELS, HIDDEN> => layers::SqueezeExcite<Const<CHANNELS>, Const<HIDDEN>, E, D>
}

builder! {
    /// Builds the stem of the published models: 3x3, stride 2.
    SimpleStem<IN, WIDTH> => model::Stem<Const<IN>, Const<WIDTH>, Const<3>, Const<2>, NoPool, E, D>
}

builder! {
    /// Builds the stem for small images: 3x3, stride 1.
    CifarStem<IN, WIDTH> => model::Stem<Const<IN>, Const<WIDTH>, Const<3>, Const<1>, NoPool, E, D>
}

builder! {
    /// Builds ResNet's stem: 7x7, stride 2, then a 3x3 max pool of stride 2.
    ResNetStem<IN, WIDTH> => model::Stem<Const<IN>, Const<WIDTH>, Const<7>, Const<2>, MaxPool, E, D>
}

builder! {
    /// Builds a shortcut that projects `IN` channels to `OUT`.
    Projection<IN, OUT, STRIDE> => model::Projection<Const<IN>, Const<OUT>, Const<STRIDE>, E, D>
}

builder! {
    /// Builds the branch of an X block, or of a Y block where `Se` is a [`SqueezeExcite`].
    Bottleneck<IN, INNER, OUT, GROUP, STRIDE; Se> => model::Bottleneck<
        Const<IN>, Const<INNER>, Const<OUT>, Const<GROUP>, Const<STRIDE>, Se::Built, E, D,
    >
}

builder! {
    /// Builds a vanilla block, or the branch of a basic one: two 3x3 convolutions, the first moved by `STRIDE`.
    Pair<IN, OUT, STRIDE; Se> => model::Pair<Const<IN>, Const<OUT>, Const<STRIDE>, Se::Built, E, D>
}

builder! {
    /// Builds the branch of a self-regulated block of `F`, whose states are `MAPS` maps of `N` channels. `R` is its own
    /// regulator or [`Lent`].
    Regulated<MAPS, N; F, R, Se>
        => model::Regulated<F::Built, R::Built, Const<MAPS>, Const<N>, Se::Built, E, D>
}

builder! {
    /// Builds a [`regulator::Carry`].
    Carry<MAPS, PREV, N, STRIDE>
        => regulator::Carry<Const<MAPS>, Const<PREV>, Const<N>, Const<STRIDE>, E, D>
}

/// Gives the builder of a regulator.
macro_rules! regulator {
    ($(#[$doc:meta])* $name:ident $conv:ident) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct $name<K, const N: usize>(std::marker::PhantomData<K>);

        impl<K: Kind, const N: usize, E: Dtype, D: Device<E>> BuildOnDevice<D, E> for $name<K, N>
        where
            regulator::Regulator<K, Const<N>, regulator::$conv<K, Const<N>, E, D>, E, D>: BuildModule<D, E>,
        {
            type Built = regulator::Regulator<K, Const<N>, regulator::$conv<K, Const<N>, E, D>, E, D>;
        }
    };
}

regulator! {
    /// Builds a [`regulator::Regulator`] of kind `K` on `N` channels, with full convolutions.
    FullRegulator FullConv
}

regulator! {
    /// The same with efficient convolutions.
    EfficientRegulator EfficientConv
}

builder! {
    /// Builds a [`model::Head`].
    Head<IN, CLASSES> => model::Head<Const<IN>, Const<CLASSES>, E, D>
}

impl<Shortcut, F, E, D> BuildOnDevice<D, E> for ResBlock<Shortcut, F>
where
    Shortcut: BuildOnDevice<D, E>,
    F: BuildOnDevice<D, E>,
    ResBlock<Shortcut::Built, F::Built>: BuildModule<D, E>,
    E: Dtype,
    D: Device<E>,
{
    type Built = ResBlock<Shortcut::Built, F::Built>;
}

/// A block that changes width from `IN` to `WIDTH` and moves by `STRIDE`, without squeeze-and-excitation.
pub type XBlock<
    const IN: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    const STRIDE: usize,
> = ResBlock<Projection<IN, WIDTH, STRIDE>, Bottleneck<IN, INNER, WIDTH, GROUP, STRIDE, NoExcite>>;

/// A block of one width, without squeeze-and-excitation; its shortcut is the identity.
pub type XNext<const WIDTH: usize, const INNER: usize, const GROUP: usize> =
    ResBlock<Identity, Bottleneck<WIDTH, INNER, WIDTH, GROUP, 1, NoExcite>>;

/// A block that changes width and moves by `STRIDE`, with squeeze-and-excitation of `SE` hidden units.
pub type YBlock<
    const IN: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    const STRIDE: usize,
    const SE: usize,
> = ResBlock<
    Projection<IN, WIDTH, STRIDE>,
    Bottleneck<IN, INNER, WIDTH, GROUP, STRIDE, SqueezeExcite<INNER, SE>>,
>;

/// A block of one width, with squeeze-and-excitation of `SE` hidden units.
pub type YNext<const WIDTH: usize, const INNER: usize, const GROUP: usize, const SE: usize> =
    ResBlock<Identity, Bottleneck<WIDTH, INNER, WIDTH, GROUP, 1, SqueezeExcite<INNER, SE>>>;

/// A RegNetX stage: `DEPTH` blocks, the first from `IN` channels to `WIDTH` with `STRIDE`; `INNER` channels in
/// groups of `GROUP` inside each block.
pub type XStage<
    const DEPTH: usize,
    const IN: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    const STRIDE: usize,
> = Stage<XBlock<IN, WIDTH, INNER, GROUP, STRIDE>, XNext<WIDTH, INNER, GROUP>, DEPTH>;

/// A RegNetY stage: as [`XStage`], with squeeze-and-excitation of `SE_FIRST` hidden units in the first block and
/// `SE_NEXT` in the others (the ratio is of a block's *input* width, which differs).
pub type YStage<
    const DEPTH: usize,
    const IN: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    const STRIDE: usize,
    const SE_FIRST: usize,
    const SE_NEXT: usize,
> = Stage<YBlock<IN, WIDTH, INNER, GROUP, STRIDE, SE_FIRST>, YNext<WIDTH, INNER, GROUP, SE_NEXT>, DEPTH>;

/// ResNet's basic block where width or resolution changes: two 3x3 convolutions and a projection.
pub type BasicBlock<const IN: usize, const WIDTH: usize, const STRIDE: usize> =
    ResBlock<Projection<IN, WIDTH, STRIDE>, Pair<IN, WIDTH, STRIDE, NoExcite>>;

/// ResNet's basic block of one width; its shortcut is the identity.
pub type BasicNext<const WIDTH: usize> = ResBlock<Identity, Pair<WIDTH, WIDTH, 1, NoExcite>>;

/// A stage of basic blocks, as [`XStage`] is of X blocks. A stage that changes neither width nor resolution, such as
/// ResNet-56's first, is a `Stage<BasicNext<WIDTH>, BasicNext<WIDTH>, DEPTH>`.
pub type BasicStage<const DEPTH: usize, const IN: usize, const WIDTH: usize, const STRIDE: usize> =
    Stage<BasicBlock<IN, WIDTH, STRIDE>, BasicNext<WIDTH>, DEPTH>;

/// A stage of vanilla blocks: two 3x3 convolutions each, no shortcut.
pub type VanillaStage<const DEPTH: usize, const IN: usize, const WIDTH: usize, const STRIDE: usize> =
    Stage<Pair<IN, WIDTH, STRIDE, NoExcite>, Pair<WIDTH, WIDTH, 1, NoExcite>, DEPTH>;

/// The first block of a self-regulated stage of basic blocks that changes width from `IN` to `WIDTH` or moves by
/// `STRIDE`. Its states are `MAPS` maps of `WIDTH` channels; `R` is its own regulator or [`Lent`], and `Se` a
/// [`SqueezeExcite`] on `WIDTH` channels or [`NoExcite`].
pub type RegulatedBasicBlock<
    const MAPS: usize,
    const IN: usize,
    const WIDTH: usize,
    const STRIDE: usize,
    R,
    Se,
> = ResBlock<Projection<IN, WIDTH, STRIDE>, Regulated<MAPS, WIDTH, Pair<IN, WIDTH, STRIDE, NoExcite>, R, Se>>;

/// The other blocks of such a stage; their shortcut is the identity.
pub type RegulatedBasicNext<const MAPS: usize, const WIDTH: usize, R, Se> =
    ResBlock<Identity, Regulated<MAPS, WIDTH, Pair<WIDTH, WIDTH, 1, NoExcite>, R, Se>>;

/// The first block of a self-regulated stage of X or Y blocks, as [`RegulatedBasicBlock`] is of basic ones. Its states
/// have `INNER` channels.
pub type RegulatedXBlock<
    const MAPS: usize,
    const IN: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    const STRIDE: usize,
    R,
    Se,
> = ResBlock<
    Projection<IN, WIDTH, STRIDE>,
    Regulated<MAPS, INNER, Bottleneck<IN, INNER, WIDTH, GROUP, STRIDE, NoExcite>, R, Se>,
>;

/// The other blocks of such a stage; their shortcut is the identity.
pub type RegulatedXNext<
    const MAPS: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    R,
    Se,
> = ResBlock<Identity, Regulated<MAPS, INNER, Bottleneck<WIDTH, INNER, WIDTH, GROUP, 1, NoExcite>, R, Se>>;
