//! The forward pass and the gradient of the input: both are sums over views of planes.

use std::ops::Range;

use rayon::prelude::*;

use super::grid::{Grid, Lattice, Seen};
use super::tasks::{Side, Task, for_each_task, images_per_task};
use super::{Conv2d, Store};
use crate::Real;
use crate::aligned::Aligned;
use crate::product::{Outer, Panel, Start, TAPS_PER_PASS};

/// Output pixels that a task should at least have where an image has few.
const COLUMNS_PER_TASK: usize = 192;

/// Pixels of an image that fill tiles well enough on their own.
const ENOUGH_COLUMNS: usize = 64;

/// All that is summed into one lattice of the target.
struct Part<T> {
    lattice: Lattice,
    /// What is summed of each source channel.
    seen: Vec<Seen>,
    /// One a group; source channels in order, and in each what is seen of it.
    panels: Vec<Panel<T>>,
}

/// `target[row] = sum of panel[row][tap] * source[tap]`, for every group, image and pixel.
pub(super) struct Correlation<T> {
    grid: Grid,
    batch: usize,
    groups: usize,
    source: Side,
    target: Side,
    parts: Vec<Part<T>>,
}

/// Buffers that a thread keeps from task to task. Borders are written once, with zeros.
struct Scratch<T> {
    /// Images that the buffers hold; their layout stays the same when a task has fewer.
    images: usize,
    source: Aligned<T>,
    /// One for each part.
    sums: Aligned<T>,
}

impl<T: Real> Correlation<T> {
    /// The forward pass with weight `w`, of the first among `of` channels.
    pub(super) fn forward(op: &Conv2d, of: usize, w: &[T]) -> Self {
        let (grid, seen) = Grid::of_input(op);
        let row = op.group_width * seen.len();
        let panels = (0..op.groups())
            .into_par_iter()
            .map(|group| {
                let w = &w[group * op.group_outputs() * row..];
                Panel::new(op.group_outputs(), row, |output, tap| w[output * row + tap])
            })
            .collect();
        let lattice = grid.whole();
        Correlation {
            grid,
            batch: op.batch,
            groups: op.groups(),
            source: Side { channels: of, group: op.group_width, pixels: op.pixels() },
            target: Side { channels: op.out_channels, group: op.group_outputs(), pixels: op.out_pixels() },
            parts: vec![Part { lattice, seen, panels }],
        }
    }

    /// The gradient of the input, the first among `of` channels: every input lattice gathers from the output pixels
    /// that read it.
    pub(super) fn backward_input(op: &Conv2d, of: usize, w: &[T]) -> Self {
        let (grid, lattices) = Grid::of_output(op);
        let parts = lattices.into_iter().map(|(lattice, positions)| Part {
            lattice,
            seen: positions.iter().map(|&(_, seen)| seen).collect(),
            panels: transposed_panels(op, w, &positions),
        });
        Correlation {
            batch: op.batch,
            groups: op.groups(),
            source: Side { channels: op.out_channels, group: op.group_outputs(), pixels: op.out_pixels() },
            target: Side { channels: of, group: op.group_width, pixels: op.pixels() },
            parts: parts.collect(),
            grid,
        }
    }

    /// Runs the pass over the whole batch.
    pub(super) fn run(&self, source: &[T], target: &mut [T], store: Store<'_, T>) {
        let pixels = self.grid.pixels();
        let wanted = if pixels < ENOUGH_COLUMNS { COLUMNS_PER_TASK } else { pixels };
        let images = images_per_task(self.batch, pixels, wanted);
        for_each_task(
            vec![(target, &self.target)],
            (self.batch, self.groups),
            images,
            || self.scratch(images),
            |task, scratch, targets| self.compute(task, scratch, source, &mut *targets[0], store),
        );
    }

    /// Source channels that are gathered at once: what is gathered stays in the cache.
    fn channels_per_pass(&self) -> usize {
        let seen: usize = self.parts.iter().map(|part| part.seen.len()).sum();
        let passes = (self.source.group * seen).div_ceil(TAPS_PER_PASS).clamp(1, self.source.group);
        self.source.group.div_ceil(passes)
    }

    /// Whether the source is read in place.
    fn reads_in_place(&self, images: usize) -> bool {
        images == 1 && self.grid.is_plain()
    }

    /// Whether the target is written in place.
    fn writes_in_place(&self, images: usize) -> bool {
        images == 1 && self.grid.is_whole(&self.parts[0].lattice)
    }

    fn scratch(&self, images: usize) -> Scratch<T> {
        let source = match self.reads_in_place(images) {
            true => 0,
            false => self.channels_per_pass() * self.grid.views.len() * self.grid.plane(images),
        };
        let sums = match self.writes_in_place(images) {
            true => 0,
            false => self.parts.len() * self.target.group * self.grid.pixels() * images,
        };
        Scratch { images, source: Aligned::zeros(source), sums: Aligned::zeros(sums) }
    }

