//! Short names of errors, which stay the same when messages are reworded.
//!
//! | code | error | what is wrong |
//! | --- | --- | --- |
//! | `depth` | [`ParamError::Depth`] | d is 0 or absurd |
//! | `initial-width` | [`ParamError::InitialWidth`] | w0 is no multiple of 8 in range |
//! | `slope` | [`ParamError::Slope`] | wa is negative or not finite |
//! | `multiplier` | [`ParamError::Multiplier`] | wm is not a finite number above 1 |
//! | `group-width` | [`ParamError::NoGroupWidth`], [`ParamError::GroupWidth`] | g is 0 or wider than every block |
//! | `bottleneck` | [`ParamError::Bottleneck`] | b is neither whole nor one over a whole number |
//! | `too-wide` | [`ParamError::TooWide`] | wa and d make absurdly wide blocks |
//! | `too-many-stages` | [`ParamError::TooManyStages`] | the widths fall into too many stages |
//! | `outside-space` | [`ParamError::OutsideSpace`] | a number leaves the published design space |
//! | `unknown-preset` | [`ParamError::UnknownPreset`] | no published model has this name |
//! | `unknown-stem` | [`ParamError::UnknownStem`] | no stem has this name |
//! | `unknown-regulator` | [`ParamError::UnknownRegulator`] | a word of a regulator means nothing |
//! | `self-regulated-depth` | [`ParamError::SelfRegulatedDepth`] | a depth is not 6n + 2 |
//! | `input-channels` | [`SpecError::InputChannels`] | the image's channels are out of range |
//! | `input-size` | [`SpecError::InputSize`] | the image's height or width is out of range |
//! | `stem-width` | [`SpecError::StemWidth`] | the stem's channels are out of range |
//! | `stage-count` | [`SpecError::StageCount`] | there are no stages or too many |
//! | `stage-depth` | [`SpecError::StageDepth`] | a stage's depth is out of range |
//! | `stage-width` | [`SpecError::StageWidth`] | a stage's width is out of range |
//! | `stride` | [`SpecError::Stride`] | a stage's stride is neither 1 nor 2 |
//! | `stage-bottleneck` | [`SpecError::BottleneckWidth`] | a stage's width is no multiple of its bottleneck ratio |
//! | `stage-group-width` | [`SpecError::GroupWidth`] | a stage's inner width is not made of whole groups |
//! | `plain-stage` | [`SpecError::PlainStage`] | a bottleneck or groups in a block that has none |
//! | `plain-se` | [`SpecError::PlainSe`] | squeeze-and-excitation in a block that has none |
//! | `plain-regulator` | [`SpecError::PlainRegulator`] | a regulator beside blocks that have none |
//! | `se-ratio` | [`SpecError::Se`] | the squeeze-and-excitation ratio is out of range |
//! | `classes` | [`SpecError::Classes`] | the number of classes is out of range |
//! | `over-flops`, `over-params`, `over-acts`, `over-memory` | [`BudgetError`] | the network exceeds a limit |
//! | `unknown-space` | [`UnknownSpace`] | no design space has this name |
//! | `space-block` | [`SpaceError::Block`] | a block that the design space has not |
//! | `space-se` | [`SpaceError::Se`], [`SpaceError::NoSe`] | squeeze-and-excitation that the space has not, or lacks |
//! | `space-stride` | [`SpaceError::Stride`] | a stride that the space has not |
//! | `space-depth` | [`SpaceError::Depth`] | a stage deeper than the space's |
//! | `space-width` | [`SpaceError::Width`] | a width that is not one of the space's |
//! | `space-bottleneck` | [`SpaceError::Bottleneck`] | a bottleneck ratio that is not one of the space's |
//! | `space-group-width` | [`SpaceError::GroupWidth`] | a group width that is not one of the space's |
//! | `shared-bottleneck` | [`SpaceError::SharedBottleneck`] | a stage's bottleneck ratio is not the others' |
//! | `shared-group-width` | [`SpaceError::SharedGroupWidth`] | a stage's group width is not the others' |
//! | `falling-width` | [`SpaceError::FallingWidth`] | a stage is narrower than the one before |
//! | `falling-depth` | [`SpaceError::FallingDepth`] | a stage is shallower than the one before |
//! | `too-deep` | [`SpaceError::TooDeep`] | a RegNet of too many blocks |
//! | `no-fit` | [`SpaceError::NoFit`] | no quantised line makes the stages |
//! | `reversed-window` | [`SampleError::Reversed`] | a window ends before it starts |
//! | `too-few` | [`SampleError::TooFew`] | the windows leave too few networks to draw |

use crate::budget::{BudgetError, Quantity};
use crate::error::{ParamError, SpecError};
use crate::membership::{SpaceError, UnknownSpace};
use crate::sample::SampleError;

