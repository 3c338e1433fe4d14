//! What can be wrong with numbers, as values that the macro and the run time both present.
//!
//! Each message says what is wrong, what is allowed and, where there is one, the nearest value that works.
//! `key` names the declaration's key at fault, so that a macro can point at its token.

mod words;

use std::fmt;

use crate::spec::Block;

/// The valid values nearest to an invalid one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest<T> {
    /// The largest valid value below.
    pub below: Option<T>,
    /// The smallest valid value above.
    pub above: Option<T>,
}

impl<T: fmt::Display> fmt::Display for Nearest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.below, &self.above) {
            (Some(below), Some(above)) => write!(f, "the nearest are {below} and {above}"),
            (Some(one), None) | (None, Some(one)) => write!(f, "the nearest is {one}"),
            (None, None) => write!(f, "there is none near"),
        }
    }
}

/// One thing wrong with RegNet parameters, a preset's name or a declaration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ParamError {
    /// d = 0, or absurdly deep.
    Depth {
        /// The depth given.
        d: usize,
        /// The nearest depth allowed.
        nearest: usize,
    },
    /// w0 is not a positive multiple of 8, or absurdly wide.
    InitialWidth {
        /// The initial width given.
        w0: usize,
        /// The nearest multiples of 8.
        nearest: Nearest<usize>,
    },
    /// wa is negative or not finite.
    Slope {
        /// The slope given.
        wa: f64,
        /// The nearest slope allowed.
        nearest: Nearest<f64>,
    },
    /// wm is not a finite number above 1.
    Multiplier {
        /// The multiplier given.
        wm: f64,
    },
    /// g = 0.
    NoGroupWidth,
    /// No stage is wide enough for one group.
    GroupWidth {
        /// The group width given.
        g: usize,
        /// The widest stage's inner width.
        largest: usize,
    },
    /// b is neither whole nor one over a whole number.
    Bottleneck {
        /// The ratio given.
        b: f64,
        /// The nearest ratios allowed.
        nearest: Nearest<f64>,
    },
    /// The widths grow beyond bounds.
    TooWide {
        /// The slope given.
        wa: f64,
        /// The quantised width of the last block.
        width: f64,
    },
    /// The parameters make too many stages.
    TooManyStages {
        /// The multiplier given.
        wm: f64,
        /// The stages' widths, before they are fitted to g.
        widths: Vec<usize>,
        /// A multiplier, to two decimals, from which on there are few enough.
        enough: f64,
    },
    /// A number outside the published design space.
    OutsideSpace {
        /// The parameter.
        key: &'static str,
        /// Its value.
        value: f64,
        /// The published rule.
        rule: &'static str,
        /// The nearest value that obeys it.
        remedy: &'static str,
    },
    /// No preset has this name.
    UnknownPreset {
        /// The name given.
        name: String,
        /// The name of the nearest preset.
        nearest: &'static str,
    },
    /// No stem has this name.
    UnknownStem {
        /// The name given.
        name: String,
    },
    /// A word of a regulator that means nothing.
    UnknownRegulator {
        /// What was given.
        text: String,
        /// What it should be.
        what: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A depth that three equal stages of basic blocks do not have.
    SelfRegulatedDepth {
        /// The depth given.
        depth: usize,
        /// The nearest depths allowed.
        nearest: Nearest<usize>,
    },
    /// Something wrong with the network around the quantised stages: its input, stem, SE ratio or head.
    Spec(SpecError),
}

impl ParamError {
    /// The declaration's key at fault: `"d"`, `"w0"`, `"wa"`, `"wm"`, `"g"`, `"b"`, `"preset"`, `"depth"`, or one of
    /// [`SpecError::key`]'s.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Depth { .. } => "d",
            Self::InitialWidth { .. } => "w0",
            Self::Slope { .. } | Self::TooWide { .. } => "wa",
            Self::Multiplier { .. } | Self::TooManyStages { .. } => "wm",
            Self::NoGroupWidth | Self::GroupWidth { .. } => "g",
            Self::Bottleneck { .. } => "b",
            Self::OutsideSpace { key, .. } => key,
            Self::UnknownPreset { .. } => "preset",
            Self::UnknownStem { .. } => "stem",
            Self::UnknownRegulator { .. } => "regulator",
            Self::SelfRegulatedDepth { .. } => "depth",
            Self::Spec(error) => error.key(),
        }
    }
}

