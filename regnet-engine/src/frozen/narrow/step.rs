//! The steps of narrow numbers.

use super::{Convert, Dense, Format, Grouped};
use crate::frozen::isa::Isa;
use crate::frozen::map::Map;
use crate::frozen::work::{Run, Work};

/// A step that reads or writes narrow numbers.
#[derive(Debug)]
pub(in crate::frozen) struct Step {
    pub format: Format,
    pub kind: Kind,
}

#[derive(Debug)]
pub(in crate::frozen) enum Kind {
    Convert(Convert),
    Dense(Dense),
    Grouped(Grouped),
}

impl Step {
    /// Runs a thread's part.
    pub fn run(&self, isa: Isa, work: Work<'_>) {
        match &self.kind {
            Kind::Convert(step) => self.format.run(isa, Run { step, isa, work }),
            Kind::Dense(step) => self.format.run(isa, Run { step, isa, work }),
            Kind::Grouped(step) => self.format.run(isa, Run { step, isa, work }),
        }
    }

    /// What it does, for people.
    pub fn name(&self) -> String {
        let format = self.format.name();
        match &self.kind {
            Kind::Convert(step) => format!("to {format}{}", if step.gate.is_some() { ", gated" } else { "" }),
            Kind::Dense(step) => {
                format!("1x1 {format}{}", if step.operands.len() > 1 { " of two" } else { "" })
            }
            Kind::Grouped(step) => {
                format!("3x3 grouped {format}{}", if step.stride == 2 { ", stride 2" } else { "" })
            }
        }
    }

    /// Multiply-adds for an image.
    pub fn multiply_adds(&self) -> usize {
        match &self.kind {
            Kind::Convert(_) => 0,
            Kind::Dense(step) => step.outputs * step.pixels * step.inputs,
            Kind::Grouped(step) => step.channels * step.height * step.width * step.sources.group_width * 9,
        }
    }

    /// The maps that it reads and writes, of f32 or of words.
    pub fn traffic(&self) -> Vec<&Map> {
        match &self.kind {
            Kind::Convert(Convert { input, out, .. }) => vec![input, out],
            Kind::Dense(step) => {
                step.operands.iter().map(|operand| &operand.map).chain(step.outlet.traffic()).collect()
            }
            Kind::Grouped(step) => [&step.input].into_iter().chain(step.outlet.traffic()).collect(),
        }
    }

    /// Every map it reads or writes.
    pub fn maps(&mut self) -> Vec<&mut Map> {
        match &mut self.kind {
            Kind::Convert(Convert { input, gate, out, .. }) => [input, out].into_iter().chain(gate).collect(),
            Kind::Dense(step) => {
                let operands = step.operands.iter_mut().map(|operand| &mut operand.map);
                operands.chain(step.outlet.maps()).collect()
            }
            Kind::Grouped(step) => [&mut step.input].into_iter().chain(step.outlet.maps()).collect(),
        }
    }
}
