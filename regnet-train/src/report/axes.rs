//! Diagrams of two axes that look alike.

use std::ops::Range;

use plotters::prelude::*;

use crate::chart::{Area, Chart, FONT, GRID};

/// A diagram's frame.
pub(super) struct Axes<'a> {
    /// Above the diagram; nothing where it is empty.
    pub caption: &'a str,
    pub x: Axis<'a>,
    pub y: Axis<'a>,
}

/// What an axis says and how far it goes.
pub(super) struct Axis<'a> {
    pub label: &'a str,
    pub range: Range<f64>,
    /// How many numbers it may say.
    pub numbers: usize,
}

impl<'a> Axis<'a> {
    /// An axis that holds these values, with a little room to either side.
    pub(super) fn around(label: &'a str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = if high > low { 0.06 * (high - low) } else { (0.05 * high.abs()).max(0.5) };
        Self { label, range: low - room..high + room, numbers: 5 }
    }
}

impl Axes<'_> {
    pub(super) fn draw<'a, 'b>(&self, area: &Area<'b>) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
        let mut builder = ChartBuilder::on(area);
        builder.margin(10).margin_right(16).x_label_area_size(40).y_label_area_size(46);
        if !self.caption.is_empty() {
            builder.caption(self.caption, (FONT, 15));
        }
        let (x, y) = (&self.x, &self.y);
        let mut chart = builder.build_cartesian_2d(x.range.clone(), y.range.clone())?;
        chart
            .configure_mesh()
            .x_desc(x.label)
            .y_desc(y.label)
            .x_labels(x.numbers)
            .y_labels(y.numbers)
            .x_label_formatter(&|&value| number(value, &x.range))
            .y_label_formatter(&|&value| number(value, &y.range))
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 14))
            .draw()?;
        Ok(chart)
    }
}

/// A number on an axis, as short as the axis allows: `4.5M` among millions.
pub(super) fn number(value: f64, range: &Range<f64>) -> String {
    if value.abs() < 1e-9 * (range.end - range.start) {
        return "0".to_owned();
    }
    let most = range.start.abs().max(range.end.abs());
    let units = [(1e9, "G"), (1e6, "M"), (1e4, "k")];
    let (unit, letter) = units.into_iter().find(|&(unit, _)| most >= unit).unwrap_or((1.0, ""));
    let unit = if letter == "k" { 1e3 } else { unit };
    let step = (range.end - range.start) / unit / 10.0;
    // One more than the step has: a step of a tenth may be marked in halves, and noughts at the end are cut off.
    let decimals = if step >= 1.0 { 0 } else { ((-step.log10()).ceil() + 1.0).min(6.0) as usize };
    let text = format!("{:.decimals$}", value / unit);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    // No minus before nothing.
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, range, text) in [
            (30.0, 10.0..60.0, "30"),
            (0.25, 0.0..1.0, "0.25"),
            (0.5, 0.0..1.0, "0.5"),
            (0.0, 0.0..5e8, "0"),
            (4_500_000.0, 4e6..6e6, "4.5M"),
            (5_000_000.0, 4e6..6e6, "5M"),
            (20_000.0, 0.0..40_000.0, "20k"),
            (1_000.0, 0.0..4_000.0, "1000"),
            (-0.0001, -1.0..1.0, "0"),
        ] {
            assert_eq!(number(value, &range), text);
        }
    }

    #[test]
    fn axes_leave_room() {
        let range = |values: &[f64]| Axis::around("", values.iter().copied()).range;
        assert_eq!(range(&[]), -0.06..1.06);
        assert_eq!(range(&[2.0]), 1.5..2.5);
        assert_eq!(range(&[0.0, 100.0]), -6.0..106.0);
    }
}
