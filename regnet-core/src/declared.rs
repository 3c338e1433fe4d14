//! From a network's type back to its numbers.

use regnet_space::{
    AnyNet, Block, Bottleneck as Ratio, Cell, CellConv, Regulator, SE_RATIO, Share, Stage as StageSpec, Stem,
    StemKind,
};

use crate::builders::{
    Bottleneck, Carry, CifarStem, EfficientRegulator, FullRegulator, Gru, Head, Identity, Lent, Lstm,
    NoCarry, NoExcite, Pair, PerBlock, Projection, RegNet, Regulated, RegulatedStage, ResBlock, ResNetStem,
    Rnn, SimpleStem, SqueezeExcite, Stage,
};

/// A network that is declared as a type, with what the compiler knows of it.
///
/// Implemented by every [`RegNet`] whose stages have one kind of block (bottleneck, basic or vanilla), and by the names
/// that `regnet!` and `anynet!` give them.
pub trait Declared {
    /// The network's layers.
    type Network;

    /// Channels, height and width of the images it is declared for.
    const INPUT: [usize; 3];

    /// Its numbers, from which the layer graph, the complexity and drawings follow.
    fn spec() -> AnyNet;
}

impl<S: DescribeStem, Stages: DescribeStages, const IN: usize, const CLASSES: usize> Declared
    for RegNet<S, Stages, Head<IN, CLASSES>>
{
    type Network = Self;

    /// The type does not say a resolution: 224 x 224, or 32 x 32 with the CIFAR stem.
    const INPUT: [usize; 3] = S::INPUT;

    fn spec() -> AnyNet {
        let stages = Stages::describe();
        AnyNet {
            input_channels: S::INPUT[0],
            stem: S::STEM,
            block: Stages::BLOCK,
            se: se_ratio(&stages, S::STEM.width),
            regulator: Stages::regulator(stages.iter().any(|stage| stage.carries)),
            stages: stages.into_iter().map(|stage| stage.spec).collect(),
            classes: CLASSES,
        }
    }
}

/// A stem's numbers.
pub trait DescribeStem {
    /// Channels, height and width of the image.
    const INPUT: [usize; 3];
    /// Its kind and width.
    const STEM: Stem;
}

macro_rules! stems {
    ($($stem:ident $kind:ident $resolution:literal;)*) => { $(
        impl<const IN: usize, const WIDTH: usize> DescribeStem for $stem<IN, WIDTH> {
            const INPUT: [usize; 3] = [IN, $resolution, $resolution];
            const STEM: Stem = Stem { kind: StemKind::$kind, width: WIDTH };
        }
    )* };
}

stems! {
    SimpleStem Simple 224;
    CifarStem Cifar 32;
    ResNetStem ResNet 224;
}

/// A stage's numbers.
#[derive(Debug, Clone, Copy)]
pub struct DescribedStage {
    spec: StageSpec,
    /// Hidden units of the squeeze-and-excitation of the first block and of the others; 0 for none.
    se: [usize; 2],
    /// Whether the state of the stage before comes into it.
    carries: bool,
}

/// The numbers of the stages in a tuple.
pub trait DescribeStages {
    /// The block of every stage.
    const BLOCK: Block;
    /// From the first to the last.
    fn describe() -> Vec<DescribedStage>;
    /// What runs beside the blocks, where a state is handed on between stages, or not.
    fn regulator(carry: bool) -> Option<Regulator>;
}

/// One stage's numbers.
pub trait DescribeStage {
    /// The kind of its blocks, which all stages of a network share.
    type Kind: DescribeBlock;
    /// Depth, widths, stride.
    fn describe() -> DescribedStage;
}

macro_rules! stages {
    ($first:ident $(, $stage:ident)*) => {
        impl<$first: DescribeStage, $($stage: DescribeStage<Kind = $first::Kind>),*> DescribeStages
            for ($first, $($stage,)*)
        {
            const BLOCK: Block = $first::Kind::BLOCK;

            fn describe() -> Vec<DescribedStage> {
                vec![$first::describe(), $($stage::describe()),*]
            }

            fn regulator(carry: bool) -> Option<Regulator> {
                $first::Kind::REGULATOR.map(|regulator| Regulator { carry, ..regulator })
            }
        }
    };
}

stages!(A);
stages!(A, B);
stages!(A, B, C);
stages!(A, B, C, D);
stages!(A, B, C, D, E);
stages!(A, B, C, D, E, F);

impl<
    S: DescribeShortcut,
    First: DescribeExcite,
    Next: DescribeExcite,
    const DEPTH: usize,
    const IN: usize,
    const WIDTH: usize,
    const INNER: usize,
    const GROUP: usize,
    const STRIDE: usize,
