//! SVG elements.

use std::fmt::Write;

/// Fill and outline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub fill: &'static str,
    pub line: &'static str,
}

/// A rectangle, from its upper left corner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Area {
    pub fn centre(self) -> (f64, f64) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    pub fn right(self) -> f64 {
        self.x + self.w
    }

    pub fn bottom(self) -> f64 {
        self.y + self.h
    }
}

/// How a text looks; the names are of classes in the picture's style sheet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    /// The picture's title.
    Title,
    /// What a part is called.
    Name,
    /// What a box does.
    Label,
    /// Shapes and costs.
    Note,
}

/// Where a text lies beside its point.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stroke {
    /// Features.
    Solid,
    /// States of regulators.
    Dashed,
}

/// A picture that grows by elements.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    elements: String,
    /// The right and the lower end of what was drawn.
    pub size: (f64, f64),
}

impl Canvas {
    fn reach(&mut self, x: f64, y: f64) {
        self.size = (self.size.0.max(x), self.size.1.max(y));
    }

    // Writing to a string cannot fail.
    fn element(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.elements.write_fmt(text);
        self.elements.push('\n');
    }

    pub fn rect(&mut self, area: Area, round: f64, Paint { fill, line }: Paint) {
        self.reach(area.right(), area.bottom());
        let Area { x, y, w, h } = area;
        self.element(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" rx="{round}" fill="{fill}" stroke="{line}"/>"#
        ));
    }

    pub fn circle(&mut self, (x, y): (f64, f64), r: f64, Paint { fill, line }: Paint) {
        self.reach(x + r, y + r);
        self.element(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r}" fill="{fill}" stroke="{line}"/>"#
        ));
    }

    pub fn text(&mut self, (x, y): (f64, f64), look: Text, anchor: Anchor, text: &str) {
        let width = look.width(text);
        let right = match anchor {
            Anchor::Start => x + width,
            Anchor::Middle => x + width / 2.0,
            Anchor::End => x,
        };
        self.reach(right, y + 3.0);
        let (class, anchor, text) = (look.class(), anchor.word(), escape(text));
        self.element(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// A line through points, with an arrow at its end.
    pub fn arrow(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        let mut path = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            self.reach(x, y);
            let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { " L" });
        }
        let class = match stroke {
            Stroke::Solid => "flow",
            Stroke::Dashed => "state",
        };
        self.element(format_args!(r#"<path class="{class}" d="{path}"/>"#));
    }

    /// The whole picture, with an edge around.
    pub fn finish(self, title: &str) -> String {
        let (w, h) = (self.size.0 + EDGE, self.size.1 + EDGE);
        let (title, elements) = (escape(title), self.elements);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0}" height="{h:.0}" viewBox="0 0 {w:.0} {h:.0}" role="img">
<title>{title}</title>
<style>{STYLE}</style>
<defs>
{FLOW_HEAD}
{STATE_HEAD}
</defs>
<rect width="100%" height="100%" fill="white"/>
{elements}</svg>
"#
        )
    }
}

/// Blank pixels around the picture.
pub(super) const EDGE: f64 = 20.0;

const STYLE: &str = "
text { font-family: Helvetica, Arial, 'DejaVu Sans', sans-serif; fill: #1f2933 }
.title { font-size: 18px; font-weight: bold }
.name { font-size: 13px; font-weight: bold }
.label { font-size: 12px }
.note { font-size: 10px; fill: #52606d }
rect, circle { stroke-width: 1.2 }
path { fill: none; stroke-width: 1.3 }
.flow { stroke: #52606d; marker-end: url(#flow) }
.state { stroke: #c05621; stroke-dasharray: 5 3; marker-end: url(#state) }
";

const FLOW_HEAD: &str = r##"<marker id="flow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 L8 4 L0 7.5 z" style="fill: #52606d; stroke: none"/></marker>"##;
const STATE_HEAD: &str = r##"<marker id="state" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 L8 4 L0 7.5 z" style="fill: #c05621; stroke: none"/></marker>"##;

impl Text {
    const fn class(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Name => "name",
            Self::Label => "label",
            Self::Note => "note",
        }
    }

    /// About how wide a text is, in pixels; fonts differ.
    pub fn width(self, text: &str) -> f64 {
        let letter = match self {
            Self::Title => 10.5,
            Self::Name => 7.8,
            Self::Label => 6.7,
            Self::Note => 5.6,
        };
        letter * text.chars().count() as f64
    }
}

impl Anchor {
    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
