//! Random search.

use super::sorted;

/// The error to expect of the best of k networks, for k from 1 to the number of errors: the mean over all sets of k
/// different ones. The first is the mean, the last the least.
///
/// Of all sets of k among n, C(n - i, k - 1) have the i-th best as their best; a set's part is C(n - i, k - 1) / C(n, k),
/// which starts at k / n and shrinks by (n - i - k + 1) / (n - i) from i to the next.
pub fn expected_best(errors: &[f64]) -> Vec<f64> {
    let errors = sorted(errors);
    let n = errors.len();
    let of = |k: usize| {
        let mut part = k as f64 / n as f64;
        let mut expected = 0.0;
        for (i, error) in (1..=n - k + 1).zip(&errors) {
            expected += part * error;
            part *= (n - i).saturating_sub(k - 1) as f64 / (n - i).max(1) as f64;
        }
        expected
    };
    (1..=n).map(of).collect()
}
