//! The generating parameters of a RegNet and what may be wrong with them.

use crate::bottleneck::Bottleneck;
use crate::compat::Compatibility;
use crate::declaration::Declaration;
use crate::error::{Nearest, ParamError};
use crate::limits::{MAX_DEPTH, MAX_STAGES, MAX_WIDTH};
use crate::quantise::{QUANTUM, block_widths, runs};
use crate::spec::{AnyNet, Stage, Stem, check_se};

/// The squeeze-and-excitation ratio of the published RegNetY models.
pub const SE_RATIO: f64 = 0.25;

/// The stride of every stage of a RegNet.
const STRIDE: usize = 2;

/// Generating parameters, in the paper's letters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegNetParams {
    /// Depth: the number of blocks.
    pub d: usize,
    /// Initial width, in channels: a multiple of 8.
    pub w0: usize,
    /// Slope: the channels added from block to block before widths are quantised.
    pub wa: f64,
    /// Multiplier: the factor between the widths of neighbouring stages.
    pub wm: f64,
    /// Group width of the 3x3 convolutions, in channels; narrower stages use their own inner width.
    pub g: usize,
    /// Bottleneck ratio.
    pub b: Bottleneck,
    /// Squeeze-and-excitation ratio, of a block's input width; `None` in RegNetX.
    pub se: Option<f64>,
}

/// The set of parameters that a declaration may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Space {
    /// The box that the published models were sampled from: d < 64, w0 < 256, wa < 256, 1.5 <= wm <= 3.
    #[default]
    RegNet,
    /// Everything that is structurally sound. RegNetX-32GF, whose w0 is 320, needs this.
    Any,
}

