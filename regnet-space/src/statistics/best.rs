//! Where the parameters of the best networks lie.

/// The part of a population that the papers draw at a time.
pub const BEST_PART: f64 = 0.25;

/// A parameter of the best networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BestRange {
    /// The range's lower end.
    pub low: f64,
    /// The most likely best value: the median.
    pub median: f64,
    /// The range's upper end.
    pub high: f64,
}

/// The range that holds the parameter of the best network with a probability of `confidence`, by the empirical bootstrap
/// of the 2020 paper (section 3.1) and of pycls.
///
/// They draw a `part` of all networks with replacement, take the parameter of the one of least error, repeat that some
/// 10,000 times and keep the middle of the results. What the results tend to is known: the best of k draws from n
/// networks is the one of rank i with probability ((n - i + 1)^k - (n - i)^k) / n^k. So nothing is drawn here; networks of
/// the same error share their probabilities.
///
/// `parameters` and `errors` belong together; of networks where one is not a number nothing is taken. `None` without
/// networks.
pub fn best_range(parameters: &[f64], errors: &[f64], part: f64, confidence: f64) -> Option<BestRange> {
    let mut parameters = best_probabilities(parameters, errors, part);
    parameters.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let out = (1.0 - confidence) / 2.0;
    Some(BestRange {
        low: at(&parameters, out)?,
        median: at(&parameters, 0.5)?,
        high: at(&parameters, 1.0 - out)?,
    })
}

/// Each parameter, with the probability that it is the best network's.
fn best_probabilities(parameters: &[f64], errors: &[f64], part: f64) -> Vec<(f64, f64)> {
    let pairs = parameters.iter().copied().zip(errors.iter().copied());
    let mut pairs: Vec<(f64, f64)> = pairs.filter(|(x, e)| !x.is_nan() && !e.is_nan()).collect();
    pairs.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let n = pairs.len() as f64;
    let draws = (n * part).floor().max(1.0);
    // The probability that all draws have at least this rank.
    let from = |rank: usize| (1.0 - rank as f64 / n).powf(draws);
    let mut start = 0;
    for tied in pairs.chunk_by_mut(|(_, a), (_, b)| a == b) {
        let end = start + tied.len();
        let probability = (from(start) - from(end)) / tied.len() as f64;
        tied.iter_mut().for_each(|(_, error)| *error = probability);
        start = end;
    }
    pairs
}

/// The first of rising values up to which a part `p` of the probability lies.
fn at(rising: &[(f64, f64)], p: f64) -> Option<f64> {
    let mut reached = 0.0;
    let first = rising.iter().find(|(_, probability)| {
        reached += probability;
        reached >= p
    });
    // Rounding may leave the sum a little short of 1.
    first.or(rising.last()).map(|&(value, _)| value)
}
