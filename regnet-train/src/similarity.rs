//! How much the features of consecutive blocks repeat each other, which is what a regulator is meant to lessen (Xu et
//! al., 2021, figure 1).
//!
//! The similarity of a block to the next one of its stage is the cosine of the angle between what the two put out for
//! an image, as one vector each, after the mean over its positions was taken from each channel; then the mean over
//! images. 1 says that both show the same, 0 that they have nothing in common. Blocks of a stage add to one stream of
//! features, so that a channel of one block and the same channel of the next are comparable as they are; a measure that
//! first looks for the best rotation, such as linear CKA, would also call those alike that show the same things in
//! other channels. Without taking the means every pair would look alike: what leaves a ReLU is never negative. Maps
//! that are the same everywhere have no direction; their similarity counts as 0.

use dfdx::shapes::HasShape;
use plotters::prelude::*;
use regnet_core::tensors::Map;
use regnet_core::{Backend, DynRegNet};

use crate::chart::{self, Area, Drawn, FONT, GRID};
use crate::data::Batches;
use crate::error::TrainError;
use crate::learner::upload;

/// The similarity of each block to the next one of its stage, for the images of `batches`, with running statistics. A
/// stage of n blocks has n - 1 values, from -1 to 1.
///
/// # Errors
///
/// An image that cannot be read, and the device's.
pub fn of_blocks<D: Backend<f32>>(
    device: &D,
    net: &DynRegNet<f32, D>,
    batches: &Batches,
) -> Result<Vec<Vec<f64>>, TrainError> {
    let stages = &net.spec().stages;
    let mut sums: Vec<_> = stages.iter().map(|stage| vec![0.0; stage.depth.saturating_sub(1)]).collect();
    let mut images = 0;
    for batch in batches.epoch(0) {
        let (x, labels) = upload(device, &batch?).map_err(TrainError::device)?;
        images += labels.shape().0;
        let maps = net.try_run_blocks(x).map_err(TrainError::device)?;
        for (sums, maps) in sums.iter_mut().zip(&maps) {
            for (sum, pair) in sums.iter_mut().zip(maps.windows(2)) {
                *sum += sum_of_cosines(&pair[0], &pair[1]);
            }
        }
    }
    Ok(sums.into_iter().map(|stage| stage.into_iter().map(|sum| sum / images as f64).collect()).collect())
}

/// The cosines of all images of a batch, added.
fn sum_of_cosines<D: Backend<f32>>(a: &Map<f32, D>, b: &Map<f32, D>) -> f64 {
    let (_, channels, height, width) = *a.shape();
    let (a, b) = (a.as_vec(), b.as_vec());
    let image = channels * height * width;
    a.chunks_exact(image).zip(b.chunks_exact(image)).map(|(a, b)| cosine(a, b, height * width)).sum()
}

/// The cosine of two images' maps of `positions` values a channel.
fn cosine(a: &[f32], b: &[f32], positions: usize) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.chunks_exact(positions).zip(b.chunks_exact(positions)) {
        let mean = |map: &[f32]| map.iter().map(|&value| f64::from(value)).sum::<f64>() / positions as f64;
        let (mean_a, mean_b) = (mean(a), mean(b));
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
    }
    let lengths = (aa * bb).sqrt();
    if lengths > 0.0 { ab / lengths } else { 0.0 }
}

/// Width and height of a diagram in pixels.
const DIAGRAM: (u32, u32) = (300, 240);
const BAR: RGBColor = RGBColor(31, 119, 180);

/// Draws [`of_blocks`] of titled networks as SVG: a diagram each, `columns` of them side by side, a bar a pair of blocks,
/// with their mean in the title.
pub fn draw(networks: &[(String, Vec<Vec<f64>>)], columns: usize) -> String {
    let columns = columns.clamp(1, networks.len().max(1));
    let rows = networks.len().div_ceil(columns).max(1);
    chart::svg((DIAGRAM.0 * columns as u32, DIAGRAM.1 * rows as u32), |root| {
        let areas = root.split_evenly((rows, columns));
        areas.iter().zip(networks).try_for_each(|(area, (name, stages))| draw_network(area, name, stages))
    })
}

fn draw_network(area: &Area<'_>, name: &str, stages: &[Vec<f64>]) -> Drawn {
    let bars: Vec<(String, f64)> = (1..).zip(stages).flat_map(|(s, stage)| labelled(s, stage)).collect();
    let mean = bars.iter().map(|(_, value)| value).sum::<f64>() / bars.len().max(1) as f64;
    let lowest = bars.iter().map(|&(_, value)| value).fold(0.0, f64::min);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{name}: {mean:.2}"), (FONT, 16))
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(34)
        .build_cartesian_2d(-0.5..bars.len().max(1) as f64 - 0.5, lowest..1.0)?;
    let label = |place: &f64| match bars.get(place.round() as usize) {
        Some((label, _)) if place.fract() == 0.0 => label.clone(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(bars.len() + 2)
        .x_label_formatter(&label)
        .y_label_formatter(&|value| format!("{value:.1}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .label_style((FONT, 11))
        .draw()?;
    chart.draw_series((0..).zip(&bars).map(|(place, &(_, value))| {
        let place = f64::from(place);
        Rectangle::new([(place - 0.35, 0.0), (place + 0.35, value)], BAR.filled())
    }))?;
    Ok(())
}

/// The pairs of a stage: `s1 b1-2` and its similarity, and so on.
fn labelled(s: usize, stage: &[f64]) -> impl Iterator<Item = (String, f64)> {
    (1..).zip(stage).map(move |(b, &value)| (format!("s{s} b{b}-{}", b + 1), value))
}