impl RegNetParams {
    /// Checks everything about the parameters at once.
    ///
    /// # Errors
    ///
    /// All structural errors, among them a group width wider than any block (which [`stages`](Self::stages) narrows, as
    /// the published generator does, though nobody declares that on purpose); then, unless `space` is [`Space::Any`],
    /// each otherwise sound number that leaves the published box.
    pub fn check(&self, space: Space) -> Result<(), Vec<ParamError>> {
        let mut errors = self.number_errors();
        if errors.is_empty() {
            errors.extend(self.shape_errors());
        }
        errors.extend(check_se(self.se).map(ParamError::Spec));
        if space == Space::RegNet {
            let unsound: Vec<_> = errors.iter().map(ParamError::key).collect();
            errors.extend(self.outside_box().filter(|error| !unsound.contains(&error.key())));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The stages these parameters stand for, by the published rules.
    ///
    /// # Errors
    ///
    /// Every number that the arithmetic is not defined on. The design space's box, the number of stages and the fit of
    /// the group width are not looked at; [`check`](Self::check) does that.
    pub fn stages(&self) -> Result<Vec<Stage>, Vec<ParamError>> {
        self.stages_fitted(Compatibility::Published)
    }

    /// As [`stages`](Self::stages), with a choice of the rule that fits widths to groups.
    ///
    /// # Errors
    ///
    /// As [`stages`](Self::stages).
    pub fn stages_fitted(&self, compatibility: Compatibility) -> Result<Vec<Stage>, Vec<ParamError>> {
        let errors = self.number_errors();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(self.sound_stages(compatibility))
    }

    /// The stages of sound numbers.
    pub(crate) fn sound_stages(&self, compatibility: Compatibility) -> Vec<Stage> {
        let stage = |(depth, w)| {
            let (width, group_width) = compatibility.fit(w, self.b, self.g);
            Stage { depth, width, stride: STRIDE, bottleneck: self.b, group_width }
        };
        self.runs().into_iter().map(stage).collect()
    }

    /// The whole network these parameters stand for.
    ///
    /// # Errors
    ///
    /// As [`stages`](Self::stages); then too many stages, and whatever is wrong with the stem, the input or the head.
    /// A [`Declaration`] checks the parameters as [`check`](Self::check) does, too.
    pub fn to_anynet(
        &self,
        stem: Stem,
        input_channels: usize,
        classes: usize,
    ) -> Result<AnyNet, Vec<ParamError>> {
        Declaration { stem, input_channels, classes, ..Declaration::new(*self) }.build()
    }

    /// Depth and width of each stage before widths are fitted to groups. Only for sound numbers.
    fn runs(&self) -> Vec<(usize, usize)> {
        runs(block_widths(self).map(|width| width as usize))
    }

    /// The numbers on which the arithmetic is not defined.
    fn number_errors(&self) -> Vec<ParamError> {
        let &Self { d, w0, wa, wm, g, .. } = self;
        let mut errors = Vec::new();
        if !(1..=MAX_DEPTH).contains(&d) {
            errors.push(ParamError::Depth { d, nearest: d.clamp(1, MAX_DEPTH) });
        }
        if w0 == 0 || w0 > MAX_WIDTH || !w0.is_multiple_of(QUANTUM) {
            errors.push(ParamError::InitialWidth { w0, nearest: nearest_multiples(w0) });
        }
        if !(wa.is_finite() && wa >= 0.0) {
            let nearest = Nearest { below: None, above: Some(0.0) };
            errors.push(ParamError::Slope { wa, nearest });
        }
        if !(wm.is_finite() && wm > 1.0) {
            errors.push(ParamError::Multiplier { wm });
        }
        if g == 0 {
            errors.push(ParamError::NoGroupWidth);
        }
        if errors.is_empty() {
            errors.extend(self.width_error());
        }
        errors
    }

    /// Widths grow from block to block, so the last one tells; it may overflow to infinity or NaN.
    fn width_error(&self) -> Option<ParamError> {
        let width = block_widths(self).last()?;
        let fits = width <= MAX_WIDTH as f64;
        (!fits).then_some(ParamError::TooWide { wa: self.wa, width })
    }

    /// What is wrong with the stages that sound numbers make.
    fn shape_errors(&self) -> impl Iterator<Item = ParamError> {
        let widest = self.runs().last().map_or(0, |&(_, width)| width);
        let largest = self.b.inner(widest);
        let group = (self.g > largest).then_some(ParamError::GroupWidth { g: self.g, largest });
        self.stage_count_error().into_iter().chain(group)
    }

    /// Too many stages, if so. Only for sound numbers.
    pub(crate) fn stage_count_error(&self) -> Option<ParamError> {
        let widths: Vec<usize> = self.runs().into_iter().map(|(_, width)| width).collect();
        (widths.len() > MAX_STAGES).then(|| ParamError::TooManyStages {
            wm: self.wm,
            widths,
            enough: self.enough_multiplier(),
        })
    }

    /// A multiplier, to two decimals, from which on the stages are few enough: s_j stays under `MAX_STAGES` - 1/2.
    fn enough_multiplier(&self) -> f64 {
        let growth = 1.0 + self.wa * (self.d - 1) as f64 / self.w0 as f64;
        let least = growth.powf((MAX_STAGES as f64 - 0.5).recip());
        ((least * 100.0).floor() + 1.0) / 100.0
    }

    fn outside_box(&self) -> impl Iterator<Item = ParamError> {
        let &Self { d, w0, wa, wm, .. } = self;
        [
            (d < 64, "d", d as f64, "d < 64", "use 63 or less"),
            (w0 < 256, "w0", w0 as f64, "w0 < 256", "use 248 or less"),
            (wa < 256.0, "wa", wa, "wa < 256", "use less than 256"),
            (wm >= 1.5, "wm", wm, "1.5 <= wm <= 3", "use 1.5 or more"),
            (wm <= 3.0, "wm", wm, "1.5 <= wm <= 3", "use 3 or less"),
        ]
        .into_iter()
        .filter(|&(inside, ..)| !inside)
        .map(|(_, key, value, rule, remedy)| ParamError::OutsideSpace { key, value, rule, remedy })
    }
}

fn nearest_multiples(w0: usize) -> Nearest<usize> {
    let below = w0.min(MAX_WIDTH) / QUANTUM * QUANTUM;
    let above = below + QUANTUM;
    Nearest { below: (below >= QUANTUM).then_some(below), above: (above <= MAX_WIDTH).then_some(above) }
}
