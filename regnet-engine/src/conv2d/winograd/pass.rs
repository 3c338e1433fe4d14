//! The forward pass and the gradient of the input, of planes as they are: vectors are neighbouring tiles.

use std::array;
use std::iter::repeat_n;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{PLACES, TILES_PER_STRIP, of_input, of_kernel, of_products};
use crate::Real;
use crate::aligned::Aligned;
use crate::conv2d::grid::{Grid, Seen};
use crate::conv2d::tasks::{Side, Task, for_each_task, images_per_task};
use crate::conv2d::{Conv2d, Input, InputGradient, Store};
use crate::planes::LANES;
use crate::product::{Outer, Panel, Start};

/// Bytes of the views that are gathered at once.
const VIEWS: usize = 320 * 1024;

/// `target = kernels * source`, for every group and image.
pub(in crate::conv2d) struct Winograd<T> {
    grid: Grid,
    seen: Vec<Seen>,
    batch: usize,
    groups: usize,
    height: usize,
    width: usize,
    /// One for each input, alike but for the channels of their tensors.
    sources: Vec<Side>,
    /// One for each gradient, alike but for the channels of their tensors.
    targets: Vec<Side>,
    /// `[places, groups]`; their taps are the channels of one source after the other's, their rows those of one target
    /// after the other's.
    panels: Vec<Panel<T>>,
}

/// Buffers that a thread keeps from task to task. Borders are written once, with zeros.
struct Scratch<T> {
    /// Images that the buffers hold; their layout stays the same when a task has fewer.
    images: usize,
    /// `[channels, views]`, of a pass.
    views: Aligned<T>,
    /// `[places, channels, tiles]`, of a pass and a strip.
    inputs: Aligned<T>,
    /// `[strips, places, rows, tiles]`; one strip if there is one pass.
    products: Aligned<T>,
    /// `[4, tiles]`: pixels of a strip, even and odd rows and columns apart.
    pixels: Aligned<T>,
}

