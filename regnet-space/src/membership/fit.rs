//! Whether a quantised line makes given stages: the inverse of `quantise`.
//!
//! A stage i holds the blocks o_i to l_i and the exponents s from a_i to b_i. Its width before it is fitted to groups is
//! w0 wm^s rounded to a multiple of 8, and those that are fitted to the stage's width are the multiples from p_i to q_i.
//! So (w0, wm, wa) makes the stages if, for every stage,
//!
//! - p_i - 4 < w0 wm^s < q_i + 4 for s = a_i and s = b_i;
//! - wa > w0 (wm^(a_i - 1/2) - 1) / o_i, so that its first block has reached a_i;
//! - wa < w0 (wm^(b_i + 1/2) - 1) / l_i, so that its last block has not left b_i.
//!
//! Two exponents round to one width, and make one stage, only where their widths are less than 8 apart. As wm >= 1.5,
//! those are 1 and 2 of w0 = 8 alone, which both make 16 while 8 wm^2 < 20; everywhere else a_i = b_i.
//!
//! w0, a_i and b_i are few, and are searched depth first. For fixed ones the first rule leaves an interval of wm. So does
//! the second and third: there is a wa between a lower and an upper bound where their difference is positive, and that
//! difference, a sum of two powers of wm and a constant which is 0 at wm = 1, changes its sign at most once above 1. The
//! search is therefore exact but for lines that run through a tie of rounding.

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
    let (bottleneck, group_width) = shared(stages);
    let groups = Groups { bottleneck, group_width };
    // The lines that make the stages before the first, the second, and so on.
    let mut lines = vec![Line::all()];
    for &stage in stages {
        let longer = groups.extend(lines.last()?, stage).collect();
        lines.push(longer);
    }
    let makes = |lines: &[Line], made: usize| lines.iter().any(|line| groups.verify(line, &stages[..made]));
    let made = (1..=stages.len()).rev().find(|&made| makes(&lines[made], made)).unwrap_or(0);
    let &Stage { width, depth, .. } = stages.get(made)?;
    let fits = |stage: Stage| {
        let prefix = [&stages[..made], &[stage]].concat();
        groups.extend(&lines[made], stage).any(|line| groups.verify(&line, &prefix))
    };
    // Widths are whole in groups and blocks; what is in between could not be declared.
    let step = bottleneck.outer(group_width).max(1);
    let wide = |width: usize| {
        let stage = Stage { width, ..stages[made] };
        stage.inner_width().is_multiple_of(stage.group_width) && fits(stage)
    };
    // A line that made the stage deeper would make it at this depth, too, cut short.
    let depth_that_fits = (1..depth).rev().take(NEAR).find(|&depth| fits(Stage { depth, ..stages[made] }));
    let remedy = Remedy { widths: nearest(width, step, wide), depth: depth_that_fits };
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
    /// Its exponents, a_i and b_i.
    exponents: (i32, i32),
    /// Its first and last block, o_i and l_i.
    blocks: (usize, usize),
}

/// An open interval.
type Interval = (f64, f64);

/// The lines of one w0 that make given stages of given exponents.
#[derive(Clone)]
struct Line {
    w0: usize,
    /// There is some slope for each of these multipliers.
    wm: Interval,
    links: Vec<Link>,
}

impl Line {
    /// Those that make no stage yet.
    fn all() -> Vec<Self> {
        (QUANTUM..=MAX_W0).step_by(QUANTUM).map(|w0| Self { w0, wm: WM, links: Vec::new() }).collect()
    }

    /// Those that make one more stage, of `depth` blocks and a width between these.
    fn extend(&self, depth: usize, widths: Interval) -> impl Iterator<Item = Self> {
        let (first, lowest) =
            self.links.last().map_or((0, 0), |last| (last.blocks.1 + 1, last.exponents.1 + 1));
        // The first block is w0 wide.
        let highest = if self.links.is_empty() { 0 } else { i32::MAX };
        let blocks = (first, first + depth - 1);
        let reached = move |a: &i32| (self.w0 as f64) * self.wm.0.powi(*a) < widths.1;
        let exponents = (lowest..=highest).take_while(reached).flat_map(|a| [(a, a), (a, a + 1)]);
        exponents.filter_map(move |exponents| {
            let wm = multipliers(self.w0, self.wm, widths, exponents)?;
            let links = [self.links.as_slice(), &[Link { exponents, blocks }]].concat();
            Some(Self { wm: slopes(self.w0, wm, &links)?, links, ..*self })
        })
    }
}

/// How widths are fitted to groups.
struct Groups {
    bottleneck: Bottleneck,
    group_width: usize,
}

impl Groups {
    /// The lines among `lines`, which make all stages before, that make this one, too.
    fn extend<'a>(&self, lines: &'a [Line], stage: Stage) -> impl Iterator<Item = Line> + 'a {
        let widths = self.unfitted(stage.width);
        lines.iter().flat_map(move |line| line.extend(stage.depth, widths))
    }

    /// The widths, before they are rounded to multiples of 8, that are fitted to a stage's width: p_i - 4 and q_i + 4.
    fn unfitted(&self, width: usize) -> Interval {
        let &Self { bottleneck, group_width } = self;
        let fit = |step: usize| Compatibility::Published.fit(step * QUANTUM, bottleneck, group_width).0;
        // Fitting moves a width by less than one group, and keeps the order of widths.
        let most = (width + bottleneck.outer(group_width)) / QUANTUM + 2;
        let first = |reached: &dyn Fn(usize) -> bool| {
            let (mut low, mut high) = (1, most);
            while low < high {
                let middle = (low + high) / 2;
                if reached(fit(middle)) { high = middle } else { low = middle + 1 }
            }
            (low * QUANTUM) as f64 - 4.0
        };
        (first(&|fitted| fitted >= width), first(&|fitted| fitted > width))
    }

    /// Runs the generator on the middle of what was found, so that rounding cannot deceive.
    fn verify(&self, line: &Line, stages: &[Stage]) -> bool {
        let Line { w0, links, .. } = line;
        let wm = (line.wm.0 + line.wm.1) / 2.0;
        let (above, below) = links.iter().fold((0.0, MAX_WA), |(above, below): Interval, link| {
            (above.max(link.least_slope(*w0, wm)), below.min(link.most_slope(*w0, wm)))
        });
        let d = links.last().map_or(0, |link| link.blocks.1 + 1);
        let (g, b) = (self.group_width, self.bottleneck);
        let params = RegNetParams { d, w0: *w0, wa: (above + below) / 2.0, wm, g, b, se: None };
        params.stages().is_ok_and(|made| made == stages)
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

/// The part of an interval of wm on which these exponents, and no others, make one of the widths.
fn multipliers(w0: usize, wm: Interval, widths: Interval, (a, b): (i32, i32)) -> Option<Interval> {
    if b == 0 {
        let inside = widths.0 < w0 as f64 && (w0 as f64) < widths.1;
        return inside.then_some(wm);
    }
    let root = |width: f64, s: i32| (width / w0 as f64).powf(f64::from(s).recip());
    let mut wm = (wm.0.max(root(widths.0, a)), wm.1.min(root(widths.1, b)));
    // 8 wm and 8 wm^2 are both rounded to 16 below this.
    let apart = 2.5_f64.sqrt();
    match (w0, a, b) {
        (8, 1, 2) => wm.1 = wm.1.min(apart),
        (8, 1 | 2, _) if a == b => wm.0 = wm.0.max(apart),
        _ if a < b => return None,
        _ => {}
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
