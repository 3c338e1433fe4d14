//! The gradient of the weight: scalar products of output-gradient planes with shifted input planes.

use rayon::prelude::*;

use super::Conv2d;
use super::grid::Grid;
use crate::Real;
use crate::product::Inner;

/// Flat pixels of a scalar product, so that its factors stay in the L1 cache.
const COLUMNS_PER_STEP: usize = 1024;

/// Elements of the copied planes, so that they stay in the L2 cache.
const SCRATCH_ELEMENTS: usize = 256 * 1024;

/// Output channels of a task whose kernel is 1x1. Of larger kernels each one reads its input more often, so that a
/// quarter of them is worth a copy of it, and more images fit a task.
const ROWS_PER_TASK: usize = 64;

/// Tasks that the pass should at least have.
const TASKS: usize = 16;

/// How the work is cut; it follows from the sizes alone, so that sums are always taken in the same order.
struct Cut {
    /// Output channels of a task, a divisor of the group's.
    rows: usize,
    /// Images of a task.
    images: usize,
    /// Images of a step within a task.
    step: usize,
}

impl Cut {
    fn new(op: &Conv2d, grid: &Grid) -> Self {
        let outputs = op.group_outputs();
        let most = if op.kernel == 1 { ROWS_PER_TASK } else { ROWS_PER_TASK / 4 };
        let rows = (1..=most.min(outputs)).rev().find(|&rows| outputs.is_multiple_of(rows));
        let rows = rows.filter(|&rows| rows >= 8).unwrap_or(outputs);
        let chunks = TASKS.div_ceil(op.out_channels / rows).min(op.batch);
        let images = op.batch.div_ceil(chunks);
        let planes = rows + op.group_width * grid.input.len();
        // The positions of a larger kernel share the planes that they shift, and leave room for more pixels.
        let columns = if op.kernel == 1 { COLUMNS_PER_STEP } else { 2 * COLUMNS_PER_STEP };
        let columns = columns.min(SCRATCH_ELEMENTS / planes);
        Cut { rows, images, step: (columns / grid.image).clamp(1, images) }
    }
}

/// Buffers that a thread keeps from task to task. Borders are written once, with zeros.
struct Scratch<T> {
    dy: Vec<T>,
    x: Vec<T>,
}

/// One share of the gradient: some rows, over some images.
struct Task {
    images: std::ops::Range<usize>,
    first_output: usize,
    rows: usize,
}

/// Adds the gradient to `dw`.
pub(super) fn add<T: Real>(op: &Conv2d, x: &[T], dy: &[T], dw: &mut [T]) {
    if dw.is_empty() || dy.is_empty() {
        return;
    }
    let grid = Grid::new(op);
    let cut = Cut::new(op, &grid);
    let chunks = op.batch.div_ceil(cut.images);
    let mut partial = vec![T::zero(); chunks * op.weight_len()];
    let share = cut.rows * (op.weight_len() / op.out_channels);
    partial.par_chunks_mut(share).enumerate().for_each_init(
        || scratch(op, &grid, &cut),
        |scratch, (index, partial)| {
            let row = index * cut.rows;
            let first_image = row / op.out_channels * cut.images;
            let images = first_image..(first_image + cut.images).min(op.batch);
            let task = Task { images, first_output: row % op.out_channels, rows: cut.rows };
            sum_images(op, &grid, &cut, &task, scratch, (x, dy), partial);
        },
    );
    const PIECE: usize = 4096;
    dw.par_chunks_mut(PIECE).enumerate().for_each(|(piece, dw)| {
        for partial in partial.chunks_exact(op.weight_len()) {
            for (dw, &partial) in dw.iter_mut().zip(&partial[piece * PIECE..]) {
                *dw += partial;
            }
        }
    });
}

fn scratch<T: Real>(op: &Conv2d, grid: &Grid, cut: &Cut) -> Scratch<T> {
    if grid.is_plain() && cut.step == 1 {
        return Scratch { dy: Vec::new(), x: Vec::new() };
    }
    Scratch {
        dy: vec![T::zero(); cut.rows * cut.step * grid.image],
        x: vec![T::zero(); op.group_width * grid.input.len() * grid.plane(cut.step)],
    }
}

/// Adds a task's sums over its images to `partial`, `[rows, group_width, kernel, kernel]`.
fn sum_images<T: Real>(
    op: &Conv2d,
    grid: &Grid,
    cut: &Cut,
    task: &Task,
    scratch: &mut Scratch<T>,
    (x, dy): (&[T], &[T]),
    partial: &mut [T],
) {
    let first_input = task.first_output / op.group_outputs() * op.group_width;
    if grid.is_plain() && cut.step == 1 {
        let pixels = op.pixels();
        let offsets: Vec<usize> = (0..op.group_width).map(|channel| channel * pixels).collect();
        for image in task.images.clone() {
            Inner {
                left: &dy[(image * op.out_channels + task.first_output) * pixels..][..task.rows * pixels],
                left_stride: pixels,
                rows: task.rows,
                offsets: &offsets,
                input: &x[(image * op.in_channels + first_input) * pixels..][..op.group_width * pixels],
                columns: pixels,
                out: partial,
            }
            .run();
        }
        return;
    }
    let mut image = task.images.start;
    while image < task.images.end {
        let images = cut.step.min(task.images.end - image);
        let (stride, plane) = (cut.step * grid.image, grid.plane(cut.step));
        for row in 0..task.rows {
            for i in 0..images {
                let start = ((image + i) * op.out_channels + task.first_output + row) * op.out_pixels();
                let to = &mut scratch.dy[row * stride + i * grid.image..][..grid.image];
                grid.gather(&grid.output, &dy[start..][..op.out_pixels()], false, to);
            }
        }
        for channel in 0..op.group_width {
            for (index, lattice) in grid.input.iter().enumerate() {
                let to = &mut scratch.x[(channel * grid.input.len() + index) * plane..][..plane];
                for i in 0..images {
                    let start = ((image + i) * op.in_channels + first_input + channel) * op.pixels();
                    grid.gather(lattice, &x[start..][..op.pixels()], true, &mut to[i * grid.image..]);
                }
            }
        }
        let offsets: Vec<usize> = (0..op.group_width)
            .flat_map(|channel| {
                grid.shifts.iter().map(move |shift| {
                    (channel * grid.input.len() + shift.lattice) * plane
                        + grid.offset(shift.rows, shift.columns)
                })
            })
            .collect();
        Inner {
            left: &scratch.dy,
            left_stride: stride,
            rows: task.rows,
            offsets: &offsets,
            input: &scratch.x,
            columns: images * grid.image,
            out: partial,
        }
        .run();
        image += images;
    }
}
