//! Grouped 3x3 convolutions of narrow numbers.

use std::sync::Arc;

use super::isa::{Narrow, NarrowKernel};
use super::outlet::{Outlet, Sums};
use super::sources::{Source, Sources};
use crate::frozen::grouped::{ROWS, most_columns};
use crate::frozen::map::Map;
use crate::frozen::work::{Run, Work, begin};

/// A 3x3 convolution whose input, bordered by zeros, has as many channels as its output.
#[derive(Debug)]
pub(in crate::frozen) struct Grouped {
    /// A map of words.
    pub input: Map,
    /// 1 or 2.
    pub stride: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Where the packed weights begin.
    pub weights: usize,
    pub sources: Arc<Sources>,
    pub outlet: Outlet,
}

impl NarrowKernel for Run<'_, Grouped> {
    #[inline(always)]
    fn run<N: Narrow>(self, narrow: N) {
        let Self { step, isa, work } = self;
        step.outlet.clear_border(&work);
        let most = most_columns(isa);
        let columns = step.width.div_ceil(most);
        let bands = step.height.div_ceil(ROWS);
        let lines = work.images * bands;
        let weights = 9 * step.channels * step.sources.group_width;
        let inputs = step.channels * step.input.pixels() * work.images;
        let shares_pixels = work.shares_pixels(weights, inputs, lines);
        let input = work.memory.read(step.input.range());
        for (block, lines) in work.share(step.sources.blocks.len(), lines, shares_pixels) {
            for line in lines {
                let (image, row) = (line / bands, line % bands * ROWS);
                let rows = ROWS.min(step.height - row);
                for tile in 0..columns {
                    let column = begin(step.width, most, tile);
                    let width = begin(step.width, most, tile + 1) - column;
                    let at = At { step, work, input, lanes: isa.lanes(), block, image, row, column };
                    multiply(narrow, width, rows, &at);
                }
            }
        }
    }
}

/// Where a tile lies.
#[derive(Clone, Copy)]
struct At<'a> {
    step: &'a Grouped,
    work: Work<'a>,
    input: &'a [f32],
    lanes: usize,
    block: usize,
    image: usize,
    row: usize,
    column: usize,
}

impl<'a> At<'a> {
    /// Input pixels that the rows of the tile's window begin with, in an input block.
    #[inline(always)]
    fn window<N: Narrow, const SPAN: usize, const WINDOW: usize>(
        &self,
        block: usize,
    ) -> [&'a [N::Pixel; SPAN]; WINDOW] {
        let map = &self.step.input;
        let (first_row, first_column) = (self.row * self.step.stride, self.column * self.step.stride);
        let corner = map.at(self.image, first_row, first_column) - (map.row_stride() + map.lanes);
        std::array::from_fn(|row| {
            let values = &self.input[block * map.block_stride() + corner + row * map.row_stride()..];
            N::pixels(values).first_chunk().expect("pixels up to the border")
        })
    }
}

/// One or two rows of `WIDTH` columns, which read `SPAN` columns of `WINDOW` rows.
struct Tile<
    'a,
    const WIDTH: usize,
    const SPAN: usize,
    const HEIGHT: usize,
    const WINDOW: usize,
    const STRIDE: usize,
>(&'a At<'a>);

