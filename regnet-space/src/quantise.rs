//! The quantised linear parameterisation: equations 1 to 4 of "Designing Network Design Spaces" (2020), section 3.3.

use crate::params::RegNetParams;

/// Widths are multiples of this many channels before they are fitted to the group width.
pub(crate) const QUANTUM: usize = 8;

/// The width of each block, as the published generator computes it; ties round to even, as numpy's do.
///
/// A width stays an `f64` here because nothing bounds it yet; every value is a whole number.
pub(crate) fn block_widths(params: &RegNetParams) -> impl Iterator<Item = f64> {
    let &RegNetParams { d, w0, wm, .. } = params;
    let (w0, quantum) = (w0 as f64, QUANTUM as f64);
    let steps = Steps::new(params);
    // The step of the last block and its width: sampling calls this a million times, and most blocks share theirs.
    let mut last = (f64::NAN, f64::NAN);
    (0..d).map(move |j| {
        let step = steps.of(j);
        if step != last.0 {
            last = (step, (w0 * wm.powf(step) / quantum).round_ties_even() * quantum); // equation 3
        }
        last.1
    })
}

/// The power of wm in each block's width.
pub(crate) struct Steps {
    w0: f64,
    wa: f64,
    ln_wm: f64,
}

impl Steps {
    pub(crate) fn new(&RegNetParams { w0, wa, wm, .. }: &RegNetParams) -> Self {
        Self { w0: w0 as f64, wa, ln_wm: wm.ln() }
    }

    /// Of the block after `j` others.
    pub(crate) fn of(&self, j: usize) -> f64 {
        let u = self.w0 + self.wa * j as f64; // equation 1
        ((u / self.w0).ln() / self.ln_wm).round_ties_even() // equation 2
    }
}

/// Depth and width of each run of equal widths.
///
/// Equation 4 makes a stage of the blocks that share s_j; the published generator, followed here, of those that share
/// a width, so that neighbouring s_j whose widths round to the same number are one stage.
pub(crate) fn runs(widths: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for width in widths {
        match runs.last_mut() {
            Some((depth, last)) if *last == width => *depth += 1,
            _ => runs.push((1, width)),
        }
    }
    runs
}
