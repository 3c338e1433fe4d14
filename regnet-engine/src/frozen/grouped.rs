//! Grouped 3x3 convolutions.
//!
//! A block of output channels reads the channels of its groups only. Where a block lies in one group, an input channel is
//! the same for all lanes; where it holds several, lanes read different channels, which a permutation brings together.

use std::sync::Arc;

use super::isa::{Isa, Kernel, Vectors};
use super::map::Map;
use super::store::{Activation, Place, Store};
use super::work::{Work, begin};

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

/// Which input channels each block of output channels reads.
#[derive(Debug)]
pub(super) struct Sources {
    group_width: usize,
    blocks: Vec<Source>,
}

/// What one block reads, and where its weights begin.
#[derive(Debug)]
struct Source {
    weights: usize,
    lanes: Lanes,
}

#[derive(Debug)]
enum Lanes {
    /// All lanes read the same channels: of some input blocks, lanes from the first up to the second.
    Same(Vec<(usize, usize, usize)>),
    /// Lanes read the channels of several groups.
    Mixed(Vec<Mixture>),
}

/// Channels for each lane, one after another, from one or two blocks.
#[derive(Debug)]
struct Mixture {
    blocks: [usize; 2],
    /// A lane's channel in the first block; from the number of lanes on, in the second.
    orders: Vec<Vec<u32>>,
}

impl Sources {
    /// What blocks of `lanes` channels read of `channels` in groups of `group_width`.
    pub fn new(channels: usize, group_width: usize, lanes: usize) -> Self {
        let mut weights = 0;
        let block = |block: usize| {
            let here: Vec<usize> = (block * lanes..channels.min((block + 1) * lanes)).collect();
            let lanes = Lanes::new(&here, group_width, lanes);
            let source = Source { weights, lanes };
            weights += 9 * source.lanes.channels();
            source
        };
        Self { group_width, blocks: (0..channels.div_ceil(lanes)).map(block).collect() }
    }

    /// Channels of a group.
    pub fn group_width(&self) -> usize {
        self.group_width
    }

    /// Weights `[channel][group width][3][3]` in the order `[block][source channel][tap][lane]`.
    pub fn pack(&self, weights: &[f32], channels: usize, group_width: usize, lanes: usize) -> Vec<f32> {
        let mut packed = Vec::new();
        for (block, source) in self.blocks.iter().enumerate() {
            for read in 0..source.lanes.channels() {
                for tap in 0..9 {
                    packed.extend((0..lanes).map(|lane| {
                        let channel = block * lanes + lane;
                        let within = source.lanes.within(read, channel, group_width, lanes);
                        let index = |within| (channel * group_width + within) * 9 + tap;
                        within.filter(|_| channel < channels).map_or(0.0, |within| weights[index(within)])
                    }));
                }
            }
        }
        packed
    }
}

impl Lanes {
    /// What the output channels `here` read.
    fn new(here: &[usize], group_width: usize, lanes: usize) -> Self {
        let begin = |channel: usize| channel / group_width * group_width;
        let (first, last) = (begin(here[0]), begin(here[here.len() - 1]));
        let mixtures: Option<Vec<_>> = (0..group_width)
            .map(|within| {
                let channels: Vec<usize> = here.iter().map(|&channel| begin(channel) + within).collect();
                Mixture::new(&channels, lanes)
            })
            .collect();
        match mixtures.map(merged) {
            Some(mixtures) if first != last => Self::Mixed(mixtures),
            // All channels of all groups, of which a lane has weights for its own.
            _ => Self::Same(runs(first, last + group_width, lanes)),
        }
    }

    /// Input channels, or mixtures of them, that are read.
    fn channels(&self) -> usize {
        match self {
            Self::Same(runs) => runs.iter().map(|(_, from, to)| to - from).sum(),
            Self::Mixed(mixtures) => mixtures.iter().map(|mixture| mixture.orders.len()).sum(),
        }
    }

