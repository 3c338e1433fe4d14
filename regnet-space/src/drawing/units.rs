//! The boxes inside a block: layers, each with the norm and the ReLU that follow it.

use std::collections::BTreeMap;

use super::label;
use crate::complexity::Complexity;
use crate::graph::{Graph, Node, Op, Shape};

/// A box.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    /// pycls's name, without the block's, such as `f.a`.
    pub name: String,
    /// What it does, such as `3x3 conv, 48`.
    pub title: String,
    /// What follows in it, such as `norm, ReLU`.
    pub tail: Vec<&'static str>,
    /// How it looks.
    pub kind: Kind,
    /// What it reads.
    pub inputs: Vec<Source>,
    /// What comes out.
    pub shape: Shape,
    /// What it costs.
    pub cost: Complexity,
}

/// How a box looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Conv,
    Pool,
    Excite,
    Step,
    Sum,
    Linear,
}

/// What a box reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// What comes into the block.
    Block,
    /// The state of the step before.
    State,
    /// Another box of the block, by its index.
    Unit(usize),
}

/// The boxes of the nodes whose names start with `prefix`, a dot included.
pub(super) fn of(graph: &Graph, prefix: &str) -> Vec<Unit> {
    let mut units = Units { prefix, graph, units: Vec::new(), made_by: BTreeMap::new() };
    for (index, node) in graph.nodes().iter().enumerate() {
        if let Some(name) = node.name.strip_prefix(prefix) {
            units.add(index, name, node);
        }
    }
    units.units
}

struct Units<'a> {
    prefix: &'a str,
    graph: &'a Graph,
    units: Vec<Unit>,
    /// The box that makes what a node makes.
    made_by: BTreeMap<usize, usize>,
}

impl Units<'_> {
    fn add(&mut self, index: usize, name: &str, node: &Node) {
        let unit = match (self.joined(name, node), label::of(&node.op)) {
            (Some(unit), _) => {
                self.join(unit, node);
                unit
            }
            (None, Some((kind, title))) => self.open(name, node, kind, title),
            // Regulators are drawn outside of blocks, and concatenations are part of what reads them.
            (None, None) => return,
        };
        self.made_by.insert(index, unit);
    }

    /// The box that a node has its place in.
    fn joined(&self, name: &str, node: &Node) -> Option<usize> {
        if name.starts_with("f.se") {
            let last = self.units.len().checked_sub(1)?;
            return (self.units[last].kind == Kind::Excite).then_some(last);
        }
        let follows =
            matches!(node.op, Op::BatchNorm { .. } | Op::StepNorm { .. } | Op::Relu | Op::Slice { .. });
        if follows { self.made_by.get(&node.inputs[0]).copied() } else { None }
    }

    fn join(&mut self, unit: usize, node: &Node) {
        let unit = &mut self.units[unit];
        unit.cost = unit.cost + node.complexity();
        // A slice is what others read of a state; the box makes all of it.
        if !matches!(node.op, Op::Slice { .. }) {
            unit.shape = node.shape;
        }
        if unit.kind == Kind::Excite {
            if let Op::Conv(conv) = node.op
                && unit.title.is_empty()
            {
                unit.title = format!("squeeze-excite, {}", conv.output);
            }
            return;
        }
        match node.op {
            Op::BatchNorm { .. } | Op::StepNorm { .. } => unit.tail.push("norm"),
            Op::Relu => unit.tail.push("ReLU"),
            _ => {}
        }
    }

    fn open(&mut self, name: &str, node: &Node, kind: Kind, title: String) -> usize {
        let excites = name.starts_with("f.se");
        let inputs =
            node.inputs.iter().enumerate().flat_map(|(place, &input)| self.sources(node, place, input));
        let inputs = inputs.collect();
        // A block's own regulator is drawn as its step.
        let own = node.inputs.iter().map(|&input| &self.graph.nodes()[input]);
        let own =
            own.filter(|from| matches!(from.op, Op::Regulator(_)) && from.name.starts_with(self.prefix));
        let cost = node.complexity() + own.map(Node::complexity).sum();
        self.units.push(Unit {
            inputs,
            name: if excites { "f.se".to_owned() } else { name.to_owned() },
            title: if excites { String::new() } else { title },
            tail: Vec::new(),
            kind: if excites { Kind::Excite } else { kind },
            shape: node.shape,
            cost,
        });
        self.units.len() - 1
    }

    /// Where the input in some place comes from.
    fn sources(&self, node: &Node, place: usize, input: usize) -> Vec<Source> {
        let from = &self.graph.nodes()[input];
        match (node.op, from.op) {
            (_, Op::Regulator(_)) => Vec::new(),
            (_, Op::Concat { .. }) => {
                from.inputs.iter().flat_map(|&input| self.sources(from, 0, input)).collect()
            }
            (Op::Step(_), _) if place == 2 => vec![Source::State],
            _ if !from.name.starts_with(self.prefix) => vec![Source::Block],
            _ => vec![self.made_by.get(&input).map_or(Source::Block, |&unit| Source::Unit(unit))],
        }
    }
}
