//! Convolutions in which every output channel sees every input channel.

use super::isa::{Kernel, Vectors};
use super::map::Map;
use super::store::{Activation, Place, Store};
use super::tile::{Factor, MOST_BLOCKS, most_pixels, multiply};
use super::work::{Run, Work, lines};

/// One of the maps that a convolution sums over.
#[derive(Debug)]
pub(super) struct Operand {
    pub map: Map,
    /// Where its packed weights begin.
    pub weights: usize,
}

/// A convolution over one or several maps, as [`pack`] orders its weights.
#[derive(Debug)]
pub(super) struct Dense {
    /// Maps of the same height and width; of kernels larger than 1, they have a border.
    pub operands: Vec<Operand>,
    pub kernel: usize,
    /// Floats from the first pixel that the kernel covers to each of them, in every map.
    pub taps: Box<[u32]>,
    /// 1 or 2; 1 for a kernel of 1.
    pub stride: usize,
    /// Where the biases lie.
    pub bias: usize,
    pub out: Map,
    pub positions: Option<Box<[u32]>>,
    pub shortcut: Option<Map>,
    pub shortcut_positions: Option<Box<[u32]>>,
    pub activation: Activation,
}

/// The blocks of output channels that a tile computes together: `blocks` of them from `first` on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Panel {
    pub first: usize,
    pub blocks: usize,
}

/// Pairs of blocks, and the last panel of an odd number of blocks: three, or one where pixels are not neighbours.
pub(crate) fn panels(blocks: usize, stride: usize) -> impl Iterator<Item = Panel> {
    let odd = odd(blocks, stride);
    let pairs = (0..odd.map_or(blocks, |odd| odd.first)).step_by(2);
    pairs.map(|first| Panel { first, blocks: 2 }).chain(odd)
}

/// The last panel of an odd number of blocks.
fn odd(blocks: usize, stride: usize) -> Option<Panel> {
    let last = if stride == 1 { blocks.min(MOST_BLOCKS) } else { 1 };
    (!blocks.is_multiple_of(2)).then_some(Panel { first: blocks - last, blocks: last })
}

/// Values of an operand's weights once they are packed.
pub(super) fn packed_len([output, input, taps]: [usize; 3], lanes: usize) -> usize {
    output.next_multiple_of(lanes) * input * taps
}

/// Puts weights of an operand, `[output][input][kernel][kernel]`, into `packed`, which is zero, in the order
/// `[panel][tap][input][block][lane]`.
pub(super) fn pack(
    weights: &[f32],
    [output, input, taps]: [usize; 3],
    stride: usize,
    lanes: usize,
    packed: &mut [f32],
) {
    let mut places = packed.chunks_exact_mut(lanes);
    for Panel { first, blocks } in panels(output.div_ceil(lanes), stride) {
        for tap in 0..taps {
            for channel in 0..input {
                for block in first..first + blocks {
                    let place = places.next().expect("a place for every block of every channel");
                    let outputs = block * lanes..output.min((block + 1) * lanes);
                    for (value, output) in place.iter_mut().zip(outputs) {
                        *value = weights[(output * input + channel) * taps + tap];
                    }
                }
            }
        }
    }
}

impl Dense {
    /// What `taps` must be for maps like this one.
    pub fn taps(kernel: usize, map: &Map) -> Box<[u32]> {
        let at = |tap| (tap / kernel) * map.row_stride() + (tap % kernel) * map.lanes;
        (0..kernel * kernel).map(|tap| at(tap) as u32).collect()
    }
}

impl Kernel for Run<'_, Dense> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        self.work.clear_border(&self.step.out);
        let blocks = self.step.out.blocks();
        let tiles = |blocks| self.tiles(blocks);
        each_tile(&self.work, blocks, self.step.stride, tiles, self.values(), |panel, tile| {
            self.tile(simd, panel, tile);
        });
    }
}

/// Hands out a thread's part of the panels of `blocks` blocks and of each panel's tiles: `tiles` says how many a panel of
/// so many blocks has, `values` how many weights and inputs there are.
#[inline(always)]
pub(super) fn each_tile(
    work: &Work<'_>,
    blocks: usize,
    stride: usize,
    tiles: impl Fn(usize) -> usize,
    (weights, inputs): (usize, usize),
    mut tile: impl FnMut(Panel, usize),
) {
    let odd = odd(blocks, stride);
    let pairs = (blocks - odd.map_or(0, |panel| panel.blocks)) / 2;
    let shares_pixels = work.shares_pixels(weights, inputs, tiles(2));
    let groups = [(pairs, Panel { first: 0, blocks: 2 }), (1, odd.unwrap_or_default())];
    for (panels, Panel { first, blocks: wide }) in groups.into_iter().filter(|(_, panel)| panel.blocks > 0) {
        let tiles = tiles(wide);
        let panel = |panel| Panel { first: first + panel * wide, blocks: wide };
        if !shares_pixels {
            // Where this thread's and the next one's part of the blocks begins, in tiles of these panels.
            let begin = |thread: usize| {
                let blocks = (blocks * thread).saturating_sub(first * work.threads);
                (blocks * tiles / (wide * work.threads)).min(panels * tiles)
            };
            for (index, tiles) in lines(begin(work.thread)..begin(work.thread + 1), tiles) {
                for at in tiles {
                    tile(panel(index), at);
                }
            }
            continue;
        }
        let mine = work.part(tiles);
        // The inner loop streams what the outer does not hold: all inputs for each panel, or all weights for each tile.
        let panels_first = streamed(inputs, panels) <= streamed(weights, mine.len());
        let (outer, inner) = if panels_first { (0..panels, mine) } else { (mine, 0..panels) };
        for outer in outer {
            for inner in inner.clone() {
                let (index, at) = if panels_first { (outer, inner) } else { (inner, outer) };
                tile(panel(index), at);
            }
        }
    }
}

