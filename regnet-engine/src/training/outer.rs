//! The product at the heart of every weight gradient: outer products of input and output channels, summed over pixels.

use crate::frozen::isa::{Kernel, Vectors};

/// Pixels of some rows, of which the input's are multiplied by the output gradient's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pixels {
    pub rows: usize,
    /// Of the output, in a row.
    pub columns: usize,
    /// Floats between rows of the input and of the gradient.
    pub row_strides: [usize; 2],
    /// Input pixels, and rows, from one output pixel or row to the next.
    pub step: usize,
}

impl Pixels {
    /// Pixels that follow one another in both.
    pub fn line(count: usize) -> Self {
        Self { rows: 1, columns: count, row_strides: [0; 2], step: 1 }
    }
}

/// Blocks of channels of an input or of a gradient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub values: &'a [f32],
    pub count: usize,
    /// Floats from one to the next.
    pub stride: usize,
}

impl<'a> Blocks<'a> {
    fn from(&self, block: usize) -> &'a [f32] {
        &self.values[block * self.stride..]
    }
}

/// Adds the outer products of all channels of `input` and `gradient` to `sums`, `[output block][input channel][lane]`.
///
/// `sums` has a row for each channel of `channels`, those of each block padded to it.
#[inline(always)]
pub(super) fn add_outer_products<S: Vectors>(
    simd: S,
    input: Blocks<'_>,
    gradient: Blocks<'_>,
    pixels: Pixels,
    sums: &mut [f32],
) {
    let lanes = S::F32_LANES;
    let row = input.count * lanes * lanes;
    for first in (0..gradient.count).step_by(MOST_BLOCKS) {
        let blocks = MOST_BLOCKS.min(gradient.count - first);
        for block in 0..input.count {
            for half in 0..2 {
                let at = first * row + (block * lanes + half * lanes / 2) * lanes;
                let sums = &mut sums[at..];
                let at = At {
                    input: input.from(block),
                    half,
                    gradient: gradient.from(first),
                    stride: gradient.stride,
                    pixels,
                    sums,
                    row,
                };
                run(simd, blocks, at);
            }
        }
    }
}

/// Blocks of the gradient that are multiplied together.
const MOST_BLOCKS: usize = 3;

/// Half of a block of input channels and some blocks of output channels.
struct At<'a> {
    input: &'a [f32],
    half: usize,
    gradient: &'a [f32],
    /// Floats between blocks of the gradient.
    stride: usize,
    pixels: Pixels,
    sums: &'a mut [f32],
    /// Floats between blocks of the sums.
    row: usize,
}

#[inline(always)]
fn run<S: Vectors>(simd: S, blocks: usize, at: At<'_>) {
    macro_rules! choose {
        ($($lanes:literal lanes, $half:literal: $($blocks:literal)*;)*) => {
            match (S::F32_LANES, blocks, at.pixels.step) {
                $($(
                    ($lanes, $blocks, 1) => simd.vectorized(Outer::<'_, $half, $blocks, 1>(at)),
                    ($lanes, $blocks, 2) => simd.vectorized(Outer::<'_, $half, $blocks, 2>(at)),
                )*)*
                (lanes, blocks, step) => unreachable!("no product of {blocks} blocks of {lanes}, {step} apart"),
            }
        };
    }
    choose!(16 lanes, 8: 1 2 3; 8 lanes, 4: 1 2 3;);
}

struct Outer<'a, const HALF: usize, const BLOCKS: usize, const STEP: usize>(At<'a>);

impl<const HALF: usize, const BLOCKS: usize, const STEP: usize> Kernel for Outer<'_, HALF, BLOCKS, STEP> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        // Of the products that an instruction set never asks for, nothing is compiled.
        if HALF * 2 != S::F32_LANES {
            unreachable!("not the channels of half a block");
        }
        let Self(At { input, half, gradient, stride, pixels, sums, row }) = self;
        let lanes = S::F32_LANES;
        let mut total = [[simd.splat_f32s(0.0); BLOCKS]; HALF];
        for y in 0..pixels.rows {
            let from = &input[y * STEP * pixels.row_strides[0]..][..pixels.columns * STEP * lanes];
            let from = from.as_chunks::<HALF>().0.as_chunks::<2>().0.as_chunks::<STEP>().0;
            let from = &from[..pixels.columns];
            let mut of = [&[][..]; BLOCKS];
            for block in 0..BLOCKS {
                let start = block * stride + y * pixels.row_strides[1];
                of[block] = S::as_simd_f32s(&gradient[start..][..pixels.columns * lanes]).0;
                of[block] = &of[block][..pixels.columns];
            }
            total = add::<S, HALF, BLOCKS, STEP>(simd, total, from, half, of);
        }
        for (channel, total) in total.iter().enumerate() {
            for (block, &total) in total.iter().enumerate() {
                let sum = &mut S::as_mut_simd_f32s(&mut sums[block * row + channel * lanes..][..lanes]).0[0];
                *sum = simd.add_f32s(*sum, total);
            }
        }
    }
}

/// Adds the part of a row. Sums come and go by value, and nothing in the loop may fail or branch: else they leave the
/// registers.
#[inline(always)]
fn add<S: Vectors, const HALF: usize, const BLOCKS: usize, const STEP: usize>(
    simd: S,
    mut sums: [[S::f32s; BLOCKS]; HALF],
    input: &[[[[f32; HALF]; 2]; STEP]],
    half: usize,
    gradient: [&[S::f32s]; BLOCKS],
) -> [[S::f32s; BLOCKS]; HALF] {
    for pixel in 0..input.len() {
        let x = &input[pixel][0][half % 2];
        let mut d = [simd.splat_f32s(0.0); BLOCKS];
        for block in 0..BLOCKS {
            d[block] = gradient[block][pixel];
        }
        for channel in 0..HALF {
            let x = simd.splat_f32s(x[channel]);
            for block in 0..BLOCKS {
                sums[channel][block] = simd.mul_add_e_f32s(x, d[block], sums[channel][block]);
            }
        }
    }
    sums
}
