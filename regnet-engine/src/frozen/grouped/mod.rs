//! Grouped 3x3 convolutions.
//!
//! A block of output channels reads the channels of its groups only. Where a block lies in one group, an input channel is
//! the same for all lanes; where it holds several, lanes read different channels, which a permutation brings together.

mod sources;

use std::sync::Arc;

use super::isa::{Isa, Kernel, Vectors};
use super::map::Map;
use super::store::{Activation, Place, Store};
use super::work::{Run, Work, begin};

pub(super) use sources::Sources;
use sources::{Lanes, Mixture};

/// A 3x3 convolution whose input, bordered, has as many channels as its output.
#[derive(Debug)]
pub(super) struct Grouped {
    pub input: Map,
    /// 1 or 2.
    pub stride: usize,
    pub out: Map,
    /// Where the packed weights begin.
    pub weights: usize,
    /// Where the biases lie.
    pub bias: usize,
    pub shortcut: Option<Map>,
    pub activation: Activation,
    pub sources: Arc<Sources>,
}

/// Rows and columns of a tile.
pub(super) const ROWS: usize = 2;

pub(super) const fn most_columns(isa: Isa, stride: usize) -> usize {
    match (isa.registers() >= 32, stride) {
        (true, 1) => 7,
        (true, _) => 7,
        (false, 1) => 4,
        (false, _) => 4,
    }
}