    /// A task. `target` starts at the task's first row.
    fn compute(
        &self,
        task: &Task,
        scratch: &mut Scratch<T>,
        source: &[T],
        target: &mut [T],
        store: Store<'_, T>,
    ) {
        let Scratch { images, source: views, sums } = scratch;
        let in_place = self.writes_in_place(*images);
        let columns = self.grid.pixels() * *images;
        let sums_of_part = task.rows.len() * columns;
        let bias = match store {
            Store::Overwrite(bias) => bias.map(|bias| &bias[task.group * self.target.group..]),
            Store::Add => None,
        };
        let first_start = match store {
            Store::Add if in_place => Start::Output,
            _ => Start::Bias(bias),
        };
        for channels in self.passes(*images) {
            let start = if channels.start == 0 { first_start } else { Start::Output };
            let input = if self.reads_in_place(*images) {
                let first = task.first_image * self.source.channels + task.group * self.source.group;
                &source[(first + channels.start) * self.source.pixels..]
            } else {
                self.gather(task, &channels, source, *images, views.as_mut());
                views.as_ref()
            };
            for (index, part) in self.parts.iter().enumerate() {
                let offsets = self.offsets(part, channels.len(), *images);
                let out = match in_place {
                    true => &mut *target,
                    false => &mut sums.as_mut()[index * sums_of_part..],
                };
                Outer {
                    panel: &part.panels[task.group],
                    rows: task.rows.clone(),
                    taps: channels.start * part.seen.len()..channels.end * part.seen.len(),
                    offsets: &offsets,
                    input,
                    columns,
                    start,
                    out,
                    out_stride: columns,
                }
                .run();
            }
        }
        if !in_place {
            for (part, sums) in self.parts.iter().zip(sums.as_ref().chunks_exact(sums_of_part)) {
                self.scatter(task, *images, &part.lattice, sums, target, matches!(store, Store::Add));
            }
        }
    }

    /// Where a part finds what it sees of the first `channels` that are gathered.
    fn offsets(&self, part: &Part<T>, channels: usize, images: usize) -> Vec<usize> {
        let of_channel = self.grid.views.len() * self.grid.plane(images);
        let seen: Vec<usize> = part.seen.iter().map(|&seen| self.grid.offset(seen, images)).collect();
        (0..channels).flat_map(|channel| seen.iter().map(move |seen| channel * of_channel + seen)).collect()
    }

    /// The source channels of a group, in the parts that are gathered at once.
    fn passes(&self, images: usize) -> impl Iterator<Item = Range<usize>> {
        let all = self.source.group;
        let width = if self.reads_in_place(images) { all } else { self.channels_per_pass() };
        (0..all).step_by(width).map(move |first| first..(first + width).min(all))
    }

    /// Copies some of the group's source planes into their views.
    fn gather(&self, task: &Task, channels: &Range<usize>, source: &[T], images: usize, views: &mut [T]) {
        let mut to = views.chunks_exact_mut(self.grid.plane(images));
        for channel in channels.clone() {
            for (view, to) in self.grid.views.iter().zip(&mut to) {
                for image in 0..task.images {
                    let plane = self.source.plane(source, task.first_image + image, task.group, channel);
                    self.grid.gather(view, plane, (image, images), to);
                }
            }
        }
    }

    /// Copies or adds the sums to the target's planes.
    fn scatter(
        &self,
        task: &Task,
        images: usize,
        lattice: &Lattice,
        sums: &[T],
        target: &mut [T],
        add: bool,
    ) {
        let pixels = self.target.pixels;
        for (row, sums) in sums.chunks_exact(self.grid.pixels() * images).enumerate() {
            for image in 0..task.images {
                let plane = &mut target[image * self.target.image() + row * pixels..][..pixels];
                self.grid.scatter(sums, (image, images), lattice, add, plane);
            }
        }
    }
}

/// What the gradient of one input lattice sums: for each output channel, the kernel positions that fall on it. One panel
/// a group.
fn transposed_panels<T: Real>(op: &Conv2d, w: &[T], positions: &[(usize, Seen)]) -> Vec<Panel<T>> {
    let all = op.kernel * op.kernel;
    let panel = |group| {
        Panel::new(op.group_width, op.group_outputs() * positions.len(), |input, tap| {
            let output = group * op.group_outputs() + tap / positions.len();
            w[(output * op.group_width + input) * all + positions[tap % positions.len()].0]
        })
    };
    (0..op.groups()).into_par_iter().map(panel).collect()
}
