//! What the errors say.

use std::fmt;

use super::{Remedy, SpaceError, SpaceName, UnknownSpace};
use crate::error::Nearest;
use crate::words::{Words, says_its_words};

says_its_words!(SpaceError, UnknownSpace);

impl UnknownSpace {
    /// What it says, in parts.
    pub fn words(&self) -> Words {
        let names = SpaceName::ALL.map(|space| format!("`{space}`"));
        let (last, others) = names.split_last().map_or(("", &names[..]), |(last, others)| (last, others));
        let all = format!("there are {} and {last}", others.join(", "));
        let help = match self.nearest {
            Some(nearest) => format!("did you mean `{nearest}`? {all}"),
            None => all,
        };
        Words::new(format!("no design space is called `{}`", self.name), help)
    }
}

impl SpaceError {
    /// What it says, in parts.
    pub fn words(&self) -> Words {
        let (what, help) = match self {
            Self::Block { space, block } => {
                (format!("{space} has X blocks only, not {block} blocks"), "write `block = x`".to_owned())
            }
            Self::Se { space } => (
                format!("{space} has no squeeze-and-excitation"),
                "leave `se` out, or use RegNetY".to_owned(),
            ),
            Self::NoSe => (
                "RegNetY has squeeze-and-excitation".to_owned(),
                "write `se = true`, or use RegNetX".to_owned(),
            ),
            Self::Stride { space, stage, stride } => (
                format!("stage {stage}: stride {stride} is not {space}'s, whose stages all have stride 2"),
                "use 2, or leave the strides out".to_owned(),
            ),
            Self::Depth { space, stage, depth } => (
                format!("stage {stage}: depth {depth} is not in {space}: a stage has at most 16 blocks"),
                "the nearest is 16".to_owned(),
            ),
            Self::Width { space, stage, width, nearest } => (
                format!(
                    "stage {stage}: width {width} is not in {space}: widths are multiples of 8 up to 1024"
                ),
                nearest.to_string(),
            ),
            Self::Bottleneck { space, stage, ratio, nearest } => (
                format!("stage {stage}: bottleneck ratio {ratio} is not in {space}, which has 1, 2 and 4"),
                format!("the nearest is {nearest}"),
            ),
            Self::GroupWidth { space, stage, group_width, nearest } => (
                format!(
                    "stage {stage}: group width {group_width} is not in {space}, which has 1, 2, 4, 8, 16 and 32"
                ),
                nearest.to_string(),
            ),
            Self::SharedBottleneck { space, stage, ratio, shared } => (
                format!(
                    "stage {stage}: bottleneck ratio {ratio} differs from the other stages': in {space} all share one"
                ),
                format!("use {shared}"),
            ),
            Self::SharedGroupWidth { space, stage, group_width, shared } => (
                format!(
                    "stage {stage}: group width {group_width} differs from the other stages': in {space} all share one"
                ),
                format!("use {shared}"),
            ),
            Self::FallingWidth { space, stage, width, before } => (
                format!(
                    "stage {stage}: width {width} is less than the {before} of the stage before it: \
                     in {space} widths do not fall"
                ),
                format!("the nearest is {before}"),
            ),
            Self::FallingDepth { space, stage, depth, before } => (
                format!(
                    "stage {stage}: depth {depth} is less than the {before} of the stage before it: \
                     in {space} depths do not fall"
                ),
                format!("the nearest is {before}"),
            ),
            Self::TooDeep { space, stage, depth, total, nearest } => (
                format!("stage {stage}: depth {depth} makes {total} blocks, and a {space} has at most 63"),
                format!("the nearest depth is {nearest}"),
            ),
            Self::NoFit { space, stage, width, depth, remedy } => (
                format!(
                    "stage {stage}: no {space} has width {width} and depth {depth} {}: no w0 < 256, wa < 256 and \
                     1.5 <= wm <= 3 make them",
                    after(*stage)
                ),
                remedy.to_string(),
            ),
        };
        Words { what, help }
    }
}

fn after(stage: usize) -> &'static str {
    if stage > 1 { "after the stages before it" } else { "as its first stage" }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |nearest: &Nearest<usize>| match (nearest.below, nearest.above) {
            (Some(below), Some(above)) => Some(format!("{below} or {above}")),
            (below, above) => below.or(above).map(|only| only.to_string()),
        };
        match (list(&self.widths), self.depth) {
            (Some(widths), Some(depth)) => write!(f, "width {widths} would fit, or depth {depth}"),
            (Some(widths), None) => write!(f, "width {widths} would fit"),
            (None, Some(depth)) => write!(f, "depth {depth} would fit"),
            (None, None) => f.write_str("no width and no depth near would fit: change an earlier stage"),
        }
    }
}
