//! Empirical distribution functions.

/// The part of some values that lies below a bound: F(e) = (1/n) sum 1\[e_i < e\] (equation 1 of the 2020 paper), or,
/// where each value has a weight, the part of all weight (section 3.3 of the 2019 paper).
#[derive(Debug, Clone, PartialEq)]
pub struct Edf {
    /// Each different value, rising, and the weight up to and with it.
    steps: Vec<(f64, f64)>,
}

impl Edf {
    /// Of values that all weigh the same. Without values it is 0 everywhere.
    pub fn new(values: &[f64]) -> Self {
        Self::weighted(values.iter().map(|&value| (value, 1.0)))
    }

    /// Of values and weights, which need not sum to 1. Values of no weight, or of one that is no positive finite
    /// number, are left out.
    pub fn weighted(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let counts = |&(value, weight): &(f64, f64)| !value.is_nan() && weight.is_finite() && weight > 0.0;
        let mut pairs: Vec<(f64, f64)> = pairs.into_iter().filter(counts).collect();
        pairs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut steps: Vec<(f64, f64)> = Vec::new();
        let mut total = 0.0;
        for (value, weight) in pairs {
            total += weight;
            match steps.last_mut() {
                Some((last, reached)) if *last == value => *reached = total,
                _ => steps.push((value, total)),
            }
        }
        for (_, reached) in &mut steps {
            *reached /= total;
        }
        Self { steps }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// F(e): the part strictly below `e`.
    pub fn at(&self, e: f64) -> f64 {
        self.before(self.steps.partition_point(|&(value, _)| value < e))
    }

    /// The part up to and with `e`, as most libraries define the function.
    pub fn up_to(&self, e: f64) -> f64 {
        self.before(self.steps.partition_point(|&(value, _)| value <= e))
    }

    fn before(&self, count: usize) -> f64 {
        count.checked_sub(1).map_or(0.0, |last| self.steps[last].1)
    }

    /// Each different value, rising, and the part up to and with it; the last part is 1.
    pub fn steps(&self) -> &[(f64, f64)] {
        &self.steps
    }

    /// The least value.
    pub fn min(&self) -> Option<f64> {
        self.steps.first().map(|&(value, _)| value)
    }

    /// The weighted mean: the area between the function and 1, from 0.
    pub fn mean(&self) -> Option<f64> {
        let starts = std::iter::once(0.0).chain(self.steps.iter().map(|&(_, reached)| reached));
        let sum =
            self.steps.iter().zip(starts).map(|(&(value, reached), start)| value * (reached - start)).sum();
        (!self.is_empty()).then_some(sum)
    }
}
