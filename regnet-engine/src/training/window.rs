//! Bands of rows with a border of zeros, and the weight gradient of grouped convolutions, which reads them.

use std::ops::Range;

use super::outer::{Blocks, Pixels};
use super::spatial::TAPS;
use crate::frozen::grouped::{Lanes, Mixture, Sources};
use crate::frozen::isa::{Kernel, Vectors};
use crate::frozen::map::Map;

/// Rows of some blocks in working memory, with a border of one pixel on every side: `[block][row][column][lane]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Rows, those of the border included.
    pub rows: usize,
    /// Columns, those of the border not.
    pub width: usize,
    pub lanes: usize,
}

/// Rows that the windows of `count` output rows cover.
pub(super) fn rows(count: usize, stride: usize) -> usize {
    (count - 1) * stride + 3
}

impl Window {
    /// Floats from one row to the next.
    pub fn row_stride(&self) -> usize {
        (self.width + 2) * self.lanes
    }

    /// Floats from one block to the next.
    pub fn block_stride(&self) -> usize {
        self.rows * self.row_stride()
    }

    /// Floats of so many blocks; some more, since kernels read pixels in strides.
    pub fn len(&self, blocks: usize) -> usize {
        blocks * self.block_stride() + 2 * self.lanes
    }

    /// As the kernels of grouped convolutions see it.
    pub fn map(&self, blocks: usize) -> Map {
        let (height, width, lanes) = (self.rows - 2, self.width, self.lanes);
        Map { offset: 0, channels: blocks * lanes, height, width, border: 1, images: 1, lanes }
    }

    /// Floats from the first pixel that a window covers to each of them.
    pub fn taps(&self) -> [u32; TAPS] {
        std::array::from_fn(|tap| (tap / 3 * self.row_stride() + tap % 3 * self.lanes) as u32)
    }

    /// Loads `count` rows of some blocks of an image of `height` rows, from row `first` on, which may lie outside of it.
    #[inline(always)]
    pub fn load(
        &self,
        height: usize,
        first: isize,
        count: usize,
        blocks: Range<usize>,
        to: &mut [f32],
        load: impl Fn(usize, usize, &mut [f32]),
    ) {
        let side = self.lanes;
        for (block, to) in blocks.zip(to.chunks_exact_mut(self.block_stride())) {
            for (index, to) in to.chunks_exact_mut(self.row_stride()).take(count).enumerate() {
                match usize::try_from(first + index as isize) {
                    Ok(row) if row < height => {
                        to[..side].fill(0.0);
                        let inside = side..to.len() - side;
                        load(block, row, &mut to[inside.clone()]);
                        to[inside.end..].fill(0.0);
                    }
                    _ => to.fill(0.0),
                }
            }
        }
    }

    /// Spreads rows `rows` of some blocks, `[block][row][column][lane]` with the strides `strides`, over every second pixel
    /// of the window, whose first row is row `first` of twice the resolution; all others become zero.
    #[allow(clippy::too_many_arguments)]
    pub fn spread(
        &self,
        first: isize,
        count: usize,
        rows: Range<usize>,
        blocks: Range<usize>,
        from: &[f32],
        strides: [usize; 2],
        to: &mut [f32],
    ) {
        let lanes = self.lanes;
        for (from, to) in
            from.chunks_exact(strides[0]).zip(to.chunks_exact_mut(self.block_stride())).take(blocks.len())
        {
            to[..count * self.row_stride()].fill(0.0);
            for (row, from) in rows.clone().zip(from.chunks_exact(strides[1])) {
                let at = (2 * row as isize - first) as usize * self.row_stride() + lanes;
                let pixels = to[at..].chunks_exact_mut(lanes).step_by(2);
                for (to, from) in pixels.zip(from.chunks_exact(lanes)) {
                    to.copy_from_slice(from);
                }
            }
        }
    }

    /// Loads a row whose pixels come apart by one.
    #[inline(always)]
    pub fn spread_row(
        &self,
        row: usize,
        blocks: Range<usize>,
        to: &mut [f32],
        load: impl Fn(usize, &mut [f32]),
    ) {
        let lanes = self.lanes;
        let count = self.width.div_ceil(2);
        for (block, to) in blocks.zip(to.chunks_exact_mut(self.block_stride())) {
            let to = &mut to[row * self.row_stride()..][..self.row_stride()];
            to.fill(0.0);
            // Loaded as it comes, and then moved apart from the last pixel on.
            load(block, &mut to[lanes..(count + 1) * lanes]);
            for pixel in (1..count).rev() {
                let from = (1 + pixel) * lanes;
                to.copy_within(from..from + lanes, (1 + 2 * pixel) * lanes);
                to[from..from + lanes].fill(0.0);
            }
        }
    }
}

