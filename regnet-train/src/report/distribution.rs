//! Error distributions and random search, of all populations on one axis.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use regnet_space::Figure;
use regnet_space::statistics::{Edf, equal_complexity, expected_best};

use super::axes::{Axes, Axis};
use super::summary::Analysed;
use crate::chart::{self, COLOURS, FONT};

/// Width and height of a diagram in pixels, and the height of a line of the legend above it.
const SIZE: (u32, u32) = (480, 340);
const LEGEND_LINE: u32 = 19;

/// The most bins of equal complexity, as in the 2019 paper, and the networks that a bin should have on average.
const MOST_BINS: usize = 10;
const PER_BIN: usize = 6;

/// One population's line: its points, in per cent where they are errors, and what the legend says.
struct Line {
    points: Vec<(f64, f64)>,
    name: String,
}

/// F(e) of each population that has errors, with n, the least and the mean error in per cent.
pub(super) fn plain(populations: &[Analysed]) -> String {
    let line = |population: &Analysed| {
        let (edf, summary) = (Edf::new(&population.errors()), population.summary);
        legend_line(&population.name, summary.finished, &edf)
    };
    draw_edfs("", &populations.iter().map(line).collect::<Vec<_>>())
}

/// The same as if networks of every population cost the same; `None` where they have nothing in common, and the number of
/// networks that take part otherwise.
pub(super) fn reweighted(populations: &[Analysed], figure: Figure) -> Option<(String, usize)> {
    let finished: Vec<Vec<(f64, f64)>> =
        populations.iter().map(|one| costs_and_errors(one, figure)).collect();
    let costs: Vec<Vec<f64>> = finished.iter().map(|of| of.iter().map(|&(cost, _)| cost).collect()).collect();
    let fewest = costs.iter().map(Vec::len).min()?;
    let bins = (fewest / PER_BIN).clamp(1, MOST_BINS);
    let weights = equal_complexity(&costs.iter().map(Vec::as_slice).collect::<Vec<_>>(), bins)?;
    let mut taking_part = 0;
    let mut lines = Vec::new();
    for ((population, finished), weights) in populations.iter().zip(&finished).zip(&weights) {
        let n = weights.iter().filter(|&&weight| weight > 0.0).count();
        let edf = Edf::weighted(finished.iter().map(|&(_, error)| error).zip(weights.iter().copied()));
        lines.push(legend_line(&population.name, n, &edf));
        taking_part += n;
    }
    let caption = format!("at equal {figure} ({bins} bins)");
    Some((draw_edfs(&caption, &lines), taking_part))
}

fn costs_and_errors(population: &Analysed, figure: Figure) -> Vec<(f64, f64)> {
    let pair = |entry: &super::Entry| Some((figure.of(entry.cost) as f64, entry.error?));
    population.entries.iter().filter_map(pair).collect()
}

/// The steps of a function in per cent, from 0 to 1.
fn legend_line(name: &str, n: usize, edf: &Edf) -> Option<Line> {
    let (min, mean) = (100.0 * edf.min()?, 100.0 * edf.mean()?);
    let mut points = Vec::with_capacity(2 * edf.steps().len());
    let mut before = 0.0;
    for &(error, part) in edf.steps() {
        points.extend([(100.0 * error, before), (100.0 * error, part)]);
        before = part;
    }
    Some(Line { points, name: format!("{name}: n = {n}, min {min:.1}, mean {mean:.1}") })
}

fn draw_edfs(caption: &str, lines: &[Option<Line>]) -> String {
    let errors = lines.iter().flatten().flat_map(|line| line.points.iter().map(|&(error, _)| error));
    let x = Axis { numbers: 8, ..Axis::around("error (%)", errors) };
    let y = Axis { label: "cumulative probability", range: 0.0..1.0, numbers: 6 };
    let end = x.range.end;
    // A function stays at 1.
    let onward = |line: &Line| line.points.iter().copied().chain([(end, 1.0)]).collect();
    draw(&Axes { caption, x, y }, lines, onward)
}

/// A legend, which hides no line, and the diagram below it.
fn draw(axes: &Axes<'_>, lines: &[Option<Line>], points: impl Fn(&Line) -> Vec<(f64, f64)>) -> String {
    let coloured =
        || lines.iter().zip(COLOURS.into_iter().cycle()).filter_map(|(line, of)| Some((line.as_ref()?, of)));
    let head = 8 + LEGEND_LINE * coloured().count() as u32;
    chart::svg((SIZE.0, SIZE.1 + head), |root| {
        let (legend, diagram) = root.split_vertically(head);
        for (y, (line, colour)) in (14..).step_by(LEGEND_LINE as usize).zip(coloured()) {
            legend.draw(&PathElement::new([(54, y), (78, y)], colour.stroke_width(2)))?;
            let style = (FONT, 13).into_text_style(&legend).pos(Pos::new(HPos::Left, VPos::Center));
            legend.draw(&Text::new(line.name.as_str(), (86, y), style))?;
        }
        let mut chart = axes.draw(&diagram)?;
        for (line, colour) in coloured() {
            chart.draw_series(LineSeries::new(points(line), colour.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// The error to expect of the best of k networks, for k up to the size of each population.
pub(super) fn random_search(populations: &[Analysed]) -> String {
    let line = |population: &Analysed| {
        let best = expected_best(&population.errors());
        let points: Vec<(f64, f64)> =
            (1..).zip(best).map(|(k, error)| (f64::from(k), 100.0 * error)).collect();
        let name = format!("{}: {:.1} to {:.1}", population.name, points.first()?.1, points.last()?.1);
        Some(Line { points, name })
    };
    let lines: Vec<Option<Line>> = populations.iter().map(line).collect();
    let points = || lines.iter().flatten().flat_map(|line| line.points.iter());
    let most = points().map(|&(k, _)| k).fold(2.0, f64::max);
    let x = Axis { label: "networks tried, k", range: 1.0..most, numbers: 8 };
    let y = Axis { numbers: 6, ..Axis::around("expected best error (%)", points().map(|&(_, error)| error)) };
    draw(&Axes { caption: "", x, y }, &lines, |line| line.points.clone())
}
