//! The first convolution, which reads images as they come: planes of pixels.

use super::isa::{Kernel, Vectors};
use super::map::Map;
use super::store::{Activation, Place, Store};
use super::work::{Run, Work, begin};

/// A dense convolution of images `[channel][row][column]`.
#[derive(Debug)]
pub(super) struct Image {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Where the images are copied to, with a border of zeros, so that no pixel is a special case.
    pub canvas: usize,
    pub out: Map,
    /// Floats of the canvas from a window's first pixel to each of its others, channel by channel.
    pub taps: Box<[u32]>,
    /// Where the packed weights begin.
    pub weights: usize,
    /// Where the biases lie.
    pub bias: usize,
    pub activation: Activation,
}

impl Image {
    /// What `taps` must be.
    pub fn offsets(&self) -> Box<[u32]> {
        let row = move |channel, y| (channel * self.canvas_rows() + y) * self.canvas_row();
        let rows = (0..self.channels).flat_map(|channel| (0..self.kernel).map(move |y| row(channel, y)));
        rows.flat_map(|start| (start..start + self.kernel).map(|at| at as u32)).collect()
    }

    /// Values of a row of the canvas.
    fn canvas_row(&self) -> usize {
        self.width + 2 * (self.kernel / 2)
    }

    /// Rows of a plane of the canvas.
    fn canvas_rows(&self) -> usize {
        self.height + 2 * (self.kernel / 2)
    }

    /// Values of the canvas.
    pub fn canvas_len(&self, images: usize) -> usize {
        // One more, since kernels read pixels in strides.
        images * self.channels * self.canvas_rows() * self.canvas_row() + 1
    }

    /// Copies this thread's part of `images`, `[image][channel][row][column]`.
    pub fn paint(&self, work: Work<'_>, images: &[f32]) {
        let (border, row) = (self.kernel / 2, self.canvas_row());
        for canvas_row in work.part(work.images * self.channels * self.canvas_rows()) {
            let (plane, y) = (canvas_row / self.canvas_rows(), canvas_row % self.canvas_rows());
            let start = self.canvas + canvas_row * row;
            let out = work.memory.write(start..start + row);
            if y < border || y >= border + self.height {
                out.fill(0.0);
                continue;
            }
            let pixels = &images[(plane * self.height + y - border) * self.width..][..self.width];
            out[..border].fill(0.0);
            out[border..][..self.width].copy_from_slice(pixels);
            out[border + self.width..].fill(0.0);
        }
    }
}

/// Weights `[output][input][kernel][kernel]` in the order `[pair of blocks][input][row][column][block][lane]`.
pub(super) fn pack(weights: &[f32], output: usize, lanes: usize) -> Vec<f32> {
    let row = weights.len() / output;
    let mut packed = Vec::with_capacity(output.div_ceil(lanes) * lanes * row);
    for first in (0..output.next_multiple_of(lanes)).step_by(PANEL * lanes) {
        let last = (first + PANEL * lanes).min(output.next_multiple_of(lanes));
        for tap in 0..row {
            packed
                .extend((first..last).map(|output| weights.get(output * row + tap).copied().unwrap_or(0.0)));
        }
    }
    packed
}

/// Blocks of a tile.
const PANEL: usize = 2;

impl Kernel for Run<'_, Image> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, isa, work } = self;
        work.clear_border(&step.out);
        let most = if isa.registers() >= 32 { 14 } else { 6 };
        let tiles = step.out.width.div_ceil(most);
        let canvas = work.memory.read(step.canvas..step.canvas + step.canvas_len(work.images));
        let blocks = step.out.blocks();
        for line in work.part(work.images * step.out.height) {
            for tile in 0..tiles {
                let column = begin(step.out.width, most, tile);
                let pixels = begin(step.out.width, most, tile + 1) - column;
                for block in (0..blocks).step_by(PANEL) {
                    let at = At { step, work, canvas, line, column, block };
                    multiply(simd, pixels, (blocks - block).min(PANEL), &at);
                }
            }
        }
    }
}

