//! Error against a number of the networks, with the range where the best of them lie.

use plotters::prelude::*;
use regnet_space::statistics::{BEST_PART, BestRange, best_range};

use super::axes::{Axes, Axis, number};
use super::statistic::Statistic;
use super::summary::Analysed;
use crate::chart;

const SIZE: (u32, u32) = (300, 250);
const POINT: RGBColor = RGBColor(31, 119, 180);

/// The fewest networks that a diagram is drawn of.
const FEWEST: usize = 3;

/// The diagram; `None` where hardly a network that was trained to the end has the number, and where all have the same.
pub(super) fn draw(population: &Analysed, statistic: Statistic) -> Option<String> {
    let point = |entry: &super::Entry| Some((statistic.of(entry)?, 100.0 * entry.error?));
    let (values, errors): (Vec<f64>, Vec<f64>) = population.entries.iter().filter_map(point).unzip();
    if values.len() < FEWEST || values.iter().all(|value| value == &values[0]) {
        return None;
    }
    let range = best_range(&values, &errors, BEST_PART, 0.95)?;
    let label = statistic.label();
    let x = Axis::around(&label, values.iter().copied());
    let y = Axis::around("error (%)", errors.iter().copied());
    let [low, median, high] = [range.low, range.median, range.high].map(|value| number(value, &x.range));
    let caption = format!("best: {median} ({low} to {high})");
    Some(chart::svg(SIZE, |root| {
        let (bottom, top) = (y.range.start, y.range.end);
        let BestRange { low, median, high } = widened(range, &x);
        let mut chart = Axes { caption: &caption, x, y }.draw(root)?;
        let band = RGBColor(31, 119, 180).mix(0.13).filled();
        chart.draw_series([Rectangle::new([(low, bottom), (high, top)], band)])?;
        chart.draw_series([PathElement::new([(median, bottom), (median, top)], BLACK.stroke_width(1))])?;
        let points = values.iter().copied().zip(errors.iter().copied());
        chart.draw_series(points.map(|point| Circle::new(point, 3, POINT.mix(0.6).filled())))?;
        Ok(())
    }))
}

/// A range that can be seen, where it is a single value.
fn widened(range: BestRange, x: &Axis<'_>) -> BestRange {
    let least = 0.004 * (x.range.end - x.range.start);
    BestRange { low: range.low - least, high: range.high + least, ..range }
}
