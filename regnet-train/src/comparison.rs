//! Several networks, each trained from several seeds: their figures and their curves.

use std::fmt;

use plotters::prelude::*;

use crate::chart::{self, Area, COLOURS, Chart, Drawn, OverEpochs};
use crate::metrics::EpochMetrics;

/// Width and height of a diagram in pixels.
const DIAGRAM: (u32, u32) = (520, 440);

/// What training one network came to: its epochs, from each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials {
    /// The network's name.
    pub name: String,
    /// A run of each seed, all of the same number of epochs.
    pub runs: Vec<Vec<EpochMetrics>>,
}

impl Trials {
    /// Accuracy on the test images at the end, from 0 to 1, over the seeds. The last epoch counts, not the best.
    pub fn accuracy(&self) -> Spread {
        self.runs.iter().filter_map(|run| run.last()).map(|epoch| epoch.test_accuracy).collect()
    }

    /// Accuracy on the test images after each epoch, over the seeds.
    pub fn accuracies(&self) -> Vec<Spread> {
        let epochs = self.runs.iter().map(Vec::len).min().unwrap_or(0);
        (0..epochs).map(|i| self.runs.iter().map(|run| run[i].test_accuracy).collect()).collect()
    }

    /// Seconds an epoch takes, testing included: the median over all epochs of all seeds, which does not mind that
    /// something else ran for a while. `None` where there are no epochs.
    pub fn seconds(&self) -> Option<f64> {
        let mut seconds: Vec<f64> = self.runs.iter().flatten().map(|epoch| epoch.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    }
}

/// The mean of some values, and how far they lie from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The arithmetic mean; not a number where there are no values.
    pub mean: f64,
    /// The standard deviation of the values as a sample, with n - 1 for n; 0 for a single value, which shows none.
    pub deviation: f64,
}

impl FromIterator<f64> for Spread {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let values: Vec<f64> = values.into_iter().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, deviation: (squares / values.len().saturating_sub(1).max(1) as f64).sqrt() }
    }
}

impl fmt::Display for Spread {
    /// A part of one as per cent: `81.24 ± 0.53`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ± {:.2}", 100.0 * self.mean, 100.0 * self.deviation)
    }
}

/// Draws test accuracy in per cent against the epoch as SVG: a diagram for each titled group, side by side, with a line
/// through the means of each of its networks, and a band of one deviation to either side.
pub fn draw(groups: &[(&str, &[Trials])]) -> String {
    let size = (DIAGRAM.0 * groups.len() as u32, DIAGRAM.1);
    chart::svg(size, |root| {
        let areas = root.split_evenly((1, groups.len()));
        areas.iter().zip(groups).try_for_each(|(area, (title, trials))| draw_group(area, title, trials))
    })
}

fn draw_group(area: &Area<'_>, title: &str, trials: &[Trials]) -> Drawn {
    let lines: Vec<_> = trials.iter().map(Trials::accuracies).collect();
    let epochs = lines.iter().map(Vec::len).max().unwrap_or(0);
    let title = format!("{title}: test accuracy (%)");
    let mut chart = OverEpochs { title, epochs, values: 0.0..100.0, decimals: 0 }.draw(area)?;
    for (line, colour) in lines.iter().zip(COLOURS.into_iter().cycle()) {
        draw_band(&mut chart, line, colour)?;
    }
    // Lines last: no band hides one.
    for ((line, colour), trials) in lines.iter().zip(COLOURS.into_iter().cycle()).zip(trials) {
        let points = (1..).zip(line).map(|(epoch, spread)| (f64::from(epoch), 100.0 * spread.mean));
        chart::line(&mut chart, &trials.name, colour, points)?;
    }
    chart::legend(&mut chart, SeriesLabelPosition::LowerRight)
}

fn draw_band(chart: &mut Chart<'_, '_>, line: &[Spread], colour: RGBColor) -> Drawn {
    let edge = |side: f64| {
        let points = (1..).zip(line).map(move |(epoch, spread)| {
            let value = 100.0 * (spread.mean + side * spread.deviation);
            (f64::from(epoch), value.clamp(0.0, 100.0))
        });
        points.collect::<Vec<_>>()
    };
    let outline = edge(1.0).into_iter().chain(edge(-1.0).into_iter().rev()).collect::<Vec<_>>();
    chart.draw_series([Polygon::new(outline, colour.mix(0.15).filled())])?;
    Ok(())
}
