//! Whether a quantised line makes given stages: the inverse of `quantise`.
//!
//! A stage i holds the blocks o_i to l_i and the exponents s from a_i to b_i. Its width before it is fitted to groups,
//! u_i, is a multiple of 8 near w0 wm^s, so (w0, wm, wa) makes the stages if, for every stage,
//!
//! - u_i - 4 < w0 wm^s < u_i + 4 for s = a_i and s = b_i, and not for a_i - 1 and b_i + 1;
//! - wa > w0 (wm^(a_i - 1/2) - 1) / o_i, so that its first block has reached a_i;
//! - wa < w0 (wm^(b_i + 1/2) - 1) / l_i, so that its last block has not left b_i.
//!
//! w0 and the u_i, a_i and b_i are few, and are searched depth first. For fixed ones the first rule leaves an interval of
//! wm. So does the second and third: there is a wa between a lower and an upper bound where their difference is
//! positive, and that difference, a sum of two powers of wm and a constant which is 0 at wm = 1, changes its sign at most
//! once above 1. The search is therefore exact but for lines that run through a tie of rounding.

use super::{Remedy, SpaceError, SpaceName};
use crate::bottleneck::Bottleneck;
use crate::compat::Compatibility;
use crate::error::Nearest;
use crate::params::RegNetParams;
use crate::quantise::QUANTUM;
use crate::spec::Stage;

/// The published box.
const MAX_W0: usize = 248;
const MAX_WA: f64 = 256.0;
const WM: (f64, f64) = (1.5, 3.0);

/// How far from a width or depth that does not fit a better one is looked for, in steps.
const NEAR: usize = 24;

/// What is wrong with the first stage that no line makes, if there is one.
pub(super) fn error(stages: &[Stage], space: SpaceName) -> Option<SpaceError> {
    let made = Search::new(stages).longest();
    let &Stage { width, depth, .. } = stages.get(made)?;
    let fits = |stage: Stage| {
        let mut prefix = stages[..=made].to_vec();
        prefix[made] = stage;
        Search::new(&prefix).longest() == prefix.len()
    };
    let (bottleneck, g) = shared(stages);
    // Widths are whole in groups and blocks; what is in between could not be declared.
    let step = bottleneck.outer(g).max(1);
    let wide = |width: usize| {
        let stage = Stage { width, ..stages[made] };
        stage.inner_width().is_multiple_of(stage.group_width) && fits(stage)
    };
    let deep = |depth: usize| fits(Stage { depth, ..stages[made] });
    let remedy = Remedy { widths: nearest(width, step, wide), depths: nearest(depth, 1, deep) };
    Some(SpaceError::NoFit { space, stage: made + 1, width, depth, remedy })
}

/// The nearest numbers that fit, in multiples of `step` from `n`.
fn nearest(n: usize, step: usize, fits: impl Fn(usize) -> bool) -> Nearest<usize> {
    let below = (1..=NEAR).map_while(|i| n.checked_sub(i * step)).take_while(|&n| n > 0);
    let above = (1..=NEAR).map(|i| n + i * step);
    Nearest { below: { below }.find(|&n| fits(n)), above: { above }.find(|&n| fits(n)) }
}

/// The b and g of a RegNet, whose narrow stages have narrower groups.
fn shared(stages: &[Stage]) -> (Bottleneck, usize) {
    let b = stages.first().map_or(Bottleneck::ONE, |stage| stage.bottleneck);
    (b, stages.iter().map(|stage| stage.group_width).max().unwrap_or(1))
}

/// A stage with a choice of exponents.
#[derive(Clone, Copy)]
struct Link {
    /// Its width before it is fitted to groups.
    width: usize,
    /// Its exponents, a_i and b_i.
    exponents: (i32, i32),
    /// Its first and last block, o_i and l_i.
    blocks: (usize, usize),
}

/// A search for a line.
struct Search<'a> {
    stages: &'a [Stage],
    bottleneck: Bottleneck,
    group_width: usize,
    /// The most stages, from the first, that some line was found to make.
    longest: usize,
}

/// An open interval.
type Interval = (f64, f64);

impl<'a> Search<'a> {
    fn new(stages: &'a [Stage]) -> Self {
        let (bottleneck, group_width) = shared(stages);
        Self { stages, bottleneck, group_width, longest: 0 }
    }

    /// How many stages, from the first, one line can make.
    fn longest(mut self) -> usize {
        let Some(first) = self.stages.first() else { return 0 };
        for w0 in (QUANTUM..=MAX_W0).step_by(QUANTUM) {
            if self.fit(w0) == first.width {
                let link = Link { width: w0, exponents: (0, 0), blocks: (0, first.depth - 1) };
                self.extend(w0, WM, &mut vec![link]);
            }
        }
        self.longest
    }

