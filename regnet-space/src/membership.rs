//! The design spaces of "Designing Network Design Spaces" (2020) and what keeps a network out of one.

mod fit;
mod words;

use std::fmt;
use std::str::FromStr;

use crate::bottleneck::Bottleneck;
use crate::error::Nearest;
use crate::spec::{AnyNet, Block, Stage};
use crate::suggest;

/// The paper's design spaces (section 3): each AnyNet space lies in the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpaceName {
    /// X blocks; per stage at most 16 blocks, at most 1,024 channels in steps of 8, b in {1, 2, 4} and g in
    /// {1, 2, 4, 8, 16, 32}.
    AnyNetXA,
    /// All stages share b.
    AnyNetXB,
    /// All stages share g.
    AnyNetXC,
    /// Widths do not fall.
    AnyNetXD,
    /// Depths do not fall.
    AnyNetXE,
    /// X blocks whose widths and depths a quantised line makes: d < 64, w0 < 256, wa < 256, 1.5 <= wm <= 3.
    RegNetX,
    /// The same with squeeze-and-excitation.
    RegNetY,
}

impl SpaceName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AnyNetXA,
        Self::AnyNetXB,
        Self::AnyNetXC,
        Self::AnyNetXD,
        Self::AnyNetXE,
        Self::RegNetX,
        Self::RegNetY,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnyNetXA => "AnyNetXA",
            Self::AnyNetXB => "AnyNetXB",
            Self::AnyNetXC => "AnyNetXC",
            Self::AnyNetXD => "AnyNetXD",
            Self::AnyNetXE => "AnyNetXE",
            Self::RegNetX => "RegNetX",
            Self::RegNetY => "RegNetY",
        }
    }

    /// Whether it is RegNetX or RegNetY.
    pub const fn is_regnet(self) -> bool {
        matches!(self, Self::RegNetX | Self::RegNetY)
    }

    /// Whether an AnyNet space includes the rule that `other` added.
    pub(crate) fn narrows(self, other: Self) -> bool {
        !self.is_regnet() && self as usize >= other as usize
    }
}

impl fmt::Display for SpaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SpaceName {
    type Err = UnknownSpace;

    fn from_str(name: &str) -> Result<Self, UnknownSpace> {
        let found = Self::ALL.into_iter().find(|space| space.name() == name);
        found.ok_or_else(|| UnknownSpace {
            name: name.to_owned(),
            nearest: suggest::nearest(name, Self::ALL.map(Self::name)),
        })
    }
}

/// No design space has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSpace {
    /// The name given.
    pub name: String,
    /// The nearest that exists, if one is near.
    pub nearest: Option<&'static str>,
}

/// A rule of a design space that a network breaks, with the stage that breaks it, counted from 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SpaceError {
    /// A block other than the bottleneck.
    Block {
        /// The space.
        space: SpaceName,
        /// The block given.
        block: Block,
    },
    /// Squeeze-and-excitation where there is none.
    Se {
        /// The space.
        space: SpaceName,
    },
    /// No squeeze-and-excitation in RegNetY.
    NoSe,
    /// A stride other than 2.
    Stride {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its stride.
        stride: usize,
    },
    /// Too many blocks in one stage.
    Depth {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its depth.
        depth: usize,
    },
    /// A width that is too large or not a multiple of 8.
    Width {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its width.
        width: usize,
        /// The nearest widths allowed.
        nearest: Nearest<usize>,
    },
    /// A bottleneck ratio other than 1, 2 and 4.
    Bottleneck {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its ratio.
        ratio: Bottleneck,
        /// The nearest ratio allowed.
        nearest: usize,
    },
    /// A group width other than 1, 2, 4, 8, 16 and 32, and other than the inner width of a stage narrower than 32.
    GroupWidth {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its group width.
        group_width: usize,
        /// The nearest group widths allowed.
        nearest: Nearest<usize>,
    },
    /// A bottleneck ratio that the other stages do not have.
    SharedBottleneck {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its ratio.
        ratio: Bottleneck,
        /// That of most stages.
        shared: Bottleneck,
    },
    /// A group width that the other stages do not have.
    SharedGroupWidth {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its group width.
        group_width: usize,
        /// That of most stages, or the inner width of a narrower stage.
        shared: usize,
    },
    /// A stage that is narrower than the one before.
    FallingWidth {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its width.
        width: usize,
        /// The width of the stage before.
        before: usize,
    },
    /// A stage that is shallower than the one before.
    FallingDepth {
        /// The space.
        space: SpaceName,
        /// The stage.
        stage: usize,
        /// Its depth.
        depth: usize,
        /// The depth of the stage before.
        before: usize,
    },
    /// The network is too deep for a RegNet.
    TooDeep {
        /// The space.
        space: SpaceName,
        /// The stage that passes the bound.
        stage: usize,
        /// Its depth.
        depth: usize,
        /// Blocks up to and with this stage.
        total: usize,
        /// The deepest that this stage may be.
        nearest: usize,
    },
    /// No quantised line makes this stage after the ones before it.
    NoFit {
        /// The space.
        space: SpaceName,
        /// The first stage that does not fit.
        stage: usize,
        /// Its width.
        width: usize,
        /// Its depth.
        depth: usize,
        /// The nearest that do.
        remedy: Remedy,
    },
}

