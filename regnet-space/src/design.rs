//! Design spaces as values: one of the paper's, or one of your own by constraint.
//!
//! ```
//! use regnet_space::{DesignSpace, Sampler, SpaceName};
//!
//! let space = DesignSpace::parse("RegNetX, wm = 2, w0 = wa, g >= 8, stem = cifar(16), classes = 10")
//!     .map_err(|mut errors| errors.remove(0))?;
//! assert_eq!(space.base(), SpaceName::RegNetX);
//! let drawn = Sampler::new(space, 1).draw(3).map_err(|mut errors| errors.remove(0))?;
//! assert!(drawn.iter().all(|drawn| drawn.params().is_some_and(|params| params.wm == 2.0)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The paper's spaces ("Designing Network Design Spaces", 2020, sections 3.1 to 3.3; for four stages, section 3.2):
//!
//! | space | what is drawn |
//! | --- | --- |
//! | AnyNetXA | d_i up to 16, w_i up to 1024 in steps of 8, b_i in {1, 2, 4}, g_i in {1, 2, 4, 8, 16, 32}, of each stage |
//! | AnyNetXB | the same, of one b for all stages |
//! | AnyNetXC | the same, of one g |
//! | AnyNetXD | the same, of widths that do not fall |
//! | AnyNetXE | the same, of depths that do not fall |
//! | RegNetX | d < 64, w0 < 256, wa < 256, 1.5 <= wm <= 3, b <= 2, g > 1; four stages, none of which skips a power of wm |
//! | RegNetY | the same with squeeze-and-excitation |
//!
//! # Widths and groups
//!
//! A 3x3 convolution needs an inner width v = w / b that is made of whole groups. What is drawn is fitted by the
//! published rule (the paper's appendix on group width compatibility; [`Compatibility::Published`]): where g > v, the
//! stage has one group of width v; elsewhere v is rounded to the nearest multiple of g, halves to the even one, and w
//! becomes b·v, at most a third away. Constraints and distributions are about the numbers drawn, before this. Of the
//! paper's spaces, fitted widths are still multiples of 8 up to 1024, and rise where those drawn rise.
//!
//! [`Compatibility::Published`]: crate::Compatibility::Published
//!
//! # Constraints
//!
//! A list separated by commas, which may begin with the space's name:
//!
//! | constraint | meaning |
//! | --- | --- |
//! | `wm = 2`, `g = {8, 16}` | these values, even ones that the paper's space does not have: `b = {1/4, 1/2, 1}` are inverted bottlenecks |
//! | `d = 12..28`, `g >= 8`, `d < 30` | of the space's values those in the range; both ends of `a..b` and `a..=b` belong to it |
//! | `w0 = wa` | the slope is the initial width |
//! | `w1 = 32`, `d4 <= 3` | one stage of an AnyNet space |
//! | `stages = 4`, `stages = 3..5` | the number of stages |
//! | `d ~ uniform` | drawn from another [`Distribution`] |
//! | `flops = 360M..400M`, `params <= 5M`, `acts = ..3M` | windows on the complexity of one image |
//! | `se = true`, `se = 0.5`, `se = false` | squeeze-and-excitation |
//! | `stem = cifar(16)`, `input = 3x32x32`, `resolution = 32`, `classes = 10` | what surrounds the stages |

mod axis;
mod constrain;
mod count;
mod distribution;
mod ends;
mod error;
mod key;
mod text;
mod wanted;

use std::fmt;

use crate::limits::MAX_STAGES;
use crate::membership::SpaceName;
use crate::params::SE_RATIO;
use crate::sample::Windows;
use crate::spec::{Stem, StemKind};
pub use axis::{Axis, Choice};
pub use count::Count;
pub use distribution::{Distribution, UnknownDistribution};
pub use error::{ConstraintError, Problem};
pub use key::Key;

/// Networks of the paper have four stages.
const STAGES: usize = 4;

/// A design space: one of the paper's, with constraints.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignSpace {
    base: SpaceName,
    /// In the order of [`Axis::of`]. One choice where all stages share it, else one for each that may exist.
    axes: Vec<(Axis, Vec<Choice>)>,
    /// The numbers of stages, in rising order; each is as likely in an AnyNet space.
    stages: Vec<usize>,
    /// Whether wa is w0.
    tied: bool,
    /// Squeeze-and-excitation ratio, of a block's input width; `None` for none.
    pub se: Option<f64>,
    /// The complexity of the networks kept.
    pub windows: Windows,
    /// The stem.
    pub stem: Stem,
    /// Channels, height and width of the images; `None` for the stem's usual ones, see [`input`](Self::input).
    pub image: Option<[usize; 3]>,
    /// Classes the head tells apart.
    pub classes: usize,
}

impl DesignSpace {
    /// One of the paper's spaces, for ImageNet: the published stem, images of 3 x 224 x 224 and 1,000 classes.
    pub fn new(base: SpaceName) -> Self {
        let choice = |parameter: &Axis| Choice {
            values: parameter.values(base),
            distribution: Distribution::default(),
        };
        let axis = |parameter: &Axis| (*parameter, vec![choice(parameter); parameter.count(base)]);
        Self {
            base,
            axes: Axis::of(base).iter().map(axis).collect(),
            stages: vec![STAGES],
            tied: false,
            se: (base == SpaceName::RegNetY).then_some(SE_RATIO),
            windows: Windows::default(),
            stem: Stem::default(),
            image: None,
            classes: 1000,
        }
    }

    /// The paper's space that the constraints narrow.
    pub fn base(&self) -> SpaceName {
        self.base
    }

    /// What is drawn for a parameter: one choice for the network, or one for each stage, first to last, of which there
    /// are [`MAX_STAGES`]; none of a parameter that the space does not have.
    pub fn choices(&self, parameter: Axis) -> &[Choice] {
        let axis = self.axes.iter().find(|(other, _)| *other == parameter);
        axis.map_or(&[], |(_, choices)| choices)
    }

    /// The numbers of stages a network may have, in rising order.
    pub fn stages(&self) -> &[usize] {
        &self.stages
    }

    /// Whether wa is always w0.
    pub fn is_tied(&self) -> bool {
        self.tied
    }

    /// Channels, height and width of the images: by default 3 x 224 x 224, or 3 x 32 x 32 with the cifar stem.
    pub fn input(&self) -> [usize; 3] {
        let side = if self.stem.kind == StemKind::Cifar { 32 } else { 224 };
        self.image.unwrap_or([3, side, side])
    }

    /// Numbers that are free to differ between networks: the paper's "dim.", 16 for AnyNetXA and 6 for RegNetX.
    pub fn degrees_of_freedom(&self) -> usize {
        let most = self.stages.last().copied().unwrap_or(MAX_STAGES);
        let free =
            |choices: &[Choice]| choices.iter().take(most).filter(|choice| choice.values.len() > 1).count();
        let all: usize = self.axes.iter().map(|(_, choices)| free(choices)).sum();
        all - usize::from(self.tied)
    }
}

impl From<SpaceName> for DesignSpace {
    fn from(base: SpaceName) -> Self {
        Self::new(base)
    }
}

/// The name and all constraints, as [`parse`](Self::parse) reads them.
impl fmt::Display for DesignSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_text(f)
    }
}
