//! Loss and accuracy over the epochs, as a picture.

use std::ops::Range;

use plotters::prelude::*;

use crate::chart::{self, Area, Drawn, OverEpochs};
use crate::metrics::EpochMetrics;

const SIZE: (u32, u32) = (960, 420);
const TRAIN: RGBColor = RGBColor(31, 119, 180);
const TEST: RGBColor = RGBColor(214, 84, 15);

/// One of the two diagrams.
struct Panel<'a> {
    title: &'a str,
    values: Range<f64>,
    decimals: usize,
    train: fn(&EpochMetrics) -> f64,
    test: fn(&EpochMetrics) -> f64,
    corner: SeriesLabelPosition,
}

/// Draws loss (left) and accuracy in per cent (right) against the epoch, for training and test images, as SVG.
pub fn draw(history: &[EpochMetrics], data: &str) -> String {
    let highest = history.iter().flat_map(|e| [e.train_loss, e.test_loss]).fold(0.1, f64::max);
    let panels = [
        Panel {
            title: "loss",
            values: 0.0..1.05 * highest,
            decimals: 1,
            train: |e| e.train_loss,
            test: |e| e.test_loss,
            corner: SeriesLabelPosition::UpperRight,
        },
        Panel {
            title: "accuracy (%)",
            values: 0.0..100.0,
            decimals: 0,
            train: |e| 100.0 * e.train_accuracy,
            test: |e| 100.0 * e.test_accuracy,
            corner: SeriesLabelPosition::LowerRight,
        },
    ];
    chart::svg(SIZE, |root| {
        let mut areas = root.split_evenly((1, 2)).into_iter().zip(panels);
        areas.try_for_each(|(area, panel)| draw_panel(&area, history, panel, data))
    })
}

fn draw_panel(area: &Area<'_>, history: &[EpochMetrics], panel: Panel<'_>, data: &str) -> Drawn {
    let Panel { title, values, decimals, train, test, corner } = panel;
    let frame = OverEpochs { title: format!("{data}: {title}"), epochs: history.len(), values, decimals };
    let mut chart = frame.draw(area)?;
    for (name, colour, value) in [("training", TRAIN, train), ("test", TEST, test)] {
        let points = history.iter().map(|e| (e.epoch as f64, value(e)));
        chart::line(&mut chart, name, colour, points)?;
    }
    chart::legend(&mut chart, corner)
}
