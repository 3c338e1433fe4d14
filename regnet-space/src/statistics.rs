//! What errors of a population of networks say: the arithmetic of "Designing Network Design Spaces" (2020) and of "On
//! Network Design Spaces for Visual Recognition" (2019).
//!
//! ```
//! use regnet_space::statistics::{Bootstrap, Edf, best_range, expected_best, kolmogorov_smirnov};
//!
//! let (a, b) = ([0.50, 0.42, 0.47, 0.61], [0.40, 0.44, 0.41, 0.52]);
//! assert_eq!(Edf::new(&a).at(0.5), 0.5); // strictly below
//! assert_eq!(kolmogorov_smirnov(&a, &b).map(|test| test.distance), Some(0.5));
//! let means = Bootstrap::default().mean_interval(&a).expect("four errors have a mean");
//! assert!(means.low < 0.5 && means.high > 0.5);
//! // Of all pairs of two networks of b, the better one has 0.41 on average.
//! assert!((expected_best(&b)[1] - 0.41).abs() < 1e-12);
//! // Widths of the networks of b, and those that the best ones have.
//! let widths = [64.0, 24.0, 56.0, 8.0];
//! assert_eq!(best_range(&widths, &b, 0.5, 0.95).map(|range| range.median), Some(56.0));
//! ```
//!
//! | item | what it is |
//! | --- | --- |
//! | [`Edf`] | empirical distribution functions, plain and weighted |
//! | [`kolmogorov_smirnov`] | how far apart two of them are, and how often chance does as much |
//! | [`Bootstrap`] | intervals of means and of their differences |
//! | [`best_range`] | where the parameters of the best networks lie |
//! | [`equal_complexity`] | weights under which populations cost the same |
//! | [`expected_best`] | the best of k networks drawn at random |
//!
//! Values that are not numbers are left out everywhere. What nothing can be said of, such as the mean of no values, is
//! `None`.

mod best;
mod bootstrap;
mod edf;
mod kolmogorov_smirnov;
mod quantile;
mod reweight;
mod search;

pub use best::{BEST_PART, BestRange, best_range};
pub use bootstrap::Bootstrap;
pub use edf::Edf;
pub use kolmogorov_smirnov::{KolmogorovSmirnov, kolmogorov_smirnov};
pub use quantile::{Interval, quantile};
pub use reweight::equal_complexity;
pub use search::expected_best;

/// The arithmetic mean.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The values that are numbers, rising.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}
