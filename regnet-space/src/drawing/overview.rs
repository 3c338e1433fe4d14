//! The row of stem, stages and head.

use super::canvas::{Anchor, Area, Canvas, Paint, Stroke, Text};
use super::label::short;
use super::outline::{Group, Outline, Part, Regulation, Stage};
use super::svg::{STAGE, STATE, paint};
use super::units::Kind;

/// Of an arrow between parts, which its shape is written on.
const ARROW: f64 = 62.0;
/// Of a box, and between two of a stage.
const BOX: (f64, f64) = (72.0, 50.0);
const BETWEEN: f64 = 24.0;
/// Of a stage's frame around its boxes.
const PAD: f64 = 14.0;
const HEADER: f64 = 24.0;
/// From the boxes down to the regulator's steps, and the steps' height.
const DOWN: f64 = 34.0;
const STEP: f64 = 30.0;

/// Where the row has come to.
struct Row<'a> {
    canvas: &'a mut Canvas,
    x: f64,
    /// The upper edge of frames, and of boxes.
    top: f64,
    y: f64,
    /// The last step of the stage before.
    step: Option<Area>,
}

pub(super) fn draw(canvas: &mut Canvas, outline: &Outline, (x, top): (f64, f64)) {
    let mut row = Row { canvas, x, top, y: top + HEADER + PAD, step: None };
    row.image(outline);
    row.part(&outline.stem, "stem", Kind::Conv);
    let mut shape = [outline.stem.shape.c, outline.stem.shape.h, outline.stem.shape.w];
    for stage in &outline.stages {
        row.arrow(shape);
        row.stage(stage, outline.is_regulated());
        shape = [stage.shape.c, stage.shape.h, stage.shape.w];
    }
    row.arrow(shape);
    row.part(&outline.head, "head", Kind::Linear);
    row.logits(outline.head.shape.c);
}

