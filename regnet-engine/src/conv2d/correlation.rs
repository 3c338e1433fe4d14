//! The forward pass and the gradient of the input: both are sums over shifted planes.

use rayon::prelude::*;

use super::Conv2d;
use super::grid::{Grid, Lattice};
use crate::Real;
use crate::product::{Outer, Panel};

/// Flat output pixels that a task should at least have, so that tiles are wide on small maps too.
const COLUMNS_PER_TASK: usize = 192;

/// Tasks that a pass should at least have, so that threads have something to share at small batches.
const TASKS: usize = 16;

/// Rows of the panel that a task should at least have.
const ROWS_PER_TASK: usize = 16;

/// What a pass does to its result.
#[derive(Clone, Copy)]
pub(super) enum Store<'a, T> {
    /// Overwrite it; each channel's sums start from its bias.
    Overwrite(Option<&'a [T]>),
    /// Add to it.
    Add,
}

/// One side of the pass: the tensor it reads, or the one it writes.
struct Side {
    /// Channels of an image.
    channels: usize,
    /// Channels of a group.
    group: usize,
    lattices: Vec<Lattice>,
}

impl Side {
    fn pixels(&self) -> usize {
        self.lattices[0].pixels()
    }

    fn image(&self) -> usize {
        self.channels * self.pixels()
    }
}

/// A shifted plane of the source.
struct Tap {
    channel: usize,
    lattice: usize,
    shift: usize,
}

/// All that is summed into one lattice of the target.
struct Part<T> {
    lattice: Lattice,
    taps: Vec<Tap>,
    /// One a group.
    panels: Vec<Panel<T>>,
}

/// `target[row] = sum over taps of panel[row][tap] * source[tap]`, for every group, image and pixel.
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
    source: Vec<T>,
    target: Vec<T>,
}

/// The share of the target that one task computes.
struct Task {
    first_image: usize,
    images: usize,
    group: usize,
    /// Channels of the group.
    rows: std::ops::Range<usize>,
}

impl<T: Real> Correlation<T> {
    /// The forward pass with weight `w`.
    pub(super) fn forward(op: &Conv2d, w: &[T]) -> Self {
        let grid = Grid::new(op);
        let positions = grid.shifts.len();
        let taps: Vec<Tap> = (0..op.group_width * positions)
            .map(|tap| {
                let shift = grid.shifts[tap % positions];
                let (channel, lattice) = (tap / positions, shift.lattice);
                Tap { channel, lattice, shift: grid.offset(shift.rows, shift.columns) }
            })
            .collect();
        let row = taps.len();
        let panels = (0..op.groups())
            .into_par_iter()
            .map(|group| {
                let w = &w[group * op.group_outputs() * row..];
                Panel::new(op.group_outputs(), row, |output, tap| w[output * row + tap])
            })
            .collect();
        Correlation {
            batch: op.batch,
            groups: op.groups(),
            source: Side { channels: op.in_channels, group: op.group_width, lattices: grid.input.clone() },
            target: Side {
                channels: op.out_channels,
                group: op.group_outputs(),
                lattices: vec![grid.output],
            },
            parts: vec![Part { lattice: grid.output, taps, panels }],
            grid,
        }
    }

    /// The gradient of the input: every input lattice gathers from the output pixels that read it.
    pub(super) fn backward_input(op: &Conv2d, w: &[T]) -> Self {
        let grid = Grid::new(op);
        let parts = (0..grid.input.len()).map(|index| input_lattice_part(op, &grid, index, w)).collect();
        Correlation {
            batch: op.batch,
            groups: op.groups(),
            source: Side {
                channels: op.out_channels,
                group: op.group_outputs(),
                lattices: vec![grid.output],
            },
            target: Side { channels: op.in_channels, group: op.group_width, lattices: grid.input.clone() },
            parts,
            grid,
        }
    }

    /// Runs the pass over the whole batch.
    pub(super) fn run(&self, source: &[T], target: &mut [T], store: Store<'_, T>) {
        if target.is_empty() {
            return;
        }
        let images = (COLUMNS_PER_TASK / self.grid.image).clamp(1, (self.batch / 8).max(1));
        let scratch = || self.scratch(images);
        if images > 1 {
            let block = images * self.target.image();
            target.par_chunks_mut(block).enumerate().for_each_init(scratch, |scratch, (index, target)| {
                for group in 0..self.groups {
                    let images_here = target.len() / self.target.image();
                    let rows = 0..self.target.group;
                    let task = Task { first_image: index * images, images: images_here, group, rows };
                    let start = group * self.target.group * self.target.pixels();
                    self.compute(&task, scratch, source, &mut target[start..], store);
                }
            });
            return;
        }
        let rows = self.rows_per_task();
        let slab = rows * self.target.pixels();
        target.par_chunks_mut(slab).enumerate().for_each_init(scratch, |scratch, (index, target)| {
            let (image, channel) = (index * rows / self.target.channels, index * rows % self.target.channels);
            let (group, row) = (channel / self.target.group, channel % self.target.group);
            let task = Task { first_image: image, images: 1, group, rows: row..row + rows };
            if self.grid.is_plain() {
                self.compute_in_place(&task, source, target, store);
            } else {
                self.compute(&task, scratch, source, target, store);
            }
        });
    }

    /// A divisor of the group's rows, the smaller the fewer tasks images and groups make.
    fn rows_per_task(&self) -> usize {
        let pieces = TASKS.div_ceil(self.batch * self.groups);
        let least = self.target.group.div_ceil(pieces).max(ROWS_PER_TASK).min(self.target.group);
        (least..=self.target.group).find(|&rows| self.target.group.is_multiple_of(rows)).unwrap_or(1)
    }