/// The nearest stages that a quantised line makes in place of one that it does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remedy {
    /// Widths at the same depth.
    pub widths: Nearest<usize>,
    /// The largest depth at the same width; none above fits.
    pub depth: Option<usize>,
}

impl SpaceError {
    /// The stage at fault, counted from 1; `None` where it is the whole network.
    pub fn stage(&self) -> Option<usize> {
        match *self {
            Self::Block { .. } | Self::Se { .. } | Self::NoSe => None,
            Self::Stride { stage, .. }
            | Self::Depth { stage, .. }
            | Self::Width { stage, .. }
            | Self::Bottleneck { stage, .. }
            | Self::GroupWidth { stage, .. }
            | Self::SharedBottleneck { stage, .. }
            | Self::SharedGroupWidth { stage, .. }
            | Self::FallingWidth { stage, .. }
            | Self::FallingDepth { stage, .. }
            | Self::TooDeep { stage, .. }
            | Self::NoFit { stage, .. } => Some(stage),
        }
    }

    /// The key of `anynet!` at fault: `"block"`, `"se"`, `"space"`, `"strides"`, `"depths"`, `"widths"`,
    /// `"bottleneck"` or `"groups"`.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Block { .. } => "block",
            Self::Se { .. } => "se",
            Self::NoSe => "space",
            Self::Stride { .. } => "strides",
            Self::Depth { .. } | Self::FallingDepth { .. } | Self::TooDeep { .. } => "depths",
            Self::Width { .. } | Self::FallingWidth { .. } | Self::NoFit { .. } => "widths",
            Self::Bottleneck { .. } | Self::SharedBottleneck { .. } => "bottleneck",
            Self::GroupWidth { .. } | Self::SharedGroupWidth { .. } => "groups",
        }
    }
}

