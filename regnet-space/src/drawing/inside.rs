//! The layers of the stem, of each distinct block and of the head, from top to bottom.

use super::canvas::{Anchor, Area, Canvas, Stroke, Text};
use super::label;
use super::outline::Outline;
use super::svg::{STAGE, costs, paint};
use super::units::{Kind, Source, Unit};
use crate::complexity::Complexity;
use crate::graph::Shape;

/// Between panels.
const GAP: f64 = 22.0;
const PAD: f64 = 14.0;
const HEADER: f64 = 44.0;
/// Of a box, and of one beside the main lane.
const BOX: (f64, f64) = (176.0, 48.0);
const SIDE: f64 = 152.0;
/// Of a sum.
const RADIUS: f64 = 11.0;
/// From one box to the next, on which the shape is written.
const DOWN: f64 = 30.0;
/// Of a shortcut without a box.
const BYPASS: f64 = 22.0;

/// What a panel shows.
struct Panel<'a> {
    name: String,
    each: &'static str,
    input: Shape,
    units: &'a [Unit],
    cost: Complexity,
}

/// Draws all panels, in rows of this width. Stem and head are short, so they share the first column.
pub(super) fn draw(canvas: &mut Canvas, outline: &Outline, (left, top): (f64, f64), width: f64) {
    let Outline { input, stem, stages, head, .. } = outline;
    let part = |name: &str, input, units, cost| Panel { name: name.to_owned(), each: "", input, units, cost };
    let before = stages.last().map_or(stem.shape, |stage| stage.shape);
    let first = panel(canvas, &part("stem", *input, &stem.units, stem.cost), (left, top));
    let second = (left, first.bottom() + GAP);
    let second = panel(canvas, &part("head", before, &head.units, head.cost), second);
    let (mut x, mut y, mut bottom) = (first.right().max(second.right()) + GAP, top, second.bottom());
    for block in blocks(outline) {
        let w = Lanes::of(&block).width();
        if x > left && x + w > width {
            (x, y) = (left, bottom + GAP);
        }
        let area = panel(canvas, &block, (x, y));
        (x, bottom) = (area.right() + GAP, bottom.max(area.bottom()));
    }
}

/// Draws a panel; returns where it is.
fn panel(canvas: &mut Canvas, panel: &Panel<'_>, (x, y): (f64, f64)) -> Area {
    let lanes = Lanes::of(panel);
    let area = Area { x, y, w: lanes.width(), h: lanes.height() };
    canvas.rect(area, 8.0, STAGE);
    Drawn { canvas, area, lanes, panel }.draw();
    area
}

fn blocks(outline: &Outline) -> impl Iterator<Item = Panel<'_>> {
    outline.stages.iter().flat_map(|stage| {
        stage.groups.iter().map(|group| {
            let repeats = if group.count > 1 { format!("  ×{}", group.count) } else { String::new() };
            Panel {
                name: format!("{}.{}{repeats}", stage.name, group.name()),
                each: if group.count > 1 { " each" } else { "" },
                input: group.input,
                units: &group.units,
                cost: group.cost(),
            }
        })
    })
}

/// Which boxes are in the main lane, and what is beside it.
struct Lanes {
    /// Units from top to bottom; `None` is a row whose only box is beside the lane.
    main: Vec<Option<usize>>,
    sum: Option<usize>,
    projection: Option<usize>,
    /// The regulator's step, and its row.
    step: Option<(usize, usize)>,
}

impl Lanes {
    fn of(panel: &Panel<'_>) -> Self {
        let units = panel.units;
        let find = |kind| units.iter().position(|unit: &Unit| unit.kind == kind);
        let (sum, step) = (find(Kind::Sum), find(Kind::Step));
        let projection = units.iter().position(|unit| unit.name == "proj");
        let mut main: Vec<_> =
            (0..units.len()).filter(|&i| ![sum, step, projection].contains(&Some(i))).map(Some).collect();
        let step = step.map(|step| {
            // It stands beside what follows the layer it reads, unless that waits for it.
            let row = main.iter().flatten().position(|&unit| unit > step).unwrap_or(main.len());
            let reader =
                row < main.len() && main[row].is_some_and(|i| units[i].inputs.contains(&Source::Unit(step)));
            if reader {
                main.insert(row, None);
            }
            (step, row)
        });
        Self { main, sum, projection, step }
    }

