//! How large a design space is.

use std::collections::BTreeSet;
use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{Add, Mul};

use super::{Axis, Choice, DesignSpace};
use crate::bottleneck::Bottleneck;
use crate::compat::Compatibility;
use crate::membership::SpaceName;
use crate::quantise::QUANTUM;
use crate::text::grouped_wide;

/// A number of settings or networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    exact: Option<u128>,
    near: f64,
}

impl Count {
    /// The number, if it is below 2^128.
    pub fn exact(self) -> Option<u128> {
        self.exact
    }

    /// The number as it is nearest in an `f64`.
    pub fn near(self) -> f64 {
        self.exact.map_or(self.near, |exact| exact as f64)
    }
}

impl From<u128> for Count {
    fn from(n: u128) -> Self {
        Self { exact: Some(n), near: n as f64 }
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let exact = self.exact.zip(other.exact).and_then(|(a, b)| a.checked_add(b));
        Self { exact, near: self.near + other.near }
    }
}

impl Mul for Count {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let exact = self.exact.zip(other.exact).and_then(|(a, b)| a.checked_mul(b));
        Self { exact, near: self.near * other.near }
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(0.into(), Add::add)
    }
}

impl Product for Count {
    fn product<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(1.into(), Mul::mul)
    }
}

/// All digits in groups of three; of larger numbers three digits and a power of ten.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exact {
            Some(exact) => f.write_str(&grouped_wide(exact)),
            None => write!(f, "{:.2e}", self.near),
        }
    }
}

impl SpaceName {
    /// The paper's own figure for the settings of this space: powers and factorials, where [`DesignSpace::settings`] counts.
    ///
    /// Of RegNet it is 64^4·6·3: it takes d, w0, wa and wm for one of 64 values each, g for one of 6 and b for one of 3.
    pub fn paper_settings(self) -> f64 {
        let (d, w, b, g) = (16.0_f64, 128.0_f64, 3.0, 6.0);
        let orders = 24.0;
        match self {
            Self::AnyNetXA => (d * w * b * g).powi(4),
            Self::AnyNetXB => (d * w * g).powi(4) * b,
            Self::AnyNetXC => (d * w).powi(4) * b * g,
            Self::AnyNetXD => (d * w).powi(4) * b * g / orders,
            Self::AnyNetXE => (d * w).powi(4) * b * g / (orders * orders),
            Self::RegNetX | Self::RegNetY => 64.0_f64.powi(4) * g * b,
        }
    }
}

impl DesignSpace {
    /// How many settings of its parameters the space has, whatever the windows.
    ///
    /// The paper (section 3.2) counts these, too: (16·128·3·6)^4, about 1.8·10^18, of AnyNetXA; (16·128·6)^4·3 of B;
    /// (16·128)^4·3·6 of C; that over 4! of D and over (4!)² of E, because one order in 4! rises. Here rising numbers are
    /// counted exactly, equal neighbours included: C(131, 4) = 11,716,640 ways for four widths, not
    /// 128^4 / 4! = 11,184,811. Counts are whole numbers up to 2^128, and beyond that an `f64`.
    ///
    /// Of a RegNet space this is the grid that is drawn from, steps of 0.1 in wa and 0.001 in wm: some of it makes fewer or
    /// more stages than the space allows, and many settings make the same network.
    pub fn settings(&self) -> Count {
        let values = |choice: &Choice| Count::from(choice.values().len() as u128);
        if self.base.is_regnet() {
            let each = self.axes.iter().map(|(axis, choices)| match axis {
                Axis::W0 if self.tied => 1.into(),
                Axis::Wa if self.tied => values(&self.tied_choice()),
                _ => values(&choices[0]),
            });
            return each.product();
        }
        let of_axis = |(axis, choices): &(Axis, Vec<Choice>), stages: usize| match choices.as_slice() {
            [shared] => values(shared),
            _ if axis.rises(self.base) => rising(&choices[..stages]),
            _ => choices[..stages].iter().map(values).product(),
        };
        let of_stages = |&stages: &usize| self.axes.iter().map(|axis| of_axis(axis, stages)).product();
        self.stages.iter().map(of_stages).sum()
    }

    /// How many different networks an AnyNet space has, whatever the windows: settings whose widths are fitted to the same
    /// stages count once. `None` for a RegNet space.
    pub fn networks(&self) -> Option<Count> {
        if self.base.is_regnet() {
            return None;
        }
        let of_stages = |&stages: &usize| {
            let depths = self.choices(Axis::D).get(..stages).unwrap_or_default();
            let depths = if Axis::D.rises(self.base) {
                rising(depths)
            } else {
                depths.iter().map(|choice| Count::from(choice.values().len() as u128)).product()
            };
            depths * self.widths(stages)
        };
        Some(self.stages.iter().map(of_stages).sum())
    }

