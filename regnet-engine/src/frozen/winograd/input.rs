//! The way to the space of products.

use std::ops::Range;

use pulp::bytemuck::cast_slice;

use super::{Line, OCTET, Points, Winograd, as_points_mut, filter, load, octet_start, places};
use crate::frozen::isa::{Kernel, Vectors};
use crate::frozen::work::Run;

/// B^T d B of some tiles of a vector of input channels, each `STEP` pixels from its neighbour.
pub(super) struct Input<'a, const SIDE: usize, const POINTS: usize, const STEP: usize> {
    pub run: &'a Run<'a, Winograd>,
    /// The vector's first octet.
    pub octet: usize,
    /// Which octet of the group that is.
    pub to: usize,
    pub tiles: Range<usize>,
}

impl<const SIDE: usize, const POINTS: usize, const STEP: usize> Kernel for Input<'_, SIDE, POINTS, STEP> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Run { step, work, .. } = self.run;
        let map = &step.input;
        let [scratch, _] = self.run.scratch();
        let input = work.memory.read(map.offset..map.offset + map.len());
        let points = as_points_mut::<POINTS>(work.scratch.write(scratch));
        let places = places(step.group[0]);
        let points = &mut points[self.to * places..];
        // The pixel above and to the left of the first.
        let corner =
            octet_start(map, self.octet) - map.offset + map.at(0, 0, 0) - map.row_stride() - map.lanes;
        for Line { image, row, column, tiles } in step.form.grid(&step.out).lines(self.tiles) {
            // Where the height or width is odd, the last rows or columns are missing: what is computed from them is not
            // used.
            let rows: [&[f32]; SIDE] = std::array::from_fn(|y| {
                let y = (STEP * row + y).min(map.height + 1);
                &input[corner + image * map.image_stride() + y * map.row_stride()..]
            });
            let column_of = |x: usize| x.min(map.width + 1) * map.lanes;
            // Neighbours share columns.
            let mut columns = [[simd.splat_f32s(0.0); SIDE]; SIDE];
            for x in STEP..SIDE {
                columns[x] = transformed(simd, &rows, column_of(STEP * column + x - STEP));
            }
            for (index, tile) in tiles.enumerate() {
                let first = STEP * (column + index);
                for x in 0..SIDE {
                    columns[x] = if x + STEP < SIDE {
                        columns[x + STEP]
                    } else {
                        transformed(simd, &rows, column_of(first + x))
                    };
                }
                for y in 0..SIDE {
                    let mut line = columns[0];
                    for x in 0..SIDE {
                        line[x] = columns[x][y];
                    }
                    let line = filter::input(simd, line);
                    for x in 0..SIDE {
                        put::<S, POINTS>(&mut points[tile..], places, SIDE * y + x, line[x]);
                    }
                }
            }
        }
    }
}

/// B^T d of a column.
#[inline(always)]
fn transformed<S: Vectors, const SIDE: usize>(simd: S, rows: &[&[f32]; SIDE], at: usize) -> [S::f32s; SIDE] {
    let mut values = [simd.splat_f32s(0.0); SIDE];
    for y in 0..SIDE {
        values[y] = load::<S>(&rows[y][at..]);
    }
    filter::input(simd, values)
}

/// Stores a vector at a point of a tile, octet by octet.
#[inline(always)]
fn put<S: Vectors, const POINTS: usize>(
    to: &mut [Points<POINTS>],
    places: usize,
    point: usize,
    value: S::f32s,
) {
    let lanes: &[f32] = cast_slice(std::slice::from_ref(&value));
    for octet in 0..S::F32_LANES / OCTET {
        to[octet * places][point].copy_from_slice(&lanes[octet * OCTET..][..OCTET]);
    }
}
