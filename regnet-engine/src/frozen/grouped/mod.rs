//! Grouped 3x3 convolutions.
//!
//! A block of output channels reads the channels of its groups only. Where a block lies in one group, an input channel is
//! the same for all lanes; where it holds several, lanes read different channels, which a permutation brings together.

mod sources;
mod tile;

use std::sync::Arc;

use super::isa::{Isa, Kernel, Vectors};
use super::map::Map;
use super::shared::Shared;
use super::store::{Activation, Place, Store};
use super::work::{Run, begin};

pub(crate) use sources::{Lanes, Mixture, Sources};
pub(crate) use tile::multiply;

/// A 3x3 convolution whose input, bordered, has as many channels as its output.
#[derive(Debug)]
pub(crate) struct Grouped {
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
pub(crate) const ROWS: usize = 2;

pub(crate) const fn most_columns(isa: Isa) -> usize {
    if isa.registers() >= 32 { 7 } else { 4 }
}

impl<'a> Kernel for Run<'a, Grouped> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, isa, work } = self;
        work.clear_border(&step.out);
        let most = most_columns(isa);
        let columns = step.out.width.div_ceil(most);
        let bands = step.out.height.div_ceil(ROWS);
        let lines = work.images * bands;
        let weights = 9 * step.out.channels * step.sources.group_width();
        let inputs = step.input.channels * step.input.pixels() * work.images;
        let shares_pixels = work.shares_pixels(weights, inputs, lines);
        let input = work.memory.read(step.input.range());
        for (block, lines) in work.share(step.out.blocks(), lines, shares_pixels) {
            let source = &step.sources.blocks[block];
            let lanes = S::F32_LANES;
            let weights = &work.weights[step.weights + source.weights * lanes..];
            let bias = &work.weights[step.bias + block * lanes..][..lanes];
            for line in lines {
                let (image, row) = (line / bands, line % bands * ROWS);
                let rows = ROWS.min(step.out.height - row);
                let place = |map| Place::row(map, block, image, row, 0);
                let (out, shortcut) = (place(&step.out), step.shortcut.as_ref().map(place));
                // The first pixel that the kernel covers is above and to the left.
                let first = step.input.at(image, row * step.stride, 0) - step.input.row_stride() - lanes;
                for tile in 0..columns {
                    let column = begin(step.out.width, most, tile);
                    let width = begin(step.out.width, most, tile + 1) - column;
                    let moved = |place: Place<'a>| place.moved(column * lanes);
                    let at = At {
                        step,
                        memory: work.memory,
                        input,
                        first: first + column * step.stride * lanes,
                        lanes: &source.lanes,
                        weights,
                        bias,
                        out: moved(out),
                        shortcut: shortcut.map(moved),
                    };
                    multiply(simd, width, rows, &at);
                }
            }
        }
    }
}

/// Where a tile lies, and what is multiplied. All that tiles have in common is found once: a tile takes a microsecond.
pub(crate) struct At<'a> {
    pub step: &'a Grouped,
    pub memory: &'a Shared<'a>,
    pub input: &'a [f32],
    /// Floats from an input block's start to the first pixel of the window.
    pub first: usize,
    pub lanes: &'a Lanes,
    pub weights: &'a [f32],
    pub bias: &'a [f32],
    pub out: Place<'a>,
    pub shortcut: Option<Place<'a>>,
}

impl<'a> At<'a> {
    /// Input pixels that row `row` of the tile's window begins with, in an input block.
    #[inline(always)]
    fn pixels<S: Vectors, const SPAN: usize>(&self, block: usize, row: usize) -> &'a [S::Pixel; SPAN] {
        let map = &self.step.input;
        let start = block * map.block_stride() + self.first + row * map.row_stride();
        S::pixels(&self.input[start..]).first_chunk().expect("pixels up to the border")
    }

    /// Stores a row of the tile.
    #[inline(always)]
    fn put<S: Vectors, const WIDTH: usize>(&self, simd: S, row: usize, sums: [S::f32s; WIDTH]) {
        let out = self.out.moved(row * self.step.out.row_stride());
        let shortcut = self.shortcut.zip(self.step.shortcut.as_ref());
        let shortcut = shortcut.map(|(place, map)| place.moved(row * map.row_stride()));
        let (memory, bias, activation) = (self.memory, self.bias, self.step.activation);
        Store { memory, bias, out, shortcut, activation }.put(simd, sums.map(|sum| [sum]));
    }
}
