//! The drawing as a graph for graphviz.

use std::fmt::Write;

use super::label::{self, short};
use super::outline::{Group, Outline, Regulation, Stage};
use super::svg::{STATE, costs, paint};
use super::units::{Kind, Source, Unit};
use crate::complexity::Complexity;
use crate::graph::Shape;

pub(super) fn text(title: &str, outline: &Outline, blocks: bool) -> String {
    let mut dot = Dot { text: String::new(), edges: String::new(), blocks };
    let Complexity { params, flops, acts } = outline.cost;
    let title = format!("{title}\\n{} · {} activations", costs(params, flops), short(acts));
    dot.line(format_args!("digraph regnet {{"));
    dot.line(format_args!("rankdir = {}", if blocks { "TB" } else { "LR" }));
    dot.line(format_args!("label = {}; labelloc = t; fontname = Helvetica", quoted(&title)));
    dot.line(format_args!(
        "node [shape = box, style = \"rounded,filled\", fontname = Helvetica, fontsize = 11]"
    ));
    dot.line(format_args!("edge [fontname = Helvetica, fontsize = 9]"));
    dot.network(outline);
    format!("{}{}}}\n", dot.text, dot.edges)
}

/// What was written so far.
struct Dot {
    text: String,
    /// To stand after all nodes: an edge inside of a cluster would draw both its ends into it.
    edges: String,
    blocks: bool,
}

/// The end of a chain: the node that made the last features, and their shape.
struct End {
    node: String,
    shape: Shape,
}

