//! What the errors say.

use std::fmt;

use super::{ParamError, SpecError};
use crate::limits::{MAX_BOTTLENECK, MAX_CLASSES, MAX_DEPTH, MAX_INPUT, MAX_STAGES, MAX_WIDTH};
use crate::suggest;
use crate::words::{Words, says_its_words};

says_its_words!(ParamError, SpecError);

impl From<SpecError> for ParamError {
    fn from(error: SpecError) -> Self {
        Self::Spec(error)
    }
}

impl ParamError {
    /// What it says, in parts.
    pub fn words(&self) -> Words {
        let (what, help) = match self {
            Self::Depth { d, nearest } => (
                format!("d = {d} is out of range: a network has 1 to {MAX_DEPTH} blocks"),
                format!("the nearest is {nearest}"),
            ),
            Self::InitialWidth { w0, nearest } => {
                (format!("w0 = {w0} is not a multiple of 8 between 8 and {MAX_WIDTH}"), nearest.to_string())
            }
            Self::Slope { wa, nearest } => (
                format!("wa = {} is out of range: the slope is a finite number of at least 0", Short(*wa)),
                nearest.to_string(),
            ),
            Self::Multiplier { wm } => (
                format!(
                    "wm = {} is out of range: widths are multiplied by a finite wm > 1 from stage to stage",
                    Short(*wm)
                ),
                "published models use 2 to 3".to_owned(),
            ),
            Self::NoGroupWidth => (
                "g = 0 is out of range: a group has at least 1 channel".to_owned(),
                "the nearest is 1".to_owned(),
            ),
            Self::GroupWidth { g, largest } => (
                format!("g = {g} fits no stage: the widest block has {largest} inner channels"),
                format!("the largest that fits is {largest}"),
            ),
            Self::Bottleneck { b, nearest } => (
                format!(
                    "a bottleneck ratio of {} is neither a whole number nor one over a whole number up to {MAX_BOTTLENECK}",
                    Short(*b)
                ),
                nearest.to_string(),
            ),
            Self::TooWide { wa, width } => (
                format!(
                    "wa = {} makes the last block {} wide, and at most {MAX_WIDTH} is allowed",
                    Short(*wa),
                    Short(*width)
                ),
                "lower wa or d".to_owned(),
            ),
            Self::TooManyStages { wm, widths, enough } => (
                format!(
                    "wm = {wm} makes {} stages (widths {}), and at most {MAX_STAGES} are allowed",
                    widths.len(),
                    List(widths)
                ),
                format!("raise wm to {enough}, or lower wa or d"),
            ),
            Self::OutsideSpace { key, value, rule, remedy } => (
                format!("{key} = {} is outside the published design space ({rule})", Short(*value)),
                format!("{remedy}, or write `space = any` to allow it"),
            ),
            Self::UnknownPreset { name, nearest } => {
                (format!("no preset is called `{name}`"), format!("the nearest is `{nearest}`"))
            }
            Self::UnknownStem { name } => {
                let all = "there are `simple`, `cifar` and `resnet`";
                (format!("no stem is called `{name}`"), with_nearest(name, all))
            }
            Self::UnknownRegulator { text, what, allowed } => {
                (format!("`{text}` is no {what}"), with_nearest(text, allowed))
            }
            Self::SelfRegulatedDepth { depth, nearest } => (
                format!(
                    "depth = {depth} is not 6n + 2 with n from 1 to {MAX_DEPTH}, as the paper's networks for CIFAR"
                ),
                nearest.to_string(),
            ),
            Self::Spec(error) => return error.words(),
        };
        Words { what, help }
    }
}

impl SpecError {
    /// What it says, in parts.
    pub fn words(&self) -> Words {
        let (what, help) = match *self {
            Self::InputChannels { channels } => (
                format!(
                    "an input of {channels} channels is out of range: images have 1 to {MAX_WIDTH} channels"
                ),
                clamped(channels, 1, MAX_WIDTH),
            ),
            Self::InputSize { height, width } => {
                let nearest = [height, width].map(|side| side.clamp(1, MAX_INPUT));
                (
                    format!(
                        "an input of {height} x {width} pixels is out of range: each side has 1 to {MAX_INPUT}"
                    ),
                    format!("the nearest is {} x {}", nearest[0], nearest[1]),
                )
            }
            Self::StemWidth { width } => (
                format!("a stem of width {width} is out of range: stems have 1 to {MAX_WIDTH} channels"),
                "the usual is 32".to_owned(),
            ),
            Self::StageCount { count } => (
                format!("{count} stages are out of range: a network has 1 to {MAX_STAGES}"),
                clamped(count, 1, MAX_STAGES),
            ),
            Self::StageDepth { stage, depth } => (
                format!("stage {stage}: depth {depth} is out of range: a stage has 1 to {MAX_DEPTH} blocks"),
                clamped(depth, 1, MAX_DEPTH),
            ),
            Self::StageWidth { stage, width } => (
                format!(
                    "stage {stage}: width {width} is out of range: a stage has 1 to {MAX_WIDTH} channels"
                ),
                clamped(width, 1, MAX_WIDTH),
            ),
            Self::Stride { stage, stride } => (
                format!("stage {stage}: stride {stride} is out of range: a stage has stride 1 or 2"),
                clamped(stride, 1, 2),
            ),
            Self::BottleneckWidth { stage, width, ratio, nearest } => (
                format!("stage {stage}: width {width} is not a multiple of the bottleneck ratio {ratio}"),
                nearest.to_string(),
            ),
            Self::GroupWidth { stage, inner, group_width, nearest } => (
                format!("stage {stage}: inner width {inner} is not made of whole groups of {group_width}"),
                nearest.to_string(),
            ),
            Self::PlainStage { stage, width, block } => (
                format!("stage {stage}: a {block} block has no bottleneck and no groups"),
                format!("its ratio must be 1 and its group width the stage's width, {width}"),
            ),
            Self::PlainSe { block } => (
                format!("a {block} block has no squeeze-and-excitation"),
                "use a basic or bottleneck block or leave se out".to_owned(),
            ),
            Self::PlainRegulator { block } => (
                format!("a {block} block has no regulator"),
                "use a basic or bottleneck block or leave the regulator out".to_owned(),
            ),
            Self::Se { se } => (
                format!("se = {} is out of range: the ratio is above 0 and at most 1", Short(se)),
                "RegNetY uses 0.25".to_owned(),
            ),
            Self::Classes { classes } => (
                format!("classes = {classes} is out of range: a head tells 1 to {MAX_CLASSES} classes apart"),
                clamped(classes, 1, MAX_CLASSES),
            ),
        };
        Words { what, help }
    }
}

/// `allowed`, after the one of its words in backticks that was probably meant.
fn with_nearest(word: &str, allowed: &str) -> String {
    let quoted = allowed.split('`').skip(1).step_by(2);
    let words = quoted.filter(|quoted| quoted.chars().all(char::is_alphanumeric));
    match suggest::nearest(word, words) {
        Some(nearest) => format!("did you mean `{nearest}`? {allowed}"),
        None => allowed.to_owned(),
    }
}

fn clamped(n: usize, least: usize, most: usize) -> String {
    format!("the nearest is {}", n.clamp(least, most))
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
