//! The AnyNet spec: a stem, one to six stages of identical blocks, and a head.

use std::fmt;
use std::str::FromStr;

use crate::bottleneck::Bottleneck;
use crate::complexity::Complexity;
use crate::error::{Nearest, ParamError, SpecError};
use crate::graph::Graph;
use crate::limits::{MAX_CLASSES, MAX_DEPTH, MAX_INPUT, MAX_STAGES, MAX_WIDTH};
use crate::regulator::Regulator;

/// A network: an image goes through the stem, the stages in turn, and the head (global average pooling and one linear
/// layer).
#[derive(Debug, Clone, PartialEq)]
pub struct AnyNet {
    /// Channels of the image.
    pub input_channels: usize,
    /// The layers before the first stage.
    pub stem: Stem,
    /// The block of every stage.
    pub block: Block,
    /// The stages, first to last.
    pub stages: Vec<Stage>,
    /// Squeeze-and-excitation ratio, of a block's input width; `None` for none.
    pub se: Option<f64>,
    /// What runs beside the blocks of each stage; `None` for nothing.
    pub regulator: Option<Regulator>,
    /// Classes the head tells apart.
    pub classes: usize,
}

/// Blocks of one width; the first of them has the stride, the others stride 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage {
    /// Number of blocks.
    pub depth: usize,
    /// Channels out of each block.
    pub width: usize,
    /// Stride of the first block: 1 or 2.
    pub stride: usize,
    /// Bottleneck ratio of the blocks.
    pub bottleneck: Bottleneck,
    /// Channels per group of the blocks' 3x3 convolution.
    pub group_width: usize,
}

impl Stage {
    /// A stage of blocks that have neither bottleneck nor groups.
    pub const fn plain(depth: usize, width: usize, stride: usize) -> Self {
        Self { depth, width, stride, bottleneck: Bottleneck::ONE, group_width: width }
    }

    /// Channels in and out of the blocks' 3x3 convolution.
    pub fn inner_width(&self) -> usize {
        self.bottleneck.inner(self.width)
    }
}

/// The blocks of pycls's AnyNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Block {
    /// Two 3x3 convolutions, no shortcut.
    Vanilla,
    /// Two 3x3 convolutions and a shortcut (ResNet-18's block).
    Basic,
    /// 1x1, grouped 3x3 and 1x1 convolution and a shortcut: the X block and, with squeeze-and-excitation, the Y block.
    #[default]
    Bottleneck,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vanilla => "vanilla",
            Self::Basic => "basic",
            Self::Bottleneck => "bottleneck",
        })
    }
}

/// The layers before the first stage. The default is the published RegNets', `simple(32)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stem {
    /// Which layers.
    pub kind: StemKind,
    /// Channels out.
    pub width: usize,
}

impl Default for Stem {
    fn default() -> Self {
        Self { kind: StemKind::Simple, width: 32 }
    }
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.kind, self.width)
    }
}

/// The kinds of stem, each followed by batch norm and ReLU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StemKind {
    /// 3x3 convolution of stride 2 (pycls: `simple_stem_in`).
    #[default]
    Simple,
    /// 3x3 convolution of stride 1, for small images (pycls: `res_stem_cifar`).
    Cifar,
    /// 7x7 convolution of stride 2, then 3x3 max pooling of stride 2 (pycls: `res_stem_in`).
    ResNet,
}

impl StemKind {
    /// Rows and columns of the convolution.
    pub const fn kernel(self) -> usize {
        match self {
            Self::Simple | Self::Cifar => 3,
            Self::ResNet => 7,
        }
    }

    /// Stride of the convolution.
    pub const fn stride(self) -> usize {
        match self {
            Self::Simple | Self::ResNet => 2,
            Self::Cifar => 1,
        }
    }

    /// Whether a 3x3 max pool of stride 2 follows.
    pub const fn pools(self) -> bool {
        matches!(self, Self::ResNet)
    }
}

impl fmt::Display for StemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Cifar => "cifar",
            Self::ResNet => "resnet",
        })
    }
}

impl FromStr for StemKind {
    type Err = ParamError;

    fn from_str(name: &str) -> Result<Self, ParamError> {
        [Self::Simple, Self::Cifar, Self::ResNet]
            .into_iter()
            .find(|kind| kind.to_string() == name)
            .ok_or_else(|| ParamError::UnknownStem { name: name.to_owned() })
    }
}

