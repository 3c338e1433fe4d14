//! Loss and accuracy over the epochs, as a picture.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::metrics::EpochMetrics;

const SIZE: (u32, u32) = (960, 420);
const TRAIN: RGBColor = RGBColor(31, 119, 180);
const TEST: RGBColor = RGBColor(214, 84, 15);
const FONT: &str = "sans-serif";

/// One of the two diagrams.
struct Panel<'a> {
    title: &'a str,
    values: Range<f64>,
    decimals: usize,
    train: fn(&EpochMetrics) -> f64,
    test: fn(&EpochMetrics) -> f64,
}

/// Draws loss (left) and accuracy in per cent (right) against the epoch, for training and test images, as SVG.
pub fn draw(history: &[EpochMetrics], data: &str) -> String {
    let mut svg = String::new();
    draw_into(&mut svg, history, data).expect("drawing into a string cannot fail");
    svg
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_into(svg: &mut String, history: &[EpochMetrics], data: &str) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let highest = history.iter().flat_map(|e| [e.train_loss, e.test_loss]).fold(0.1, f64::max);
    let panels = [
        Panel {
            title: "loss",
            values: 0.0..1.05 * highest,
            decimals: 1,
            train: |e| e.train_loss,
            test: |e| e.test_loss,
        },
        Panel {
            title: "accuracy (%)",
            values: 0.0..100.0,
            decimals: 0,
            train: |e| 100.0 * e.train_accuracy,
            test: |e| 100.0 * e.test_accuracy,
        },
    ];
    for (area, panel) in root.split_evenly((1, 2)).iter().zip(panels) {
        draw_panel(area, history, &panel, data)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    history: &[EpochMetrics],
    panel: &Panel<'_>,
    data: &str,
) -> Drawn {
    let last = history.len().max(2) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{data}: {}", panel.title), (FONT, 20))
        .margin(14)
        .x_label_area_size(42)
        .y_label_area_size(48)
        .build_cartesian_2d(1.0..last, panel.values.clone())?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels(history.len().clamp(2, 12))
        .x_label_formatter(&|epoch| if epoch.fract() == 0.0 { epoch.to_string() } else { String::new() })
        .y_label_formatter(&|value| format!("{value:.*}", panel.decimals))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .draw()?;
    for (name, colour, value) in [("training", TRAIN, panel.train), ("test", TEST, panel.test)] {
        let points = || history.iter().map(|e| (e.epoch as f64, value(e)));
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    let corner =
        if panel.title == "loss" { SeriesLabelPosition::UpperRight } else { SeriesLabelPosition::LowerRight };
    chart
        .configure_series_labels()
        .position(corner)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}
