//! The two-sample Kolmogorov-Smirnov test.

use super::sorted;

/// How far two distribution functions are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The largest distance between them, from 0 to 1.
    pub distance: f64,
    /// The probability that two samples of these sizes from one continuous distribution are at least that far apart,
    /// exactly. With values that occur more than once it is an upper bound.
    pub p_value: f64,
}

/// Compares two samples; `None` if one has no values. Takes time proportional to the product of their sizes.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> Option<KolmogorovSmirnov> {
    let (a, b) = (sorted(a), sorted(b));
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let apart = distance(&a, &b);
    let distance = apart as f64 / (a.len() as f64 * b.len() as f64);
    Some(KolmogorovSmirnov { distance, p_value: p_value(a.len(), b.len(), apart) })
}

/// The largest distance between the functions of two rising samples, times the product of their sizes: whole.
fn distance(a: &[f64], b: &[f64]) -> u64 {
    let (mut i, mut j, mut most) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        i += a[i..].iter().take_while(|&&x| x == value).count();
        j += b[j..].iter().take_while(|&&x| x == value).count();
        most = most.max(apart(i, a.len(), j, b.len()));
    }
    most
}

/// How far apart the functions are once `i` of `n` and `j` of `m` values are passed.
fn apart(i: usize, n: usize, j: usize, m: usize) -> u64 {
    (i as u64 * m as u64).abs_diff(j as u64 * n as u64)
}

/// The probability that a distance of at least `least` occurs.
///
/// Merged in order, two samples of one distribution make each path from (0, 0) to (n, m) equally likely. Of the paths
/// to (i, j) a part of i / (i + j) comes from (i - 1, j), so that the part that strayed follows from its neighbours'.
fn p_value(n: usize, m: usize, least: u64) -> f64 {
    let strayed = |i, j| apart(i, n, j, m) >= least;
    // The row of paths to (i, 0), (i, 1) and so on.
    let mut row = vec![0.0; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            row[j] = match (i, j) {
                _ if strayed(i, j) => 1.0,
                (0, 0) => 0.0,
                (0, _) => row[j - 1],
                (_, 0) => row[0],
                _ => (i as f64 * row[j] + j as f64 * row[j - 1]) / (i + j) as f64,
            };
        }
    }
    row[m]
}
