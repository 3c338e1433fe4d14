//! The gradient of the weight, of tensors that are turned so that channels lie innermost: there a pixel's window is, row
//! by row of the kernel, one run of elements, whatever the stride.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::transpose::Transpose;
use super::winograd::{self, AddImages, Image, TileGradient};
use super::{Conv2d, WeightGradient};
use crate::Real;
use crate::aligned::Aligned;
use crate::planes::LANES;
use crate::product::{Line, Windows};

/// Output channels of a task: as many as a tile has.
const ROWS_PER_TASK: usize = 64;

/// Tasks that the pass should at least have.
const TASKS: usize = 16;

/// Pixels that are turned at once should at least be so many.
const PIXELS_PER_STEP: usize = 64;

/// Pixels of a line at most.
const LINE: usize = 64;

/// How the work is cut; it follows from the sizes alone, so that sums are always taken in the same order.
struct Cut {
    /// Output channels of a task, a divisor of the group's.
    rows: usize,
    /// The same with what fills vectors.
    outputs: usize,
    /// Images of a task.
    images: usize,
    /// Images of a step within a task.
    step: usize,
}

impl Cut {
    fn new(op: &Conv2d) -> Self {
        let group = op.group_outputs();
        let divisors = (1..=ROWS_PER_TASK.min(group)).filter(|&rows| group.is_multiple_of(rows));
        // Every task turns the input, which costs as much as so many rows.
        const TURNING: usize = 5;
        let cost = |rows: &usize| (rows.next_multiple_of(LANES) + TURNING) * group / rows;
        let rows = divisors.min_by_key(cost).unwrap_or(1);
        let chunks = TASKS.div_ceil(op.out_channels / rows).min(op.batch);
        let images = op.batch.div_ceil(chunks);
        let step = PIXELS_PER_STEP.div_ceil(op.out_pixels()).min(images);
        Cut { rows, outputs: rows.next_multiple_of(LANES), images, step }
    }
}

/// The input of a group as it is turned: `[images, height + 2 border, width + 2 border, group_width]`.
struct Turned {
    /// Zeros on all sides.
    border: usize,
    width: usize,
    image: usize,
    channels: usize,
    /// Lines of an image's output pixels.
    lines: Vec<Line>,
}

impl Turned {
    fn new(op: &Conv2d) -> Self {
        let border = op.padding();
        let (height, width) = (op.height + 2 * border, op.width + 2 * border);
        let (channels, out_width) = (op.group_width, op.out_width());
        let line = |pixels: usize, input: usize, left: usize| {
            (0..pixels).step_by(LINE).map(move |first| Line {
                input: input + first * op.stride * channels,
                left: left + first,
                pixels: LINE.min(pixels - first),
            })
        };
        let lines = if op.kernel == 1 && op.stride == 1 {
            line(op.pixels(), 0, 0).collect()
        } else {
            let rows = 0..op.out_height();
            rows.flat_map(|row| line(out_width, row * op.stride * width * channels, row * out_width))
                .collect()
        };
        Turned { border, width, image: height * width * channels, channels, lines }
    }

    /// Elements of a row.
    fn row(&self) -> usize {
        self.width * self.channels
    }
}

impl Task {
    /// An image's planes of the input, from the group's first on.
    fn inputs<'a, T>(&self, op: &Conv2d, tensor: &Tensor<'a, T>, image: usize) -> &'a [T] {
        let first = self.first_output / op.group_outputs() * op.group_width;
        &tensor.x[(image * tensor.of + first) * op.pixels()..]
    }

    /// An image's planes of the output's gradient, from the task's first on.
    fn outputs<'a, T>(&self, op: &Conv2d, dy: &'a [T], image: usize) -> &'a [T] {
        &dy[(image * op.out_channels + self.first_output) * op.out_pixels()..]
    }
}

/// Buffers that a thread keeps from task to task. Borders are written once, with zeros.
struct Scratch<T> {
    x: Aligned<T>,
    dy: Aligned<T>,
}

/// One share of the gradient: some rows, over some images.
struct Task {
    images: Range<usize>,
    first_output: usize,
}

/// A tensor of `of` channels, the first of which are the input.
struct Tensor<'a, T> {
    of: usize,
    x: &'a [T],
}

