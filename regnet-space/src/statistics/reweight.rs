//! Populations as if their networks cost the same.

/// Weights of the networks of several populations under which the complexity of each is distributed alike: evenly over
/// `bins` equal parts of the range that all of them share (section 3.3 of the 2019 paper).
///
/// A network among m in its bin weighs 1/m of it. Networks outside the range, and those in a bin that some population has
/// none in, weigh 0 and take no part; the weights of each population sum to 1. `None` if no bin is shared, without
/// populations, and with no bins.
pub fn equal_complexity(populations: &[&[f64]], bins: usize) -> Option<Vec<Vec<f64>>> {
    let ranges = populations.iter().map(|costs| range(costs)).collect::<Option<Vec<_>>>()?;
    let low = ranges.iter().map(|&(low, _)| low).reduce(f64::max)?;
    let high = ranges.iter().map(|&(_, high)| high).reduce(f64::min)?;
    let bin = |cost: f64| {
        let inside = (low..=high).contains(&cost);
        // All networks of one cost share the first bin.
        let place = if high > low { (cost - low) / (high - low) * bins as f64 } else { 0.0 };
        inside.then_some((place as usize).min(bins.checked_sub(1)?)).filter(|_| bins > 0)
    };
    let counted: Vec<Vec<usize>> = populations.iter().map(|costs| counts(costs, bins, bin)).collect();
    let shared = |bin: &usize| counted.iter().all(|counts| counts[*bin] > 0);
    let filled = (0..bins).filter(shared).count();
    if filled == 0 {
        return None;
    }
    let weigh = |(costs, counts): (&&[f64], &Vec<usize>)| {
        let weight = |&cost: &f64| match bin(cost).filter(shared) {
            Some(bin) => 1.0 / (filled * counts[bin]) as f64,
            None => 0.0,
        };
        costs.iter().map(weight).collect()
    };
    Some(populations.iter().zip(&counted).map(weigh).collect())
}

/// The least and the most.
fn range(costs: &[f64]) -> Option<(f64, f64)> {
    let finite = || costs.iter().copied().filter(|cost| cost.is_finite());
    Some((finite().reduce(f64::min)?, finite().reduce(f64::max)?))
}

/// Networks in each bin.
fn counts(costs: &[f64], bins: usize, bin: impl Fn(f64) -> Option<usize>) -> Vec<usize> {
    let mut counts = vec![0; bins];
    costs.iter().filter_map(|&cost| bin(cost)).for_each(|bin| counts[bin] += 1);
    counts
}
