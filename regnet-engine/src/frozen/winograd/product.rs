//! The matrix products, point by point.

use std::ops::Range;

use super::{OCTET, Points, Winograd, as_points, places};
use crate::frozen::isa::{Kernel, Vectors, prefetch_after};
use crate::frozen::work::{Run, begin};

/// Inputs of a group times the weights of a panel.
pub(super) struct Product<'a, const POINTS: usize> {
    pub run: &'a Run<'a, Winograd>,
    /// Octets of output channels.
    pub panel: Range<usize>,
    pub tiles: usize,
}

/// The most tiles that are multiplied by two registers of weights at once; of one, there may be a few more.
pub(super) const MOST_TILES: usize = 14;

/// The most tiles that registers hold the sums of, for so many registers a tile.
const fn most_tiles<S: Vectors>(blocks: usize) -> usize {
    match (S::REGISTER_COUNT >= 32, blocks) {
        (true, 1) => 16,
        (true, _) => MOST_TILES,
        (false, 1) => 12,
        (false, _) => 6,
    }
}

impl<const POINTS: usize> Product<'_, POINTS> {
    #[inline(always)]
    pub fn multiply<S: Vectors>(self, simd: S) {
        match self.panel.len() * OCTET / S::F32_LANES {
            0 => self.blocks::<S::Octets, 1>(simd.octets()),
            1 => self.blocks::<S, 1>(simd),
            _ => self.blocks::<S, 2>(simd),
        }
    }

    #[inline(always)]
    fn blocks<S: Vectors, const BLOCKS: usize>(self, simd: S) {
        let Run { step, work, .. } = self.run;
        let [inputs, sums] = self.run.scratch();
        let inputs = as_points::<POINTS>(work.scratch.read(inputs));
        let sums = S::as_mut_simd_f32s(work.scratch.write(sums)).0.as_chunks_mut::<POINTS>().0;
        let size = POINTS * step.group[0] * OCTET;
        let weights = &work.weights[step.weights + self.panel.start * size..][..self.panel.len() * size];
        let most = most_tiles::<S>(BLOCKS);
        for part in 0..self.tiles.div_ceil(most) {
            let first = begin(self.tiles, most, part);
            let count = begin(self.tiles, most, part + 1) - first;
            let (inputs, sums) = (&inputs[first..], &mut sums[first..]);
            let [width, _] = step.group;
            let factors = Factors { inputs, places: places(width), octets: width / OCTET, weights };
            macro_rules! choose {
                ($($tiles:literal)*) => {
                    match count.next_multiple_of(2).max(4) {
                        $($tiles => simd.vectorized(Tiles::<'_, S, $tiles, BLOCKS, POINTS> { factors, sums }),)*
                        _ => unreachable!("{count} tiles are not multiplied at once"),
                    }
                };
            }
            choose!(4 6 8 10 12 14 16);
        }
    }
}

/// What is multiplied.
struct Factors<'a, const POINTS: usize> {
    inputs: &'a [Points<POINTS>],
    /// From an octet to the next, and from a block of sums to the next.
    places: usize,
    octets: usize,
    weights: &'a [f32],
}

/// Products of `TILES` tiles and `BLOCKS` vectors of output channels.
struct Tiles<'a, V: Vectors, const TILES: usize, const BLOCKS: usize, const POINTS: usize> {
    factors: Factors<'a, POINTS>,
    /// `[block][place]`.
    sums: &'a mut [[V::f32s; POINTS]],
}

impl<V: Vectors, const TILES: usize, const BLOCKS: usize, const POINTS: usize> Kernel
    for Tiles<'_, V, TILES, BLOCKS, POINTS>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        // Of the tiles that an instruction set never asks for, nothing is compiled.
        if TILES > most_tiles::<S>(BLOCKS) {
            unreachable!("more sums than registers");
        }
        let Self { factors, sums: to } = self;
        let mut weights =
            S::as_simd_f32s(factors.weights).0.as_chunks::<BLOCKS>().0.as_chunks::<OCTET>().0.iter();
        for point in 0..POINTS {
            let mut sums = [[simd.splat_f32s(0.0); BLOCKS]; TILES];
            for inputs in factors.inputs.chunks(factors.places).take(factors.octets) {
                let inputs = inputs.first_chunk::<TILES>().expect("room for the tiles");
                let weights = weights.next().expect("weights of each octet");
                sums = add(simd, sums, inputs, point, weights);
            }
            for block in 0..BLOCKS {
                let to = to[block * factors.places..].first_chunk_mut::<TILES>().expect("room for the tiles");
                for tile in 0..TILES {
                    to[tile][point] = pulp::cast(sums[tile][block]);
                }
            }
        }
    }
}

/// Adds the part of an octet of input channels.
///
/// Sums come and go by value, and nothing in the loops may fail or branch: else they leave the registers.
#[inline(always)]
fn add<S: Vectors, const TILES: usize, const BLOCKS: usize, const POINTS: usize>(
    simd: S,
    mut sums: [[S::f32s; BLOCKS]; TILES],
    inputs: &[Points<POINTS>; TILES],
    point: usize,
    weights: &[[S::f32s; BLOCKS]; OCTET],
) -> [[S::f32s; BLOCKS]; TILES] {
    for channel in 0..OCTET {
        prefetch_after::<S, BLOCKS>(&weights[channel]);
        for tile in 0..TILES {
            let x = simd.splat_f32s(inputs[tile][point][channel]);
            for block in 0..BLOCKS {
                sums[tile][block] = simd.mul_add_e_f32s(x, weights[channel][block], sums[tile][block]);
            }
        }
    }
    sums
}