impl<T: Real> Winograd<T> {
    /// The forward pass.
    pub(in crate::conv2d) fn forward(op: &Conv2d, inputs: &[Input<'_, T>]) -> Self {
        let side =
            |input: &Input<'_, T>| Side { channels: input.of, group: op.group_width, pixels: op.pixels() };
        let target = Side { channels: op.out_channels, group: op.group_outputs(), pixels: op.pixels() };
        Winograd::new(op, inputs.iter().map(side).collect(), vec![target], |group, output, tap| {
            let (w, input) = (inputs[tap / op.group_width].w, tap % op.group_width);
            let kernel = &w[((group * op.group_outputs() + output) * op.group_width + input) * 9..][..9];
            of_kernel(|y, x| kernel[y * 3 + x])
        })
    }

    /// The gradients of inputs: the forward pass with the kernels turned around.
    pub(in crate::conv2d) fn backward_input(op: &Conv2d, inputs: &[InputGradient<'_, T>]) -> Self {
        let source = Side { channels: op.out_channels, group: op.group_outputs(), pixels: op.pixels() };
        let side = |input: &InputGradient<'_, T>| Side {
            channels: input.of,
            group: op.group_width,
            pixels: op.pixels(),
        };
        let weights: Vec<&[T]> = inputs.iter().map(|input| input.w).collect();
        Winograd::new(op, vec![source], inputs.iter().map(side).collect(), |group, row, output| {
            let (w, input) = (weights[row / op.group_width], row % op.group_width);
            let kernel = &w[((group * op.group_outputs() + output) * op.group_width + input) * 9..][..9];
            of_kernel(|y, x| kernel[8 - (y * 3 + x)])
        })
    }

    /// `kernel` is the transform of group, row and tap.
    fn new(
        op: &Conv2d,
        sources: Vec<Side>,
        targets: Vec<Side>,
        kernel: impl Fn(usize, usize, usize) -> [T; PLACES] + Sync,
    ) -> Self {
        let (grid, seen) = Grid::of_tiles(op.height, op.width);
        let count = |sides: &[Side]| sides.iter().map(|side| side.group).sum();
        let (rows, taps, groups) = (count(&targets), count(&sources), op.groups());
        let kernels: Vec<[T; PLACES]> = (0..groups * rows * taps)
            .into_par_iter()
            .with_min_len(1024)
            .map(|index| kernel(index / (rows * taps), index / taps % rows, index % taps))
            .collect();
        let panel = |index: usize| {
            let (place, group) = (index / groups, index % groups);
            Panel::new(rows, taps, |row, tap| kernels[(group * rows + row) * taps + tap][place])
        };
        let panels = (0..PLACES * groups).into_par_iter().map(panel).collect();
        let (batch, height, width) = (op.batch, op.height, op.width);
        Winograd { grid, seen, batch, groups, height, width, sources, targets, panels }
    }

    /// Runs the pass over the whole batch.
    pub(in crate::conv2d) fn run(&self, sources: &[&[T]], targets: Vec<&mut [T]>, store: Store<'_, T>) {
        let images = images_per_task(self.batch, self.grid.pixels(), TILES_PER_STRIP);
        for_each_task(
            targets.into_iter().zip(&self.targets).collect(),
            (self.batch, self.groups),
            images,
            || self.scratch(images),
            |task, scratch, targets| {
                Arch::new().dispatch(Run { pass: self, task, scratch, sources, targets, store });
            },
        );
    }

    /// Tiles of a strip, whole rows of all images.
    fn strip(&self, images: usize) -> usize {
        let row = self.grid.row(images);
        row * (TILES_PER_STRIP / row).max(1)
    }

    /// Channels of a group, in all inputs.
    fn taps(&self) -> usize {
        self.sources.iter().map(|source| source.group).sum()
    }

    /// Of those, how many are gathered at once.
    fn channels_per_pass(&self, images: usize) -> usize {
        let channel = self.grid.views.len() * self.grid.plane(images) * size_of::<T>();
        let most = (VIEWS / channel).max(1);
        self.taps().div_ceil(self.taps().div_ceil(most))
    }

    fn scratch(&self, images: usize) -> Scratch<T> {
        let (channels, tiles) = (self.channels_per_pass(images), self.grid.pixels() * images);
        let strip = self.strip(images).next_multiple_of(LANES);
        let strips = if channels == self.taps() { 1 } else { tiles.div_ceil(self.strip(images)) };
        let views = channels * self.grid.views.len() * self.grid.plane(images);
        Scratch {
            images,
            // The last vector of a strip may reach beyond the last view.
            views: Aligned::zeros(views + LANES),
            inputs: Aligned::zeros(PLACES * channels * strip),
            products: Aligned::zeros(strips * PLACES * self.targets.len() * self.targets[0].group * strip),
            pixels: Aligned::zeros(4 * strip),
        }
    }
}

/// A task with what it needs.
struct Run<'a, 'b, T> {
    pass: &'a Winograd<T>,
    task: &'a Task,
    scratch: &'a mut Scratch<T>,
    sources: &'a [&'a [T]],
    /// From the task's first row on.
    targets: &'a mut [&'b mut [T]],
    store: Store<'a, T>,
}

impl<T: Real> WithSimd for Run<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (pass, images) = (self.pass, self.scratch.images);
        let (channels, tiles) = (pass.channels_per_pass(images), pass.grid.pixels() * images);
        let (strip, taps) = (pass.strip(images), pass.taps());
        let products = PLACES * pass.targets.len() * self.task.rows.len() * strip.next_multiple_of(LANES);
        for first in (0..taps).step_by(channels) {
            let channels = first..(first + channels).min(taps);
            self.gather(&channels);
            for (index, start) in (0..tiles).step_by(strip).enumerate() {
                let tiles = start..(start + strip).min(tiles);
                // One pass is done with each strip before it takes the next.
                let at = if channels.len() == taps { 0 } else { index * products };
                self.transform(simd, channels.len(), &tiles);
                self.multiply(simd, &channels, &tiles, at);
                if channels.end == taps {
                    self.finish(simd, &tiles, at);
                }
            }
        }
    }
}

