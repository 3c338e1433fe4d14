//! 3x3 convolutions of stride 1 by Winograd's minimal filtering.
//!
//! F(2x2, 3x3) computes a tile of 2 x 2 pixels from 4 x 4 of the input with 16 products a channel instead of 36: input
//! tiles and weights are brought into a space of 16 points, where a convolution is 16 matrix products, and sums are brought
//! back (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, equations 7 and 8).
//!
//! Channels are taken in octets, eight at a time: groups of the networks' usual widths are made of whole ones.

mod input;
mod output;
mod product;
mod weights;

use std::ops::Range;

use super::isa::{Kernel, Vectors};
use super::lower::{Convolution, Layer, LayerOp};
use super::map::Map;
use super::store::Activation;
use super::work::Run;

use input::Input;
use output::Output;
use product::{MOST_TILES, Product};
pub(super) use weights::{pack, packed_len};

/// A 3x3 convolution of stride 1 whose groups are made of octets. Its input has a border.
#[derive(Debug)]
pub(super) struct Winograd {
    pub input: Map,
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
    /// Where the threads' own memory begins, in the arena.
    pub scratch: usize,
}

/// Channels of an octet.
const OCTET: usize = 8;

/// Points of the space of products.
const POINTS: usize = 16;

/// Whether a layer is computed in this way: where it is possible, and less work.
pub(super) fn suits(layer: &Layer) -> bool {
    let LayerOp::Conv(Convolution { conv, inputs, projection, activation, .. }) = &layer.op else {
        return false;
    };
    let [input, output] = [conv.group_width, conv.output / conv.groups()];
    let possible = conv.kernel == 3
        && conv.stride == 1
        && inputs.len() == 1
        && *inputs != [0]
        && projection.is_none()
        && matches!(activation, Activation::None | Activation::Relu)
        && input.is_multiple_of(OCTET)
        && output.is_multiple_of(OCTET);
    let tiles = layer.shape.h.div_ceil(2) * layer.shape.w.div_ceil(2);
    let (products, plain) =
        (tiles * POINTS * (input + TRANSFORMS), layer.shape.h * layer.shape.w * 9 * input);
    possible && products < plain
}

/// What the way to the space of products and back costs, in input channels of a group.
const TRANSFORMS: usize = 4;

/// Octets of output channels that are computed together: those of two registers, of one, or one octet.
fn panels(octets: Range<usize>, lanes: usize) -> impl Iterator<Item = Range<usize>> {
    let block = lanes / OCTET;
    let mut first = octets.start;
    std::iter::from_fn(move || {
        let left = octets.end - first;
        let count = match left {
            0 => return None,
            _ if !first.is_multiple_of(block) || left < block => 1,
            _ if left < 2 * block => block,
            _ => 2 * block,
        };
        first += count;
        Some(first - count..first)
    })
}

/// Tiles of a group that are computed together at most, so that they stay in the nearer caches.
fn room(input: usize) -> usize {
    const VALUES: usize = 1 << 13;
    (VALUES / (POINTS * input)).clamp(1, 4) * MOST_TILES
}

/// The values of an octet at the points of a tile. Octets of tiles follow one another, `[octet][tile]`.
type Points = [[f32; OCTET]; POINTS];

/// Places for an octet's tiles: some more than are computed together, since their number is rounded up.
fn places(input: usize) -> usize {
    // Their size is no power of two, so that octets do not drive one another out of the caches.
    room(input) + 3
}

/// Floats that a thread needs for a convolution of groups of so many input channels: those of a group, and the sums of a
/// panel.
pub(super) fn scratch_len(input: usize, lanes: usize) -> usize {
    (input + 2 * lanes) * POINTS * places(input)
}

/// Tiles of the images of a map, in the order `[image][row][column]`.
#[derive(Clone, Copy)]
struct Grid {
    down: usize,
    across: usize,
}

/// Neighbours in a row of tiles.
struct Line {
    image: usize,
    row: usize,
    column: usize,
    /// Which tiles of the range they are.
    tiles: Range<usize>,
}

