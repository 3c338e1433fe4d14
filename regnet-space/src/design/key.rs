//! What can be constrained.

use super::axis::Axis;
use crate::limits::{MAX_CLASSES, MAX_STAGES};
use crate::membership::SpaceName;
use crate::sample::Figure;

/// What a constraint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A parameter; of one stage, counted from 1, or of all.
    Axis(Axis, Option<usize>),
    /// The number of stages.
    Stages,
    /// One of the figures of complexity.
    Figure(Figure),
    /// Squeeze-and-excitation.
    Se,
    /// The stem.
    Stem,
    /// Channels, height and width of the images.
    Input,
    /// Height and width of the images, of 3 channels.
    Resolution,
    /// Classes the head tells apart.
    Classes,
}

impl Key {
    /// What can be constrained in a space, without single stages, in the order in which messages list it.
    pub fn all(base: SpaceName) -> impl Iterator<Item = Self> {
        let parameters = Axis::of(base).iter().map(|&axis| Self::Axis(axis, None));
        let figures = Figure::ALL.map(Self::Figure);
        let ends = [Self::Se, Self::Stem, Self::Input, Self::Resolution, Self::Classes];
        parameters.chain([Self::Stages]).chain(figures).chain(ends)
    }

    /// As it is written, without a stage.
    pub fn name(self) -> &'static str {
        match self {
            Self::Axis(axis, _) => axis.name(),
            Self::Stages => "stages",
            Self::Figure(figure) => figure.name(),
            Self::Se => "se",
            Self::Stem => "stem",
            Self::Input => "input",
            Self::Resolution => "resolution",
            Self::Classes => "classes",
        }
    }

    /// The key of this name in a space: `d`, or `d3` for one stage.
    pub fn find(base: SpaceName, name: &str) -> Option<Self> {
        Self::all(base).find(|key| key.name() == name).or_else(|| {
            let (name, stage) = name.split_at_checked(name.len().checked_sub(1)?)?;
            let stage = stage.parse().ok().filter(|stage| (1..=MAX_STAGES).contains(stage))?;
            let axis = Axis::of(base).iter().find(|axis| axis.name() == name)?;
            (!base.is_regnet()).then_some(Self::Axis(*axis, Some(stage)))
        })
    }

    /// What it may be given, in words.
    pub fn allowed(self, base: SpaceName) -> String {
        match self {
            Self::Axis(axis, _) => return axis.allowed(base),
            Self::Stages => return format!("whole numbers from 1 to {MAX_STAGES}"),
            Self::Figure(_) => "whole numbers, with K, M or G after them, and ranges such as 360M..400M",
            Self::Se => "true, false and a ratio up to 1",
            Self::Stem => "simple, cifar and resnet, and their width, as in cifar(16)",
            Self::Input => "channels x height x width, as in 3x32x32",
            Self::Resolution => "numbers of pixels",
            Self::Classes => return format!("whole numbers from 1 to {MAX_CLASSES}"),
        }
        .to_owned()
    }

    /// A constraint to copy.
    pub fn example(self) -> &'static str {
        match self {
            Self::Axis(Axis::D, _) => "d = 2..12",
            Self::Axis(Axis::W, _) => "w <= 512",
            Self::Axis(Axis::W0, _) => "w0 = 24..96",
            Self::Axis(Axis::Wa, _) => "w0 = wa",
            Self::Axis(Axis::Wm, _) => "wm = 2",
            Self::Axis(Axis::B, _) => "b = {1/4, 1/2, 1}",
            Self::Axis(Axis::G, _) => "g >= 8",
            Self::Stages => "stages = 3..5",
            Self::Figure(Figure::Flops) => "flops = 360M..400M",
            Self::Figure(Figure::Params) => "params <= 5M",
            Self::Figure(Figure::Acts) => "acts = ..3M",
            Self::Se => "se = 0.25",
            Self::Stem => "stem = cifar(16)",
            Self::Input => "input = 3x32x32",
            Self::Resolution => "resolution = 32",
            Self::Classes => "classes = 10",
        }
    }
}
