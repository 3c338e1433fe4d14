//! Regulators, and the stages that they run beside.

use std::marker::PhantomData;

use regnet_space::{Block, Cell, CellConv, Regulator, Share, Stage as StageSpec};

use super::{
    BasicBlocks, BottleneckBlocks, DescribeBlock, DescribeExcite, DescribeShortcut, DescribeStage,
    DescribedStage, ratio,
};
use crate::builders::{
    Bottleneck, Carry, EfficientRegulator, FullRegulator, Gru, Identity, Lent, Lstm, NoCarry, NoExcite, Pair,
    PerBlock, Regulated, RegulatedStage, ResBlock, Rnn,
};

impl<
    R,
    Own,
    Y: DescribeCarry,
    S: DescribeShortcut,
    First: DescribeExcite,
    Next: DescribeExcite,
    const DEPTH: usize,
    const IN: usize,
    const WIDTH: usize,
    const STRIDE: usize,
    const MAPS: usize,
> DescribeStage
    for RegulatedStage<
        R,
        Y,
        ResBlock<S, Regulated<MAPS, WIDTH, Pair<IN, WIDTH, STRIDE, NoExcite>, Own, First>>,
        ResBlock<Identity, Regulated<MAPS, WIDTH, Pair<WIDTH, WIDTH, 1, NoExcite>, Own, Next>>,
        DEPTH,
    >
where
    (R, Own): DescribeRegulator,
{
    type Kind = RegulatedBlocks<BasicBlocks, <(R, Own) as DescribeRegulator>::Kind>;

    fn describe() -> DescribedStage {
        DescribedStage {
            spec: StageSpec::plain(DEPTH, WIDTH, STRIDE),
            se: [First::HIDDEN, Next::HIDDEN],
            carries: Y::CARRIES,
        }
    }
}

impl<
    R,
    Own,
    Y: DescribeCarry,
    S: DescribeShortcut,
    First: DescribeExcite,
    Next: DescribeExcite,
    const DEPTH: usize,
    const IN: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    const STRIDE: usize,
    const MAPS: usize,
> DescribeStage
    for RegulatedStage<
        R,
        Y,
        ResBlock<
            S,
            Regulated<MAPS, INNER, Bottleneck<IN, INNER, WIDTH, GROUP, STRIDE, NoExcite>, Own, First>,
        >,
        ResBlock<
            Identity,
            Regulated<MAPS, INNER, Bottleneck<WIDTH, INNER, WIDTH, GROUP, 1, NoExcite>, Own, Next>,
        >,
        DEPTH,
    >
where
    (R, Own): DescribeRegulator,
{
    type Kind = RegulatedBlocks<BottleneckBlocks, <(R, Own) as DescribeRegulator>::Kind>;

    fn describe() -> DescribedStage {
        let bottleneck = const { ratio(WIDTH, INNER) };
        DescribedStage {
            spec: StageSpec { depth: DEPTH, width: WIDTH, stride: STRIDE, bottleneck, group_width: GROUP },
            se: [First::HIDDEN, Next::HIDDEN],
            carries: Y::CARRIES,
        }
    }
}

/// Whether a stage takes the state of the one before.
pub trait DescribeCarry {
    /// Whether it does.
    const CARRIES: bool;
}

impl DescribeCarry for NoCarry {
    const CARRIES: bool = false;
}

impl<const MAPS: usize, const PREV: usize, const N: usize, const STRIDE: usize> DescribeCarry
    for Carry<MAPS, PREV, N, STRIDE>
{
    const CARRIES: bool = true;
}

/// A recurrence as a type.
pub trait DescribeCell {
    /// The recurrence as a value.
    const CELL: Cell;
}

macro_rules! cells {
    ($($cell:ident)*) => { $(
        impl DescribeCell for $cell {
            const CELL: Cell = Cell::$cell;
        }
    )* };
}

cells!(Rnn Gru Lstm);

/// What stands in a stage's and in its blocks' places for a regulator.
pub trait DescribeRegulator {
    /// The regulator, apart from its width.
    type Kind: DescribeRegulatorKind;
}

/// A regulator, apart from its width and from whether the state is handed on between stages.
pub trait DescribeRegulatorKind {
    /// The same as a value.
    const REGULATOR: Regulator;
}

/// A regulator with cell `K`, efficient convolutions or full ones, the stage's or the block's.
#[derive(Debug, Clone, Copy)]
pub struct RegulatorKind<K, const EFFICIENT: bool, const SHARED: bool>(PhantomData<K>);

impl<K: DescribeCell, const EFFICIENT: bool, const SHARED: bool> DescribeRegulatorKind
    for RegulatorKind<K, EFFICIENT, SHARED>
{
    const REGULATOR: Regulator = Regulator {
        cell: K::CELL,
        conv: if EFFICIENT { CellConv::Efficient } else { CellConv::Full },
        share: if SHARED { Share::Stage } else { Share::Block },
        carry: false,
    };
}

macro_rules! regulators {
    ($($regulator:ident $efficient:literal;)*) => { $(
        impl<K: DescribeCell, const N: usize> DescribeRegulator for ($regulator<K, N>, Lent) {
            type Kind = RegulatorKind<K, $efficient, true>;
        }

        impl<K: DescribeCell, const N: usize> DescribeRegulator for (PerBlock, $regulator<K, N>) {
            type Kind = RegulatorKind<K, $efficient, false>;
        }
    )* };
}

regulators! {
    FullRegulator false;
    EfficientRegulator true;
}

/// Blocks of a kind `B` with a regulator `K` beside them.
#[derive(Debug, Clone, Copy)]
pub struct RegulatedBlocks<B, K>(PhantomData<(B, K)>);

impl<B: DescribeBlock, K: DescribeRegulatorKind> DescribeBlock for RegulatedBlocks<B, K> {
    const BLOCK: Block = B::BLOCK;
    const REGULATOR: Option<Regulator> = Some(K::REGULATOR);
}
