//! The networks of the self-regulated paper (Xu et al., 2021, arXiv 2101.00590).
//!
//! They are the ResNets of He et al. (2016) with a regulator beside each stage.

use crate::bottleneck::Bottleneck;
use crate::error::{Nearest, ParamError};
use crate::limits::MAX_DEPTH;
use crate::regulator::Regulator;
use crate::spec::{AnyNet, Block, Stage, Stem, StemKind};

impl AnyNet {
    /// The network of this depth for CIFAR: a stem of 16, and three stages of n basic blocks, where depth = 6n + 2.
    ///
    /// # Errors
    ///
    /// [`ParamError::SelfRegulatedDepth`].
    pub fn self_regulated(depth: usize, regulator: Regulator, classes: usize) -> Result<Self, ParamError> {
        let blocks = blocks(depth);
        if depth != of_depth(blocks) || !(1..=MAX_DEPTH).contains(&blocks) {
            return Err(ParamError::SelfRegulatedDepth { depth, nearest: nearest(depth) });
        }
        Ok(cifar(blocks, regulator, classes))
    }

    /// The network for ImageNet: a regulated ResNet-50.
    pub fn self_regulated_imagenet(regulator: Regulator, classes: usize) -> Self {
        let stage = |(depth, width, stride)| {
            let bottleneck = Bottleneck::reduces(4);
            Stage { bottleneck, group_width: bottleneck.inner(width), ..Stage::plain(depth, width, stride) }
        };
        Self {
            input_channels: 3,
            stem: Stem { kind: StemKind::ResNet, width: 64 },
            block: Block::Bottleneck,
            stages: [(3, 256, 1), (4, 512, 2), (6, 1024, 2), (3, 2048, 2)].map(stage).to_vec(),
            se: None,
            regulator: Some(regulator),
            classes,
        }
    }
}

fn cifar(blocks: usize, regulator: Regulator, classes: usize) -> AnyNet {
    let stages = [(16, 1), (32, 2), (64, 2)].map(|(w, stride)| Stage::plain(blocks, w, stride));
    AnyNet {
        input_channels: 3,
        stem: Stem { kind: StemKind::Cifar, width: 16 },
        block: Block::Basic,
        stages: stages.to_vec(),
        se: None,
        regulator: Some(regulator),
        classes,
    }
}

/// The blocks of each of three equal stages, of a network for CIFAR of at most this depth.
const fn blocks(depth: usize) -> usize {
    depth.saturating_sub(2) / 6
}

/// The depth of three stages of so many basic blocks: two convolutions a block, the stem and the head.
const fn of_depth(blocks: usize) -> usize {
    6 * blocks + 2
}

/// The depths nearest to one that is not allowed.
fn nearest(depth: usize) -> Nearest<usize> {
    let below = blocks(depth);
    let least = (below >= 1).then(|| of_depth(below.min(MAX_DEPTH)));
    Nearest { below: least, above: (below < MAX_DEPTH).then(|| of_depth(below + 1)) }
}

/// A network of the paper; its regulator is a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfRegulated {
    /// Its name, such as `Self-Regulated-20`.
    pub name: &'static str,
    /// Weighted layers beside the regulators and projections.
    pub depth: usize,
    /// The images it is made for.
    pub images: Images,
}

/// Images that a network of the paper is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Images {
    /// CIFAR-10's, of 32 x 32 pixels.
    Cifar,
    /// ImageNet's, of 224 x 224 pixels.
    ImageNet,
}

impl Images {
    /// What the network of this depth is made for: CIFAR's, but for those that are the paper's for others.
    pub fn of_depth(depth: usize) -> Self {
        PRESETS.iter().find(|preset| preset.depth == depth).map_or(Self::Cifar, |preset| preset.images)
    }

    /// Height and width in pixels.
    pub const fn side(self) -> usize {
        match self {
            Self::Cifar => 32,
            Self::ImageNet => 224,
        }
    }

    /// Classes of the data set.
    pub const fn classes(self) -> usize {
        match self {
            Self::Cifar => 10,
            Self::ImageNet => 1000,
        }
    }
}

/// The networks of the paper: four for CIFAR and one for ImageNet.
pub fn self_regulated_presets() -> &'static [SelfRegulated] {
    &PRESETS
}

static PRESETS: [SelfRegulated; 5] = [
    SelfRegulated { name: "Self-Regulated-20", depth: 20, images: Images::Cifar },
    SelfRegulated { name: "Self-Regulated-32", depth: 32, images: Images::Cifar },
    SelfRegulated { name: "Self-Regulated-44", depth: 44, images: Images::Cifar },
    SelfRegulated { name: "Self-Regulated-56", depth: 56, images: Images::Cifar },
    SelfRegulated { name: "Self-Regulated-50", depth: 50, images: Images::ImageNet },
];

impl SelfRegulated {
    /// Whether a name asks for one of these networks, known or not: `self-regulated-20`, `Self_Regulated 1000`.
    pub fn is_name(name: &str) -> bool {
        plain(name).starts_with(&plain(PREFIX))
    }

    /// The network of this name, in any case, with or without `-`, `_` or a space between its parts.
    ///
    /// # Errors
    ///
    /// [`ParamError::UnknownPreset`], with the name nearest in depth.
    pub fn find(name: &str) -> Result<&'static Self, ParamError> {
        let wanted = plain(name);
        if let Some(found) = PRESETS.iter().find(|preset| plain(preset.name) == wanted) {
            return Ok(found);
        }
        let depth = wanted.strip_prefix(&plain(PREFIX)).and_then(|depth| depth.parse().ok()).unwrap_or(0);
        let nearest = PRESETS.iter().min_by_key(|preset| preset.depth.abs_diff(depth));
        Err(ParamError::UnknownPreset {
            name: name.to_owned(),
            nearest: nearest.map_or(PREFIX, |preset| preset.name),
        })
    }

    /// This network with a regulator, for the classes of its data set.
    pub fn to_anynet(&self, regulator: Regulator) -> AnyNet {
        let classes = self.images.classes();
        match self.images {
            Images::Cifar => cifar(blocks(self.depth), regulator, classes),
            Images::ImageNet => AnyNet::self_regulated_imagenet(regulator, classes),
        }
    }
}

const PREFIX: &str = "Self-Regulated";

/// A name without case and separators.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !['-', '_', ' '].contains(c)).map(|c| c.to_ascii_lowercase()).collect()
}
