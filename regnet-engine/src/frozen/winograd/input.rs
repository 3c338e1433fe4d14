//! The way to the space of products.

use std::ops::Range;

use super::{Grid, Line, Winograd, as_points_mut, load, octet_start, places, store};
use crate::frozen::isa::{Kernel, Vectors};
use crate::frozen::work::Run;

/// B^T d B of some tiles of an octet of input channels.
pub(super) struct Input<'a> {
    pub run: &'a Run<'a, Winograd>,
    pub octet: usize,
    /// Which octet of the group it is.
    pub to: usize,
    pub tiles: Range<usize>,
}

impl Kernel for Input<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Run { step, work, .. } = self.run;
        let map = &step.input;
        let [scratch, _] = self.run.scratch();
        let input = work.memory.read(map.offset..map.offset + map.len());
        let points = &mut as_points_mut(work.memory.write(scratch))[self.to * places(step.group[0])..];
        // The pixel above and to the left of the first.
        let corner =
            octet_start(map, self.octet) - map.offset + map.at(0, 0, 0) - map.row_stride() - map.lanes;
        for Line { image, row, column, tiles } in Grid::new(&step.out).lines(self.tiles) {
            let rows: [&[f32]; 4] = std::array::from_fn(|y| {
                // Of an odd height the last row is missing; what is computed from it is not used.
                let y = (2 * row + y).min(map.height + 1);
                &input[corner + image * map.image_stride() + y * map.row_stride() + 2 * column * map.lanes..]
            });
            let mut left = columns(simd, &rows, 0, map.lanes);
            for (index, points) in points[tiles].iter_mut().enumerate() {
                let right = columns(simd, &rows, (2 * index + 2) * map.lanes, map.lanes);
                for y in 0..4 {
                    let values = points_of(simd, [left[0][y], left[1][y], right[0][y], right[1][y]]);
                    for x in 0..4 {
                        store::<S>(&mut points[4 * y + x], values[x]);
                    }
                }
                left = right;
            }
        }
    }
}

/// B^T d of two columns.
#[inline(always)]
fn columns<S: Vectors>(simd: S, rows: &[&[f32]; 4], at: usize, next: usize) -> [[S::f32s; 4]; 2] {
    let mut columns = [[simd.splat_f32s(0.0); 4]; 2];
    for x in 0..2 {
        let mut column = columns[x];
        for y in 0..4 {
            column[y] = load::<S>(&rows[y][at + x * next..]);
        }
        columns[x] = points_of(simd, column);
    }
    columns
}

/// B^T d.
#[inline(always)]
fn points_of<S: Vectors>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}
