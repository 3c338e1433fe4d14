//! The bootstrap: what else a mean could have been.

use super::quantile::Interval;
use crate::sample::rng::Rng;

/// Draws values with replacement, as many as there are, over and over, and looks at the spread of the results (Efron
/// and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13: the percentile interval).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How often the values are drawn.
    pub replicates: usize,
    /// The part of the results that an interval holds.
    pub confidence: f64,
    /// What every draw follows from.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 10,000 draws and intervals of 95 %, as in both papers.
    fn default() -> Self {
        Self { replicates: 10_000, confidence: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    /// The interval of the mean; `None` without values.
    pub fn mean_interval(&self, values: &[f64]) -> Option<Interval> {
        let values = numbers(values);
        let mut rng = Rng::new(self.seed);
        self.interval(|| resampled_mean(&values, &mut rng))
    }

    /// The interval of the mean of `a` less that of `b`, two samples drawn apart; `None` if one has no values.
    pub fn difference_interval(&self, a: &[f64], b: &[f64]) -> Option<Interval> {
        let (a, b) = (numbers(a), numbers(b));
        let mut rng = Rng::new(self.seed);
        self.interval(|| Some(resampled_mean(&a, &mut rng)? - resampled_mean(&b, &mut rng)?))
    }

    fn interval(&self, mut replicate: impl FnMut() -> Option<f64>) -> Option<Interval> {
        let mut results = (0..self.replicates).map(|_| replicate()).collect::<Option<Vec<_>>>()?;
        results.sort_by(f64::total_cmp);
        Interval::central(&results, self.confidence)
    }
}

fn numbers(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| !value.is_nan()).collect()
}

/// The mean of as many values drawn with replacement.
fn resampled_mean(values: &[f64], rng: &mut Rng) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|&count| count > 0)?;
    let sum: f64 = (0..count).map(|_| values[rng.below(count) as usize]).sum();
    Some(sum / f64::from(count))
}
