//! What a task computes: strip after strip, from source planes to the products of their tiles. `output` has what follows.

use std::array;
use std::iter::repeat_n;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::pass::{Scratch, Winograd};
use super::{PLACES, of_input};
use crate::Real;
use crate::conv2d::Store;
use crate::conv2d::tasks::Task;
use crate::planes::LANES;
use crate::product::{Outer, Start};

/// A task with what it needs.
pub(super) struct Run<'a, 'b, T> {
    pub pass: &'a Winograd<T>,
    pub task: &'a Task,
    pub scratch: &'a mut Scratch<T>,
    pub sources: &'a [&'a [T]],
    /// From the task's first row on.
    pub targets: &'a mut [&'b mut [T]],
    pub store: Store<'a, T>,
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
}
