//! What the pictures have in common: SVG in a string, and diagrams that look alike.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

pub(crate) const FONT: &str = "sans-serif";

/// What a step of drawing gives; into a string it cannot fail.
pub(crate) type Drawn = Result<(), Box<dyn std::error::Error>>;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The SVG of so many pixels that `draw` fills.
pub(crate) fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    draw_into(&mut text, size, draw).expect("drawing into a string cannot fail");
    text.replace(|c: char| !is_xml(c), "\u{fffd}")
}

/// Whether XML can hold a character; no escape can stand for the others. `char` has no surrogates.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

fn draw_into(text: &mut String, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn {
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    draw(&root)?;
    root.present()?;
    Ok(())
}

/// A diagram over the epochs.
pub(crate) struct OverEpochs {
    pub title: String,
    pub epochs: usize,
    pub values: Range<f64>,
    pub decimals: usize,
}

impl OverEpochs {
    /// Axes and a grid.
    pub(crate) fn draw<'a, 'b>(&self, area: &Area<'b>) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
        let last = self.epochs.max(2) as f64;
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, (FONT, 20))
            .margin(14)
            .x_label_area_size(42)
            .y_label_area_size(48)
            .build_cartesian_2d(1.0..last, self.values.clone())?;
        let whole = |epoch: &f64| if epoch.fract() == 0.0 { epoch.to_string() } else { String::new() };
        chart
            .configure_mesh()
            .x_desc("epoch")
            .x_labels(self.epochs.clamp(2, 12))
            .x_label_formatter(&whole)
            .y_label_formatter(&|value| format!("{value:.*}", self.decimals))
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 15))
            .draw()?;
        Ok(chart)
    }
}

/// Of lines that are told apart by colour.
pub(crate) const COLOURS: [RGBColor; 8] = [
    RGBColor(90, 90, 90),
    RGBColor(31, 119, 180),
    RGBColor(214, 84, 15),
    RGBColor(44, 140, 60),
    RGBColor(148, 103, 189),
    RGBColor(190, 40, 60),
    RGBColor(140, 95, 40),
    RGBColor(20, 160, 170),
];

pub(crate) const GRID: RGBColor = RGBColor(225, 225, 225);

/// A line with its points and its name in the legend.
pub(crate) fn line(
    chart: &mut Chart<'_, '_>,
    name: &str,
    colour: RGBColor,
    points: impl Iterator<Item = (f64, f64)> + Clone,
) -> Drawn {
    chart
        .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?;
    Ok(())
}

pub(crate) fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, corner: SeriesLabelPosition) -> Drawn {
    chart
        .configure_series_labels()
        .position(corner)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}