    fn left(&self) -> f64 {
        match (self.sum, self.projection) {
            (_, Some(_)) => SIDE + PAD,
            (Some(_), None) => BYPASS,
            _ => 0.0,
        }
    }

    fn width(&self) -> f64 {
        let right = if self.step.is_some() { SIDE + 2.0 * PAD } else { 0.0 };
        2.0 * PAD + self.left() + BOX.0 + right
    }

    fn height(&self) -> f64 {
        let sum = if self.sum.is_some() { 2.0 * RADIUS + DOWN } else { 0.0 };
        HEADER + DOWN + self.main.len() as f64 * (BOX.1 + DOWN) + sum + 8.0
    }
}

/// A panel in its place.
struct Drawn<'a> {
    canvas: &'a mut Canvas,
    area: Area,
    lanes: Lanes,
    panel: &'a Panel<'a>,
}

impl Drawn<'_> {
    fn draw(&mut self) {
        let place = (self.area.x + PAD, self.area.y + 20.0);
        self.canvas.text(place, Text::Name, Anchor::Start, &self.panel.name);
        let Complexity { params, flops, .. } = self.panel.cost;
        let text = format!("{}{}", costs(params, flops), self.panel.each);
        self.canvas.text((place.0, place.1 + 15.0), Text::Note, Anchor::Start, &text);
        self.shortcut();
        self.main();
        self.step();
    }

    /// The middle of the main lane.
    fn middle(&self) -> f64 {
        self.area.x + PAD + self.lanes.left() + BOX.0 / 2.0
    }

    /// The upper edge of a row's box.
    fn row(&self, row: usize) -> f64 {
        self.area.y + HEADER + DOWN + row as f64 * (BOX.1 + DOWN)
    }

    fn sum_centre(&self) -> (f64, f64) {
        (self.middle(), self.row(self.lanes.main.len()) + RADIUS)
    }

    fn main(&mut self) {
        let x = self.middle();
        let (mut from, mut shape) = (self.area.y + HEADER - 2.0, self.panel.input);
        let rows: Vec<_> =
            self.lanes.main.iter().enumerate().filter_map(|(row, &unit)| Some((row, unit?))).collect();
        for (row, unit) in rows {
            let y = self.row(row);
            self.flow(x, from, y, shape);
            let unit = &self.panel.units[unit];
            self.unit(unit, Area { x: x - BOX.0 / 2.0, y, w: BOX.0, h: BOX.1 });
            (from, shape) = (y + BOX.1, unit.shape);
        }
        if let Some(sum) = self.lanes.sum {
            let centre = self.sum_centre();
            self.flow(x, from, centre.1 - RADIUS, shape);
            self.canvas.circle(centre, RADIUS, paint(Kind::Sum));
            self.canvas.text((x, centre.1 + 4.5), Text::Name, Anchor::Middle, "+");
            let tail = self.panel.units[sum].tail.join(", ");
            self.canvas.text((x + RADIUS + 6.0, centre.1 + 3.5), Text::Note, Anchor::Start, &tail);
            from = centre.1 + RADIUS;
        }
        self.flow(x, from, self.area.bottom() - 6.0, shape);
    }

    /// An arrow down, with the shape of what flows.
    fn flow(&mut self, x: f64, from: f64, to: f64, shape: Shape) {
        self.canvas.arrow(&[(x, from + 1.0), (x, to - 1.0)], Stroke::Solid);
        self.canvas.text((x + 7.0, from + 18.0), Text::Note, Anchor::Start, &label::shape(shape));
    }

    fn unit(&mut self, unit: &Unit, area: Area) {
        self.canvas.rect(area, 5.0, paint(unit.kind));
        let x = area.centre().0;
        let name = if unit.tail.is_empty() {
            unit.name.clone()
        } else {
            format!("{} · {}", unit.name, unit.tail.join(", "))
        };
        let Complexity { params, flops, .. } = unit.cost;
        let mut lines = vec![(Text::Label, unit.title.clone()), (Text::Note, name)];
        if params + flops > 0 {
            lines.push((Text::Note, costs(params, flops)));
        }
        let step = area.h / (lines.len() as f64 + 0.4);
        for (i, (look, line)) in lines.iter().enumerate() {
            self.canvas.text((x, area.y + 3.0 + step * (i as f64 + 0.85)), *look, Anchor::Middle, line);
        }
    }

    /// From the block's input around the main lane to the sum.
    fn shortcut(&mut self) {
        if self.lanes.sum.is_none() {
            return;
        }
        let (x, top) = (self.middle(), self.area.y + HEADER + 6.0);
        let (sum, left) = (self.sum_centre(), self.area.x + PAD);
        let end = (sum.0 - RADIUS - 1.0, sum.1);
        let Some(projection) = self.lanes.projection else {
            let lane = left + 4.0;
            self.canvas.arrow(&[(x, top), (lane, top), (lane, sum.1), end], Stroke::Solid);
            return;
        };
        let unit = &self.panel.units[projection];
        let y = (top + sum.1 - BOX.1) / 2.0;
        let area = Area { x: left, y, w: SIDE, h: BOX.1 };
        let lane = area.centre().0;
        self.canvas.arrow(&[(x, top), (lane, top), (lane, y - 1.0)], Stroke::Solid);
        self.canvas.arrow(&[(lane, area.bottom() + 1.0), (lane, sum.1), end], Stroke::Solid);
        self.unit(unit, area);
    }

    /// The regulator's step: features in, the state in and out, the hidden state to the layer that fuses it.
    fn step(&mut self) {
        let Some((step, row)) = self.lanes.step else { return };
        let unit = &self.panel.units[step];
        let side = self.middle() + BOX.0 / 2.0;
        let area = Area { x: side + 2.0 * PAD, y: self.row(row), w: SIDE, h: BOX.1 };
        let (near, far) = (area.x + 0.28 * area.w, area.x + 0.8 * area.w);
        let centre = |row: usize| self.row(row) + BOX.1 / 2.0;
        let row_of = |unit: usize| self.lanes.main.iter().position(|&there| there == Some(unit));
        let read = unit.inputs.iter().find_map(|input| match *input {
            Source::Unit(unit) => row_of(unit),
            _ => None,
        });
        let fuse = self
            .panel
            .units
            .iter()
            .position(|unit| unit.inputs.contains(&Source::Unit(step)))
            .and_then(row_of);
        let (read, fuse) = (read.map(centre), fuse.map(centre));
        if let Some(y) = read {
            self.canvas.arrow(&[(side + 1.0, y), (near, y), (near, area.y - 1.0)], Stroke::Solid);
        }
        if let Some(y) = fuse {
            self.canvas.arrow(&[(near, area.bottom() + 1.0), (near, y), (side + 2.0, y)], Stroke::Dashed);
            self.canvas.text((near - 14.0, y - 5.0), Text::Note, Anchor::Middle, "H");
        }
        let (top, bottom) = (self.area.y + HEADER - 2.0, self.area.bottom() - 6.0);
        if unit.inputs.contains(&Source::State) {
            self.canvas.arrow(&[(far, top), (far, area.y - 1.0)], Stroke::Dashed);
            self.canvas.text((far - 5.0, top + 12.0), Text::Note, Anchor::End, "state");
        } else {
            self.canvas.text((far, area.y - 6.0), Text::Note, Anchor::Middle, "from zero");
        }
        self.canvas.arrow(&[(far, area.bottom() + 1.0), (far, bottom)], Stroke::Dashed);
        self.canvas.text((far - 5.0, bottom - 8.0), Text::Note, Anchor::End, &label::shape(unit.shape));
        self.unit(unit, area);
    }
}