impl AnyNet {
    /// Checks the whole spec.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<(), Vec<SpecError>> {
        let errors = self.errors();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The layers this spec stands for, with their shapes on an image of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// The first thing wrong with the spec, or a size out of bounds.
    pub fn graph(&self, height: usize, width: usize) -> Result<Graph, SpecError> {
        if let Some(error) = self.errors().into_iter().next() {
            return Err(error);
        }
        let sides = 1..=MAX_INPUT;
        if !(sides.contains(&height) && sides.contains(&width)) {
            return Err(SpecError::InputSize { height, width });
        }
        Ok(Graph::new(self, height, width))
    }

    /// Flops, parameters and activations on an image of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// As [`graph`](Self::graph).
    pub fn complexity(&self, height: usize, width: usize) -> Result<Complexity, SpecError> {
        Ok(self.graph(height, width)?.complexity())
    }

    /// Hidden units of the squeeze-and-excitation in a block with `w_in` input channels, rounded half to even;
    /// `None` where there is none, also where the ratio rounds to no unit at all.
    pub fn se_width(&self, w_in: usize) -> Option<usize> {
        let width = (w_in as f64 * self.se?).round_ties_even() as usize;
        (width > 0).then_some(width)
    }

    fn errors(&self) -> Vec<SpecError> {
        let mut errors = check_ends(self.input_channels, self.stem, self.classes);
        errors.extend(check_se(self.se));
        let block = self.block;
        if !block.has_shortcut() {
            errors.extend(self.se.map(|_| SpecError::PlainSe { block }));
            errors.extend(self.regulator.map(|_| SpecError::PlainRegulator { block }));
        }
        if !(1..=MAX_STAGES).contains(&self.stages.len()) {
            errors.push(SpecError::StageCount { count: self.stages.len() });
        }
        for (i, stage) in self.stages.iter().enumerate() {
            errors.extend(stage.errors(i + 1, block));
        }
        errors
    }
}

impl Stage {
    /// What is wrong with this stage, the `stage`th, of blocks `block`.
    fn errors(&self, stage: usize, block: Block) -> Vec<SpecError> {
        let &Self { depth, width, stride, .. } = self;
        let mut errors = Vec::new();
        if !(1..=MAX_DEPTH).contains(&depth) {
            errors.push(SpecError::StageDepth { stage, depth });
        }
        if !(1..=2).contains(&stride) {
            errors.push(SpecError::Stride { stage, stride });
        }
        errors.extend(if !(1..=MAX_WIDTH).contains(&width) {
            Some(SpecError::StageWidth { stage, width })
        } else if block == Block::Bottleneck {
            self.bottleneck_error(stage)
        } else {
            let plain = *self == Self::plain(depth, width, stride);
            (!plain).then_some(SpecError::PlainStage { stage, width, block })
        });
        errors
    }

    /// Inner widths and groups must be whole.
    fn bottleneck_error(&self, stage: usize) -> Option<SpecError> {
        let &Self { width, bottleneck, group_width, .. } = self;
        let ratio = bottleneck.factor();
        if !bottleneck.is_inverted() && !width.is_multiple_of(ratio) {
            let below = width / ratio * ratio;
            let nearest = Nearest { below: (below > 0).then_some(below), above: Some(below + ratio) };
            return Some(SpecError::BottleneckWidth { stage, width, ratio, nearest });
        }
        let inner = self.inner_width();
        // Zero divides nothing, so a group width of 0 is caught here as well.
        let divides = |g: &usize| inner.checked_rem(*g) == Some(0);
        (!divides(&group_width)).then(|| SpecError::GroupWidth {
            stage,
            inner,
            group_width,
            nearest: Nearest {
                below: (1..group_width.min(inner + 1)).rev().find(divides),
                above: (group_width..=inner).find(divides),
            },
        })
    }
}

/// What is wrong with a network's two ends.
pub(crate) fn check_ends(input_channels: usize, stem: Stem, classes: usize) -> Vec<SpecError> {
    let widths = 1..=MAX_WIDTH;
    [
        (!widths.contains(&input_channels), SpecError::InputChannels { channels: input_channels }),
        (!widths.contains(&stem.width), SpecError::StemWidth { width: stem.width }),
        (!(1..=MAX_CLASSES).contains(&classes), SpecError::Classes { classes }),
    ]
    .into_iter()
    .filter_map(|(wrong, error)| wrong.then_some(error))
    .collect()
}

/// What is wrong with a squeeze-and-excitation ratio.
pub(crate) fn check_se(se: Option<f64>) -> Option<SpecError> {
    let se = se?;
    (!(se > 0.0 && se <= 1.0)).then_some(SpecError::Se { se })
}
