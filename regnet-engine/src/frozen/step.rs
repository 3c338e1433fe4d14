//! The steps of a plan.

use super::cell::Cell;
use super::dense::Dense;
use super::grouped::Grouped;
use super::image::Image;
use super::isa::{Isa, Kernel, Vectors};
use super::map::Map;
use super::narrow;
use super::simple::{Add, Average, Compact, MaxPool, Scale};
use super::winograd::Winograd;
use super::work::{Run, Work};

/// A step, and the layer it is for.
#[derive(Debug)]
pub(super) struct Step {
    pub layer: usize,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Copies images to where the step after it reads them.
    Paint(Image),
    Image(Image),
    Dense(Dense),
    Grouped(Grouped),
    Winograd(Winograd),
    MaxPool(MaxPool),
    Average(Average),
    Scale(Scale),
    Add(Add),
    Compact(Compact),
    Cell(Cell),
    Narrow(narrow::Step),
    /// Hands a map out, as planes.
    Export(Export),
}

/// A map that is handed out as `[channel][row][column]`.
#[derive(Debug)]
pub(super) struct Export {
    pub map: Map,
    /// Which of the run's results it is.
    pub result: usize,
}

impl Step {
    /// Runs a thread's part.
    pub fn run(&self, isa: Isa, work: Work<'_>) {
        match &self.kind {
            Kind::Paint(step) => {
                let image = step.channels * step.height * step.width;
                step.paint(work, &work.input[work.first * image..][..work.images * image]);
            }
            Kind::Image(step) => isa.run(Run { step, isa, work }),
            Kind::Dense(step) => isa.run(Run { step, isa, work }),
            Kind::Grouped(step) => isa.run(Run { step, isa, work }),
            Kind::Winograd(step) => isa.run(Run { step, isa, work }),
            Kind::MaxPool(step) => isa.run(Run { step, isa, work }),
            Kind::Average(step) => isa.run(Run { step, isa, work }),
            Kind::Scale(step) => isa.run(Run { step, isa, work }),
            Kind::Add(step) => isa.run(Run { step, isa, work }),
            Kind::Compact(step) => isa.run(Run { step, isa, work }),
            Kind::Cell(step) => isa.run(Run { step, isa, work }),
            Kind::Narrow(step) => step.run(isa, work),
            Kind::Export(step) => isa.run(Run { step, isa, work }),
        }
    }

    /// What it does, for people.
    pub fn name(&self) -> String {
        let stride = |stride| if stride == 2 { ", stride 2" } else { "" };
        match &self.kind {
            Kind::Paint(_) => "copy images".to_owned(),
            Kind::Image(step) => format!("{0}x{0} of images", step.kernel),
            Kind::Dense(step) => {
                let project = if step.kernel == 1 && step.operands.len() > 1 { " of two" } else { "" };
                format!("{0}x{0}{project}", step.kernel)
            }
            Kind::Grouped(step) => format!("3x3 grouped{}", stride(step.stride)),
            Kind::Winograd(step) => format!("3x3 {}", step.form.name()),
            Kind::MaxPool(_) => "max pool".to_owned(),
            Kind::Average(_) => "mean".to_owned(),
            Kind::Scale(_) => "scale".to_owned(),
            Kind::Add(_) => "add".to_owned(),
            Kind::Compact(_) => "copy".to_owned(),
            Kind::Cell(_) => "cell".to_owned(),
            Kind::Narrow(step) => step.name(),
            Kind::Export(_) => "hand out".to_owned(),
        }
    }

    /// Multiply-adds for an image, as the layer is defined.
    pub fn multiply_adds(&self) -> usize {
        match &self.kind {
            Kind::Image(step) => {
                step.out.channels * step.out.pixels() * step.channels * step.kernel * step.kernel
            }
            Kind::Dense(step) => {
                let channels: usize = step.operands.iter().map(|operand| operand.map.channels).sum();
                step.out.channels * step.out.pixels() * channels * step.kernel * step.kernel
            }
            Kind::Grouped(step) => step.out.channels * step.out.pixels() * step.sources.group_width() * 9,
            Kind::Winograd(step) => step.out.channels * step.out.pixels() * step.group[0] * 9,
            Kind::Narrow(step) => step.multiply_adds(),
            _ => 0,
        }
    }