impl Kernel for Run<'_, Grouped> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, isa, work } = self;
        work.clear_border(&step.out);
        let most = most_columns(isa, step.stride);
        let columns = step.out.width.div_ceil(most);
        let bands = step.out.height.div_ceil(ROWS);
        // Whole blocks where there are enough of them: their weights stay where they are.
        let (blocks, lines) = (step.out.blocks(), work.images * bands);
        let share_blocks = blocks.is_multiple_of(work.threads) || blocks >= 4 * work.threads;
        let (blocks, lines) =
            if share_blocks { (work.part(blocks), 0..lines) } else { (0..blocks, work.part(lines)) };
        let input = work.memory.read(step.input.range());
        for block in blocks {
            for line in lines.clone() {
                let (image, band) = (line / bands, line % bands);
                let row = band * ROWS;
                let rows = ROWS.min(step.out.height - row);
                for tile in 0..columns {
                    let column = begin(step.out.width, most, tile);
                    let width = begin(step.out.width, most, tile + 1) - column;
                    let at = At { step, work, input, block, image, row, column };
                    multiply(simd, width, rows, &at);
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
    block: usize,
    image: usize,
    row: usize,
    column: usize,
}

impl<'a> At<'a> {
    /// Input pixels that row `row` of the tile's window begins with, in an input block.
    #[inline(always)]
    fn pixels<S: Vectors, const SPAN: usize>(&self, block: usize, row: usize) -> &'a [S::Pixel; SPAN] {
        let map = &self.step.input;
        let (first_row, first_column) = (self.row * self.step.stride, self.column * self.step.stride);
        let corner = map.at(self.image, first_row, first_column) - (map.row_stride() + map.lanes);
        let values = &self.input[block * map.block_stride() + corner + row * map.row_stride()..];
        S::pixels(values).first_chunk().expect("pixels up to the border")
    }

    /// Stores a row of the tile.
    #[inline(always)]
    fn put<S: Vectors, const WIDTH: usize>(&self, simd: S, row: usize, sums: [S::f32s; WIDTH]) {
        let bias = &self.work.weights[self.step.bias + self.block * S::F32_LANES..][..S::F32_LANES];
        let out = Place::row(&self.step.out, self.block, self.image, self.row + row, self.column);
        let shortcut = self.step.shortcut.as_ref();
        let shortcut =
            shortcut.map(|map| Place::row(map, self.block, self.image, self.row + row, self.column));
        let store = Store { memory: self.work.memory, bias, out, shortcut, activation: self.step.activation };
        store.put(simd, sums.map(|sum| [sum]));
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
    Kernel for Tile<'_, WIDTH, SPAN, HEIGHT, WINDOW, STRIDE>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        // Of the tiles that an instruction set never asks for, nothing is compiled.
        if HEIGHT * WIDTH > S::REGISTER_COUNT / 2 {
            unreachable!("a tile of more sums than registers");
        }
        let Self(at) = self;
        let source = &at.step.sources.blocks[at.block];
        let weights = &at.work.weights[at.step.weights + source.weights * S::F32_LANES..];
        let mut weights = S::as_simd_f32s(weights).0.as_chunks::<9>().0.iter();
        let mut sums = [[simd.splat_f32s(0.0); WIDTH]; HEIGHT];
        match &source.lanes {
            Lanes::Same(runs) => {
                for &(block, from, to) in runs {
                    let rows: [&[S::Pixel; SPAN]; WINDOW] =
                        std::array::from_fn(|row| at.pixels::<S, SPAN>(block, row));
                    for (channel, weights) in (from..to).zip(&mut weights) {
                        sums = add::<S, WIDTH, HEIGHT, WINDOW, STRIDE>(simd, sums, weights, |row, column| {
                            simd.splat_f32s(S::channel(&rows[row][column], channel))
                        });
                    }
                }
            }
            Lanes::Mixed(mixtures) => {
                for Mixture { blocks: [a, b], orders } in mixtures {
                    let rows: [&[S::Pixel; SPAN]; WINDOW] =
                        std::array::from_fn(|row| at.pixels::<S, SPAN>(*a, row));
                    if a == b {
                        for (order, weights) in orders.iter().zip(&mut weights) {
                            let order = simd.order(order);
                            sums = add::<S, WIDTH, HEIGHT, WINDOW, STRIDE>(
                                simd,
                                sums,
                                weights,
                                |row, column| simd.permuted(S::vector(&rows[row][column]), order),
                            );
                        }
                        continue;
                    }
                    let others: [&[S::Pixel; SPAN]; WINDOW] =
                        std::array::from_fn(|row| at.pixels::<S, SPAN>(*b, row));
                    for (order, weights) in orders.iter().zip(&mut weights) {
                        let order = simd.order(order);
                        sums = add::<S, WIDTH, HEIGHT, WINDOW, STRIDE>(simd, sums, weights, |row, column| {
                            let (a, b) = (&rows[row][column], &others[row][column]);
                            simd.permuted_of_two(S::vector(a), S::vector(b), order)
                        });
                    }
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            at.put(simd, row, sums);
        }
    }
}

/// Adds a channel's part; `value` is an input pixel of the window, by row and column.
///
/// Column by column of the window, so that each of its pixels is brought into a register once, for all sums that it is a
/// part of. Sums come and go by value, and nothing in the loops may fail or branch: else they leave the registers.
#[inline(always)]
fn add<S: Vectors, const WIDTH: usize, const HEIGHT: usize, const WINDOW: usize, const STRIDE: usize>(
    simd: S,
    mut sums: [[S::f32s; WIDTH]; HEIGHT],
    weights: &[S::f32s; 9],
    value: impl Fn(usize, usize) -> S::f32s,
) -> [[S::f32s; WIDTH]; HEIGHT] {
    macro_rules! columns {
        ($($column:literal)*) => {$(
            if $column < (WIDTH - 1) * STRIDE + 3 {
                let mut pixels = [simd.splat_f32s(0.0); WINDOW];
                for row in 0..WINDOW {
                    pixels[row] = value(row, $column);
                }
                sums = add_column::<S, WIDTH, HEIGHT, WINDOW, STRIDE, $column>(simd, sums, weights, pixels);
            }
        )*};
    }
    columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    sums
}

/// Adds the part of a column of the window.
#[inline(always)]
fn add_column<
    S: Vectors,
    const WIDTH: usize,
    const HEIGHT: usize,
    const WINDOW: usize,
    const STRIDE: usize,
    const COLUMN: usize,
>(
    simd: S,
    mut sums: [[S::f32s; WIDTH]; HEIGHT],
    weights: &[S::f32s; 9],
    pixels: [S::f32s; WINDOW],
) -> [[S::f32s; WIDTH]; HEIGHT] {
    for column in 0..3 {
        if COLUMN >= column && (COLUMN - column).is_multiple_of(STRIDE) && (COLUMN - column) / STRIDE < WIDTH
        {
            let x = (COLUMN - column) / STRIDE;
            for row in 0..3 {
                for y in 0..HEIGHT {
                    sums[y][x] =
                        simd.mul_add_e_f32s(pixels[y * STRIDE + row], weights[row * 3 + column], sums[y][x]);
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
fn multiply<S: Vectors>(simd: S, width: usize, height: usize, at: &At<'_>) {
    macro_rules! choose {
        (stride 1: $($one:literal)*; stride 2: $($two:literal)*) => {
            match (width, height, at.step.stride) {
                $(
                    ($one, 1, 1) => simd.vectorized(Tile::<'_, $one, { $one + 2 }, 1, 3, 1>(at)),
                    ($one, 2, 1) => simd.vectorized(Tile::<'_, $one, { $one + 2 }, 2, 4, 1>(at)),
                )*
                $(
                    ($two, 1, 2) => simd.vectorized(Tile::<'_, $two, { 2 * $two + 1 }, 1, 3, 2>(at)),
                    ($two, 2, 2) => simd.vectorized(Tile::<'_, $two, { 2 * $two + 1 }, 2, 5, 2>(at)),
                )*
                _ => unreachable!("no tile is {width} x {height}"),
            }
        };
    }
    choose!(stride 1: 1 2 3 4 5 6 7; stride 2: 1 2 3 4 5 6 7);
}
