//! Drawing one of several values with given probabilities.

use super::rng::Rng;

/// Values and the sums of their weights.
#[derive(Debug, Clone)]
pub(super) struct Table {
    values: Vec<f64>,
    /// The weight of each value and of all before it.
    sums: Vec<f64>,
}

impl Table {
    pub(super) fn new(values: &[f64], weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let add = |weight| {
            sum += weight;
            sum
        };
        Self { values: values.to_vec(), sums: weights.into_iter().map(add).collect() }
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.sums.last().is_none_or(|&sum| sum <= 0.0)
    }

    /// One of the values. A single value takes no random number.
    pub(super) fn draw(&self, rng: &mut Rng) -> f64 {
        self.values[self.draw_from(0, rng)]
    }

    /// The place of one of the values from place `from` on, some of which can be drawn.
    pub(super) fn draw_from(&self, from: usize, rng: &mut Rng) -> usize {
        let before = if from == 0 { 0.0 } else { self.sums[from - 1] };
        let rest = &self.sums[from..];
        let last = rest.len() - 1;
        if last == 0 {
            return from;
        }
        let at = before + rng.unit() * (rest[last] - before);
        // Rounding may reach the total, but never a value of weight 0.
        let place = rest.partition_point(|&sum| sum <= at);
        from + if place <= last { place } else { rest.partition_point(|&sum| sum < rest[last]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_weight_0_are_never_drawn() {
        let mut rng = Rng::new(1);
        let table = Table::new(&[1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 0.0, 3.0, 0.0]);
        let mut counts = [0; 6];
        (0..10_000).for_each(|_| counts[table.draw(&mut rng) as usize] += 1);
        assert_eq!((counts[1], counts[3], counts[5]), (0, 0, 0));
        assert!((2300..2700).contains(&counts[2]), "{counts:?}");
        assert!((0..1000).all(|_| table.draw_from(2, &mut rng) == 3));
        assert!(Table::new(&[1.0], [0.0]).is_empty() && Table::new(&[], []).is_empty());
    }
}
