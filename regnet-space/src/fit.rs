//! From a network's stages back to generating parameters that make them.
//!
//! Many parameters make the same stages: what is found makes exactly these, and has as few digits as the search allows,
//! but need not be what the network was declared with.

use crate::compat::Compatibility;
use crate::declaration::Declaration;
use crate::limits::MAX_WIDTH;
use crate::params::{RegNetParams, Space};
use crate::preset::{presets, torchvision_presets};
use crate::quantise::QUANTUM;
use crate::spec::{AnyNet, Stage};

impl Declaration {
    /// A declaration of this network: a published model's parameters where they make it, or else others that do.
    ///
    /// `None` when none were found: for blocks other than bottlenecks, for stages whose widths do not follow a
    /// quantised line, and for wm outside 1.01 to 8 or with more than three decimals.
    pub fn from_anynet(net: &AnyNet) -> Option<Self> {
        net.check().ok()?;
        let ends = |params: RegNetParams, compatibility| Self {
            params: RegNetParams { se: net.se, ..params },
            compatibility,
            space: Space::Any,
            stem: net.stem,
            regulator: net.regulator,
            input_channels: net.input_channels,
            classes: net.classes,
        };
        let published = presets().iter().chain(torchvision_presets());
        let published = published.map(|preset| ends(preset.params, preset.compatibility));
        let makes_it = |declaration: &Self| declaration.to_anynet().is_ok_and(|made| made == *net);
        let found = published
            .chain(params(&net.stages).map(|params| ends(params, Compatibility::Published)))
            .find(makes_it)?;
        let boxed = Self { space: Space::RegNet, ..found };
        Some(if makes_it(&boxed) { boxed } else { found })
    }
}

/// The most powers of wm from one stage to the next.
const MAX_SKIP: i32 = 4;

/// Parameters that may make these stages, the roundest first.
fn params(stages: &[Stage]) -> impl Iterator<Item = RegNetParams> {
    multipliers().flat_map(move |wm| initial_widths(stages).filter_map(move |w0| line(stages, w0, wm)))
}

/// Two decimals inside the published box, then outside it, then three inside it.
fn multipliers() -> impl Iterator<Item = f64> {
    let hundredths = (150..=300).chain(101..150).chain(301..=800).map(|n| f64::from(n) / 100.0);
    hundredths.chain((1500..=3000).map(|n| f64::from(n) / 1000.0))
}

/// Multiples of 8 that the group width may have moved to the first stage's width.
fn initial_widths(stages: &[Stage]) -> impl Iterator<Item = usize> {
    let first = stages.first().copied();
    let reach =
        stages.iter().map(|stage| stage.bottleneck.outer(stage.group_width).max(QUANTUM)).max().unwrap_or(0);
    let around = move |first: Stage| {
        let (low, high) = (first.width.saturating_sub(reach), (first.width + reach).min(MAX_WIDTH));
        (low.next_multiple_of(QUANTUM).max(QUANTUM)..=high).step_by(QUANTUM)
    };
    first.into_iter().flat_map(around)
}

/// Parameters of this initial width and multiplier, if some slope puts every block into its stage.
fn line(stages: &[Stage], w0: usize, wm: f64) -> Option<RegNetParams> {
    let Stage { bottleneck: b, .. } = *stages.first()?;
    let g = stages.iter().map(|stage| stage.group_width).max()?;
    let fits = |power: i32, stage: &Stage| {
        let width = (w0 as f64 * wm.powi(power) / QUANTUM as f64).round_ties_even() as usize * QUANTUM;
        Compatibility::Published.fit(width, b, g) == (stage.width, stage.group_width)
    };
    let (mut least, mut most) = (0.0_f64, f64::INFINITY);
    let (mut start, mut powers) = (0, 0..=0);
    for stage in stages {
        let power = powers.find(|&power| fits(power, stage))?;
        let last = start + stage.depth - 1;
        let slope = |steps: f64, j: usize| w0 as f64 * (wm.powf(steps) - 1.0) / j as f64;
        if start > 0 {
            least = least.max(slope(f64::from(power) - 0.5, start));
        }
        if last > 0 {
            most = most.min(slope(f64::from(power) + 0.5, last));
        }
        // Most often the next power, but a steep slope skips some.
        (start, powers) = (last + 1, power + 1..=power + MAX_SKIP);
    }
    Some(RegNetParams { d: start, w0, wa: roundest(least, most)?, wm, g, b, se: None })
}

/// The number with the fewest decimals, at most 6, between two others.
fn roundest(least: f64, most: f64) -> Option<f64> {
    if least == 0.0 {
        return Some(0.0);
    }
    (0..=6).map(|decimals| 10_f64.powi(decimals)).find_map(|scale| {
        let x = ((least + most) / 2.0 * scale).round() / scale;
        (least < x && x < most).then_some(x)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Block, Stem};
    use crate::{Sampler, SpaceName};

    #[test]
    fn published_models_are_recognised() {
        for preset in presets().iter().chain(torchvision_presets()) {
            let declared = preset.declaration();
            let net = declared.to_anynet().unwrap_or_else(|errors| panic!("{errors:?}"));
            assert_eq!(Declaration::from_anynet(&net), Some(declared), "{}", preset.name);
        }
    }

    #[test]
    fn drawn_networks_are_fitted() {
        for space in [SpaceName::RegNetX, SpaceName::RegNetY] {
            for drawn in Sampler::new(space, 11).draw(100).unwrap_or_else(|errors| panic!("{errors:?}")) {
                let fitted = Declaration::from_anynet(&drawn.net).unwrap_or_else(|| panic!("{drawn:?}"));
                assert_eq!(fitted.to_anynet(), Ok(drawn.net.clone()), "{drawn:?} {fitted:?}");
            }
        }
    }

    #[test]
    fn one_stage_and_two() {
        for stages in [vec![(3, 24)], vec![(1, 16), (1, 32)], vec![(1, 8), (1, 32), (2, 64)]] {
            let stage = |(depth, width)| Stage { group_width: 8, ..Stage::plain(depth, width, 2) };
            let net = AnyNet {
                input_channels: 1,
                stem: Stem::default(),
                block: Block::Bottleneck,
                stages: stages.iter().copied().map(stage).collect(),
                se: Some(0.5),
                regulator: None,
                classes: 2,
            };
            let fitted = Declaration::from_anynet(&net).unwrap_or_else(|| panic!("{stages:?}"));
            assert_eq!(fitted.to_anynet(), Ok(net));
        }
    }

    #[test]
    fn networks_off_every_line_are_not_fitted() {
        let preset = presets()[0].declaration();
        let mut net = preset.to_anynet().unwrap_or_else(|errors| panic!("{errors:?}"));
        net.stages[3].depth = 1;
        net.stages[0].depth = 40;
        assert_eq!(Declaration::from_anynet(&net), None);
        net.stages[1].stride = 1;
        assert_eq!(Declaration::from_anynet(&net), None);
        net.stages.clear();
        assert_eq!(Declaration::from_anynet(&net), None);
    }
}
