//! What can be wrong with numbers, as values that the macro and the run time both present.
//!
//! Each message says what is wrong, what is allowed and, where there is one, the nearest value that works.
//! `key` names the declaration's key at fault, so that a macro can point at its token.

use std::fmt;

use thiserror::Error;

use crate::limits::{MAX_BOTTLENECK, MAX_CLASSES, MAX_DEPTH, MAX_INPUT, MAX_STAGES, MAX_WIDTH};
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
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ParamError {
    /// d = 0, or absurdly deep.
    #[error("d = {d} is out of range: a network has 1 to {MAX_DEPTH} blocks; the nearest is {nearest}")]
    Depth {
        /// The depth given.
        d: usize,
        /// The nearest depth allowed.
        nearest: usize,
    },
    /// w0 is not a positive multiple of 8, or absurdly wide.
    #[error("w0 = {w0} is not a multiple of 8 between 8 and {MAX_WIDTH}; {nearest}")]
    InitialWidth {
        /// The initial width given.
        w0: usize,
        /// The nearest multiples of 8.
        nearest: Nearest<usize>,
    },
    /// wa is negative or not finite.
    #[error("wa = {} is out of range: the slope is a finite number of at least 0; {nearest}", Short(*wa))]
    Slope {
        /// The slope given.
        wa: f64,
        /// The nearest slope allowed.
        nearest: Nearest<f64>,
    },
    /// wm is not a finite number above 1.
    #[error(
        "wm = {} is out of range: widths are multiplied by a finite wm > 1 from stage to stage; \
         published models use 2 to 3",
        Short(*wm)
    )]
    Multiplier {
        /// The multiplier given.
        wm: f64,
    },
    /// g = 0.
    #[error("g = 0 is out of range: a group has at least 1 channel; the nearest is 1")]
    NoGroupWidth,
    /// No stage is wide enough for one group.
    #[error(
        "g = {g} fits no stage: the widest block has {largest} inner channels; the largest that fits is {largest}"
    )]
    GroupWidth {
        /// The group width given.
        g: usize,
        /// The widest stage's inner width.
        largest: usize,
    },
    /// b is neither whole nor one over a whole number.
    #[error(
        "b = {} is neither a whole number nor one over a whole number up to {MAX_BOTTLENECK}; {nearest}",
        Short(*b)
    )]
    Bottleneck {
        /// The ratio given.
        b: f64,
        /// The nearest ratios allowed.
        nearest: Nearest<f64>,
    },
    /// The widths grow beyond bounds.
    #[error(
        "wa = {} makes the last block {} wide, and at most {MAX_WIDTH} is allowed; lower wa or d",
        Short(*wa), Short(*width)
    )]
    TooWide {
        /// The slope given.
        wa: f64,
        /// The quantised width of the last block.
        width: f64,
    },
    /// The parameters make too many stages.
    #[error(
        "wm = {wm} makes {count} stages (widths {list}), and at most {MAX_STAGES} are allowed; \
         raise wm to {enough}, or lower wa or d",
        count = widths.len(), list = List(widths)
    )]
    TooManyStages {
        /// The multiplier given.
        wm: f64,
        /// The stages' widths, before they are fitted to g.
        widths: Vec<usize>,
        /// A multiplier, to two decimals, from which on there are few enough.
        enough: f64,
    },
    /// A number outside the published design space.
    #[error(
        "{key} = {} is outside the published design space ({rule}); {remedy}, or write `space = any` to allow it",
        Short(*value)
    )]
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
    #[error("no preset is called `{name}`; the nearest is `{nearest}`")]
    UnknownPreset {
        /// The name given.
        name: String,
        /// The name of the nearest preset.
        nearest: &'static str,
    },
    /// No stem has this name.
    #[error("no stem is called `{name}`; there are `simple`, `cifar` and `resnet`")]
    UnknownStem {
        /// The name given.
        name: String,
    },
    /// A word of a regulator that means nothing.
    #[error("`{text}` is no {what}; {allowed}")]
    UnknownRegulator {
        /// What was given.
        text: String,
        /// What it should be.
        what: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A depth that three equal stages of basic blocks do not have.
    #[error(
        "depth = {depth} is not 6n + 2 with n from 1 to {MAX_DEPTH}, as the paper's networks for CIFAR; {nearest}"
    )]
    SelfRegulatedDepth {
        /// The depth given.
        depth: usize,
        /// The nearest depths allowed.
        nearest: Nearest<usize>,
    },
    /// Something wrong with the network around the quantised stages: its input, stem, SE ratio or head.
    #[error(transparent)]
    Spec(#[from] SpecError),
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
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The input has no channels, or absurdly many.
    #[error("an input of {channels} channels is out of range: images have 1 to {MAX_WIDTH} channels")]
    InputChannels {
        /// The channels given.
        channels: usize,
    },
    /// The input's height or width is out of bounds.
    #[error("an input of {height} x {width} pixels is out of range: each side has 1 to {MAX_INPUT}")]
    InputSize {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// The stem has no channels, or absurdly many.
    #[error("a stem of width {width} is out of range: stems have 1 to {MAX_WIDTH} channels; the usual is 32")]
    StemWidth {
        /// The width given.
        width: usize,
    },
    /// No stages, or too many.
    #[error("{count} stages are out of range: a network has 1 to {MAX_STAGES}")]
    StageCount {
        /// The number of stages given.
        count: usize,
    },
    /// A stage has no blocks, or absurdly many.
    #[error("stage {stage}: depth {depth} is out of range: a stage has 1 to {MAX_DEPTH} blocks")]
    StageDepth {
        /// The stage.
        stage: usize,
        /// Its depth.
        depth: usize,
    },
    /// A stage has no channels, or absurdly many.
    #[error("stage {stage}: width {width} is out of range: a stage has 1 to {MAX_WIDTH} channels")]
    StageWidth {
        /// The stage.
        stage: usize,
        /// Its width.
        width: usize,
    },
    /// A stage's stride is neither 1 nor 2.
    #[error("stage {stage}: stride {stride} is out of range: a stage has stride 1 or 2")]
    Stride {
        /// The stage.
        stage: usize,
        /// Its stride.
        stride: usize,
    },
    /// A width that the bottleneck ratio does not divide.
    #[error("stage {stage}: width {width} is not a multiple of the bottleneck ratio {ratio}; {nearest}")]
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
    #[error("stage {stage}: inner width {inner} is not made of whole groups of {group_width}; {nearest}")]
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
    #[error(
        "stage {stage}: a {block} block has no bottleneck and no groups; \
         its ratio must be 1 and its group width the stage's width, {width}"
    )]
    PlainStage {
        /// The stage.
        stage: usize,
        /// Its width.
        width: usize,
        /// The block.
        block: Block,
    },
    /// Squeeze-and-excitation in a block that has no place for it.
    #[error("a {block} block has no squeeze-and-excitation; use a basic or bottleneck block or leave se out")]
    PlainSe {
        /// The block.
        block: Block,
    },
    /// A regulator beside blocks that have no place for its state.
    #[error("a {block} block has no regulator; use a basic or bottleneck block or leave the regulator out")]
    PlainRegulator {
        /// The block.
        block: Block,
    },
    /// The squeeze-and-excitation ratio is out of bounds.
    #[error("se = {} is out of range: the ratio is above 0 and at most 1; RegNetY uses 0.25", Short(*se))]
    Se {
        /// The ratio given.
        se: f64,
    },
    /// No classes, or absurdly many.
    #[error("classes = {classes} is out of range: a head tells 1 to {MAX_CLASSES} classes apart")]
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

/// A number without a tail of zeros: plain `Display` writes 1e300 with all its zeros.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = self;
        let plain = *number == 0.0 || !number.is_finite() || (1e-6..1e16).contains(&number.abs());
        if plain { write!(f, "{number}") } else { write!(f, "{number:e}") }
    }
}

/// Numbers separated by commas; a long list is cut short.
struct List<'a>(&'a [usize]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 2 * MAX_STAGES;
        for (i, number) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{number}")?;
        }
        if self.0.len() > SHOWN { write!(f, ", ...") } else { Ok(()) }
    }
}