    /// The different sequences of width, bottleneck ratio and group width.
    fn widths(&self, stages: usize) -> Count {
        let [w, b, g] = [Axis::W, Axis::B, Axis::G].map(|axis| self.choices(axis));
        let w = &w[..stages];
        match (b, g) {
            ([b], [g]) => b.values().iter().map(|&b| self.of_shared_groups(w, b, g)).sum(),
            ([b], g) => {
                let of_ratio =
                    |&b: &f64| w.iter().zip(g).map(|(w, g)| stage_widths(w, b, g)).product::<Count>();
                b.values().iter().map(of_ratio).sum()
            }
            (b, g) => {
                let of_stage = |((w, b), g): ((&Choice, &Choice), &Choice)| -> Count {
                    b.values().iter().map(|&b| stage_widths(w, b, g)).sum()
                };
                w.iter().zip(b).zip(g).map(of_stage).product()
            }
        }
    }

    /// The different sequences of width and group width under one b and one g for all stages.
    ///
    /// Two group widths make the same stages only where every stage is too narrow for the larger one, and those of the
    /// third are among those: each g adds what the next smaller one does not have.
    fn of_shared_groups(&self, w: &[Choice], b: f64, g: &Choice) -> Count {
        let b = ratio(b);
        let mut before = 0;
        let mut total = Count::from(0);
        for g in g.values().iter().map(|&g| g as usize) {
            let all = self.sequences(w, b, g, |_| true);
            let shared = self.sequences(w, b, g, |width| b.inner(width) <= before);
            let new = all.exact.zip(shared.exact).map(|(all, shared)| all - shared);
            total = total + Count { exact: new, near: all.near - shared.near };
            before = g;
        }
        total
    }

    /// The different sequences of fitted widths whose drawn widths all pass `keep`.
    fn sequences(&self, w: &[Choice], b: Bottleneck, g: usize, keep: impl Fn(usize) -> bool) -> Count {
        // Fitted widths that differ, each with the least drawn one that gives it, from `least` on.
        let different = |choice: &Choice, least: usize| {
            let drawn = choice.values().iter().map(|&width| width as usize);
            let drawn = drawn.filter(|&width| width >= least && keep(width));
            let mut pairs: Vec<_> = drawn.map(|w| (Compatibility::Published.fit(w, b, g).0, w)).collect();
            pairs.dedup_by_key(|(fitted, _)| *fitted);
            pairs
        };
        if !Axis::W.rises(self.base) {
            return w.iter().map(|choice| Count::from(different(choice, 0).len() as u128)).product();
        }
        // The sequences of the later stages by the width before them, in steps of 8. The least drawn width leaves the most
        // to them, so it stands for all that are fitted to the same.
        let mut later = vec![Count::from(1); MAX_WIDTH / QUANTUM + 1];
        for choice in w.iter().rev() {
            let from = |least| different(choice, least).into_iter().map(|(_, w)| later[w / QUANTUM]).sum();
            later = (0..later.len()).map(|step| from(step * QUANTUM)).collect();
        }
        later[0]
    }
}

/// The most that a stage of an AnyNet space is wide.
const MAX_WIDTH: usize = 1024;

/// The sequences of these values, one a stage, that do not fall.
fn rising(choices: &[Choice]) -> Count {
    let mut values: Vec<f64> = choices.iter().flat_map(Choice::values).copied().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    // The sequences of the later stages from each value on.
    let mut later = vec![Count::from(1); values.len()];
    for choice in choices.iter().rev() {
        let mut sum = Count::from(0);
        for (x, later) in values.iter().zip(&mut later).rev() {
            if choice.values().contains(x) {
                sum = sum + *later;
            }
            *later = sum;
        }
    }
    later.first().copied().unwrap_or(1.into())
}

/// The different widths and group widths of one stage.
fn stage_widths(w: &Choice, b: f64, g: &Choice) -> Count {
    let b = ratio(b);
    let of_width = |&width: &f64| {
        g.values().iter().map(move |&g| Compatibility::Published.fit(width as usize, b, g as usize))
    };
    let pairs: BTreeSet<_> = w.values().iter().flat_map(of_width).collect();
    Count::from(pairs.len() as u128)
}

/// Constraints admit nothing that is not a ratio.
fn ratio(b: f64) -> Bottleneck {
    Bottleneck::from_ratio(b).unwrap_or(Bottleneck::ONE)
}