/// Adds to `sums` what the pixels of a band add to the weight gradient of a grouped convolution, in the order of its packed
/// weights.
#[inline(always)]
pub(super) fn add_grouped_products<S: Vectors>(
    simd: S,
    sources: &Sources,
    input: Blocks<'_>,
    gradient: Blocks<'_>,
    pixels: Pixels,
    sums: &mut [f32],
) {
    let lanes = S::F32_LANES;
    for (block, source) in sources.blocks.iter().enumerate() {
        let gradient = &gradient.values[block * gradient.stride..];
        let mut sums = sums[source.weights * lanes..].chunks_exact_mut(TAPS * lanes);
        let mut add = |blocks: [usize; 2], read| {
            let sums = sums.next().expect("sums for every channel that is read");
            let input = blocks.map(|block| &input.values[block * input.stride..]);
            let products = Products { input, gradient, pixels, read, sums };
            match pixels.step {
                1 => simd.vectorized(Grouped::<'_, 1>(products)),
                _ => simd.vectorized(Grouped::<'_, 2>(products)),
            }
        };
        match &source.lanes {
            Lanes::Same(runs) => {
                for &(block, from, to) in runs {
                    (from..to).for_each(|channel| add([block; 2], Read::Channel(channel)));
                }
            }
            Lanes::Mixed(mixtures) => {
                for Mixture { blocks, orders, .. } in mixtures {
                    for order in orders.chunks_exact(lanes) {
                        add(
                            *blocks,
                            if blocks[0] == blocks[1] { Read::Order(order) } else { Read::OrderOfTwo(order) },
                        );
                    }
                }
            }
        }
    }
}

/// What each lane reads of an input pixel.
#[derive(Clone, Copy)]
enum Read<'a> {
    /// The same channel.
    Channel(usize),
    /// A channel each, of one block.
    Order(&'a [u32]),
    /// A channel each, of two blocks.
    OrderOfTwo(&'a [u32]),
}

struct Products<'a> {
    input: [&'a [f32]; 2],
    gradient: &'a [f32],
    pixels: Pixels,
    read: Read<'a>,
    sums: &'a mut [f32],
}

struct Grouped<'a, const STEP: usize>(Products<'a>);

impl<const STEP: usize> Kernel for Grouped<'_, STEP> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self(Products { input, gradient, pixels, read, sums }) = self;
        let sums = S::as_mut_simd_f32s(sums).0.first_chunk_mut::<TAPS>().expect("a sum for each tap");
        let order = |order: &[u32]| S::as_simd_u32s(order).0[0];
        *sums = match read {
            Read::Channel(channel) => add_rows::<S, STEP>(simd, *sums, input, gradient, pixels, |a, _| {
                simd.splat_f32s(S::channel(a, channel))
            }),
            Read::Order(lanes) => {
                let order = order(lanes);
                add_rows::<S, STEP>(simd, *sums, input, gradient, pixels, |a, _| {
                    simd.permuted(S::vector(a), order)
                })
            }
            Read::OrderOfTwo(lanes) => {
                let order = order(lanes);
                add_rows::<S, STEP>(simd, *sums, input, gradient, pixels, |a, b| {
                    simd.permuted_of_two(S::vector(a), S::vector(b), order)
                })
            }
        };
    }
}

#[inline(always)]
fn add_rows<S: Vectors, const STEP: usize>(
    simd: S,
    mut sums: [S::f32s; TAPS],
    input: [&[f32]; 2],
    gradient: &[f32],
    pixels: Pixels,
    value: impl Fn(&S::Pixel, &S::Pixel) -> S::f32s,
) -> [S::f32s; TAPS] {
    let lanes = S::F32_LANES;
    for row in 0..pixels.rows {
        let of = S::as_simd_f32s(&gradient[row * pixels.row_strides[1]..][..pixels.columns * lanes]).0;
        // One row of the window after another: three sums at a time would leave the multipliers idle, nine fill them.
        let windows = [0, 1, 2].map(|y| {
            input.map(|input| {
                let row = &input[(row * STEP + y) * pixels.row_strides[0]..];
                &S::pixels(row)[..(pixels.columns - 1) * STEP + 3]
            })
        });
        sums = add_row::<S, STEP>(simd, sums, windows, of, &value);
    }
    sums
}

/// Sums come and go by value, so that they stay in registers.
#[inline(always)]
fn add_row<S: Vectors, const STEP: usize>(
    simd: S,
    mut sums: [S::f32s; TAPS],
    windows: [[&[S::Pixel]; 2]; 3],
    gradient: &[S::f32s],
    value: impl Fn(&S::Pixel, &S::Pixel) -> S::f32s,
) -> [S::f32s; TAPS] {
    for (column, &d) in gradient.iter().enumerate() {
        for y in 0..3 {
            for x in 0..3 {
                let at = column * STEP + x;
                let value = value(&windows[y][0][at], &windows[y][1][at]);
                sums[3 * y + x] = simd.mul_add_e_f32s(value, d, sums[3 * y + x]);
            }
        }
    }
    sums
}
