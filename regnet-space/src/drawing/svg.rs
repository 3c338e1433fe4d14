//! The whole SVG picture: title, overview and, below it, the insides of blocks.

use super::canvas::{Anchor, Canvas, EDGE, Paint, Text};
use super::label::short;
use super::outline::Outline;
use super::units::Kind;
use super::{inside, overview};

/// Between the rows of a picture.
const GAP: f64 = 36.0;

/// Rows of insides may be this wide, or as wide as the overview.
const WIDTH: f64 = 1440.0;

pub(super) fn picture(title: &str, outline: &Outline, blocks: bool) -> String {
    let mut canvas = Canvas::default();
    canvas.text((EDGE, EDGE + 14.0), Text::Title, Anchor::Start, title);
    let costs = format!("{} · {}", costs(outline.cost.params, outline.cost.flops), activations(outline));
    canvas.text((EDGE, EDGE + 34.0), Text::Note, Anchor::Start, &costs);
    overview::draw(&mut canvas, outline, (EDGE, EDGE + 54.0));
    if blocks {
        let (width, bottom) = canvas.size;
        inside::draw(&mut canvas, outline, (EDGE, bottom + GAP), width.max(WIDTH));
    }
    canvas.finish(title)
}

fn activations(outline: &Outline) -> String {
    let [height, width] = [outline.input.h, outline.input.w];
    format!("{} activations, on {height} × {width} pixels", short(outline.cost.acts))
}

/// `4.34M params · 402M flops`; a regulator's step that is lent its weights has only flops.
pub(super) fn costs(params: u64, flops: u64) -> String {
    let flops = format!("{} flops", short(flops));
    if params == 0 { flops } else { format!("{} params · {flops}", short(params)) }
}

/// Colours that differ in lightness as well as in hue.
pub(super) const fn paint(kind: Kind) -> Paint {
    match kind {
        Kind::Conv => Paint { fill: "#dbe9f8", line: "#3f76b5" },
        Kind::Pool => Paint { fill: "#ece6f6", line: "#7a5ba8" },
        Kind::Excite => Paint { fill: "#d9f0e1", line: "#2f8a57" },
        Kind::Step => STATE,
        Kind::Sum => Paint { fill: "white", line: "#52606d" },
        Kind::Linear => Paint { fill: "#f3e3ea", line: "#a8446f" },
    }
}

/// Of regulators.
pub(super) const STATE: Paint = Paint { fill: "#fdeacd", line: "#c05621" };

/// Behind the blocks of a stage.
pub(super) const STAGE: Paint = Paint { fill: "#f5f7fa", line: "#cbd2d9" };
