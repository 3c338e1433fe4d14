//! How near a network's widths come to a quantised line: e_fit of "Designing Network Design Spaces" (2020), section 3.3.
//!
//! ```
//! use regnet_space::Preset;
//!
//! let mut net = Preset::find("RegNetX-600MF")?.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
//! // Not quite 0: its widths were fitted to groups of 24.
//! assert!(net.line_fit().is_some_and(|fit| fit.error < 0.02));
//! net.stages[3].width = 48; // A line does not come down again.
//! assert!(net.line_fit().is_some_and(|fit| fit.error > 0.1));
//! # Ok::<(), regnet_space::ParamError>(())
//! ```
//!
//! The paper sets d to the network's depth and searches a grid of w0, wa and wm. Here w0 and wm lie on the grid and wa is
//! searched exactly: for given w0 and wm the error changes only where a block enters its next width, so it is known
//! everywhere once it is known between those places. Few of the grid's points need that search: one whose widths could not
//! come near, whatever the blocks' order, is passed over.

use std::sync::LazyLock;

use crate::limits::MAX_WIDTH;
use crate::quantise::QUANTUM;
use crate::spec::{AnyNet, Stage};

/// The quantised line that comes nearest to a network's widths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineFit {
    /// Initial width: a multiple of 8 below 256.
    pub w0: usize,
    /// Slope: in the middle of those that are as near, from 0 to 256.
    pub wa: f64,
    /// Multiplier: 1.5 to 3 in steps of 0.01.
    pub wm: f64,
    /// e_fit: the mean over all blocks of |ln(w / w')|, w the network's width and w' the line's before it is fitted to
    /// groups.
    pub error: f64,
}

impl AnyNet {
    /// The nearest line inside the published box (w0 < 256, wa < 256, 1.5 <= wm <= 3); `None` for a network that
    /// [`check`](Self::check) refuses.
    pub fn line_fit(&self) -> Option<LineFit> {
        self.check().ok()?;
        let targets = Targets::new(&self.stages);
        let mut lines: Vec<(f64, &Line)> = GRID.iter().map(|line| (targets.bound(line), line)).collect();
        lines.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut best = LineFit { w0: 0, wa: 0.0, wm: 0.0, error: f64::INFINITY };
        for (bound, line) in lines {
            if bound >= best.error {
                break;
            }
            let (error, wa) = targets.fit(line);
            if error < best.error {
                best = LineFit { w0: line.w0, wa, wm: line.wm, error };
            }
        }
        // Sums of differences leave a trace where there is no error.
        let error = if best.error < 1e-9 { 0.0 } else { best.error / targets.depth as f64 };
        Some(LineFit { error, ..best })
    }
}

/// The published box.
const MAX_W0: usize = 248;
const MAX_WA: f64 = 256.0;

/// A w0 and a wm, and the widths that they make.
struct Line {
    w0: usize,
    wm: f64,
    /// Each width's logarithm, by the power of wm.
    widths: Vec<f64>,
    /// The slope times the block's index from which on it has the next width.
    ends: Vec<f64>,
}

/// All of them.
static GRID: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let multipliers = || (150..=300).map(|n| f64::from(n) / 100.0);
    let starts = (QUANTUM..=MAX_W0).step_by(QUANTUM);
    starts.flat_map(|w0| multipliers().map(move |wm| Line::new(w0, wm))).collect()
});

impl Line {
    fn new(w0: usize, wm: f64) -> Self {
        let start = w0 as f64;
        let powers = || (0..).take_while(|&power| start * wm.powi(power - 1) <= MAX_WIDTH as f64);
        let width = |power| (start * wm.powi(power) / QUANTUM as f64).round_ties_even() * QUANTUM as f64;
        Self {
            w0,
            wm,
            widths: powers().map(|power| width(power).ln()).collect(),
            ends: powers().map(|power| start * (wm.powf(f64::from(power) + 0.5) - 1.0)).collect(),
        }
    }
}

/// Depth and logarithm of the width of each stage.
struct Targets {
    stages: Vec<(usize, f64)>,
    depth: usize,
}

impl Targets {
    fn new(stages: &[Stage]) -> Self {
        let stages: Vec<_> = stages.iter().map(|stage| (stage.depth, (stage.width as f64).ln())).collect();
        Self { depth: stages.iter().map(|(depth, _)| depth).sum(), stages }
    }

    /// An error, summed over the blocks, that no slope of this line comes below: that of the widths which suit each stage
    /// best, as long as they do not fall and the first block has the first of them.
    fn bound(&self, line: &Line) -> f64 {
        let Some((&(depth, first), rest)) = self.stages.split_first() else { return 0.0 };
        // By width, the least error of the stages so far that end with it.
        let blocks = (depth - 1) as f64;
        let mut least: Vec<f64> = line.widths.iter().map(|width| blocks * (width - first).abs()).collect();
        for &(depth, target) in rest {
            let mut narrower = f64::INFINITY;
            for (sum, width) in least.iter_mut().zip(&line.widths) {
                narrower = narrower.min(*sum);
                *sum = narrower + depth as f64 * (width - target).abs();
            }
        }
        (line.widths[0] - first).abs() + least.into_iter().fold(f64::INFINITY, f64::min)
    }

