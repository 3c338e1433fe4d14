//! The product at the heart of every dense convolution: some pixels times some blocks of output channels.

use super::isa::{Isa, Kernel, Vectors, prefetch_after};
use super::store::Store;

/// What is multiplied: an input map, and the weights that some blocks of output channels have for it.
#[derive(Clone, Copy)]
pub(crate) struct Factor<'a> {
    /// The input map.
    pub input: &'a [f32],
    /// Floats between its blocks.
    pub block_stride: usize,
    /// Its channels.
    pub channels: usize,
    /// `[tap][channel][block][lane]`.
    pub weights: &'a [f32],
    /// Floats from the first pixel to the one that a tap multiplies.
    pub taps: &'a [u32],
    /// Floats from a block's start to the tile's first pixel.
    pub start: usize,
}

impl Factor<'_> {
    /// Nothing at all.
    pub const NOTHING: Self =
        Self { input: &[], block_stride: 0, channels: 0, weights: &[], taps: &[], start: 0 };
}

/// Pixels that are `STEP` input pixels apart from one another, times `BLOCKS` blocks of output channels.
struct Tile<'a, const PIXELS: usize, const BLOCKS: usize, const STEP: usize> {
    factors: &'a [Factor<'a>],
    store: Store<'a>,
}

impl<const PIXELS: usize, const BLOCKS: usize, const STEP: usize> Kernel for Tile<'_, PIXELS, BLOCKS, STEP> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        // Of the tiles that an instruction set never asks for, nothing is compiled.
        if PIXELS * BLOCKS + BLOCKS + 1 > S::REGISTER_COUNT {
            unreachable!("a tile of more sums than registers");
        }
        let mut sums = [[simd.splat_f32s(0.0); BLOCKS]; PIXELS];
        for factor in self.factors {
            let mut weights = S::as_simd_f32s(factor.weights).0.as_chunks::<BLOCKS>().0;
            for &tap in factor.taps {
                let mut at = factor.start + tap as usize;
                let mut left = factor.channels;
                while left > 0 {
                    let (block, rest) = weights.split_at(left.min(S::F32_LANES));
                    let pixels = &factor.input[at..][..PIXELS * STEP * S::F32_LANES];
                    let pixels = S::pixels(pixels).as_chunks::<STEP>().0;
                    let pixels = pixels.first_chunk::<PIXELS>().expect("as many as were taken");
                    sums = add(simd, sums, pixels, block);
                    left -= block.len();
                    weights = rest;
                    at += factor.block_stride;
                }
            }
        }
        self.store.put(simd, sums);
    }
}

/// Adds the part of a block of channels.
///
/// Sums come and go by value, and nothing in the loops may fail or branch: else they leave the registers.
#[inline(always)]
fn add<S: Vectors, const PIXELS: usize, const BLOCKS: usize, const STEP: usize>(
    simd: S,
    mut sums: [[S::f32s; BLOCKS]; PIXELS],
    pixels: &[[S::Pixel; STEP]; PIXELS],
    weights: &[[S::f32s; BLOCKS]],
) -> [[S::f32s; BLOCKS]; PIXELS] {
    for (channel, weights) in weights.iter().enumerate() {
        prefetch_after::<S, BLOCKS>(weights);
        for pixel in 0..PIXELS {
            let x = simd.splat_f32s(S::channel(&pixels[pixel][0], channel));
            for block in 0..BLOCKS {
                sums[pixel][block] = simd.mul_add_e_f32s(x, weights[block], sums[pixel][block]);
            }
        }
    }
    sums
}

/// The most pixels of a tile of so many blocks, `step` input pixels apart; sums, weights and a pixel fit into the
/// registers together.
pub(crate) const fn most_pixels(isa: Isa, blocks: usize, step: usize) -> usize {
    match (isa.registers() >= 32, blocks, step) {
        (true, 1 | 2, 1) => 14,
        (true, 1 | 2, _) => 7,
        (true, _, _) => 8,
        (false, 1, 1) => 12,
        (false, 1, _) => 7,
        (false, 2, _) => 6,
        (false, _, _) => 4,
    }
}

/// The most blocks of a tile whose pixels follow one another; of others it is two.
pub(crate) const MOST_BLOCKS: usize = 3;

/// Multiplies a tile of `pixels` pixels, `step` input pixels apart, and `blocks` blocks, and stores the result.
///
/// # Panics
/// Where there is no such tile.
#[inline(always)]
pub(crate) fn multiply<S: Vectors>(
    simd: S,
    pixels: usize,
    blocks: usize,
    step: usize,
    factors: &[Factor<'_>],
    store: Store<'_>,
) {
    macro_rules! choose {
        ($($blocks:literal blocks, step $step:literal: $($pixels:literal)*;)*) => {
            match (pixels, blocks, step) {
                $($(
                    ($pixels, $blocks, $step) => {
                        simd.vectorized(Tile::<'_, $pixels, $blocks, $step> { factors, store });
                    }
                )*)*
                _ => unreachable!("no tile has {pixels} pixels, {step} apart, and {blocks} blocks"),
            }
        };
    }
    choose!(
        1 blocks, step 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        2 blocks, step 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        3 blocks, step 1: 1 2 3 4 5 6 7 8;
        1 blocks, step 2: 1 2 3 4 5 6 7;
        2 blocks, step 2: 1 2 3 4 5 6 7;
    )
}
