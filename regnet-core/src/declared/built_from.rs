//! From a module that a device built back to the type that it was built from.

use dfdx::prelude::{Const, Dtype, Storage};

use crate::builders::{
    self, Identity, Lent, NoCarry, NoExcite, PerBlock, RegNet, RegulatedStage, ResBlock, Stage,
};
use crate::layers::{self, MaxPool, NoPool};
use crate::model;
use crate::regulator::{self, Kind};

/// A module whose builder the compiler can tell, and with it the network's numbers.
#[diagnostic::on_unimplemented(
    message = "the compiler cannot tell what `{Self}` was built from",
    note = "a network of declared sizes is needed; one that is shaped at run time is a `DynRegNet`"
)]
pub trait BuiltFrom {
    /// What builds it.
    type Builder;
}

macro_rules! themselves {
    ($($part:ty),*) => { $(
        impl BuiltFrom for $part {
            type Builder = Self;
        }
    )* };
}

themselves!(Identity, NoExcite, Lent, NoCarry, PerBlock);

macro_rules! tuples {
    ($($stage:ident)*) => {
        impl<$($stage: BuiltFrom),*> BuiltFrom for ($($stage,)*) {
            type Builder = ($($stage::Builder,)*);
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);

impl<Stem: BuiltFrom, Stages: BuiltFrom, Head: BuiltFrom> BuiltFrom for RegNet<Stem, Stages, Head> {
    type Builder = RegNet<Stem::Builder, Stages::Builder, Head::Builder>;
}

impl<First: BuiltFrom, Next: BuiltFrom, const DEPTH: usize> BuiltFrom for Stage<First, Next, DEPTH> {
    type Builder = Stage<First::Builder, Next::Builder, DEPTH>;
}

impl<R: BuiltFrom, Y: BuiltFrom, First: BuiltFrom, Next: BuiltFrom, const DEPTH: usize> BuiltFrom
    for RegulatedStage<R, Y, First, Next, DEPTH>
{
    type Builder = RegulatedStage<R::Builder, Y::Builder, First::Builder, Next::Builder, DEPTH>;
}

impl<Shortcut: BuiltFrom, F: BuiltFrom> BuiltFrom for ResBlock<Shortcut, F> {
    type Builder = ResBlock<Shortcut::Builder, F::Builder>;
}

/// What is built of sizes alone.
macro_rules! sizes {
    ($($module:ident::$name:ident: $($size:ident)*;)*) => { $(
        impl<$(const $size: usize,)* E: Dtype, D: Storage<E>> BuiltFrom
            for $module::$name<$(Const<$size>,)* E, D>
        {
            type Builder = builders::$name<$($size),*>;
        }
    )* };
}

sizes! {
    model::Projection: IN OUT STRIDE;
    model::Head: IN CLASSES;
    layers::SqueezeExcite: CHANNELS HIDDEN;
    regulator::Carry: MAPS PREV N STRIDE;
}

macro_rules! stems {
    ($($builder:ident: $kernel:literal, $stride:literal, $pool:ty;)*) => { $(
        impl<const IN: usize, const WIDTH: usize, E: Dtype, D: Storage<E>> BuiltFrom
            for model::Stem<Const<IN>, Const<WIDTH>, Const<$kernel>, Const<$stride>, $pool, E, D>
        {
            type Builder = builders::$builder<IN, WIDTH>;
        }
    )* };
}

stems! {
    SimpleStem: 3, 2, NoPool;
    CifarStem: 3, 1, NoPool;
    ResNetStem: 7, 2, MaxPool;
}

impl<
    const IN: usize,
    const INNER: usize,
    const OUT: usize,
    const GROUP: usize,
    const STRIDE: usize,
    Se: BuiltFrom,
    E: Dtype,
    D: Storage<E>,
> BuiltFrom
    for model::Bottleneck<Const<IN>, Const<INNER>, Const<OUT>, Const<GROUP>, Const<STRIDE>, Se, E, D>
{
    type Builder = builders::Bottleneck<IN, INNER, OUT, GROUP, STRIDE, Se::Builder>;
}

impl<const IN: usize, const OUT: usize, const STRIDE: usize, Se: BuiltFrom, E: Dtype, D: Storage<E>> BuiltFrom
    for model::Pair<Const<IN>, Const<OUT>, Const<STRIDE>, Se, E, D>
{
    type Builder = builders::Pair<IN, OUT, STRIDE, Se::Builder>;
}

impl<F: BuiltFrom, R: BuiltFrom, const MAPS: usize, const N: usize, Se: BuiltFrom, E: Dtype, D: Storage<E>>
    BuiltFrom for model::Regulated<F, R, Const<MAPS>, Const<N>, Se, E, D>
{
    type Builder = builders::Regulated<MAPS, N, F::Builder, R::Builder, Se::Builder>;
}

macro_rules! regulators {
    ($($conv:ident => $builder:ident;)*) => { $(
        impl<K: Kind, const N: usize, E: Dtype, D: Storage<E>> BuiltFrom
            for regulator::Regulator<K, Const<N>, regulator::$conv<K, Const<N>, E, D>, E, D>
        {
            type Builder = builders::$builder<K, N>;
        }
    )* };
}

regulators! {
    FullConv => FullRegulator;
    EfficientConv => EfficientRegulator;
}