impl<T: Real> Run<'_, '_, T> {
    /// Copies source planes into their views.
    #[inline(always)]
    fn gather(&mut self, channels: &Range<usize>) {
        let Run { pass, task, scratch, sources, .. } = self;
        let images = scratch.images;
        let mut to = scratch.views.as_mut().chunks_exact_mut(pass.grid.plane(images));
        for channel in channels.clone() {
            let (input, channel) = (channel / pass.sources[0].group, channel % pass.sources[0].group);
            let (side, source) = (&pass.sources[input], sources[input]);
            for (view, to) in pass.grid.views.iter().zip(&mut to) {
                for image in 0..task.images {
                    let plane = side.plane(source, task.first_image + image, task.group, channel);
                    pass.grid.gather(view, plane, (image, images), to);
                }
            }
        }
    }

    /// `Bᵀ d B` of some tiles.
    #[inline(always)]
    fn transform<S: Simd>(&mut self, simd: S, channels: usize, tiles: &Range<usize>) {
        let (lanes, width) = (T::lanes::<S>(), tiles.len().next_multiple_of(LANES));
        let Scratch { images, views, inputs, .. } = &mut *self.scratch;
        let grid = &self.pass.grid;
        let of_channel = grid.views.len() * grid.plane(*images);
        let offsets: [usize; PLACES] = array::from_fn(|place| grid.offset(self.pass.seen[place], *images));
        let mut inputs = inputs.as_mut().chunks_exact_mut(channels * width);
        let inputs: [&mut [T]; PLACES] =
            array::from_fn(|_| inputs.next().expect("the buffer has all places"));
        let zero = T::splat(simd, T::zero());
        for channel in 0..channels {
            let views = &views.as_ref()[channel * of_channel + tiles.start..];
            for q in (0..width).step_by(lanes) {
                // Loops, because closures over arrays are not inlined, and then not compiled for the machine's vectors.
                let mut rows = [[zero; 4]; 4];
                for y in 0..4 {
                    for x in 0..4 {
                        rows[y][x] = T::split::<S>(&views[offsets[y * 4 + x] + q..][..lanes]).0[0];
                    }
                    rows[y] = of_input::<S, T>(simd, rows[y]);
                }
                for x in 0..4 {
                    let column = of_input::<S, T>(simd, [rows[0][x], rows[1][x], rows[2][x], rows[3][x]]);
                    for y in 0..4 {
                        let to = &mut inputs[y * 4 + x][channel * width + q..][..lanes];
                        T::split_mut::<S>(to).0[0] = column[y];
                    }
                }
            }
        }
    }

