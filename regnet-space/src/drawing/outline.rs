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
    /// Weights, of all its copies.
    pub params: u64,
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
    let regulators = graph.part(&name).filter(|node| matches!(node.op, Op::Regulator(_)));
    let regulation = cells.map(|cells| Regulation {
        cells,
        shared: cells.regulator.share == Share::Stage,
        params: regulators.map(|node| node.complexity().params).sum(),
        carried: graph.node(&format!("{name}.carry")).is_some(),
    });
    Stage { depth, groups, shape: input, cost: cost(graph, &name), regulation, name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::units::{Kind, Source};
    use crate::preset::presets;
    use crate::regulator::Regulator;
    use crate::self_regulated::self_regulated_presets;

    fn regulator(text: &str) -> Regulator {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn nets() -> Vec<AnyNet> {
        const REGULATORS: [&str; 3] = ["lstm", "gru(share = block, carry = true)", "rnn(conv = efficient)"];
        let mut nets = Vec::new();
        for preset in presets() {
            let declaration = preset.declaration();
            nets.push(declaration.to_anynet().unwrap_or_else(|errors| panic!("{errors:?}")));
        }
        for regulator in REGULATORS.map(regulator) {
            nets.extend(self_regulated_presets().iter().map(|model| model.to_anynet(regulator)));
            nets.push(AnyNet { regulator: Some(regulator), ..nets[0].clone() });
        }
        nets
    }

    fn outline(net: &AnyNet) -> Outline {
        Outline::new(net, 64, 96).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What is drawn costs what the network costs, but for regulators that blocks share and for carries.
    #[test]
    fn boxes_add_up() {
        for net in nets() {
            let outline = outline(&net);
            let graph = net.graph(64, 96).unwrap_or_else(|error| panic!("{error}"));
            let beside = graph.nodes().iter().filter(|node| {
                let part = node.name.split('.').nth(1);
                part == Some("carry") || part == Some("r")
            });
            let mut sum: Complexity = beside.map(|node| node.complexity()).sum();
            for part in [&outline.stem, &outline.head] {
                sum = sum + part.units.iter().map(|unit| unit.cost).sum();
            }
            for stage in &outline.stages {
                assert_eq!(stage.groups.iter().map(|group| group.count).sum::<usize>(), stage.depth);
                for group in &stage.groups {
                    sum = (0..group.count).fold(sum, |sum, _| sum + group.cost());
                }
            }
            assert_eq!(sum, outline.cost, "{net:?}");
        }
    }

    #[test]
    fn boxes_read_what_comes_before() {
        for net in nets() {
            for group in outline(&net).stages.iter().flat_map(|stage| &stage.groups) {
                for (i, unit) in group.units.iter().enumerate() {
                    let before = |source: &Source| !matches!(source, Source::Unit(unit) if *unit >= i);
                    assert!(!unit.inputs.is_empty() && unit.inputs.iter().all(before), "{unit:?}");
                    assert_eq!(
                        unit.inputs.len() > 1,
                        unit.kind == Kind::Sum || unit.name == "f.fuse" || has_state(unit)
                    );
                }
            }
        }
    }

    fn has_state(unit: &Unit) -> bool {
        unit.inputs.contains(&Source::State)
    }
}
