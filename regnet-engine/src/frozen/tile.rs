//! The product at the heart of every dense convolution: some pixels times some blocks of output channels.

use super::isa::{Isa, Kernel, Vectors};
use super::store::Store;

/// What is multiplied: an input map, and the weights that some blocks of output channels have for it.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a> {
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
        let mut sums = [[simd.splat_f32s(0.0); BLOCKS]; PIXELS];
        for factor in self.factors {
            let mut weights = S::as_simd_f32s(factor.weights).0;
            for &tap in factor.taps {
                let mut at = factor.start + tap as usize;
                let mut left = factor.channels;
                while left > 0 {
                    let channels = left.min(S::F32_LANES);
                    let (block, rest) = weights.split_at(channels * BLOCKS);
                    let pixels = &factor.input[at..][..((PIXELS - 1) * STEP + 1) * S::F32_LANES];
                    for (channel, weights) in block.chunks_exact(BLOCKS).enumerate() {
                        // It is below the number of lanes; this says so to the compiler.
                        let channel = channel % S::F32_LANES;
                        for (pixel, sums) in sums.iter_mut().enumerate() {
                            let x = simd.splat_f32s(pixels[pixel * STEP * S::F32_LANES + channel]);
                            for (sum, &weight) in sums.iter_mut().zip(weights) {
                                *sum = simd.mul_add_e_f32s(x, weight, *sum);
                            }
                        }
                    }
                    weights = rest;
                    left -= channels;
                    at += factor.block_stride;
                }
            }
        }
        self.store.put(simd, &sums);
    }
}

/// The most pixels of a tile of so many blocks; sums, weights and a pixel fit into the registers together.
pub(super) const fn most_pixels(isa: Isa, blocks: usize) -> usize {
    match (isa.registers() >= 32, blocks) {
        (true, 1 | 2) => 14,
        (true, _) => 8,
        (false, 1) => 12,
        (false, 2) => 6,
        (false, _) => 4,
    }
}

/// The most blocks of a tile.
pub(super) const MOST_BLOCKS: usize = 3;

/// Multiplies a tile of `pixels` pixels, `step` input pixels apart, and `blocks` blocks, and stores the result.
///
/// # Panics
/// Where there is no such tile.
#[inline(always)]
pub(super) fn multiply<S: Vectors>(
    simd: S,
    pixels: usize,
    blocks: usize,
    step: usize,
    factors: &[Factor<'_>],
    store: Store<'_>,
) {
    macro_rules! choose {
        ($($pixels:literal x $blocks:literal),*) => {
            match (pixels, blocks, step) {
                $(
                    ($pixels, $blocks, 1) => simd.vectorized(Tile::<'_, $pixels, $blocks, 1> { factors, store }),
                    ($pixels, $blocks, 2) => simd.vectorized(Tile::<'_, $pixels, $blocks, 2> { factors, store }),
                )*
                _ => unreachable!("no tile has {pixels} pixels, {step} apart, and {blocks} blocks"),
            }
        };
    }
    choose!(
        1 x 1, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 9 x 1, 10 x 1, 11 x 1, 12 x 1, 13 x 1, 14 x 1,
        1 x 2, 2 x 2, 3 x 2, 4 x 2, 5 x 2, 6 x 2, 7 x 2, 8 x 2, 9 x 2, 10 x 2, 11 x 2, 12 x 2, 13 x 2, 14 x 2,
        1 x 3, 2 x 3, 3 x 3, 4 x 3, 5 x 3, 6 x 3, 7 x 3, 8 x 3
    )
}