/// All short names, in the table's order.
pub const CODES: [&str; 47] = [
    "depth",
    "initial-width",
    "slope",
    "multiplier",
    "group-width",
    "bottleneck",
    "too-wide",
    "too-many-stages",
    "outside-space",
    "unknown-preset",
    "unknown-stem",
    "unknown-regulator",
    "self-regulated-depth",
    "input-channels",
    "input-size",
    "stem-width",
    "stage-count",
    "stage-depth",
    "stage-width",
    "stride",
    "stage-bottleneck",
    "stage-group-width",
    "plain-stage",
    "plain-se",
    "plain-regulator",
    "se-ratio",
    "classes",
    "over-flops",
    "over-params",
    "over-acts",
    "over-memory",
    "unknown-space",
    "space-block",
    "space-se",
    "space-stride",
    "space-depth",
    "space-width",
    "space-bottleneck",
    "space-group-width",
    "shared-bottleneck",
    "shared-group-width",
    "falling-width",
    "falling-depth",
    "too-deep",
    "no-fit",
    "reversed-window",
    "too-few",
];

impl ParamError {
    /// Its short name; see the [table](self).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Depth { .. } => "depth",
            Self::InitialWidth { .. } => "initial-width",
            Self::Slope { .. } => "slope",
            Self::Multiplier { .. } => "multiplier",
            Self::NoGroupWidth | Self::GroupWidth { .. } => "group-width",
            Self::Bottleneck { .. } => "bottleneck",
            Self::TooWide { .. } => "too-wide",
            Self::TooManyStages { .. } => "too-many-stages",
            Self::OutsideSpace { .. } => "outside-space",
            Self::UnknownPreset { .. } => "unknown-preset",
            Self::UnknownStem { .. } => "unknown-stem",
            Self::UnknownRegulator { .. } => "unknown-regulator",
            Self::SelfRegulatedDepth { .. } => "self-regulated-depth",
            Self::Spec(error) => error.code(),
        }
    }
}

impl SpecError {
    /// Its short name; see the [table](self).
    pub fn code(&self) -> &'static str {
        match self {
            Self::InputChannels { .. } => "input-channels",
            Self::InputSize { .. } => "input-size",
            Self::StemWidth { .. } => "stem-width",
            Self::StageCount { .. } => "stage-count",
            Self::StageDepth { .. } => "stage-depth",
            Self::StageWidth { .. } => "stage-width",
            Self::Stride { .. } => "stride",
            Self::BottleneckWidth { .. } => "stage-bottleneck",
            Self::GroupWidth { .. } => "stage-group-width",
            Self::PlainStage { .. } => "plain-stage",
            Self::PlainSe { .. } => "plain-se",
            Self::PlainRegulator { .. } => "plain-regulator",
            Self::Se { .. } => "se-ratio",
            Self::Classes { .. } => "classes",
        }
    }
}

impl BudgetError {
    /// Its short name; see the [table](self).
    pub fn code(&self) -> &'static str {
        match self.limit.quantity {
            Quantity::Flops => "over-flops",
            Quantity::Params => "over-params",
            Quantity::Acts => "over-acts",
            Quantity::Memory { .. } => "over-memory",
        }
    }
}

impl UnknownSpace {
    /// Its short name; see the [table](self).
    pub fn code(&self) -> &'static str {
        match self {
            Self { .. } => "unknown-space",
        }
    }
}

impl SpaceError {
    /// Its short name; see the [table](self).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Block { .. } => "space-block",
            Self::Se { .. } | Self::NoSe => "space-se",
            Self::Stride { .. } => "space-stride",
            Self::Depth { .. } => "space-depth",
            Self::Width { .. } => "space-width",
            Self::Bottleneck { .. } => "space-bottleneck",
            Self::GroupWidth { .. } => "space-group-width",
            Self::SharedBottleneck { .. } => "shared-bottleneck",
            Self::SharedGroupWidth { .. } => "shared-group-width",
            Self::FallingWidth { .. } => "falling-width",
            Self::FallingDepth { .. } => "falling-depth",
            Self::TooDeep { .. } => "too-deep",
            Self::NoFit { .. } => "no-fit",
        }
    }
}

impl SampleError {
    /// Its short name; see the [table](self).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Network(error) => error.code(),
            Self::Reversed { .. } => "reversed-window",
            Self::TooFew { .. } => "too-few",
        }
    }
}

#[cfg(test)]
mod tests {
    /// The table above and the code below it name the same.
    #[test]
    fn the_table_lists_every_code_once() {
        let source = include_str!("code.rs");
        let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
        let rows = code.lines().filter_map(|line| line.strip_prefix("//! | `")?.split(" | ").next());
        let listed: Vec<&str> =
            rows.flat_map(|codes| codes.split("`, `")).map(|code| code.trim_matches('`')).collect();
        let returned: Vec<&str> =
            code.lines().filter_map(|line| line.split_once(" => \"")?.1.strip_suffix("\",")).collect();
        assert_eq!(listed, returned);
        assert_eq!(listed, super::CODES);
        let mut distinct = listed.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), listed.len(), "{listed:?}");
    }
}
