//! 1x1 convolutions of narrow numbers.

use super::isa::{Narrow, NarrowKernel};
use super::numbers::Format;
use super::outlet::{Outlet, Sink, Sums};
use crate::frozen::dense::{MOST_OPERANDS, Operand, Panel, each_tile, panels};
use crate::frozen::tile::{Factor, most_pixels};
use crate::frozen::work::{Run, begin};

/// A 1x1 convolution over one or several maps, as [`pack`] orders its weights.
#[derive(Debug)]
pub(in crate::frozen) struct Dense {
    /// Maps of words, without a border.
    pub operands: Vec<Operand>,
    /// Their channels, all together.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Pixels of an image.
    pub pixels: usize,
    pub outlet: Outlet,
}

/// The weights `[output][input]` of an operand in the order `[panel][word][block][lane]`.
pub(in crate::frozen) fn pack(format: Format, weights: &[f32], output: usize, lanes: usize) -> Vec<u32> {
    let input = weights.len() / output;
    let mut packed = Vec::new();
    for Panel { first, blocks } in panels(output.div_ceil(lanes), 1) {
        for start in (0..input).step_by(format.per_word()) {
            let numbers = start..input.min(start + format.per_word());
            packed.extend((first * lanes..(first + blocks) * lanes).map(|channel| {
                if channel < output { format.word(&weights[channel * input..][numbers.clone()]) } else { 0 }
            }));
        }
    }
    packed
}

impl NarrowKernel for Run<'_, Dense> {
    #[inline(always)]
    fn run<N: Narrow>(self, narrow: N) {
        let Self { step, isa, work } = &self;
        step.outlet.clear_border(work);
        let pixels = work.images * step.pixels;
        let tiles = |blocks| pixels.div_ceil(most_pixels(*isa, blocks, 1));
        let values = (step.inputs * step.outputs, step.inputs * pixels);
        let blocks = step.outputs.div_ceil(isa.lanes());
        each_tile(work, blocks, 1, tiles, values, |panel, tile| self.tile(narrow, panel, tile));
    }
}

impl Run<'_, Dense> {
    #[inline(always)]
    fn tile<N: Narrow>(&self, narrow: N, panel: Panel, tile: usize) {
        let Self { step, isa, work } = self;
        let (all, most) = (work.images * step.pixels, most_pixels(*isa, panel.blocks, 1));
        let first = begin(all, most, tile);
        let pixels = begin(all, most, tile + 1) - first;
        let lanes = isa.lanes();
        let mut factors = [Factor::NOTHING; MOST_OPERANDS];
        for (factor, Operand { map, weights }) in factors.iter_mut().zip(&step.operands) {
            let size = map.channels * lanes;
            *factor = Factor {
                input: work.memory.read(map.range()),
                block_stride: map.block_stride(),
                channels: map.channels,
                weights: &work.weights[weights + panel.first * size..][..panel.blocks * size],
                taps: &[],
                start: first * N::WORDS,
            };
        }
        let factors = &factors[..step.operands.len()];
        let sink = step.outlet.pixels(work, [panel.first, panel.blocks], first, pixels, lanes);
        multiply(narrow, pixels, panel.blocks, factors, sink);
    }
}

/// Pixels times `BLOCKS` blocks of output channels. The factors' channels are words.
struct Tile<'a, const PIXELS: usize, const BLOCKS: usize> {
    factors: &'a [Factor<'a>],
    sink: Sink<'a>,
}

impl<const PIXELS: usize, const BLOCKS: usize> NarrowKernel for Tile<'_, PIXELS, BLOCKS> {
    #[inline(always)]
    fn run<N: Narrow>(self, narrow: N) {
        let mut sums = [[narrow.zero(); BLOCKS]; PIXELS];
        for factor in self.factors {
            let mut weights = N::words(factor.weights).as_chunks::<BLOCKS>().0;
            let mut at = factor.start;
            while !weights.is_empty() {
                let (block, rest) = weights.split_at(weights.len().min(N::WORDS));
                let pixels = N::pixels(&factor.input[at..][..PIXELS * N::WORDS]);
                let pixels = pixels.first_chunk::<PIXELS>().expect("as many as were taken");
                sums = add(narrow, sums, pixels, block);
                weights = rest;
                at += factor.block_stride;
            }
        }
        for block in 0..BLOCKS {
            let mut of_block = Sums::<N, PIXELS>([narrow.zero(); PIXELS]);
            for pixel in 0..PIXELS {
                of_block.0[pixel] = sums[pixel][block];
            }
            self.sink.put(narrow, block, &of_block);
        }
    }
}

/// Adds the part of a block of channels.
///
/// Sums come and go by value, and nothing in the loops may fail or branch: else they leave the registers.
#[inline(always)]
fn add<N: Narrow, const PIXELS: usize, const BLOCKS: usize>(
    narrow: N,
    mut sums: [[N::Sums; BLOCKS]; PIXELS],
    pixels: &[N::Pixel; PIXELS],
    weights: &[[N::Words; BLOCKS]],
) -> [[N::Sums; BLOCKS]; PIXELS] {
    for (word, weights) in weights.iter().enumerate() {
        for pixel in 0..PIXELS {
            let x = narrow.splat(N::word(&pixels[pixel], word));
            for block in 0..BLOCKS {
                sums[pixel][block] = narrow.multiply_add(x, weights[block], sums[pixel][block]);
            }
        }
    }
    sums
}

/// Multiplies a tile of `pixels` pixels and `blocks` blocks, and stores the result.
///
/// # Panics
/// Where there is no such tile.
#[inline(always)]
fn multiply<N: Narrow>(narrow: N, pixels: usize, blocks: usize, factors: &[Factor<'_>], sink: Sink<'_>) {
    macro_rules! choose {
        ($($blocks:literal blocks: $($pixels:literal)*;)*) => {
            match (pixels, blocks) {
                $($(
                    ($pixels, $blocks) => {
                        narrow.vectorized(Tile::<'_, $pixels, $blocks> { factors, sink });
                    }
                )*)*
                _ => unreachable!("no tile has {pixels} pixels and {blocks} blocks"),
            }
        };
    }
    choose!(
        1 blocks: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        2 blocks: 1 2 3 4 5 6 7 8 9 10 11 12 13 14;
        3 blocks: 1 2 3 4 5 6 7 8;
    )
}