    fn scratch(&self, images: usize) -> Scratch<T> {
        if images == 1 && self.grid.is_plain() {
            return Scratch { images, source: Vec::new(), target: Vec::new() };
        }
        let planes = self.source.group * self.source.lattices.len();
        Scratch {
            images,
            source: vec![T::zero(); planes * self.grid.plane(images)],
            target: vec![T::zero(); self.target.group * self.grid.image * images],
        }
    }

    /// A task without copies, for planes that are their own grid. `target` starts at the task's first row.
    fn compute_in_place(&self, task: &Task, source: &[T], target: &mut [T], store: Store<'_, T>) {
        let pixels = self.target.pixels();
        self.start(task, target, pixels, store);
        let part = &self.parts[0];
        let first_channel = task.first_image * self.source.channels + task.group * self.source.group;
        let offsets: Vec<usize> = part.taps.iter().map(|tap| tap.channel * pixels).collect();
        Outer {
            panel: &part.panels[task.group],
            rows: task.rows.clone(),
            offsets: &offsets,
            input: &source[first_channel * pixels..][..self.source.group * pixels],
            columns: pixels,
            out: target,
            out_stride: pixels,
        }
        .run();
    }

    /// Sets the sums of every row to what they start from; `row_length` elements each.
    fn start(&self, task: &Task, sums: &mut [T], row_length: usize, store: Store<'_, T>) {
        let Store::Overwrite(bias) = store else { return };
        let first = task.group * self.target.group + task.rows.start;
        for (row, sums) in sums.chunks_exact_mut(row_length).take(task.rows.len()).enumerate() {
            sums.fill(bias.map_or(T::zero(), |bias| bias[first + row]));
        }
    }

    /// A task by way of the grid. `target` starts at the task's first row.
    fn compute(
        &self,
        task: &Task,
        scratch: &mut Scratch<T>,
        source: &[T],
        target: &mut [T],
        store: Store<'_, T>,
    ) {
        let plane = self.grid.plane(scratch.images);
        self.gather(task, source, plane, &mut scratch.source);
        let columns = task.images * self.grid.image;
        let sums = &mut scratch.target[..task.rows.len() * columns];
        for part in &self.parts {
            if part.taps.is_empty() {
                continue;
            }
            match store {
                Store::Overwrite(_) => self.start(task, sums, columns, store),
                Store::Add => sums.fill(T::zero()),
            }
            let offset =
                |tap: &Tap| (tap.channel * self.source.lattices.len() + tap.lattice) * plane + tap.shift;
            let offsets: Vec<usize> = part.taps.iter().map(offset).collect();
            Outer {
                panel: &part.panels[task.group],
                rows: task.rows.clone(),
                offsets: &offsets,
                input: &scratch.source,
                columns,
                out: sums,
                out_stride: columns,
            }
            .run();
            self.scatter(task, &part.lattice, sums, target, store);
        }
    }

    /// Copies the group's source planes into the grid.
    fn gather(&self, task: &Task, source: &[T], plane: usize, grid: &mut [T]) {
        let pixels = self.source.pixels();
        for channel in 0..self.source.group {
            for (index, lattice) in self.source.lattices.iter().enumerate() {
                let grid = &mut grid[(channel * self.source.lattices.len() + index) * plane..][..plane];
                for image in 0..task.images {
                    let start = (task.first_image + image) * self.source.image()
                        + (task.group * self.source.group + channel) * pixels;
                    let grid = &mut grid[image * self.grid.image..];
                    self.grid.gather(lattice, &source[start..][..pixels], true, grid);
                }
            }
        }
    }

    /// Copies or adds the sums to the target's planes.
    fn scatter(&self, task: &Task, lattice: &Lattice, sums: &[T], target: &mut [T], store: Store<'_, T>) {
        let pixels = self.target.pixels();
        for row in 0..task.rows.len() {
            for image in 0..task.images {
                let grid = &sums[(row * task.images + image) * self.grid.image..][..self.grid.image];
                let plane = &mut target[image * self.target.image() + row * pixels..][..pixels];
                match store {
                    Store::Overwrite(_) => self.grid.overwrite(grid, lattice, plane),
                    Store::Add => self.grid.add(grid, lattice, plane),
                }
            }
        }
    }
}

/// What the gradient of one input lattice sums: for each output channel, the kernel positions that fall on it.
fn input_lattice_part<T: Real>(op: &Conv2d, grid: &Grid, index: usize, w: &[T]) -> Part<T> {
    let positions: Vec<usize> =
        (0..grid.shifts.len()).filter(|&position| grid.shifts[position].lattice == index).collect();
    let all = grid.shifts.len();
    let taps = (0..op.group_outputs() * positions.len()).map(|tap| {
        let shift = grid.shifts[positions[tap % positions.len()]];
        let channel = tap / positions.len();
        Tap { channel, lattice: 0, shift: grid.offset(-shift.rows, -shift.columns) }
    });
    let taps: Vec<Tap> = taps.collect();
    let panels = (0..op.groups())
        .into_par_iter()
        .map(|group| {
            Panel::new(op.group_width, taps.len(), |input, tap| {
                let output = group * op.group_outputs() + tap / positions.len();
                w[(output * op.group_width + input) * all + positions[tap % positions.len()]]
            })
        })
        .collect();
    Part { lattice: grid.input[index], taps, panels }
}