/// One thing wrong with an AnyNet spec. Stages count from 1, as in the weights' names.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SpecError {
    /// The input has no channels, or absurdly many.
    InputChannels {
        /// The channels given.
        channels: usize,
    },
    /// The input's height or width is out of bounds.
    InputSize {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// The stem has no channels, or absurdly many.
    StemWidth {
        /// The width given.
        width: usize,
    },
    /// No stages, or too many.
    StageCount {
        /// The number of stages given.
        count: usize,
    },
    /// A stage has no blocks, or absurdly many.
    StageDepth {
        /// The stage.
        stage: usize,
        /// Its depth.
        depth: usize,
    },
    /// A stage has no channels, or absurdly many.
    StageWidth {
        /// The stage.
        stage: usize,
        /// Its width.
        width: usize,
    },
    /// A stage's stride is neither 1 nor 2.
    Stride {
        /// The stage.
        stage: usize,
        /// Its stride.
        stride: usize,
    },
    /// A width that the bottleneck ratio does not divide.
    BottleneckWidth {
        /// The stage.
        stage: usize,
        /// Its width.
        width: usize,
        /// Its bottleneck ratio.
        ratio: usize,
        /// The nearest multiples.
        nearest: Nearest<usize>,
    },
    /// An inner width that is not made of whole groups.
    GroupWidth {
        /// The stage.
        stage: usize,
        /// The inner width of its blocks.
        inner: usize,
        /// Its group width.
        group_width: usize,
        /// The nearest group widths that divide the inner width.
        nearest: Nearest<usize>,
    },
    /// A block without a bottleneck in a stage that asks for one.
    PlainStage {
        /// The stage.
        stage: usize,
        /// Its width.
        width: usize,
        /// The block.
        block: Block,
    },
    /// Squeeze-and-excitation in a block that has no place for it.
    PlainSe {
        /// The block.
        block: Block,
    },
    /// A regulator beside blocks that have no place for its state.
    PlainRegulator {
        /// The block.
        block: Block,
    },
    /// The squeeze-and-excitation ratio is out of bounds.
    Se {
        /// The ratio given.
        se: f64,
    },
    /// No classes, or absurdly many.
    Classes {
        /// The classes given.
        classes: usize,
    },
}

impl SpecError {
    /// The declaration's key at fault: `"input"`, `"stem"`, `"stages"`, `"se"`, `"regulator"` or `"classes"`.
    pub fn key(&self) -> &'static str {
        match self {
            Self::InputChannels { .. } | Self::InputSize { .. } => "input",
            Self::StemWidth { .. } => "stem",
            Self::StageCount { .. }
            | Self::StageDepth { .. }
            | Self::StageWidth { .. }
            | Self::Stride { .. }
            | Self::BottleneckWidth { .. }
            | Self::GroupWidth { .. }
            | Self::PlainStage { .. } => "stages",
            Self::PlainSe { .. } | Self::Se { .. } => "se",
            Self::PlainRegulator { .. } => "regulator",
            Self::Classes { .. } => "classes",
        }
    }
}

impl SpecError {
    /// The stage at fault, counted from 1; `None` where it is none of them.
    pub fn stage(&self) -> Option<usize> {
        match *self {
            Self::StageDepth { stage, .. }
            | Self::StageWidth { stage, .. }
            | Self::Stride { stage, .. }
            | Self::BottleneckWidth { stage, .. }
            | Self::GroupWidth { stage, .. }
            | Self::PlainStage { stage, .. } => Some(stage),
            _ => None,
        }
    }
}
