//! The parameters of a design space and the values they take.

use std::fmt;

use super::distribution::Distribution;
use crate::bottleneck::Bottleneck;
use crate::limits::{MAX_BOTTLENECK, MAX_STAGES};
use crate::membership::SpaceName;

/// The widest group that a design space may be given.
const MAX_GROUP: f64 = 1024.0;

/// A number that is drawn, in the paper's letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    /// d: blocks, of a stage in AnyNets and of the whole network in RegNets.
    D,
    /// w: a stage's width, in channels.
    W,
    /// w0: initial width, in channels.
    W0,
    /// wa: slope, in channels a block.
    Wa,
    /// wm: multiplier between the widths of neighbouring stages.
    Wm,
    /// b: bottleneck ratio.
    B,
    /// g: group width, in channels.
    G,
}

impl Axis {
    /// Those of an AnyNet space or of a RegNet space, in the order in which they are drawn.
    pub fn of(base: SpaceName) -> &'static [Self] {
        if base.is_regnet() {
            &[Self::D, Self::W0, Self::Wa, Self::Wm, Self::B, Self::G]
        } else {
            &[Self::D, Self::W, Self::B, Self::G]
        }
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::D => "d",
            Self::W => "w",
            Self::W0 => "w0",
            Self::Wa => "wa",
            Self::Wm => "wm",
            Self::B => "b",
            Self::G => "g",
        }
    }

    /// What it is, for people.
    pub fn meaning(self, base: SpaceName) -> &'static str {
        match self {
            Self::D if base.is_regnet() => "depth: blocks in all",
            Self::D => "blocks of a stage",
            Self::W => "width of a stage",
            Self::W0 => "initial width",
            Self::Wa => "slope: channels added from block to block",
            Self::Wm => "multiplier between the widths of neighbouring stages",
            Self::B => "bottleneck ratio: width over inner width",
            Self::G => "group width",
        }
    }

    /// The values it takes in one of the paper's spaces, in rising order.
    ///
    /// The paper bounds RegNet's wa and g on one side only (wa < 256, g > 1): 8 is the least wa and 128 the largest g that
    /// pycls's sweeps draw, and the steps of wa and wm, which the paper takes for real numbers, are theirs, too.
    pub fn values(self, base: SpaceName) -> Vec<f64> {
        let steps = |low: u32, high: u32, step: usize, unit: f64| {
            (low..=high).step_by(step).map(|x| f64::from(x) / unit).collect()
        };
        match self {
            Self::D if base.is_regnet() => steps(1, 63, 1, 1.0),
            Self::D => steps(1, 16, 1, 1.0),
            Self::W => steps(8, 1024, 8, 1.0),
            Self::W0 => steps(8, 248, 8, 1.0),
            Self::Wa => steps(80, 2559, 1, 10.0),
            Self::Wm => steps(1500, 3000, 1, 1000.0),
            Self::B if base.is_regnet() => vec![1.0, 2.0],
            Self::B => vec![1.0, 2.0, 4.0],
            Self::G if base.is_regnet() => [2.0, 4.0].into_iter().chain(steps(8, 128, 8, 1.0)).collect(),
            Self::G => vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        }
    }

    /// Whether a space may be given this value, though the paper's need not have it.
    pub(super) fn admits(self, base: SpaceName, x: f64) -> bool {
        match self {
            Self::D | Self::W | Self::W0 => self.values(base).contains(&x),
            Self::Wa => (0.0..256.0).contains(&x),
            Self::Wm => (1.5..=3.0).contains(&x),
            Self::B => Bottleneck::from_ratio(x).is_ok(),
            Self::G => x.fract() == 0.0 && (1.0..=MAX_GROUP).contains(&x),
        }
    }

    /// The values allowed, in words.
    pub fn allowed(self, base: SpaceName) -> String {
        match self {
            Self::D if base.is_regnet() => "whole numbers from 1 to 63".to_owned(),
            Self::D => "whole numbers from 1 to 16".to_owned(),
            Self::W => "multiples of 8 from 8 to 1024".to_owned(),
            Self::W0 => "multiples of 8 from 8 to 248".to_owned(),
            Self::Wa => "numbers from 0 to below 256".to_owned(),
            Self::Wm => "numbers from 1.5 to 3".to_owned(),
            Self::B => format!("whole numbers up to {MAX_BOTTLENECK} and one over them, as in 1/4"),
            Self::G => format!("whole numbers from 1 to {MAX_GROUP}"),
        }
    }

    /// How many of these numbers a network of one of the paper's spaces has, at most.
    pub(super) fn count(self, base: SpaceName) -> usize {
        let shared = match self {
            Self::B => base.narrows(SpaceName::AnyNetXB),
            Self::G => base.narrows(SpaceName::AnyNetXC),
            _ => false,
        };
        if base.is_regnet() || shared { 1 } else { MAX_STAGES }
    }

    /// Whether this number must not fall from stage to stage.
    pub fn rises(self, base: SpaceName) -> bool {
        match self {
            Self::W => base.narrows(SpaceName::AnyNetXD),
            Self::D => base.narrows(SpaceName::AnyNetXE),
            _ => false,
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The values a parameter takes in a design space, and how one of them is drawn.
#[derive(Clone, PartialEq)]
pub struct Choice {
    /// In rising order; never empty.
    pub(super) values: Vec<f64>,
    pub(super) distribution: Distribution,
}

impl Choice {
    /// The values, in rising order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How one of them is drawn.
    pub fn distribution(&self) -> Distribution {
        self.distribution
    }

    /// The probability of each value, before anything is rejected.
    pub fn probabilities(&self) -> Vec<f64> {
        self.distribution.probabilities(&self.values)
    }

    /// The values in short: `8 to 248 in steps of 8`, `2, 4, 8 to 128 in steps of 8`.
    pub fn describe(&self) -> String {
        let values = &self.values;
        // Where the even steps at the end begin.
        let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let even = |from: &usize| steps[*from..].iter().all(|step| (step - steps[*from]).abs() < 1e-6);
        match (0..steps.len()).find(even) {
            Some(from) if values.len() - from >= 5 => {
                let ends = format!("{} to {}", values[from], values[values.len() - 1]);
                let step = (steps[from] * 1000.0).round() / 1000.0;
                let run = if step == 1.0 { ends } else { format!("{ends} in steps of {step}") };
                values[..from].iter().map(|&x| number(x) + ", ").chain([run]).collect()
            }
            _ => values.iter().map(|&x| number(x)).collect::<Vec<_>>().join(", "),
        }
    }
}

/// In short, because there may be thousands of values.
impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Choice({} ~ {})", self.describe(), self.distribution)
    }
}

/// Ratios below 1 as fractions.
pub(super) fn number(x: f64) -> String {
    let n = x.recip().round();
    let fraction = x > 0.0 && x < 1.0 && n.recip() == x;
    if fraction { format!("1/{n}") } else { x.to_string() }
}
