//! 3x3 convolutions by Winograd's minimal filtering.
//!
//! Tiles of some pixels and the weights are brought into a space where a convolution is a matrix product at each of some
//! points, and sums are brought back (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016,
//! equations 7 and 8). F(2x2, 3x3) takes 16 products a channel and tile of 2 x 2 pixels instead of 36, F(4x4, 3x3) 36 for
//! 4 x 4 pixels instead of 144. With stride 2 a tile of 2 x 2 pixels takes 25 (J. Yepez and S.-B. Ko, "Stride 2 1-D, 2-D,
//! and 3-D Winograd for Convolutional Neural Networks", 2020).
//!
//! Channels are taken in octets, eight at a time: groups of the networks' usual widths are made of whole ones.

mod filter;
mod form;
mod input;
mod output;
mod product;
mod weights;

use std::ops::Range;

use super::isa::{Kernel, Vectors};
use super::map::Map;
use super::store::Activation;
use super::work::Run;

use form::Line;
pub(super) use form::{Form, is_possible, likely};
use input::Input;
use output::Output;
use product::{MOST_TILES, Product};
pub(super) use weights::{pack, packed_len};

/// A 3x3 convolution whose groups are made of octets. Its input has a border.
#[derive(Debug)]
pub(super) struct Winograd {
    pub input: Map,
    pub form: Form,
    pub out: Map,
    /// Input and output channels of a group.
    pub group: [usize; 2],
    /// Where the packed weights begin.
    pub weights: usize,
    /// Where the biases lie.
    pub bias: usize,
    pub shortcut: Option<Map>,
    /// None or ReLU.
    pub activation: Activation,
}

/// Channels of an octet.
const OCTET: usize = 8;

/// Octets of output channels that are computed together: those of two registers, of one, or one octet.
fn panels(octets: Range<usize>, lanes: usize) -> impl Iterator<Item = Range<usize>> {
    pieces(octets, lanes / OCTET, 2)
}

/// Pieces of at most so many blocks of octets, or of one octet where there is no whole block.
fn pieces(octets: Range<usize>, block: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let mut first = octets.start;
    std::iter::from_fn(move || {
        let left = octets.end - first;
        let blocks = (left / block).min(most);
        let count = match left {
            0 => return None,
            _ if blocks == 0 || !first.is_multiple_of(block) => 1,
            _ => blocks * block,
        };
        first += count;
        Some(first - count..first)
    })
}

/// Runs what works on a piece: on whole registers, or on an octet that fills none.
#[inline(always)]
fn vectorized<S: Vectors>(simd: S, octets: usize, kernel: impl Kernel<Output = ()>) {
    if octets * OCTET == S::F32_LANES {
        simd.vectorized(kernel);
    } else {
        simd.octets().vectorized(kernel);
    }
}

/// Tiles of a group that are computed together at most, so that they stay in the nearer caches.
fn room(input: usize) -> usize {
    (512 / input).clamp(1, 4) * MOST_TILES
}

/// The values of an octet at the points of a tile. Octets of tiles follow one another, `[octet][tile]`.
type Points<const POINTS: usize> = [[f32; OCTET]; POINTS];

/// Places for an octet's tiles: some more than are computed together, since their number is rounded up.
fn places(input: usize) -> usize {
    // Their size is no power of two, so that octets do not drive one another out of the caches.
    room(input) + 3
}

/// Floats that a thread needs for a convolution of groups of so many input channels: those of a group, and the sums of a
/// panel.
pub(super) fn scratch_len(input: usize, form: Form, lanes: usize) -> usize {
    (input + 2 * lanes) * form.points() * places(input)
}

impl Kernel for Run<'_, Winograd> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        match self.step.form {
            Form::Tiles2 => self.all::<S, 4, 16, 2, 2>(simd),
            Form::Strided => self.all::<S, 5, 25, 2, 4>(simd),
            Form::Tiles4 => self.all::<S, 6, 36, 4, 4>(simd),
        }
    }
}

