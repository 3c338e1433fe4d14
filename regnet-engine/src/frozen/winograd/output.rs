//! The way back from the space of products.

use std::ops::Range;

use super::{Line, OCTET, Winograd, filter, load, octet_start, places, store};
use crate::frozen::isa::{Kernel, Vectors};
use crate::frozen::map::Map;
use crate::frozen::store::Activation;
use crate::frozen::work::Run;

/// A^T m A of some tiles of a vector of output channels, bias, shortcut and activation.
pub(super) struct Output<'a, const SIDE: usize, const POINTS: usize, const TILE: usize> {
    pub run: &'a Run<'a, Winograd>,
    /// The vector's first octet.
    pub octet: usize,
    /// Which vector of the panel it is.
    pub from: usize,
    pub tiles: Range<usize>,
}

impl<const SIDE: usize, const POINTS: usize, const TILE: usize> Kernel for Output<'_, SIDE, POINTS, TILE> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Run { step, work, .. } = self.run;
        let out = &step.out;
        let [_, scratch] = self.run.scratch();
        let sums = S::as_simd_f32s(work.scratch.read(scratch)).0.as_chunks::<POINTS>().0;
        let sums = &sums[self.from * places(step.group[0])..];
        let bias = load::<S>(&work.weights[step.bias + self.octet * OCTET..]);
        let start = |map: &Map| octet_start(map, self.octet);
        let (first, shortcut) = (start(out), step.shortcut.as_ref().map(|map| (map, start(map))));
        for Line { image, row, column, tiles } in step.form.grid(out).lines(self.tiles) {
            let height = out.height - TILE * row;
            for (index, sums) in sums[tiles].iter().enumerate() {
                let column = TILE * (column + index);
                let width = out.width - column;
                let pixels = pixels::<S, SIDE, POINTS, TILE>(simd, sums);
                // Whole loops with conditions in them, so that the pixels stay in registers.
                for y in 0..TILE {
                    for x in 0..TILE {
                        if y >= height || x >= width {
                            continue;
                        }
                        let at = |map: &Map| map.at(image, TILE * row + y, column + x);
                        let mut value = simd.add_f32s(pixels[y][x], bias);
                        if let Some((map, start)) = shortcut {
                            let at = start + at(map);
                            value = simd.add_f32s(value, load::<S>(work.memory.read(at..at + S::F32_LANES)));
                        }
                        if step.activation == Activation::Relu {
                            value = simd.relu_f32s(value);
                        }
                        let at = first + at(out);
                        store::<S>(work.memory.write(at..at + S::F32_LANES), value);
                    }
                }
            }
        }
    }
}

/// A^T m A.
#[inline(always)]
fn pixels<S: Vectors, const SIDE: usize, const POINTS: usize, const TILE: usize>(
    simd: S,
    sums: &[S::f32s; POINTS],
) -> [[S::f32s; TILE]; TILE] {
    let zero = simd.splat_f32s(0.0);
    let mut rows = [[zero; SIDE]; TILE];
    for x in 0..SIDE {
        let mut column = [zero; SIDE];
        for y in 0..SIDE {
            column[y] = sums[SIDE * y + x];
        }
        let column: [_; TILE] = filter::output(simd, column);
        for y in 0..TILE {
            rows[y][x] = column[y];
        }
    }
    let mut pixels = [[zero; TILE]; TILE];
    for y in 0..TILE {
        pixels[y] = filter::output(simd, rows[y]);
    }
    pixels
}