/// Adds the gradients; more than one only in tiles.
pub(super) fn add<T: Real>(op: &Conv2d, dy: &[T], inputs: Vec<WeightGradient<'_, T>>) {
    if op.weight_len() == 0 || dy.is_empty() {
        return;
    }
    let (cut, in_tiles) = (Cut::new(op), winograd::pays(op));
    let places = if in_tiles { winograd::PLACES } else { op.kernel * op.kernel };
    let (blocks, chunks) = (op.out_channels / cut.rows, op.batch.div_ceil(cut.images));
    let channels = inputs.len() * op.group_width;
    let taps = places * channels;
    // `[chunks, blocks of rows, places, inputs, group_width, rows]`.
    let mut partial = vec![T::zero(); chunks * blocks * taps * cut.outputs];
    let tasks = partial.par_chunks_mut(taps * cut.outputs).enumerate().map(|(index, partial)| {
        let first_image = index / blocks * cut.images;
        let images = first_image..(first_image + cut.images).min(op.batch);
        (Task { images, first_output: index % blocks * cut.rows }, partial)
    });
    let split = inputs.into_iter().map(|WeightGradient { of, x, dw }| (Tensor { of, x }, dw));
    let (tensors, gradients): (Vec<_>, Vec<_>) = split.unzip();
    if in_tiles {
        let buffers = || TileGradient::new(op, tensors.len(), cut.outputs);
        tasks.for_each_init(buffers, |buffers, (task, sums)| {
            let images = task.images.clone().map(|image| Image {
                x: tensors.iter().map(|tensor| task.inputs(op, tensor, image)).collect(),
                dy: task.outputs(op, dy, image),
                rows: cut.rows,
            });
            Arch::new().dispatch(AddImages { op, buffers, images, sums });
        });
    } else {
        let turned = Turned::new(op);
        let scratch = || Scratch {
            x: Aligned::zeros(cut.step * turned.image),
            dy: Aligned::zeros(cut.step * op.out_pixels() * cut.outputs),
        };
        tasks.for_each_init(scratch, |scratch, (task, partial)| {
            sum_images(op, &cut, &turned, &task, scratch, (&tensors[0], dy), partial);
        });
    }
    for (number, dw) in gradients.into_iter().enumerate() {
        dw.par_chunks_mut(op.weight_len() / op.out_channels).enumerate().for_each(|(output, dw)| {
            let block = output / cut.rows * taps * cut.outputs + output % cut.rows;
            let sum = |place: usize, channel: usize| -> T {
                let tap = place * channels + number * op.group_width + channel;
                let partials = partial[block + tap * cut.outputs..].iter();
                partials.step_by(blocks * taps * cut.outputs).copied().sum()
            };
            for (channel, dw) in dw.chunks_exact_mut(op.kernel * op.kernel).enumerate() {
                if in_tiles {
                    let gradient = winograd::of_kernel_gradient(|place| sum(place, channel));
                    dw.iter_mut().zip(gradient).for_each(|(dw, d)| *dw += d);
                } else {
                    dw.iter_mut().enumerate().for_each(|(place, dw)| *dw += sum(place, channel));
                }
            }
        });
    }
}

/// Adds a task's sums over its images to `partial`.
fn sum_images<T: Real>(
    op: &Conv2d,
    cut: &Cut,
    turned: &Turned,
    task: &Task,
    scratch: &mut Scratch<T>,
    (x, dy): (&Tensor<'_, T>, &[T]),
    partial: &mut [T],
) {
    let mut lines = Vec::new();
    for first in task.images.clone().step_by(cut.step) {
        let images = first..(first + cut.step).min(task.images.end);
        lines.clear();
        for (index, image) in images.enumerate() {
            let from = Step { op, cut, turned, task, image, index };
            Arch::new().dispatch(Turn { step: from, x, dy, scratch });
            lines.extend(turned.lines.iter().map(|line| Line {
                input: line.input + index * turned.image,
                left: line.left + index * op.out_pixels(),
                ..*line
            }));
        }
        Windows {
            input: scratch.x.as_ref(),
            rows: op.kernel,
            row_distance: turned.row(),
            taps: op.kernel * op.group_width,
            advance: op.stride * op.group_width,
            left: scratch.dy.as_ref(),
            outputs: cut.outputs,
            lines: &lines,
            out: partial,
        }
        .run();
    }
}

/// One image of a task, number `index` in the buffers.
struct Step<'a> {
    op: &'a Conv2d,
    cut: &'a Cut,
    turned: &'a Turned,
    task: &'a Task,
    image: usize,
    index: usize,
}

/// Turns one image's planes.
struct Turn<'a, T> {
    step: Step<'a>,
    x: &'a Tensor<'a, T>,
    dy: &'a [T],
    scratch: &'a mut Scratch<T>,
}

impl<T: Real> WithSimd for Turn<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Step { op, cut, turned, task, image, index } = self.step;
        let pixels = op.out_pixels();
        Transpose {
            from: task.outputs(op, self.dy, image),
            from_stride: pixels,
            channels: cut.rows,
            pixels,
            to: &mut self.scratch.dy.as_mut()[index * pixels * cut.outputs..],
            to_stride: cut.outputs,
        }
        .run();
        // Without a border the rows lie as they did.
        let (rows, width) = if turned.border == 0 { (1, op.pixels()) } else { (op.height, op.width) };
        let planes = task.inputs(op, self.x, image);
        for row in 0..rows {
            let first = (row + turned.border) * turned.width + turned.border;
            Transpose {
                from: &planes[row * width..],
                from_stride: op.pixels(),
                channels: op.group_width,
                pixels: width,
                to: &mut self.scratch.x.as_mut()[index * turned.image + first * op.group_width..],
                to_stride: op.group_width,
            }
            .run();
        }
    }
}
