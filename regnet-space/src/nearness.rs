//! Networks that are almost a published one.
//!
//! The parameters of the published models are often quoted rounded, and rounded they make other networks. Nothing is
//! wrong with such a network, so it is no error; the note is for whoever meant the published one.

use std::fmt;

use crate::preset::{Preset, presets, torchvision_presets};
use crate::spec::{AnyNet, Block, Stage};

/// The most by which a stage's width may differ from a near model's, as a part of it.
const WIDTH: f64 = 0.15;

/// The most by which the depths may differ from a near model's, added up over the stages, as a part of its depth.
const DEPTH: f64 = 0.25;

/// A published model that a network comes close to, and how it differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearness {
    /// The model.
    pub preset: &'static Preset,
    /// Its stages.
    pub published: Vec<Stage>,
    /// The network's stages; as many.
    pub stages: Vec<Stage>,
}

/// The published model whose stages `net`'s come close to without being equal, if there is one.
///
/// Close is: the same block, number of stages and strides, squeeze-and-excitation where the model has it, each stage's
/// width within 15 % of the model's, and all stages' depths together within 25 % of the model's depth. Stem and head are
/// not looked at, a self-regulated network is near none, and a network that is a published model up to these is not near another.
///
/// ```
/// use regnet_space::{Bottleneck, Declaration, RegNetParams, nearest_preset};
///
/// // Often quoted for RegNetX-600MF, whose parameters are wa = 36.97 and wm = 2.24.
/// let rounded = RegNetParams { d: 16, w0: 48, wa: 37.0, wm: 2.2, g: 24, b: Bottleneck::ONE, se: None };
/// let net = Declaration::new(rounded).to_anynet().map_err(|mut errors| errors.remove(0))?;
/// assert_eq!(
///     nearest_preset(&net).map(|near| near.to_string()).as_deref(),
///     Some(
///         "close to RegNetX-600MF, but not equal: \
///          widths 48, 96, 240, 504 where it has 48, 96, 240, 528; depths 1, 2, 6, 7 where it has 1, 3, 5, 7"
///     )
/// );
/// # Ok::<(), regnet_space::ParamError>(())
/// ```
pub fn nearest_preset(net: &AnyNet) -> Option<Nearness> {
    if net.block != Block::Bottleneck || net.regulator.is_some() {
        return None;
    }
    let mut best: Option<(f64, Nearness)> = None;
    for preset in presets().iter().chain(torchvision_presets()) {
        if preset.params.se.is_some() != net.se.is_some() {
            continue;
        }
        let Ok(published) = preset.params.stages_fitted(preset.compatibility) else { continue };
        if published == net.stages {
            return None;
        }
        let Some(distance) = distance(&published, &net.stages) else { continue };
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, Nearness { preset, published, stages: net.stages.clone() }));
        }
    }
    best.map(|(_, nearness)| nearness)
}

/// How far two networks are apart, 0 for equal widths and depths; `None` where they are not close.
fn distance(published: &[Stage], stages: &[Stage]) -> Option<f64> {
    let pairs = || published.iter().zip(stages);
    let alike = |(a, b): (&Stage, &Stage)| a.stride == b.stride && a.bottleneck == b.bottleneck;
    if published.len() != stages.len() || !pairs().all(alike) {
        return None;
    }
    let widths = pairs().map(|(a, b)| a.width.abs_diff(b.width) as f64 / a.width as f64).fold(0.0, f64::max);
    let depth: usize = published.iter().map(|stage| stage.depth).sum();
    let depths = pairs().map(|(a, b)| a.depth.abs_diff(b.depth)).sum::<usize>() as f64 / depth as f64;
    (widths <= WIDTH && depths <= DEPTH).then_some(widths + depths)
}

impl fmt::Display for Nearness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "close to {}, but not equal", self.preset.name)?;
        let mut before = ": ";
        let numbers: [(&str, fn(&Stage) -> usize); 3] = [
            ("widths", |stage| stage.width),
            ("depths", |stage| stage.depth),
            ("group widths", |stage| stage.group_width),
        ];
        for (what, number) in numbers {
            let list = |stages: &[Stage]| {
                stages.iter().map(|stage| number(stage).to_string()).collect::<Vec<_>>().join(", ")
            };
            let (ours, theirs) = (list(&self.stages), list(&self.published));
            if ours != theirs {
                write!(f, "{before}{what} {ours} where it has {theirs}")?;
                before = "; ";
            }
        }
        Ok(())
    }
}