impl Row<'_> {
    fn middle(&self) -> f64 {
        self.y + BOX.1 / 2.0
    }

    fn image(&mut self, outline: &Outline) {
        let side = BOX.1;
        let area = Area { x: self.x, y: self.y, w: side, h: side };
        self.canvas.rect(area, 2.0, Paint { fill: "#fffbe6", line: "#b7a34b" });
        self.canvas.text((area.centre().0, self.middle() + 4.0), Text::Label, Anchor::Middle, "image");
        self.x += side;
        self.arrow([outline.input.c, outline.input.h, outline.input.w]);
    }

    /// An arrow to the next part, with channels above it and the resolution below.
    fn arrow(&mut self, [c, h, w]: [usize; 3]) {
        let (y, centre) = (self.middle(), self.x + ARROW / 2.0 - 3.0);
        self.canvas.arrow(&[(self.x + 3.0, y), (self.x + ARROW - 3.0, y)], Stroke::Solid);
        self.canvas.text((centre, y - 6.0), Text::Note, Anchor::Middle, &c.to_string());
        self.canvas.text((centre, y + 14.0), Text::Note, Anchor::Middle, &format!("{h} × {w}"));
        self.x += ARROW;
    }

    fn part(&mut self, part: &Part, name: &str, kind: Kind) {
        let area = Area { x: self.x, y: self.y, w: BOX.0, h: BOX.1 };
        self.canvas.rect(area, 5.0, paint(kind));
        let (x, y) = area.centre();
        self.canvas.text((x, y + 4.0), Text::Name, Anchor::Middle, name);
        self.costs(x, area.bottom() + PAD, part.cost.params, part.cost.flops);
        self.x = area.right();
    }

    fn logits(&mut self, classes: usize) {
        let y = self.middle();
        self.canvas.arrow(&[(self.x + 3.0, y), (self.x + 36.0, y)], Stroke::Solid);
        self.x += 42.0;
        self.canvas.text((self.x, y + 4.0), Text::Label, Anchor::Start, &format!("{classes} logits"));
    }

    /// Parameters and flops, below each other.
    fn costs(&mut self, x: f64, y: f64, params: u64, flops: u64) {
        self.canvas.text((x, y + 8.0), Text::Note, Anchor::Middle, &format!("{} params", short(params)));
        self.canvas.text((x, y + 20.0), Text::Note, Anchor::Middle, &format!("{} flops", short(flops)));
    }

    fn stage(&mut self, stage: &Stage, regulated: bool) {
        let count = stage.groups.len() as f64;
        let w = (count * BOX.0 + (count - 1.0) * BETWEEN + 2.0 * PAD).max(BOX.0 + 4.0 * PAD);
        let h = HEADER + 2.0 * PAD + BOX.1 + if regulated { DOWN + STEP + HEADER } else { 0.0 };
        let frame = Area { x: self.x, y: self.top, w, h };
        self.canvas.rect(frame, 8.0, STAGE);
        let blocks = if stage.depth == 1 { "1 block".to_owned() } else { format!("{} blocks", stage.depth) };
        let header = (frame.x + PAD, frame.y + HEADER - 6.0);
        self.canvas.text(header, Text::Name, Anchor::Start, &stage.name);
        let header = (frame.right() - PAD, header.1);
        self.canvas.text(header, Text::Note, Anchor::End, &blocks);
        self.blocks(stage, frame);
        self.costs(frame.centre().0, frame.bottom() + 6.0, stage.cost.params, stage.cost.flops);
        self.x = frame.right();
    }

    fn blocks(&mut self, stage: &Stage, frame: Area) {
        let count = stage.groups.len() as f64;
        let mut x = frame.centre().0 - (count * BOX.0 + (count - 1.0) * BETWEEN) / 2.0;
        let mut before: Option<Area> = None;
        for group in &stage.groups {
            let area = Area { x, y: self.y, w: BOX.0, h: BOX.1 };
            if let Some(before) = before {
                let start = before.right() + if before.w > BOX.0 { 0.0 } else { 2.0 };
                self.canvas.arrow(&[(start, self.middle()), (x - 2.0, self.middle())], Stroke::Solid);
            }
            self.block(group, area);
            if let Some(regulation) = &stage.regulation {
                self.step(group, regulation, area);
            }
            (before, x) = (Some(area), x + BOX.0 + BETWEEN);
        }
        if let Some(regulation) = &stage.regulation {
            self.sharing(regulation, frame);
        }
    }

    /// A block; several alike look like a stack.
    fn block(&mut self, group: &Group, area: Area) {
        let behind = if group.count > 1 { 2 } else { 0 };
        for depth in (1..=behind).rev().map(f64::from) {
            let shifted = Area { x: area.x + 3.0 * depth, y: area.y - 3.0 * depth, ..area };
            self.canvas.rect(shifted, 5.0, paint(Kind::Conv));
        }
        self.canvas.rect(area, 5.0, paint(Kind::Conv));
        let (x, y) = area.centre();
        self.canvas.text((x, y - 3.0), Text::Name, Anchor::Middle, &group.name());
        let repeats = if group.count > 1 { format!("×{}", group.count) } else { String::new() };
        let stride = if group.stride > 1 { format!("stride {}", group.stride) } else { String::new() };
        let note =
            [repeats, stride].into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join(", ");
        self.canvas.text((x, y + 13.0), Text::Note, Anchor::Middle, &note);
    }

    /// The regulator's step below a block: features go down, the hidden state up, the state to the right.
    fn step(&mut self, group: &Group, regulation: &Regulation, block: Area) {
        let y = block.bottom() + DOWN;
        let area = Area { x: block.x, y, w: block.w, h: STEP };
        let (left, right) = (area.x + 0.32 * area.w, area.x + 0.68 * area.w);
        self.canvas.arrow(&[(left, block.bottom() + 1.0), (left, y - 2.0)], Stroke::Solid);
        self.canvas.arrow(&[(right, y - 1.0), (right, block.bottom() + 2.0)], Stroke::Dashed);
        let between = (block.bottom() + y) / 2.0 + 3.0;
        self.canvas.text((left - 5.0, between), Text::Note, Anchor::End, "X");
        self.canvas.text((right + 5.0, between), Text::Note, Anchor::Start, "H");
        if let Some(before) = self.step.filter(|_| group.first > 1 || regulation.carried) {
            let y = area.centre().1;
            self.canvas.arrow(&[(before.right() + 1.0, y), (area.x - 2.0, y)], Stroke::Dashed);
            if group.first == 1 {
                let x = (before.right() + area.x) / 2.0;
                self.canvas.text((x, y - 6.0), Text::Note, Anchor::Middle, "1×1 carry");
            }
        }
        self.canvas.rect(area, 5.0, STATE);
        let text = format!("{} {}", regulation.cells.regulator.cell, regulation.cells.channels);
        let (x, y) = area.centre();
        self.canvas.text((x, y + 4.0), Text::Label, Anchor::Middle, &text);
        self.step = Some(area);
    }

    fn sharing(&mut self, regulation: &Regulation, frame: Area) {
        let words = if regulation.shared {
            format!("shared weights, {} params", short(regulation.params))
        } else {
            "a regulator for each block".to_owned()
        };
        let place = (frame.centre().0, frame.bottom() - 8.0);
        self.canvas.text(place, Text::Note, Anchor::Middle, &words);
    }
}
