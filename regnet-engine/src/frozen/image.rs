//! The first convolution, which reads images as they come: planes of pixels.

use super::isa::{Isa, Kernel, Vectors};
use super::map::Map;
use super::store::{Activation, Place, Store};
use super::tile::most_pixels;
use super::work::{Work, begin};

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
    /// Where the packed weights begin.
    pub weights: usize,
    /// Where the biases lie.
    pub bias: usize,
    pub activation: Activation,
}

impl Image {
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
        images * self.channels * self.canvas_rows() * self.canvas_row()
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

/// Weights `[output][input][kernel][kernel]` in the order `[block][input][row][column][lane]`.
pub(super) fn pack(weights: &[f32], output: usize, lanes: usize) -> Vec<f32> {
    let row = weights.len() / output;
    let mut packed = Vec::with_capacity(output.div_ceil(lanes) * lanes * row);
    for block in (0..output).step_by(lanes) {
        for tap in 0..row {
            let of = |lane| weights.get((block + lane) * row + tap).copied().unwrap_or(0.0);
            packed.extend((0..lanes).map(of));
        }
    }
    packed
}

/// The step as one thread runs it, after all have painted.
pub(super) struct Run<'a> {
    pub step: &'a Image,
    pub isa: Isa,
    pub work: Work<'a>,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Vectors>(self, simd: S) {
        let Self { step, isa, work } = self;
        work.clear_border(&step.out);
        let most = most_pixels(isa, 2);
        let tiles = step.out.width.div_ceil(most);
        let canvas = work.memory.read(step.canvas..step.canvas + step.canvas_len(work.images));
        let blocks = step.out.blocks();
        for line in work.part(work.images * step.out.height) {
            for tile in 0..tiles {
                let column = begin(step.out.width, most, tile);
                let pixels = begin(step.out.width, most, tile + 1) - column;
                for block in (0..blocks).step_by(2) {
                    let at = At { step, work, canvas, line, column, block };
                    multiply(simd, pixels, (blocks - block).min(2), &at);
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
        let At { step, work, canvas, line, column, block } = *self.0;
        let (image, row) = (line / step.out.height, line % step.out.height);
        let taps = step.channels * step.kernel * step.kernel;
        let weights: [&[S::f32s]; BLOCKS] = std::array::from_fn(|of| {
            let start = step.weights + (block + of) * taps * S::F32_LANES;
            &S::as_simd_f32s(&work.weights[start..]).0[..taps]
        });
        let mut sums = [[simd.splat_f32s(0.0); BLOCKS]; PIXELS];
        let mut tap = 0;
        for channel in 0..step.channels {
            let plane = (image * step.channels + channel) * step.canvas_rows();
            for y in 0..step.kernel {
                let start = (plane + row * STEP + y) * step.canvas_row() + column * STEP;
                for x in 0..step.kernel {
                    let pixels = &canvas[start + x..][..(PIXELS - 1) * STEP + 1];
                    let weights: [S::f32s; BLOCKS] = std::array::from_fn(|block| weights[block][tap]);
                    for (pixel, sums) in sums.iter_mut().enumerate() {
                        let value = simd.splat_f32s(pixels[pixel * STEP]);
                        for (sum, &weight) in sums.iter_mut().zip(&weights) {
                            *sum = simd.mul_add_e_f32s(value, weight, *sum);
                        }
                    }
                    tap += 1;
                }
            }
        }
        let bias = &work.weights[step.bias + block * S::F32_LANES..][..BLOCKS * S::F32_LANES];
        let out = Place::row(&step.out, block, image, row, column);
        Store { memory: work.memory, bias, out, shortcut: None, activation: step.activation }.put(simd, &sums);
    }
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