impl AnyNet {
    /// Checks that this network, which [`check`](Self::check) accepts, lies in a design space.
    ///
    /// # Errors
    ///
    /// Every rule of the space that is broken, with the stage that breaks it. Of other blocks than the space's nothing
    /// else is said, and whether a quantised line makes a RegNet's stages is looked at only if nothing else is wrong.
    pub fn check_space(&self, space: SpaceName) -> Result<(), Vec<SpaceError>> {
        let block = self.block;
        if block != Block::Bottleneck {
            return Err(vec![SpaceError::Block { space, block }]);
        }
        let mut errors: Vec<_> = self.se_error(space).into_iter().collect();
        let stages = || self.stages.iter().zip(1..);
        if space.is_regnet() {
            errors.extend(
                stages()
                    .filter(|(stage, _)| stage.stride != 2)
                    .map(|(&Stage { stride, .. }, stage)| SpaceError::Stride { space, stage, stride }),
            );
        } else {
            errors.extend(stages().flat_map(|(stage, i)| stage.space_errors(i, space)));
        }
        if space.is_regnet() || space.narrows(SpaceName::AnyNetXB) {
            errors.extend(shared_bottleneck(&self.stages, space));
        }
        if space.is_regnet() || space.narrows(SpaceName::AnyNetXC) {
            errors.extend(shared_group_width(&self.stages, space));
        }
        errors.extend(falling(&self.stages, space));
        if space.is_regnet() && errors.is_empty() {
            errors.extend(too_deep(&self.stages, space).or_else(|| fit::error(&self.stages, space)));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn se_error(&self, space: SpaceName) -> Option<SpaceError> {
        match (space, self.se) {
            (SpaceName::RegNetY, None) => Some(SpaceError::NoSe),
            (SpaceName::RegNetY, Some(_)) | (_, None) => None,
            (_, Some(_)) => Some(SpaceError::Se { space }),
        }
    }
}

/// The bounds of AnyNetXA.
const MAX_STAGE_DEPTH: usize = 16;
const MAX_STAGE_WIDTH: usize = 1024;
const RATIOS: [usize; 3] = [1, 2, 4];
const GROUP_WIDTHS: [usize; 6] = [1, 2, 4, 8, 16, MAX_GROUP_WIDTH];
const MAX_GROUP_WIDTH: usize = 32;

impl Stage {
    /// The rules of AnyNetXA that this stage breaks.
    fn space_errors(&self, stage: usize, space: SpaceName) -> Vec<SpaceError> {
        let &Self { depth, width, bottleneck: ratio, group_width, .. } = self;
        let mut errors = Vec::new();
        if depth > MAX_STAGE_DEPTH {
            errors.push(SpaceError::Depth { space, stage, depth });
        }
        if width > MAX_STAGE_WIDTH || !width.is_multiple_of(8) {
            let nearest = nearest(width, (8..=MAX_STAGE_WIDTH).step_by(8));
            errors.push(SpaceError::Width { space, stage, width, nearest });
        }
        if ratio.is_inverted() || !RATIOS.contains(&ratio.factor()) {
            let nearest = match ratio.factor() {
                _ if ratio.is_inverted() => 1,
                3 => 2,
                _ => 4,
            };
            errors.push(SpaceError::Bottleneck { space, stage, ratio, nearest });
        }
        // A stage too narrow for its group width has one group.
        let one_narrow_group = group_width == self.inner_width() && group_width < MAX_GROUP_WIDTH;
        if !GROUP_WIDTHS.contains(&group_width) && !one_narrow_group {
            let divides = |g: &usize| self.inner_width().is_multiple_of(*g);
            let nearest = nearest(group_width, GROUP_WIDTHS.into_iter().filter(divides));
            errors.push(SpaceError::GroupWidth { space, stage, group_width, nearest });
        }
        errors
    }
}

/// The numbers nearest to `n` among `allowed`, which rise.
fn nearest(n: usize, allowed: impl Iterator<Item = usize> + Clone) -> Nearest<usize> {
    Nearest {
        below: allowed.clone().take_while(|&allowed| allowed < n).last(),
        above: { allowed }.find(|&allowed| allowed >= n),
    }
}

/// The stage whose value most stages go along with; of several the first.
fn shared(stages: &[Stage], agrees: impl Fn(&Stage, &Stage) -> bool) -> Option<&Stage> {
    let agreeing = |with: &Stage| stages.iter().filter(|stage| agrees(stage, with)).count();
    stages.iter().rev().max_by_key(|stage| agreeing(stage))
}

fn shared_bottleneck(stages: &[Stage], space: SpaceName) -> Vec<SpaceError> {
    let Some(&Stage { bottleneck: shared, .. }) = shared(stages, |a, b| a.bottleneck == b.bottleneck) else {
        return Vec::new();
    };
    let others = stages.iter().zip(1..).filter(|(stage, _)| stage.bottleneck != shared);
    others
        .map(|(stage, i)| SpaceError::SharedBottleneck { space, stage: i, ratio: stage.bottleneck, shared })
        .collect()
}

/// A stage whose inner width is less than the shared group width has one group, as in the published generator.
fn shared_group_width(stages: &[Stage], space: SpaceName) -> Vec<SpaceError> {
    let narrowed = |stage: &Stage, g: usize| g.min(stage.inner_width());
    let Some(&Stage { group_width: g, .. }) =
        shared(stages, |a, b| a.group_width == narrowed(a, b.group_width))
    else {
        return Vec::new();
    };
    let others = stages.iter().zip(1..).filter(|(stage, _)| stage.group_width != narrowed(stage, g));
    others
        .map(|(stage, i)| SpaceError::SharedGroupWidth {
            space,
            stage: i,
            group_width: stage.group_width,
            shared: narrowed(stage, g),
        })
        .collect()
}

/// Widths and depths that fall where they must not. A RegNet's depths may.
fn falling(stages: &[Stage], space: SpaceName) -> Vec<SpaceError> {
    let mut errors = Vec::new();
    for (pair, stage) in stages.windows(2).zip(2..) {
        let [before, this] = [pair[0], pair[1]];
        let widths = space.is_regnet() || space.narrows(SpaceName::AnyNetXD);
        if widths && this.width < before.width {
            let (width, before) = (this.width, before.width);
            errors.push(SpaceError::FallingWidth { space, stage, width, before });
        }
        if space.narrows(SpaceName::AnyNetXE) && this.depth < before.depth {
            let (depth, before) = (this.depth, before.depth);
            errors.push(SpaceError::FallingDepth { space, stage, depth, before });
        }
    }
    errors
}

/// The most blocks of a RegNet.
const MAX_REGNET_DEPTH: usize = 63;

fn too_deep(stages: &[Stage], space: SpaceName) -> Option<SpaceError> {
    let mut total = 0;
    for (&Stage { depth, .. }, stage) in stages.iter().zip(1..) {
        let before = total;
        total += depth;
        if total > MAX_REGNET_DEPTH {
            let nearest = (MAX_REGNET_DEPTH - before).max(1);
            return Some(SpaceError::TooDeep { space, stage, depth, total, nearest });
        }
    }
    None
}
