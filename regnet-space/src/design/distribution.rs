//! The distributions that parameters are drawn from.

use std::fmt;
use std::str::FromStr;

use crate::suggest;

/// How one of a parameter's values is drawn.
///
/// The values may lie anywhere: steps of 8, powers of two, a list. With x_1 to x_n in rising order, value i is drawn
/// with a probability proportional to:
///
/// | distribution | weight | pycls's sweeps |
/// | --- | --- | --- |
/// | `log-uniform` | ln(x_i / x_{i-1}), where x_0 = x_1 - min(x_1 / 2, x_2 - x_1): a real number of density 1/x, rounded up | `log_uniform`, `power2_or_log_uniform` |
/// | `uniform` | 1 | `uniform` |
/// | `power-of-two` | 1 for powers of two, 0 for others | `power2_uniform` |
/// | `clipped-normal` | exp(-z² / 2), where z = (x_i - m) / s, m = (x_1 + x_n) / 2, s = (x_n - x_1) / 6 | `normal` |
///
/// Powers of two, such as the group widths of AnyNetXA, are therefore equally likely when drawn log-uniformly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Distribution {
    /// Equally likely in each octave; the paper's.
    #[default]
    LogUniform,
    /// Every value as likely as any other.
    Uniform,
    /// Every power of two as likely as any other, and nothing else.
    PowerOfTwo,
    /// Around the middle of the range; its ends are three standard deviations away.
    ClippedNormal,
}

impl Distribution {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::LogUniform, Self::Uniform, Self::PowerOfTwo, Self::ClippedNormal];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogUniform => "log-uniform",
            Self::Uniform => "uniform",
            Self::PowerOfTwo => "power-of-two",
            Self::ClippedNormal => "clipped-normal",
        }
    }

    /// The probability of each of these values, which rise from at least 0.
    ///
    /// All probabilities are 0 where none can be drawn: no powers of two among them. The bits are the same on every
    /// platform, because neither the platform's `ln` nor its `exp` is used.
    pub fn probabilities(self, values: &[f64]) -> Vec<f64> {
        let weights = self.weights(values);
        let total: f64 = weights.iter().sum();
        if total > 0.0 { weights.iter().map(|weight| weight / total).collect() } else { weights }
    }

    fn weights(self, values: &[f64]) -> Vec<f64> {
        match self {
            Self::LogUniform => log_weights(values),
            Self::Uniform => vec![1.0; values.len()],
            Self::PowerOfTwo => {
                let power =
                    |x: &f64| x.is_normal() && x.to_bits().trailing_zeros() >= f64::MANTISSA_DIGITS - 1;
                values.iter().map(|x| f64::from(u8::from(power(x)))).collect()
            }
            Self::ClippedNormal => normal_weights(values),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Distribution {
    type Err = UnknownDistribution;

    fn from_str(name: &str) -> Result<Self, UnknownDistribution> {
        let found = Self::ALL.into_iter().find(|distribution| distribution.name() == name);
        found.ok_or_else(|| UnknownDistribution {
            name: name.to_owned(),
            nearest: suggest::nearest(name, Self::ALL.map(Self::name)),
        })
    }
}

/// No distribution has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownDistribution {
    /// The name given.
    pub name: String,
    /// The nearest that exists, if one is near.
    pub nearest: Option<&'static str>,
}

fn log_weights(values: &[f64]) -> Vec<f64> {
    // From 0 no octave leads upwards: it counts as the next value does.
    let zero = values.first() == Some(&0.0) && values.len() > 1;
    let positive = &values[usize::from(zero)..];
    let Some(&first) = positive.first() else { return Vec::new() };
    let step = positive.get(1).map_or(first, |second| second - first);
    let start = first - (first / 2.0).min(step);
    let below = std::iter::once(start).chain(positive.iter().copied());
    let mut weights: Vec<f64> = positive.iter().zip(below).map(|(x, below)| ln(x / below)).collect();
    if zero {
        weights.insert(0, weights[0]);
    }
    weights
}

fn normal_weights(values: &[f64]) -> Vec<f64> {
    let (Some(low), Some(high)) = (values.first(), values.last()) else { return Vec::new() };
    let (middle, deviation) = ((low + high) / 2.0, (high - low) / 6.0);
    let weight = |x: &f64| {
        let z = if deviation > 0.0 { (x - middle) / deviation } else { 0.0 };
        exp_of_minus(z * z / 2.0)
    };
    values.iter().map(weight).collect()
}

/// The natural logarithm of a normal number above 0, by a series of which IEEE 754 rounds every step.
fn ln(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as f64 - 1023.0;
    let mut m = f64::from_bits((bits & FRACTION) | 1.0_f64.to_bits());
    if m > std::f64::consts::SQRT_2 {
        (m, exponent) = (m / 2.0, exponent + 1.0);
    }
    // ln m = 2 (s + s^3/3 + s^5/5 + ..), and s is below 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let tail = (0..12).rev().fold(0.0, |tail, k| tail * (s * s) + 1.0 / f64::from(2 * k + 1));
    2.0 * s * tail + exponent * std::f64::consts::LN_2
}

/// exp(-x) of a small number of at least 0, likewise.
fn exp_of_minus(x: f64) -> f64 {
    let halvings = (x / std::f64::consts::LN_2).floor();
    let rest = x - halvings * std::f64::consts::LN_2;
    let series = (1..20).rev().fold(1.0, |tail, k| 1.0 - tail * rest / f64::from(k));
    (0..halvings as u32).fold(series, |product, _| product / 2.0)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use super::*;

    #[test]
    fn elementary_functions_are_the_platforms_but_for_the_last_bits() {
        for x in [0.1, 0.7, 1.0, 1.0625, 1.414, 1.415, 2.0, 3.0, 63.0, 1e6] {
            assert!((ln(x) - x.ln()).abs() < 1e-15 * (1.0 + x.ln().abs()), "{x}");
        }
        for x in [0.0, 0.1, LN_2 - 5e-5, LN_2 + 5e-5, 1.0, 4.5, 20.0] {
            assert!((exp_of_minus(x) / (-x).exp() - 1.0).abs() < 1e-15 * (1.0 + x), "{x}");
        }
    }

    #[test]
    fn octaves_are_equally_likely() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-15;
        let powers = Distribution::LogUniform.probabilities(&[1.0, 2.0, 4.0]);
        assert!(powers.iter().all(|&p| near(p, 1.0 / 3.0)), "{powers:?}");
        let groups: Vec<f64> = [2, 4].into_iter().chain((8..=128).step_by(8)).map(f64::from).collect();
        let p = Distribution::LogUniform.probabilities(&groups);
        assert!(near(p[0], 1.0 / 7.0) && near(p[3], 1.0 / 7.0), "{p:?}");
        assert!(near(p[4..6].iter().sum(), 1.0 / 7.0), "{p:?}");
    }

    #[test]
    fn awkward_values() {
        use Distribution::{ClippedNormal, LogUniform, PowerOfTwo};
        assert_eq!(LogUniform.probabilities(&[0.0]), [1.0]);
        assert_eq!(LogUniform.probabilities(&[]), []);
        let p = LogUniform.probabilities(&[0.0, 1.0, 2.0]);
        assert!(p.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-15), "{p:?}");
        assert_eq!(PowerOfTwo.probabilities(&[0.0, 0.25, 0.75, 1.0, 24.0]), [0.0, 0.5, 0.0, 0.5, 0.0]);
        assert_eq!(PowerOfTwo.probabilities(&[3.0, 24.0]), [0.0, 0.0]);
        assert_eq!(ClippedNormal.probabilities(&[7.0]), [1.0]);
    }
}
