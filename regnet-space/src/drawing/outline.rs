//! The parts of a network and the distinct blocks in each.

use super::units::{self, Unit};
use crate::complexity::Complexity;
use crate::error::SpecError;
use crate::graph::{Cells, Graph, Op, Shape};
use crate::regulator::Share;
use crate::spec::AnyNet;

/// A network in parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outline {
    /// The image.
    pub input: Shape,
    /// Layers before the first stage.
    pub stem: Part,
    /// The stages.
    pub stages: Vec<Stage>,
    /// Layers after the last stage.
    pub head: Part,
    /// What all of it costs.
    pub cost: Complexity,
}

/// The stem or the head.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub name: String,
    pub units: Vec<Unit>,
    /// What comes out.
    pub shape: Shape,
    pub cost: Complexity,
}

/// A stage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    pub name: String,
    pub depth: usize,
    /// Blocks one after another that are alike, drawn once.
    pub groups: Vec<Group>,
    /// What comes out.
    pub shape: Shape,
    pub cost: Complexity,
    pub regulation: Option<Regulation>,
}

/// What runs beside the blocks of a stage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Regulation {
    pub cells: Cells,
    /// Whether the blocks share its weights.
    pub shared: bool,
    /// Whether the state of the stage before comes in.
    pub carried: bool,
}

/// Blocks that are alike.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// The first one's number in the stage, from 1.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// The first one's stride.
    pub stride: usize,
    /// What comes into the first.
    pub input: Shape,
    pub units: Vec<Unit>,
}

impl Group {
    /// `b1`, or `b2 to b5`.
    pub fn name(&self) -> String {
        let last = self.first + self.count - 1;
        if self.count == 1 { format!("b{last}") } else { format!("b{}–b{last}", self.first) }
    }

    /// What comes out.
    pub fn shape(&self) -> Shape {
        self.units.last().map_or(self.input, |unit| unit.shape)
    }

    /// What one of the blocks costs.
    pub fn cost(&self) -> Complexity {
        self.units.iter().map(|unit| unit.cost).sum()
    }
}

impl Outline {
    pub fn new(net: &AnyNet, height: usize, width: usize) -> Result<Self, SpecError> {
        let graph = net.graph(height, width)?;
        let stem = part(&graph, "stem");
        let mut input = stem.shape;
        let mut stages = Vec::new();
        for (i, stage) in net.stages.iter().enumerate() {
            let stage = self::stage(&graph, format!("s{}", i + 1), stage.depth, stage.stride, input);
            input = stage.shape;
            stages.push(stage);
        }
        let (head, cost) = (part(&graph, "head"), graph.complexity());
        Ok(Self { input: graph.nodes()[0].shape, stem, stages, head, cost })
    }

    /// Whether regulators are drawn.
    pub fn is_regulated(&self) -> bool {
        self.stages.iter().any(|stage| stage.regulation.is_some())
    }
}

fn cost(graph: &Graph, part: &str) -> Complexity {
    graph.part(part).map(|node| node.complexity()).sum()
}

fn part(graph: &Graph, name: &str) -> Part {
    let units = units::of(graph, &format!("{name}."));
    let shape = graph.part(name).last().map_or(graph.nodes()[0].shape, |node| node.shape);
    Part { name: name.to_owned(), units, shape, cost: cost(graph, name) }
}

fn stage(graph: &Graph, name: String, depth: usize, stride: usize, input: Shape) -> Stage {
    let mut groups: Vec<Group> = Vec::new();
    let mut input = input;
    for block in 1..=depth {
        let units = units::of(graph, &format!("{name}.b{block}."));
        let stride = if block == 1 { stride } else { 1 };
        match groups.last_mut() {
            Some(group) if (&group.units, group.stride) == (&units, stride) => group.count += 1,
            _ => groups.push(Group { first: block, count: 1, stride, input, units }),
        }
        input = groups.last().map_or(input, Group::shape);
    }
    let cells = graph.part(&name).find_map(|node| match node.op {
        Op::Regulator(cells) => Some(cells),
        _ => None,
    });
    let regulation = cells.map(|cells| Regulation {
        cells,
        shared: cells.regulator.share == Share::Stage,
        carried: graph.node(&format!("{name}.carry")).is_some(),
    });
    Stage { depth, groups, shape: input, cost: cost(graph, &name), regulation, name }
}
