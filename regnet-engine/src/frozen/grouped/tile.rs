//! A tile: some columns of one or two rows of a block.

use super::At;
use super::sources::{Lanes, Mixture};
use crate::frozen::isa::{Kernel, Vectors, prefetch_after};

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
        let mut weights = S::as_simd_f32s(at.weights).0.as_chunks::<9>().0.iter();
        let mut sums = [[simd.splat_f32s(0.0); WIDTH]; HEIGHT];
        match at.lanes {
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
                for Mixture { blocks: [a, b], orders, .. } in mixtures {
                    let orders = S::as_simd_u32s(orders).0;
                    let rows: [&[S::Pixel; SPAN]; WINDOW] =
                        std::array::from_fn(|row| at.pixels::<S, SPAN>(*a, row));
                    if a == b {
                        for (&order, weights) in orders.iter().zip(&mut weights) {
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
                    for (&order, weights) in orders.iter().zip(&mut weights) {
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
    prefetch_after::<S, 9>(weights);
    // A macro, so that each column is a constant; there are up to 2 * 7 + 1 of them.
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
pub(crate) fn multiply<S: Vectors>(simd: S, width: usize, height: usize, at: &At<'_>) {
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