impl Grid {
    fn new(map: &Map) -> Self {
        Self { down: map.height.div_ceil(2), across: map.width.div_ceil(2) }
    }

    /// A range of tiles, row by row.
    #[inline(always)]
    fn lines(self, tiles: Range<usize>) -> impl Iterator<Item = Line> {
        let mut at = tiles.start;
        std::iter::from_fn(move || {
            let (line, column) = (at / self.across, at % self.across);
            let count = (self.across - column).min(tiles.end - at);
            let first = at - tiles.start;
            at += count;
            let line =
                Line { image: line / self.down, row: line % self.down, column, tiles: first..first + count };
            (count > 0).then_some(line)
        })
    }
}

impl Kernel for Run<'_, Winograd> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, work, .. } = &self;
        work.clear_border(&step.out);
        work.clear_last_lanes(&step.out);
        let grid = Grid::new(&step.out);
        let (groups, tiles) = (step.out.channels / step.group[1], work.images * grid.down * grid.across);
        if groups < work.threads && tiles < 2 * MOST_TILES * work.threads {
            // Too few tiles to share: each thread computes a part of the channels.
            for group in 0..groups {
                self.group(simd, group, 0..tiles, true);
            }
            return;
        }
        let mine = work.part(groups * tiles);
        let mut at = mine.start;
        while at < mine.end {
            let (group, first) = (at / tiles, at % tiles);
            let end = tiles.min(first + mine.end - at);
            self.group(simd, group, first..end, false);
            at += end - first;
        }
    }
}

impl Run<'_, Winograd> {
    /// Computes some tiles of a group, or this thread's part of their channels.
    #[inline(always)]
    fn group<S: Vectors>(&self, simd: S, group: usize, tiles: Range<usize>, share: bool) {
        let Self { step, work, .. } = self;
        let [input, output] = step.group.map(|width| width / OCTET);
        let count = panels(group * output..(group + 1) * output, S::F32_LANES).count();
        let mine = if share { work.part(count) } else { 0..count };
        let parts = tiles.len().div_ceil(room(step.group[0]));
        for part in 0..parts {
            let at = |part| tiles.start + tiles.len() * part / parts;
            let tiles = at(part)..at(part + 1);
            for octet in 0..input {
                simd.octets().vectorized(Input {
                    run: self,
                    octet: group * input + octet,
                    to: octet,
                    tiles: tiles.clone(),
                });
            }
            let panels = panels(group * output..(group + 1) * output, S::F32_LANES);
            for panel in panels.skip(mine.start).take(mine.len()) {
                Product { run: self, panel: panel.clone(), tiles: tiles.len() }.multiply(simd);
                for octet in panel.clone() {
                    let from = octet - panel.start;
                    simd.octets().vectorized(Output { run: self, octet, from, tiles: tiles.clone() });
                }
            }
        }
    }

    /// Where this thread's inputs lie, and where its sums.
    fn scratch(&self) -> [Range<usize>; 2] {
        let Self { step, work, .. } = self;
        let [input, _] = step.group;
        let len = scratch_len(input, step.out.lanes);
        let first = step.scratch + work.thread * len;
        let middle = first + input * POINTS * places(input);
        [first..middle, middle..first + len]
    }
}

/// Memory as points of tiles.
fn as_points(memory: &[f32]) -> &[Points] {
    memory.as_chunks().0.as_chunks().0
}

fn as_points_mut(memory: &mut [f32]) -> &mut [Points] {
    memory.as_chunks_mut().0.as_chunks_mut().0
}

/// Where an octet of channels begins in a map.
fn octet_start(map: &Map, octet: usize) -> usize {
    let channel = octet * OCTET;
    map.offset + channel / map.lanes * map.block_stride() + channel % map.lanes
}

/// A vector of an octet.
#[inline(always)]
fn load<S: Vectors>(from: &[f32]) -> S::f32s {
    S::as_simd_f32s(&from[..OCTET]).0[0]
}

#[inline(always)]
fn store<S: Vectors>(to: &mut [f32], value: S::f32s) {
    S::as_mut_simd_f32s(&mut to[..OCTET]).0[0] = value;
}