    /// The 16 matrix products, into the strip that begins at `at`.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S, channels: &Range<usize>, tiles: &Range<usize>, at: usize) {
        let width = tiles.len().next_multiple_of(LANES);
        let Scratch { inputs, products, .. } = &mut *self.scratch;
        let offsets: Vec<usize> = (0..channels.len()).map(|channel| channel * width).collect();
        let rows = self.task.rows.len();
        let inputs = inputs.as_ref().chunks_exact(channels.len() * width);
        let products = products.as_mut()[at..].chunks_exact_mut(rows * width);
        let targets = self.pass.targets.len();
        let parts = inputs.flat_map(|input| repeat_n(input, targets)).zip(products);
        for (part, (input, out)) in (0..PLACES * targets).zip(parts) {
            let (place, first) = (part / targets, part % targets * self.pass.targets[0].group);
            Outer {
                panel: &self.pass.panels[place * self.pass.groups + self.task.group],
                rows: first + self.task.rows.start..first + self.task.rows.end,
                taps: channels.clone(),
                offsets: &offsets,
                input,
                columns: width,
                start: if channels.start == 0 { Start::Bias(None) } else { Start::Output },
                out,
                out_stride: width,
            }
            .with_simd(simd);
        }
    }

    /// `Aᵀ m A` of some tiles, to the target.
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, tiles: &Range<usize>, at: usize) {
        let (lanes, width) = (T::lanes::<S>(), tiles.len().next_multiple_of(LANES));
        let (rows, sides, zero) = (self.task.rows.clone(), &self.pass.targets, T::splat(simd, T::zero()));
        let Scratch { images, products, pixels, .. } = &mut *self.scratch;
        let products = &products.as_ref()[at..];
        for part in 0..sides.len() * rows.len() {
            let (row, target) = (part % rows.len(), part / rows.len());
            let side = &sides[target];
            let bias = match self.store {
                Store::Overwrite(Some(bias)) => bias[self.task.group * side.group + rows.start + row],
                _ => T::zero(),
            };
            let bias = T::splat(simd, bias);
            let pixels = &mut pixels.as_mut()[..4 * width];
            for q in (0..width).step_by(lanes) {
                let mut half = [[zero; 2]; 4];
                for (y, half) in half.iter_mut().enumerate() {
                    let mut m = [zero; 4];
                    for (x, m) in m.iter_mut().enumerate() {
                        let start = ((y * 4 + x) * sides.len() * rows.len() + part) * width + q;
                        *m = T::split::<S>(&products[start..][..lanes]).0[0];
                    }
                    *half = of_products::<S, T>(simd, m);
                }
                for x in 0..2 {
                    let column = [half[0][x], half[1][x], half[2][x], half[3][x]];
                    let column = of_products::<S, T>(simd, column);
                    for y in 0..2 {
                        let to = &mut pixels[(y * 2 + x) * width + q..][..lanes];
                        T::split_mut::<S>(to).0[0] = T::plus(simd, column[y], bias);
                    }
                }
            }
            let plane = row * side.pixels;
            let out = Pixels { pass: self.pass, images: *images, pixels, width };
            for image in 0..self.task.images {
                let plane = &mut self.targets[target][image * side.image() + plane..];
                match self.store {
                    Store::Overwrite(_) => out.each_row(
                        tiles,
                        image,
                        plane,
                        #[inline(always)]
                        |to, from| *to = from,
                    ),
                    Store::Add => out.each_row(
                        tiles,
                        image,
                        plane,
                        #[inline(always)]
                        |to, from| *to += from,
                    ),
                }
            }
        }
    }
}

/// A strip's pixels, even and odd rows and columns apart.
struct Pixels<'a, T> {
    pass: &'a Winograd<T>,
    images: usize,
    pixels: &'a [T],
    width: usize,
}

impl<T: Real> Pixels<'_, T> {
    /// Puts the pixels of one image into its plane.
    #[inline(always)]
    fn each_row(&self, tiles: &Range<usize>, image: usize, plane: &mut [T], each: impl Fn(&mut T, T) + Copy) {
        let Winograd { grid, height, width, .. } = self.pass;
        let columns = width.div_ceil(2);
        let row_of_tiles = grid.row(self.images);
        for (index, first) in tiles.clone().step_by(row_of_tiles).enumerate() {
            let from = index * row_of_tiles + image * columns;
            for y in 0..2 {
                let row = first / row_of_tiles * 2 + y;
                if row >= *height {
                    break;
                }
                let [even, odd] = [0, 1].map(|x| &self.pixels[(y * 2 + x) * self.width + from..][..columns]);
                let (pairs, last) = plane[row * width..][..*width].as_chunks_mut::<2>();
                for ((pair, &even), &odd) in pairs.iter_mut().zip(even).zip(odd) {
                    each(&mut pair[0], even);
                    each(&mut pair[1], odd);
                }
                if let [last] = last {
                    each(last, even[columns - 1]);
                }
            }
        }
    }
}