> DescribeStage
    for Stage<
        ResBlock<S, Bottleneck<IN, INNER, WIDTH, GROUP, STRIDE, First>>,
        ResBlock<Identity, Bottleneck<WIDTH, INNER, WIDTH, GROUP, 1, Next>>,
        DEPTH,
    >
{
    type Kind = BottleneckBlocks;

    fn describe() -> DescribedStage {
        let bottleneck = const { ratio(WIDTH, INNER) };
        DescribedStage {
            spec: StageSpec { depth: DEPTH, width: WIDTH, stride: STRIDE, bottleneck, group_width: GROUP },
            se: [First::HIDDEN, Next::HIDDEN],
            carries: false,
        }
    }
}

impl<
    S: DescribeShortcut,
    First: DescribeExcite,
    Next: DescribeExcite,
    const DEPTH: usize,
    const IN: usize,
    const WIDTH: usize,
    const STRIDE: usize,
> DescribeStage
    for Stage<
        ResBlock<S, Pair<IN, WIDTH, STRIDE, First>>,
        ResBlock<Identity, Pair<WIDTH, WIDTH, 1, Next>>,
        DEPTH,
    >
{
    type Kind = BasicBlocks;

    fn describe() -> DescribedStage {
        DescribedStage {
            spec: StageSpec::plain(DEPTH, WIDTH, STRIDE),
            se: [First::HIDDEN, Next::HIDDEN],
            carries: false,
        }
    }
}

impl<const DEPTH: usize, const IN: usize, const WIDTH: usize, const STRIDE: usize> DescribeStage
    for Stage<Pair<IN, WIDTH, STRIDE, NoExcite>, Pair<WIDTH, WIDTH, 1, NoExcite>, DEPTH>
{
    type Kind = VanillaBlocks;

    fn describe() -> DescribedStage {
        DescribedStage { spec: StageSpec::plain(DEPTH, WIDTH, STRIDE), se: [0; 2], carries: false }
    }
}

/// The bottleneck ratio of these widths.
const fn ratio(width: usize, inner: usize) -> Ratio {
    assert!(
        inner > 0 && (width.is_multiple_of(inner) || inner.is_multiple_of(width)),
        "a stage's width must be a whole multiple of its inner width, or the other way round"
    );
    if inner <= width { Ratio::reduces(width / inner) } else { Ratio::expands(inner / width) }
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
pub struct RegulatorKind<K, const EFFICIENT: bool, const SHARED: bool>(std::marker::PhantomData<K>);

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
pub struct RegulatedBlocks<B, K>(std::marker::PhantomData<(B, K)>);

impl<B: DescribeBlock, K: DescribeRegulatorKind> DescribeBlock for RegulatedBlocks<B, K> {
    const BLOCK: Block = B::BLOCK;
    const REGULATOR: Option<Regulator> = Some(K::REGULATOR);
}

/// A kind of block as a type.
pub trait DescribeBlock {
    /// The kind as a value.
    const BLOCK: Block;
    /// What runs beside the blocks, apart from whether the state is handed on between stages.
    const REGULATOR: Option<Regulator> = None;
}

macro_rules! blocks {
    ($($kind:ident $block:ident;)*) => { $(
        #[doc = concat!("[`Block::", stringify!($block), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $kind;

        impl DescribeBlock for $kind {
            const BLOCK: Block = Block::$block;
        }
    )* };
}

blocks! {
    BottleneckBlocks Bottleneck;
    BasicBlocks Basic;
    VanillaBlocks Vanilla;
}

/// The shortcuts a stage may start with.
pub trait DescribeShortcut {}

impl DescribeShortcut for Identity {}
impl<const IN: usize, const OUT: usize, const STRIDE: usize> DescribeShortcut
    for Projection<IN, OUT, STRIDE>
{
}

/// Whether blocks squeeze and excite.
pub trait DescribeExcite {
    /// Hidden units; 0 for none.
    const HIDDEN: usize;
}

impl DescribeExcite for NoExcite {
    const HIDDEN: usize = 0;
}

impl<const CHANNELS: usize, const HIDDEN: usize> DescribeExcite for SqueezeExcite<CHANNELS, HIDDEN> {
    const HIDDEN: usize = HIDDEN;
}

/// The ratio that rounds to the hidden units of every block: the published one where it does, else the middle
/// of all that do; `None` where no block has any. Hand-written stages may follow no common ratio; then the one
/// nearest to all.
fn se_ratio(stages: &[DescribedStage], stem_width: usize) -> Option<f64> {
    let mut widths = Vec::new();
    let mut input = stem_width;
    for stage in stages {
        let [first, next] = stage.se;
        widths.push((input, first));
        input = stage.spec.width;
        if stage.spec.depth > 1 {
            widths.push((input, next));
        }
    }
    if widths.iter().all(|&(_, se)| se == 0) {
        return None;
    }
    let fits = |ratio: f64| widths.iter().all(|&(w, se)| (w as f64 * ratio).round_ties_even() as usize == se);
    if fits(SE_RATIO) {
        return Some(SE_RATIO);
    }
    let bound = |shift: f64| widths.iter().map(move |&(w, se)| (se as f64 + shift) / w as f64);
    let lowest = bound(-0.5).fold(f64::MIN, f64::max);
    let highest = bound(0.5).fold(f64::MAX, f64::min);
    Some((lowest + highest) / 2.0)
}