/// What it costs to read so many values so many times.
fn streamed(values: usize, times: usize) -> usize {
    /// Values that stay in a processor's own cache.
    const NEAR: usize = 1 << 17;
    values * times * if values > NEAR { 4 } else { 1 }
}

impl Run<'_, Dense> {
    /// Values of all weights, and of all inputs.
    fn values(&self) -> (usize, usize) {
        let taps = self.step.kernel * self.step.kernel;
        let channels: usize = self.step.operands.iter().map(|operand| operand.map.channels).sum();
        let out = &self.step.out;
        (channels * taps * out.channels, channels * out.pixels() * self.work.images)
    }

    /// Whether a tile may go on in the next row.
    fn flat(&self) -> bool {
        self.step.kernel == 1
    }

    /// Pixels that are cut into tiles together.
    fn line(&self) -> usize {
        if self.flat() { self.work.images * self.step.out.pixels() } else { self.step.out.width }
    }

    /// Tiles of a panel of `blocks` blocks.
    fn tiles(&self, blocks: usize) -> usize {
        let lines = if self.flat() { 1 } else { self.work.images * self.step.out.height };
        lines * self.line().div_ceil(most_pixels(self.isa, blocks, self.step.stride))
    }

    #[inline(always)]
    fn tile<S: Vectors>(&self, simd: S, panel: Panel, tile: usize) {
        let Self { step, work, .. } = self;
        let most = most_pixels(self.isa, panel.blocks, step.stride);
        // Divisions take long where tiles are short.
        let tiles = self.line().div_ceil(most);
        let (line, tile) = if self.flat() { (0, tile) } else { (tile / tiles, tile % tiles) };
        let begin = |tile| self.line() * tile / tiles;
        let (first, pixels) = (begin(tile), begin(tile + 1) - begin(tile));

        let (out, shortcut);
        let (image, row) =
            if self.flat() { (0, 0) } else { (line / step.out.height, line % step.out.height) };
        if self.flat() {
            out = Place::pixels(&step.out, step.positions.as_deref(), panel.first, first, pixels);
            shortcut = step.shortcut.as_ref().map(|map| {
                Place::pixels(map, step.shortcut_positions.as_deref(), panel.first, first, pixels)
            });
        } else {
            out = Place::row(&step.out, panel.first, image, row, first);
            shortcut = step.shortcut.as_ref().map(|map| Place::row(map, panel.first, image, row, first));
        }
        let lanes = S::F32_LANES;
        let bias = &work.weights[step.bias + panel.first * lanes..][..panel.blocks * lanes];
        let store = Store { memory: work.memory, bias, out, shortcut, activation: step.activation };

        let mut factors = [Factor::NOTHING; MOST_OPERANDS];
        for (factor, Operand { map, weights }) in factors.iter_mut().zip(&step.operands) {
            let size = step.taps.len() * map.channels * lanes;
            let start = if self.flat() {
                first * lanes
            } else {
                // The first tap is that of the pixel above and to the left.
                let reach = step.kernel / 2 * (map.row_stride() + lanes);
                map.at(image, row * step.stride, first * step.stride) - reach
            };
            *factor = Factor {
                input: work.memory.read(map.range()),
                block_stride: map.block_stride(),
                channels: map.channels,
                weights: &work.weights[weights + panel.first * size..][..panel.blocks * size],
                taps: &step.taps,
                start,
            };
        }
        let factors = &factors[..step.operands.len()];
        multiply(simd, pixels, panel.blocks, step.stride, factors, store);
    }
}

/// The most maps that a convolution sums over.
pub(super) const MOST_OPERANDS: usize = 3;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::frozen::shared::share;

    /// Checks that threads share all tiles of a layer, none twice, and about equally.
    fn check(blocks: usize, stride: usize, pixels: usize, values: (usize, usize), threads: usize) {
        let tiles = |blocks: usize| pixels.div_ceil(if blocks > 2 { 8 } else { 14 });
        // What a tile takes, in pixels times blocks.
        let work_of = |panel: Panel| panel.blocks as f64 * pixels as f64 / tiles(panel.blocks) as f64;
        let mut seen = BTreeMap::new();
        let (memory, scratch) = (&share(&mut []), &share(&mut []));
        for thread in 0..threads {
            let (weights, input, results) = (&[][..], &[][..], &[][..]);
            let lost = &[];
            let work =
                Work { memory, scratch, weights, input, results, lost, first: 0, images: 1, thread, threads };
            let (mut mine, mut most) = (0.0, 0.0_f64);
            each_tile(&work, blocks, stride, tiles, values, |panel, at| {
                *seen.entry((panel.first, at)).or_insert(0) += 1;
                (mine, most) = (mine + work_of(panel), most.max(work_of(panel)));
            });
            let fair = (blocks * pixels) as f64 / threads as f64;
            assert!(mine < 1.07 * fair + 1.5 * most, "{mine} of {fair}");
        }
        let every = panels(blocks, stride)
            .flat_map(|panel| (0..tiles(panel.blocks)).map(move |at| ((panel.first, at), 1)));
        assert_eq!(seen, every.collect());
    }

    #[test]
    fn threads_share_all_tiles_and_none_twice() {
        for (blocks, stride, pixels) in
            [(1, 1, 1), (2, 1, 49), (33, 1, 49), (7, 1, 784), (5, 2, 30), (10, 1, 1)]
        {
            for values in [(1, 2), (2, 1), (1 << 20, 1 << 20)] {
                (1..=5).for_each(|threads| check(blocks, stride, pixels, values, threads));
            }
        }
    }
}