    /// Bytes of the activations that it reads and writes for an image.
    pub fn bytes(&self) -> usize {
        let values = |map: &Map| map.channels * map.pixels();
        let values = match &self.kind {
            Kind::Paint(step) => 2 * step.channels * step.height * step.width,
            Kind::Image(step) => step.channels * step.height * step.width + values(&step.out),
            Kind::Dense(step) => {
                let operands = step.operands.iter().map(|operand| values(&operand.map));
                operands.chain(step.shortcut.as_ref().map(values)).sum::<usize>() + values(&step.out)
            }
            Kind::Grouped(Grouped { input, out, shortcut, .. })
            | Kind::Winograd(Winograd { input, out, shortcut, .. }) => {
                values(input) + values(out) + shortcut.as_ref().map_or(0, values)
            }
            Kind::MaxPool(MaxPool { input, out, .. })
            | Kind::Average(Average { input, out })
            | Kind::Compact(Compact { input, out, .. }) => values(input) + values(out),
            Kind::Scale(step) => 2 * values(&step.map) + step.shortcut.as_ref().map_or(0, values),
            Kind::Add(step) => 3 * values(&step.map),
            Kind::Cell(step) => step.inputs.iter().map(values).sum::<usize>() + values(&step.out),
            Kind::Narrow(step) => step.traffic().into_iter().map(values).sum(),
            Kind::Export(step) => 2 * values(&step.map),
        };
        values * size_of::<f32>()
    }

    /// Where the memory lies that it needs besides maps.
    pub fn room(&mut self) -> Option<&mut usize> {
        match &mut self.kind {
            Kind::Paint(step) | Kind::Image(step) => Some(&mut step.canvas),
            _ => None,
        }
    }

    /// Every map it reads or writes.
    pub fn maps(&mut self) -> Vec<&mut Map> {
        match &mut self.kind {
            Kind::Paint(_) => Vec::new(),
            Kind::Image(step) => vec![&mut step.out],
            Kind::Dense(step) => {
                let operands = step.operands.iter_mut().map(|operand| &mut operand.map);
                operands.chain([&mut step.out]).chain(&mut step.shortcut).collect()
            }
            Kind::Grouped(Grouped { input, out, shortcut, .. })
            | Kind::Winograd(Winograd { input, out, shortcut, .. }) => {
                [input, out].into_iter().chain(shortcut).collect()
            }
            Kind::MaxPool(MaxPool { input, out, .. })
            | Kind::Average(Average { input, out })
            | Kind::Compact(Compact { input, out, .. }) => vec![input, out],
            Kind::Scale(Scale { map, gate, shortcut, .. }) => {
                [map, gate].into_iter().chain(shortcut).collect()
            }
            Kind::Add(Add { map, other, .. }) => vec![map, other],
            Kind::Cell(Cell { inputs, out, .. }) => inputs.iter_mut().chain([out]).collect(),
            Kind::Narrow(step) => step.maps(),
            Kind::Export(Export { map, .. }) => vec![map],
        }
    }
}

impl Kernel for Run<'_, Export> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, _: S) {
        let Self { step: Export { map, result }, work, .. } = self;
        let pixels = map.pixels();
        let values = &work.results[*result];
        for plane in work.part(map.blocks() * work.images) {
            let (block, image) = (plane / work.images, plane % work.images);
            let channels = map.lanes.min(map.channels - block * map.lanes);
            let first = ((work.first + image) * map.channels + block * map.lanes) * pixels;
            let planes = values.write(first..first + channels * pixels);
            if work.has_lost(image) {
                planes.fill(f32::NAN);
                continue;
            }
            for row in 0..map.height {
                let from = work.memory.read(map.row(block, image, row));
                for (column, lanes) in from.chunks_exact(map.lanes).enumerate() {
                    for (channel, &value) in lanes.iter().enumerate().take(channels) {
                        planes[channel * pixels + row * map.width + column] = value;
                    }
                }
            }
        }
    }
}