impl<const WIDTH: usize, const SPAN: usize, const HEIGHT: usize, const WINDOW: usize, const STRIDE: usize>
    NarrowKernel for Tile<'_, WIDTH, SPAN, HEIGHT, WINDOW, STRIDE>
{
    #[inline(always)]
    fn run<N: Narrow>(self, narrow: N) {
        let Self(at) = self;
        let sources = &at.step.sources.blocks[at.block];
        let weights = &at.work.weights[at.step.weights + at.block * sources.len() * 9 * at.lanes..];
        let weights = N::words(weights).as_chunks::<9>().0;
        let mut sums = [[narrow.zero(); WIDTH]; HEIGHT];
        for (Source { blocks: [a, b], order }, weights) in sources.iter().zip(weights) {
            let order = N::words(order)[0];
            let rows = at.window::<N, SPAN, WINDOW>(*a);
            if a == b {
                sums = add::<N, WIDTH, HEIGHT, WINDOW, STRIDE>(narrow, sums, weights, |row, column| {
                    narrow.permuted(&rows[row][column], order)
                });
            } else {
                let others = at.window::<N, SPAN, WINDOW>(*b);
                sums = add::<N, WIDTH, HEIGHT, WINDOW, STRIDE>(narrow, sums, weights, |row, column| {
                    narrow.permuted_of_two(&rows[row][column], &others[row][column], order)
                });
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let place = [at.image, at.row + row, at.column];
            at.step.outlet.row(&at.work, at.block, place, at.lanes).put(narrow, 0, &Sums(sums));
        }
    }
}

/// Adds a word's part; `value` is an input pixel of the window, by row and column.
///
/// Column by column of the window, so that each of its pixels is brought into a register once, for all sums that it is a
/// part of. Sums come and go by value, and nothing in the loops may fail or branch: else they leave the registers.
#[inline(always)]
fn add<N: Narrow, const WIDTH: usize, const HEIGHT: usize, const WINDOW: usize, const STRIDE: usize>(
    narrow: N,
    mut sums: [[N::Sums; WIDTH]; HEIGHT],
    weights: &[N::Words; 9],
    value: impl Fn(usize, usize) -> N::Words,
) -> [[N::Sums; WIDTH]; HEIGHT] {
    macro_rules! columns {
        ($($column:literal)*) => {$(
            if $column < (WIDTH - 1) * STRIDE + 3 {
                let mut pixels = [narrow.splat(0); WINDOW];
                for row in 0..WINDOW {
                    pixels[row] = value(row, $column);
                }
                sums = add_column::<N, WIDTH, HEIGHT, WINDOW, STRIDE, $column>(narrow, sums, weights, pixels);
            }
        )*};
    }
    columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    sums
}

/// Adds the part of a column of the window.
#[inline(always)]
fn add_column<
    N: Narrow,
    const WIDTH: usize,
    const HEIGHT: usize,
    const WINDOW: usize,
    const STRIDE: usize,
    const COLUMN: usize,
>(
    narrow: N,
    mut sums: [[N::Sums; WIDTH]; HEIGHT],
    weights: &[N::Words; 9],
    pixels: [N::Words; WINDOW],
) -> [[N::Sums; WIDTH]; HEIGHT] {
    for column in 0..3 {
        if COLUMN >= column && (COLUMN - column).is_multiple_of(STRIDE) && (COLUMN - column) / STRIDE < WIDTH
        {
            let x = (COLUMN - column) / STRIDE;
            for row in 0..3 {
                for y in 0..HEIGHT {
                    sums[y][x] =
                        narrow.multiply_add(pixels[y * STRIDE + row], weights[row * 3 + column], sums[y][x]);
                }
            }
        }
    }
    sums
}

/// Computes a tile.
///
/// # Panics
/// Where there is no such tile.
#[inline(always)]
fn multiply<N: Narrow>(narrow: N, width: usize, height: usize, at: &At<'_>) {
    macro_rules! choose {
        ($($width:literal)*) => {
            match (width, height, at.step.stride) {
                $(
                    ($width, 1, 1) => narrow.vectorized(Tile::<'_, $width, { $width + 2 }, 1, 3, 1>(at)),
                    ($width, 2, 1) => narrow.vectorized(Tile::<'_, $width, { $width + 2 }, 2, 4, 1>(at)),
                    ($width, 1, 2) => narrow.vectorized(Tile::<'_, $width, { 2 * $width + 1 }, 1, 3, 2>(at)),
                    ($width, 2, 2) => narrow.vectorized(Tile::<'_, $width, { 2 * $width + 1 }, 2, 5, 2>(at)),
                )*
                _ => unreachable!("no tile is {width} x {height}"),
            }
        };
    }
    choose!(1 2 3 4 5 6 7);
}
