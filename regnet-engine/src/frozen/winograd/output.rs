//! The way back from the space of products.

use std::ops::Range;

use super::{Grid, Line, OCTET, Points, Winograd, as_points, load, octet_start, places, store};
use crate::frozen::isa::{Kernel, Vectors};
use crate::frozen::map::Map;
use crate::frozen::store::Activation;
use crate::frozen::work::Run;

/// A^T m A of some tiles of an octet of output channels, bias, shortcut and activation.
pub(super) struct Output<'a> {
    pub run: &'a Run<'a, Winograd>,
    pub octet: usize,
    /// Which octet of the panel it is.
    pub from: usize,
    pub tiles: Range<usize>,
}

impl Kernel for Output<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Run { step, work, .. } = self.run;
        let out = &step.out;
        let [_, scratch] = self.run.scratch();
        let sums = &as_points(work.memory.read(scratch))[self.from * places(step.group[0])..];
        let bias = load::<S>(&work.weights[step.bias + self.octet * OCTET..]);
        let zero = simd.splat_f32s(0.0);
        let start = |map: &Map| octet_start(map, self.octet);
        let (first, shortcut) = (start(out), step.shortcut.as_ref().map(|map| (map, start(map))));
        for Line { image, row, column, tiles } in Grid::new(out).lines(self.tiles) {
            let height = out.height - 2 * row;
            for (index, sums) in sums[tiles].iter().enumerate() {
                let column = 2 * (column + index);
                let width = out.width - column;
                let pixels = pixels(simd, sums);
                // Whole loops with conditions in them, so that the pixels stay in registers.
                for y in 0..2 {
                    for x in 0..2 {
                        if y >= height || x >= width {
                            continue;
                        }
                        let at = |map: &Map| map.at(image, 2 * row + y, column + x);
                        let mut value = simd.add_f32s(pixels[y][x], bias);
                        if let Some((map, start)) = shortcut {
                            let at = start + at(map);
                            value = simd.add_f32s(value, load::<S>(work.memory.read(at..at + OCTET)));
                        }
                        if step.activation == Activation::Relu {
                            value = simd.max_f32s(value, zero);
                        }
                        let at = first + at(out);
                        store::<S>(work.memory.write(at..at + OCTET), value);
                    }
                }
            }
        }
    }
}

/// A^T m A.
#[inline(always)]
fn pixels<S: Vectors>(simd: S, sums: &Points) -> [[S::f32s; 2]; 2] {
    let zero = simd.splat_f32s(0.0);
    let mut rows = [[zero; 4]; 2];
    for x in 0..4 {
        let mut column = [zero; 4];
        for y in 0..4 {
            column[y] = load::<S>(&sums[4 * y + x]);
        }
        let [first, second] = pixels_of(simd, column);
        (rows[0][x], rows[1][x]) = (first, second);
    }
    [pixels_of(simd, rows[0]), pixels_of(simd, rows[1])]
}

/// A^T m.
#[inline(always)]
fn pixels_of<S: Vectors>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    let (sum, difference) = (simd.add_f32s(b, c), simd.sub_f32s(b, c));
    [simd.add_f32s(a, sum), simd.sub_f32s(difference, d)]
}