    /// Which channel of its group an output channel reads as number `read`, if any.
    fn within(&self, read: usize, channel: usize, group_width: usize, lanes: usize) -> Option<usize> {
        match self {
            Self::Mixed(_) => Some(read),
            Self::Same(runs) => {
                let (block, lane, _) = runs[0];
                let source = block * lanes + lane + read;
                (source / group_width == channel / group_width).then_some(source % group_width)
            }
        }
    }
}

/// Channels `from..to`, block by block.
fn runs(from: usize, to: usize, lanes: usize) -> Vec<(usize, usize, usize)> {
    let blocks = from / lanes..to.div_ceil(lanes);
    blocks
        .map(|block| {
            let start = block * lanes;
            (block, from.saturating_sub(start), lanes.min(to - start))
        })
        .collect()
}

impl Mixture {
    /// A channel for each lane, if they come from two blocks at most.
    fn new(channels: &[usize], lanes: usize) -> Option<Self> {
        let first = channels[0] / lanes;
        let last = channels[channels.len() - 1] / lanes;
        let order = channels.iter().map(|channel| match channel / lanes {
            block if block == first => Some((channel % lanes) as u32),
            block if block == last => Some((lanes + channel % lanes) as u32),
            _ => None,
        });
        let mut order: Vec<u32> = order.collect::<Option<_>>()?;
        order.resize(lanes, 0);
        Some(Self { blocks: [first, last], orders: vec![order] })
    }
}

/// Neighbours of the same blocks brought together.
fn merged(mixtures: Vec<Mixture>) -> Vec<Mixture> {
    let mut merged: Vec<Mixture> = Vec::new();
    for mut mixture in mixtures {
        match merged.last_mut() {
            Some(last) if last.blocks == mixture.blocks => last.orders.append(&mut mixture.orders),
            _ => merged.push(mixture),
        }
    }
    merged
}

/// Rows and columns of a tile.
const ROWS: usize = 2;

const fn most_columns(isa: Isa, stride: usize) -> usize {
    match (isa.registers() >= 32, stride) {
        (true, 1) => 7,
        (true, _) => 7,
        (false, 1) => 4,
        (false, _) => 4,
    }
}

/// The step as one thread runs it.
pub(super) struct Run<'a> {
    pub step: &'a Grouped,
    pub isa: Isa,
    pub work: Work<'a>,
}

impl Kernel for Run<'_> {
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
                        sums = add::<S, WIDTH, HEIGHT, STRIDE>(simd, sums, weights, |row, column| {
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
                            sums = add::<S, WIDTH, HEIGHT, STRIDE>(simd, sums, weights, |row, column| {
                                simd.permuted(S::vector(&rows[row][column]), order)
                            });
                        }
                        continue;
                    }
                    let others: [&[S::Pixel; SPAN]; WINDOW] =
                        std::array::from_fn(|row| at.pixels::<S, SPAN>(*b, row));
                    for (order, weights) in orders.iter().zip(&mut weights) {
                        let order = simd.order(order);
                        sums = add::<S, WIDTH, HEIGHT, STRIDE>(simd, sums, weights, |row, column| {
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
/// Sums come and go by value, and nothing in the loops may fail or branch: else they leave the registers.
#[inline(always)]
fn add<S: Vectors, const WIDTH: usize, const HEIGHT: usize, const STRIDE: usize>(
    simd: S,
    mut sums: [[S::f32s; WIDTH]; HEIGHT],
    weights: &[S::f32s; 9],
    value: impl Fn(usize, usize) -> S::f32s,
) -> [[S::f32s; WIDTH]; HEIGHT] {
    for row in 0..3 {
        for column in 0..3 {
            for y in 0..HEIGHT {
                for x in 0..WIDTH {
                    let value = value(y * STRIDE + row, x * STRIDE + column);
                    sums[y][x] = simd.mul_add_e_f32s(value, weights[row * 3 + column], sums[y][x]);
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