    /// The least error of a line, summed over the blocks, and a slope that has it.
    fn fit(&self, line: &Line) -> (f64, f64) {
        let mut changes = self.changes(line);
        changes.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut error: f64 =
            self.stages.iter().map(|&(depth, target)| depth as f64 * (line.widths[0] - target).abs()).sum();
        let mut best = (error, 0.0);
        let ends = changes.iter().skip(1).map(|&(wa, _)| wa).chain([MAX_WA]);
        for (&(wa, change), end) in changes.iter().zip(ends) {
            error += change;
            if error < best.0 && end > wa {
                best = (error, (wa + end) / 2.0);
            }
        }
        best
    }

    /// Each slope from which on a block has its next width, and what that adds to the error.
    fn changes(&self, line: &Line) -> Vec<(f64, f64)> {
        let targets = self.stages.iter().flat_map(|&(depth, target)| std::iter::repeat_n(target, depth));
        let mut changes = Vec::new();
        for (j, target) in targets.enumerate().skip(1) {
            for (pair, end) in line.widths.windows(2).zip(&line.ends) {
                let wa = end / j as f64;
                if wa >= MAX_WA {
                    break;
                }
                changes.push((wa, (pair[1] - target).abs() - (pair[0] - target).abs()));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bottleneck::Bottleneck;
    use crate::params::RegNetParams;
    use crate::quantise::block_widths;
    use crate::spec::{Block, Stem};
    use crate::{Sampler, SpaceName};

    fn net(stages: &[(usize, usize)]) -> AnyNet {
        let stages = stages.iter().map(|&(depth, width)| Stage::plain(depth, width, 2)).collect();
        let (block, stem) = (Block::Bottleneck, Stem::default());
        AnyNet { input_channels: 3, stem, block, stages, se: None, regulator: None, classes: 10 }
    }

    /// The mean error of one line.
    fn error(net: &AnyNet, w0: usize, wa: f64, wm: f64) -> f64 {
        let observed =
            net.stages.iter().flat_map(|stage| std::iter::repeat_n(stage.width as f64, stage.depth));
        let observed: Vec<f64> = observed.collect();
        let params = RegNetParams { d: observed.len(), w0, wa, wm, g: 1, b: Bottleneck::ONE, se: None };
        let sum: f64 =
            block_widths(&params).zip(&observed).map(|(line, width)| (line / width).ln().abs()).sum();
        sum / observed.len() as f64
    }

    /// The least mean error over the grid with fewer multipliers, and whole slopes.
    fn brute_force(net: &AnyNet) -> f64 {
        let lines = (8..=248).step_by(8).flat_map(|w0| (150..=300).step_by(10).map(move |wm| (w0, wm)));
        let errors = lines.flat_map(|(w0, wm)| (0..256).map(move |wa| (w0, f64::from(wa), wm)));
        errors.map(|(w0, wa, wm)| error(net, w0, wa, f64::from(wm) / 100.0)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn no_line_comes_nearer() {
        for stages in [&[(1, 24), (3, 96), (2, 64)][..], &[(2, 512), (1, 8), (2, 1024), (1, 256)]] {
            let net = net(stages);
            let fit = net.line_fit().unwrap_or_else(|| panic!("{stages:?}"));
            let checked = error(&net, fit.w0, fit.wa, fit.wm);
            assert!((checked - fit.error).abs() < 1e-12, "{stages:?}: {fit:?}, but in truth {checked}");
            let brute = brute_force(&net);
            assert!(fit.error <= brute + 1e-12, "{stages:?}: {fit:?}, but {brute} is possible");
        }
    }

    #[test]
    fn regnets_lie_on_a_line() {
        let drawn =
            Sampler::new(SpaceName::RegNetX, 3).draw(20).unwrap_or_else(|errors| panic!("{errors:?}"));
        for declared in drawn.iter().filter_map(|drawn| drawn.params().copied()) {
            // Before they are fitted to groups, and with a multiplier of the grid.
            let params = RegNetParams { wm: (declared.wm * 100.0).round() / 100.0, ..declared };
            let widths: Vec<usize> = block_widths(&params).map(|width| width as usize).collect();
            let net = net(&crate::quantise::runs(widths));
            if net.stages.len() <= 6 {
                assert_eq!(net.line_fit().map(|fit| fit.error), Some(0.0), "{params:?}");
            }
        }
    }

    #[test]
    fn one_block_is_as_near_as_its_width() {
        assert_eq!(net(&[(1, 248)]).line_fit().map(|fit| (fit.w0, fit.error)), Some((248, 0.0)));
        let wide = net(&[(1, 1024)]).line_fit().map(|fit| fit.error);
        assert!(wide.is_some_and(|error| (error - (1024.0_f64 / 248.0).ln()).abs() < 1e-12), "{wide:?}");
        assert_eq!(net(&[]).line_fit(), None);
    }
}
