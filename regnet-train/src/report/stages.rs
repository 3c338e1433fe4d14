//! A network drawn: the width of each block.

use plotters::prelude::*;
use regnet_space::AnyNet;

use super::axes::{Axes, Axis};
use crate::chart;

const SIZE: (u32, u32) = (210, 155);

/// The colours of the stages, light to dark.
const STAGES: [RGBColor; 6] = [
    RGBColor(158, 202, 225),
    RGBColor(107, 174, 214),
    RGBColor(66, 146, 198),
    RGBColor(33, 113, 181),
    RGBColor(8, 81, 156),
    RGBColor(8, 48, 107),
];

/// Bars of each block's width, on axes that hold `most` blocks and channels, so that networks can be compared.
pub(super) fn draw(net: &AnyNet, most: (usize, usize)) -> String {
    let (blocks, channels) = (most.0.max(1) as f64, most.1.max(1) as f64);
    let x = Axis { label: "block", range: 0.0..blocks, numbers: 5 };
    let y = Axis { label: "width", range: 0.0..1.05 * channels, numbers: 4 };
    chart::svg(SIZE, |root| {
        let mut chart = Axes { caption: "", x, y }.draw(root)?;
        let mut block = 0.0;
        for (stage, colour) in net.stages.iter().zip(STAGES.into_iter().cycle()) {
            let bar = |i: usize| {
                let left = block + i as f64;
                let corners = [(left + 0.08, 0.0), (left + 0.92, stage.width as f64)];
                Rectangle::new(corners, colour.filled())
            };
            chart.draw_series((0..stage.depth).map(bar))?;
            block += stage.depth as f64;
        }
        Ok(())
    })
}