/// Where a tile lies.
#[derive(Clone, Copy)]
struct At<'a> {
    step: &'a Image,
    work: Work<'a>,
    canvas: &'a [f32],
    line: usize,
    column: usize,
    block: usize,
}

/// `PIXELS` pixels of a row, `STEP` input pixels apart, and `BLOCKS` blocks of channels.
struct Tile<'a, const PIXELS: usize, const BLOCKS: usize, const STEP: usize>(&'a At<'a>);

impl<const PIXELS: usize, const BLOCKS: usize, const STEP: usize> Kernel for Tile<'_, PIXELS, BLOCKS, STEP> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        // Of the tiles that an instruction set never asks for, nothing is compiled.
        if PIXELS * BLOCKS + BLOCKS + 1 > S::REGISTER_COUNT {
            unreachable!("a tile of more sums than registers");
        }
        let At { step, work, canvas, line, column, block } = *self.0;
        let (image, row) = (line / step.out.height, line % step.out.height);
        let weights = &work.weights[step.weights + block * step.taps.len() * S::F32_LANES..];
        let weights = S::as_simd_f32s(weights).0.as_chunks::<BLOCKS>().0;
        let plane = image * step.channels * step.canvas_rows();
        let start = (plane + row * STEP) * step.canvas_row() + column * STEP;
        let mut sums = [[simd.splat_f32s(0.0); BLOCKS]; PIXELS];
        for (&tap, weights) in step.taps.iter().zip(weights) {
            let pixels = &canvas[start + tap as usize..][..PIXELS * STEP];
            let pixels = pixels.as_chunks::<STEP>().0.first_chunk::<PIXELS>();
            sums = add(simd, sums, pixels.expect("as many as were taken"), weights);
        }
        let bias = &work.weights[step.bias + block * S::F32_LANES..][..BLOCKS * S::F32_LANES];
        let out = Place::row(&step.out, block, image, row, column);
        Store { memory: work.memory, bias, out, shortcut: None, activation: step.activation }.put(simd, sums);
    }
}

/// Adds what a pixel of the kernel contributes. Sums come and go by value, so that they stay in registers.
#[inline(always)]
fn add<S: Vectors, const PIXELS: usize, const BLOCKS: usize, const STEP: usize>(
    simd: S,
    mut sums: [[S::f32s; BLOCKS]; PIXELS],
    pixels: &[[f32; STEP]; PIXELS],
    weights: &[S::f32s; BLOCKS],
) -> [[S::f32s; BLOCKS]; PIXELS] {
    for pixel in 0..PIXELS {
        let x = simd.splat_f32s(pixels[pixel][0]);
        for block in 0..BLOCKS {
            sums[pixel][block] = simd.mul_add_e_f32s(x, weights[block], sums[pixel][block]);
        }
    }
    sums
}

/// Computes a tile.
///
/// # Panics
/// Where there is no such tile.
#[inline(always)]
fn multiply<S: Vectors>(simd: S, pixels: usize, blocks: usize, at: &At<'_>) {
    macro_rules! choose {
        ($($pixels:literal)*) => {
            match (pixels, blocks, at.step.stride) {
                $(
                    ($pixels, 1, 1) => simd.vectorized(Tile::<'_, $pixels, 1, 1>(at)),
                    ($pixels, 2, 1) => simd.vectorized(Tile::<'_, $pixels, 2, 1>(at)),
                    ($pixels, 1, 2) => simd.vectorized(Tile::<'_, $pixels, 1, 2>(at)),
                    ($pixels, 2, 2) => simd.vectorized(Tile::<'_, $pixels, 2, 2>(at)),
                )*
                _ => unreachable!("no tile has {pixels} pixels and {blocks} blocks"),
            }
        };
    }
    choose!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}
