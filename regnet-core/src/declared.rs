//! From a network's type back to its numbers.

mod built_from;
mod regulated;

use regnet_space::{
    AnyNet, Block, Bottleneck as Ratio, Regulator, SE_RATIO, Stage as StageSpec, Stem, StemKind,
};

use crate::builders::{
    Bottleneck, CifarStem, Head, Identity, NoExcite, Pair, Projection, RegNet, ResBlock, ResNetStem,
    SimpleStem, SqueezeExcite, Stage,
};

pub use built_from::BuiltFrom;

/// A network that is declared as a type, with what the compiler knows of it.
///
/// Implemented by every [`RegNet`] whose stages have one kind of block (bottleneck, basic or vanilla) and one kind of
/// regulator or none, and by the names that `regnet!` and `anynet!` give them.
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