impl Dot {
    // Writing to a string cannot fail.
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{text}");
    }

    fn node(&mut self, name: &str, label: &str, fill: &str, line: &str) {
        let (name, label) = (quoted(name), quoted(label));
        self.line(format_args!("{name} [label = {label}, fillcolor = \"{fill}\", color = \"{line}\"]"));
    }

    fn edge(&mut self, from: &str, to: &str, shape: Shape) {
        let (from, to, shape) = (quoted(from), quoted(to), quoted(&label::shape(shape)));
        self.connect(format_args!("{from} -> {to} [label = {shape}]"));
    }

    fn connect(&mut self, edge: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.edges, "{edge}");
    }

    fn state_edge(&mut self, from: &str, to: &str, label: &str) {
        let (from, to, label) = (quoted(from), quoted(to), quoted(label));
        let color = STATE.line;
        self.connect(format_args!("{from} -> {to} [label = {label}, style = dashed, color = \"{color}\"]"));
    }

    fn network(&mut self, outline: &Outline) {
        self.node("input", "image", "#fffbe6", "#b7a34b");
        let mut end = End { node: "input".to_owned(), shape: outline.input };
        end = self.part("stem", &outline.stem.units, outline.stem.cost, end);
        let mut state = None;
        for stage in &outline.stages {
            (end, state) = self.stage(stage, end, state);
        }
        let end = self.part("head", &outline.head.units, outline.head.cost, end);
        let logits = format!("{} logits", end.shape.c);
        self.line(format_args!("logits [label = {}, shape = plaintext, style = \"\"]", quoted(&logits)));
        self.edge(&end.node, "logits", end.shape);
    }

    fn open(&mut self, cluster: &str, label: &str) {
        let (cluster, label) = (quoted(&format!("cluster_{cluster}")), quoted(label));
        self.line(format_args!(
            "subgraph {cluster} {{ label = {label}; style = rounded; color = \"#cbd2d9\""
        ));
    }

    fn part(&mut self, name: &str, units: &[Unit], cost: Complexity, end: End) -> End {
        let label = format!("{name}\\n{}", costs(cost.params, cost.flops));
        if self.blocks {
            self.open(name, &label);
            let end = self.units(name, units, end, None).0;
            self.line(format_args!("}}"));
            return end;
        }
        let kind = if name == "head" { Kind::Linear } else { Kind::Conv };
        self.node(name, &label, paint(kind).fill, paint(kind).line);
        self.edge(&end.node, name, end.shape);
        End { node: name.to_owned(), shape: units.last().map_or(end.shape, |unit| unit.shape) }
    }

    fn stage(&mut self, stage: &Stage, mut end: End, before: Option<String>) -> (End, Option<String>) {
        let Complexity { params, flops, .. } = stage.cost;
        self.open(&stage.name, &format!("{} ×{}\\n{}", stage.name, stage.depth, costs(params, flops)));
        let mut state = before.filter(|_| stage.regulation.as_ref().is_some_and(|it| it.carried));
        for group in &stage.groups {
            let name = format!("{}.b{}", stage.name, group.first);
            (end, state) = if self.blocks {
                self.open(&name, &title(stage, group));
                let made = self.units(&name, &group.units, end, state);
                self.line(format_args!("}}"));
                made
            } else {
                self.block(&name, stage, group, (end, state))
            };
        }
        self.line(format_args!("}}"));
        (end, state)
    }

    fn block(
        &mut self,
        name: &str,
        stage: &Stage,
        group: &Group,
        (end, state): (End, Option<String>),
    ) -> (End, Option<String>) {
        self.node(name, &title(stage, group), paint(Kind::Conv).fill, paint(Kind::Conv).line);
        self.edge(&end.node, name, end.shape);
        let end = End { node: name.to_owned(), shape: group.shape() };
        let Some(Regulation { cells, .. }) = &stage.regulation else { return (end, None) };
        let step = format!("{name}.r");
        let label = format!("{} {}", cells.regulator.cell, cells.channels);
        self.node(&step, &label, STATE.fill, STATE.line);
        let (from, to) = (quoted(name), quoted(&step));
        self.connect(format_args!("{from} -> {to} [label = X]"));
        self.state_edge(&step, name, "H");
        if let Some(state) = state {
            self.state_edge(&state, &step, "state");
        }
        (end, Some(step))
    }

    /// The boxes of a part or a block; the last makes what comes out, and a step the state.
    fn units(
        &mut self,
        name: &str,
        units: &[Unit],
        end: End,
        state: Option<String>,
    ) -> (End, Option<String>) {
        let node = |unit: usize| format!("{name}.{}", units[unit].name);
        let mut next_state = None;
        for (i, unit) in units.iter().enumerate() {
            let lines = [unit.title.clone(), unit.tail.join(", "), unit_costs(unit)];
            let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
            self.node(&node(i), &lines.join("\\n"), paint(unit.kind).fill, paint(unit.kind).line);
            for input in &unit.inputs {
                match *input {
                    Source::Block => self.edge(&end.node, &node(i), end.shape),
                    Source::Unit(from) if units[from].kind == Kind::Step => {
                        self.state_edge(&node(from), &node(i), "H")
                    }
                    Source::Unit(from) => self.edge(&node(from), &node(i), units[from].shape),
                    Source::State => {
                        if let Some(state) = &state {
                            self.state_edge(state, &node(i), "state");
                        }
                    }
                }
            }
            if unit.kind == Kind::Step {
                next_state = Some(node(i));
            }
        }
        match units.len().checked_sub(1) {
            Some(last) => (End { node: node(last), shape: units[last].shape }, next_state),
            None => (end, next_state),
        }
    }
}

fn unit_costs(unit: &Unit) -> String {
    let Complexity { params, flops, .. } = unit.cost;
    if params + flops == 0 { String::new() } else { costs(params, flops) }
}

fn title(stage: &Stage, group: &Group) -> String {
    let repeats = if group.count > 1 { format!(" ×{}", group.count) } else { String::new() };
    let each = if group.count > 1 { " each" } else { "" };
    let Complexity { params, flops, .. } = group.cost();
    format!("{}.{}{repeats}\\n{}{each}", stage.name, group.name(), costs(params, flops))
}

/// A string of the DOT language; `\n` stays a line break.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}