    fn fit(&self, width: usize) -> usize {
        Compatibility::Published.fit(width, self.bottleneck, self.group_width).0
    }

    /// Looks at the last link, then at all that can follow; whether all stages are made.
    fn extend(&mut self, w0: usize, wm: Interval, links: &mut Vec<Link>) -> bool {
        let Some(wm) = slopes(w0, wm, links) else { return false };
        if links.len() > self.longest && self.verify(w0, wm, links) {
            self.longest = links.len();
        }
        let Some(&Stage { width, depth, .. }) = self.stages.get(links.len()) else {
            return self.longest == self.stages.len();
        };
        let Some(&before) = links.last() else { return false };
        let first = before.blocks.1 + 1;
        let blocks = (first, first + depth - 1);
        for a in before.exponents.1 + 1.. {
            let (lowest, highest) = (w0 as f64 * wm.0.powi(a), w0 as f64 * wm.1.powi(a));
            let mut u = (lowest / 8.0).round() as usize * QUANTUM;
            u = u.max(before.width + QUANTUM);
            if self.fit(u) > width {
                return false;
            }
            while u as f64 <= highest + 4.0 && self.fit(u) <= width {
                let fits = self.fit(u) == width;
                for b in [a, a + 1].into_iter().filter(|_| fits) {
                    let link = Link { width: u, exponents: (a, b), blocks };
                    let Some(wm) = multipliers(w0, wm, link) else { continue };
                    links.push(link);
                    let found = self.extend(w0, wm, links);
                    links.pop();
                    if found {
                        return true;
                    }
                }
                u += QUANTUM;
            }
        }
        false
    }

    /// Runs the generator on the middle of what was found, so that rounding cannot deceive.
    fn verify(&self, w0: usize, wm: Interval, links: &[Link]) -> bool {
        let wm = (wm.0 + wm.1) / 2.0;
        let (above, below) = links.iter().fold((0.0, MAX_WA), |(above, below): Interval, link| {
            (above.max(link.least_slope(w0, wm)), below.min(link.most_slope(w0, wm)))
        });
        let d = links.iter().map(|link| link.blocks.1 + 1).max().unwrap_or(0);
        let (g, b) = (self.group_width, self.bottleneck);
        let params = RegNetParams { d, w0, wa: (above + below) / 2.0, wm, g, b, se: None };
        params.stages().is_ok_and(|made| made == self.stages[..links.len()])
    }
}

impl Link {
    /// The slope above which the first block has reached this stage.
    fn least_slope(&self, w0: usize, wm: f64) -> f64 {
        match self.blocks.0 {
            0 => 0.0,
            block => w0 as f64 * (wm.powf(f64::from(self.exponents.0) - 0.5) - 1.0) / block as f64,
        }
    }

    /// The slope below which the last block has not left it.
    fn most_slope(&self, w0: usize, wm: f64) -> f64 {
        match self.blocks.1 {
            0 => MAX_WA,
            block => w0 as f64 * (wm.powf(f64::from(self.exponents.1) + 0.5) - 1.0) / block as f64,
        }
    }
}

/// The part of an interval of wm on which the exponents of a stage round to its width, and no others.
fn multipliers(w0: usize, wm: Interval, link: Link) -> Option<Interval> {
    let (low, high) = (link.width as f64 - 4.0, link.width as f64 + 4.0);
    let (a, b) = link.exponents;
    let root = |width: f64, s: i32| (width / w0 as f64).powf(f64::from(s).recip());
    let mut wm = (wm.0.max(root(low, a)).max(root(high, b + 1)), wm.1.min(root(high, b)));
    if a > 1 {
        wm.1 = wm.1.min(root(low, a - 1));
    }
    (wm.0 < wm.1).then_some(wm)
}

/// The part of an interval of wm on which some slope makes all links; all but the last are known to agree.
fn slopes(w0: usize, mut wm: Interval, links: &[Link]) -> Option<Interval> {
    let last = links.last()?;
    wm = positive(wm, |wm| MAX_WA - last.least_slope(w0, wm))?;
    for link in links {
        wm = positive(wm, |wm| link.most_slope(w0, wm) - last.least_slope(w0, wm))?;
        wm = positive(wm, |wm| last.most_slope(w0, wm) - link.least_slope(w0, wm))?;
    }
    Some(wm)
}

/// The part of an interval on which a function that changes its sign at most once is positive.
fn positive((mut low, mut high): Interval, f: impl Fn(f64) -> f64) -> Option<Interval> {
    let (rises, falls) = (f(high) > 0.0, f(low) > 0.0);
    if rises == falls {
        return rises.then_some((low, high));
    }
    let (from, to) = (low, high);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if (f(middle) > 0.0) == rises { high = middle } else { low = middle }
    }
    Some(if rises { (high, to) } else { (from, low) })
}
