//! The distributions that parameters are drawn from.

use super::rng::Rng;

/// The whole numbers from `low` to `high`, log-uniformly, as pycls's sweeps draw them: a real number of density 1/x,
/// rounded up. The real numbers start 1 below `low`, but at half of a `low` of 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogUniform {
    pub(super) low: u32,
    pub(super) high: u32,
}

impl LogUniform {
    pub(super) fn draw(self, rng: &mut Rng) -> u32 {
        let below = f64::from(self.low) - (f64::from(self.low) / 2.0).min(1.0);
        log_uniform(rng, below, f64::from(self.high)).ceil() as u32
    }
}

/// Powers of two below `quantum` and multiples of it from there on, more than 1 and up to `high`, so that each octave
/// is as likely as any other, as pycls's sweeps draw group widths. `quantum` is a power of two.
#[derive(Debug, Clone, Copy)]
pub(super) struct PowersThenMultiples {
    pub(super) quantum: u32,
    pub(super) high: u32,
}

impl PowersThenMultiples {
    pub(super) fn draw(self, rng: &mut Rng) -> u32 {
        let x = log_uniform(rng, 1.0, f64::from(self.high)).ceil() as u32;
        if x < self.quantum { x.next_power_of_two() } else { x.next_multiple_of(self.quantum) }
    }
}

/// A number above `low` and up to `high`, of density proportional to 1/x.
///
/// A flat number from an octave taken at random is kept with a probability proportional to 1/x: no logarithm is
/// needed, so every platform draws the same bits, and two draws in three are kept.
fn log_uniform(rng: &mut Rng, low: f64, high: f64) -> f64 {
    let octaves = octaves(high / low);
    loop {
        let start = low * (1_u64 << rng.below(octaves)) as f64;
        let x = start * (2.0 - rng.unit());
        let keep = rng.unit() * x < start;
        if keep && x <= high {
            return x;
        }
    }
}

/// How many doublings reach `ratio`, which is at least 1. One more is no mistake.
fn octaves(ratio: f64) -> u32 {
    u64::BITS - (ratio.ceil() as u64 - 1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 200_000;

    /// The largest distance between the values drawn and a cumulative distribution. Two honest ones of this many draws
    /// differ by more than 0.005 once in 10,000 times.
    fn distance(draws: &mut dyn FnMut() -> u32, cdf: impl Fn(f64) -> f64) -> f64 {
        let mut drawn: Vec<u32> = (0..DRAWS).map(|_| draws()).collect();
        drawn.sort_unstable();
        let at_most = |x: u32| drawn.partition_point(|&y| y <= x) as f64 / DRAWS as f64;
        let mut values = drawn.clone();
        values.dedup();
        values.iter().map(|&x| (at_most(x) - cdf(f64::from(x))).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn whole_numbers_are_log_uniform() {
        for (low, high, below) in
            [(1, 63, 0.5_f64), (1, 31, 0.5), (80, 2559, 79.0), (1500, 3000, 1499.0), (2, 9, 1.0)]
        {
            let mut rng = Rng::new(u64::from(high));
            let cdf = |x: f64| (x / below).ln() / (f64::from(high) / below).ln();
            let range = LogUniform { low, high };
            let distance = distance(&mut || range.draw(&mut rng), cdf);
            assert!(distance < 0.005, "{range:?}: {distance}");
        }
    }

    #[test]
    fn group_widths_are_log_uniform() {
        let mut rng = Rng::new(3);
        let widths = PowersThenMultiples { quantum: 8, high: 128 };
        let distance = distance(&mut || widths.draw(&mut rng), |x| x.log2() / 7.0);
        assert!(distance < 0.005, "{distance}");
    }

    #[test]
    fn both_ends_and_nothing_else_are_drawn() {
        let mut rng = Rng::new(5);
        let mut drawn: Vec<u32> =
            (0..10_000).map(|_| LogUniform { low: 3, high: 7 }.draw(&mut rng)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [3, 4, 5, 6, 7]);
        let widths = PowersThenMultiples { quantum: 8, high: 32 };
        let mut drawn: Vec<u32> = (0..10_000).map(|_| widths.draw(&mut rng)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [2, 4, 8, 16, 24, 32]);
    }
}