impl Run<'_, Winograd> {
    #[inline(always)]
    fn all<S: Vectors, const SIDE: usize, const POINTS: usize, const TILE: usize, const STEP: usize>(
        &self,
        simd: S,
    ) {
        let Self { step, work, .. } = self;
        work.clear_border(&step.out);
        work.clear_last_lanes(&step.out);
        let grid = step.form.grid(&step.out);
        let (groups, tiles) = (step.out.channels / step.group[1], work.images * grid.down * grid.across);
        if groups < work.threads && tiles < 2 * MOST_TILES * work.threads {
            // Too few tiles to share: each thread computes a part of the channels.
            for group in 0..groups {
                self.group::<S, SIDE, POINTS, TILE, STEP>(simd, group, 0..tiles, true);
            }
            return;
        }
        let weights = packed_len(step.out.channels, step.group[0], step.form);
        let inputs = step.input.channels * step.input.pixels() * work.images;
        for (group, tiles) in work.share(groups, tiles, work.shares_pixels(weights, inputs, tiles)) {
            self.group::<S, SIDE, POINTS, TILE, STEP>(simd, group, tiles, false);
        }
    }

    /// Computes some tiles of a group, or this thread's part of their channels.
    #[inline(always)]
    fn group<S: Vectors, const SIDE: usize, const POINTS: usize, const TILE: usize, const STEP: usize>(
        &self,
        simd: S,
        group: usize,
        tiles: Range<usize>,
        share: bool,
    ) {
        let Self { step, work, .. } = self;
        let [input, output] = step.group.map(|width| width / OCTET);
        let panels = || panels(group * output..(group + 1) * output, S::F32_LANES);
        let mine = if share { work.part(panels().count()) } else { 0..panels().count() };
        let parts = tiles.len().div_ceil(room(step.group[0]));
        for part in 0..parts {
            let at = |part| tiles.start + tiles.len() * part / parts;
            let tiles = at(part)..at(part + 1);
            let all = group * input..(group + 1) * input;
            for piece in pieces(all.clone(), S::F32_LANES / OCTET, 1) {
                let (octet, to, tiles) = (piece.start, piece.start - all.start, tiles.clone());
                let input = Input::<SIDE, POINTS, STEP> { run: self, octet, to, tiles };
                vectorized(simd, piece.len(), input);
            }
            for panel in panels().skip(mine.start).take(mine.len()) {
                Product::<POINTS> { run: self, panel: panel.clone(), tiles: tiles.len() }.multiply(simd);
                for (from, piece) in pieces(panel, S::F32_LANES / OCTET, 1).enumerate() {
                    let (octet, tiles) = (piece.start, tiles.clone());
                    let output = Output::<SIDE, POINTS, TILE> { run: self, octet, from, tiles };
                    vectorized(simd, piece.len(), output);
                }
            }
        }
    }

    /// Where inputs lie in the thread's own memory, and where sums.
    fn scratch(&self) -> [Range<usize>; 2] {
        let Winograd { group: [input, _], form, out, .. } = *self.step;
        let middle = input * form.points() * places(input);
        [0..middle, middle..scratch_len(input, form, out.lanes)]
    }
}

/// Memory as points of tiles.
fn as_points<const POINTS: usize>(memory: &[f32]) -> &[Points<POINTS>] {
    memory.as_chunks().0.as_chunks().0
}

fn as_points_mut<const POINTS: usize>(memory: &mut [f32]) -> &mut [Points<POINTS>] {
    memory.as_chunks_mut().0.as_chunks_mut().0
}

/// Where an octet of channels begins in a map.
fn octet_start(map: &Map, octet: usize) -> usize {
    let channel = octet * OCTET;
    map.offset + channel / map.lanes * map.block_stride() + channel % map.lanes
}

/// A vector of a map's.
#[inline(always)]
fn load<S: Vectors>(from: &[f32]) -> S::f32s {
    S::as_simd_f32s(&from[..S::F32_LANES]).0[0]
}

#[inline(always)]
fn store<S: Vectors>(to: &mut [f32], value: S::f32s) {
    S::as_mut_simd_f32s(&mut to[..S::F32_LANES]).0[0] = value;
}
