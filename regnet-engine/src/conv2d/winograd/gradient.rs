//! The gradient of the weight, of tensors whose channels lie innermost: vectors are neighbouring channels.

use pulp::{Simd, WithSimd};

use super::{PLACES, TILES_PER_STRIP, of_input, of_output};
use crate::Real;
use crate::aligned::Aligned;
use crate::conv2d::Conv2d;
use crate::conv2d::transpose::Transpose;
use crate::planes::LANES;
use crate::product::{Line, Windows};

/// Buffers for the sums over images, and how they are laid out. Borders are written once, with zeros.
pub(in crate::conv2d) struct TileGradient<T> {
    /// Rows and columns of an image's tiles.
    tiles: (usize, usize),
    /// Channels of all inputs.
    channels: usize,
    /// The same with what fills vectors.
    inputs: usize,
    /// Output channels of a task, a multiple of every vector's.
    outputs: usize,
    /// Tiles that are multiplied at once.
    strip: usize,
    /// `[height + border, width + border, inputs]`, to whole tiles with a border of 1 on all sides.
    x: Aligned<T>,
    /// `[height, width, outputs]`, to whole tiles.
    dy: Aligned<T>,
    /// `[places, strip, inputs]`.
    seen: Aligned<T>,
    /// `[places, strip, outputs]`.
    wanted: Aligned<T>,
    /// Tiles of the strip that are there.
    filled: usize,
}

/// One image's planes, from the first channel of the group and of the task.
pub(in crate::conv2d) struct Image<'a, T> {
    /// Of each input.
    pub x: Vec<&'a [T]>,
    pub dy: &'a [T],
    /// Output channels of the task.
    pub rows: usize,
}

impl<T: Real> TileGradient<T> {
    pub(in crate::conv2d) fn new(op: &Conv2d, tensors: usize, outputs: usize) -> Self {
        let tiles = (op.height.div_ceil(2), op.width.div_ceil(2));
        let channels = tensors * op.group_width;
        let inputs = channels.next_multiple_of(LANES);
        let strip = tiles.1 * (TILES_PER_STRIP / tiles.1).max(1);
        TileGradient {
            tiles,
            channels,
            inputs,
            outputs,
            strip,
            x: Aligned::zeros((2 * tiles.0 + 2) * (2 * tiles.1 + 2) * inputs),
            dy: Aligned::zeros(4 * tiles.0 * tiles.1 * outputs),
            seen: Aligned::zeros(PLACES * strip * inputs),
            wanted: Aligned::zeros(PLACES * strip * outputs),
            filled: 0,
        }
    }

    /// Elements of a row of pixels of the input.
    fn row(&self) -> usize {
        (2 * self.tiles.1 + 2) * self.inputs
    }

    /// Turns an image's planes so that channels lie innermost.
    #[inline(always)]
    fn turn(&mut self, op: &Conv2d, image: &Image<'_, T>) {
        let (row, inputs) = (self.row(), self.inputs);
        for y in 0..op.height {
            for (number, x) in image.x.iter().enumerate() {
                Transpose {
                    from: &x[y * op.width..],
                    from_stride: op.pixels(),
                    channels: op.group_width,
                    pixels: op.width,
                    to: &mut self.x.as_mut()[(y + 1) * row + inputs + number * op.group_width..],
                    to_stride: inputs,
                }
                .run();
            }
            Transpose {
                from: &image.dy[y * op.width..],
                from_stride: op.pixels(),
                channels: image.rows,
                pixels: op.width,
                to: &mut self.dy.as_mut()[y * 2 * self.tiles.1 * self.outputs..],
                to_stride: self.outputs,
            }
            .run();
        }
    }

    /// Transforms a tile of the input, and of the output's gradient.
    #[inline(always)]
    fn transform<S: Simd>(&mut self, simd: S, (tile_row, tile_column): (usize, usize)) {
        let (lanes, zero) = (T::lanes::<S>(), T::splat(simd, T::zero()));
        let (row, inputs, outputs) = (self.row(), self.inputs, self.outputs);
        let x = &self.x.as_ref()[2 * tile_row * row + 2 * tile_column * inputs..];
        let seen = &mut self.seen.as_mut()[self.filled * inputs..];
        for c in (0..inputs).step_by(lanes) {
            // Loops, because closures over arrays are not inlined, and then not compiled for the machine's vectors.
            let mut rows = [[zero; 4]; 4];
            for i in 0..4 {
                for j in 0..4 {
                    rows[i][j] = T::split::<S>(&x[i * row + j * inputs + c..][..lanes]).0[0];
                }
                rows[i] = of_input::<S, T>(simd, rows[i]);
            }
            for x in 0..4 {
                let column = of_input::<S, T>(simd, [rows[0][x], rows[1][x], rows[2][x], rows[3][x]]);
                for y in 0..4 {
                    let to = &mut seen[(y * 4 + x) * self.strip * inputs + c..][..lanes];
                    T::split_mut::<S>(to).0[0] = column[y];
                }
            }
        }
        let row = 2 * self.tiles.1 * outputs;
        let dy = &self.dy.as_ref()[2 * tile_row * row + 2 * tile_column * outputs..];
        let wanted = &mut self.wanted.as_mut()[self.filled * outputs..];
        for c in (0..outputs).step_by(lanes) {
            let mut rows = [[zero; 4]; 2];
            for i in 0..2 {
                let mut pair = [zero; 2];
                for j in 0..2 {
                    pair[j] = T::split::<S>(&dy[i * row + j * outputs + c..][..lanes]).0[0];
                }
                rows[i] = of_output::<S, T>(simd, pair);
            }
            for x in 0..4 {
                let column = of_output::<S, T>(simd, [rows[0][x], rows[1][x]]);
                for y in 0..4 {
                    let to = &mut wanted[(y * 4 + x) * self.strip * outputs + c..][..lanes];
                    T::split_mut::<S>(to).0[0] = column[y];
                }
            }
        }
    }

    /// Adds the products of the tiles that are there to `sums`, `[places, channels, outputs]`.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S, sums: &mut [T]) {
        let lines = [Line { input: 0, left: 0, pixels: self.filled }];
        self.filled = 0;
        let inputs = self.seen.as_ref().chunks_exact(self.strip * self.inputs);
        let factors = inputs.zip(self.wanted.as_ref().chunks_exact(self.strip * self.outputs));
        for ((input, left), out) in factors.zip(sums.chunks_exact_mut(self.channels * self.outputs)) {
            Windows {
                input,
                rows: 1,
                row_distance: 0,
                taps: self.channels,
                advance: self.inputs,
                left,
                outputs: self.outputs,
                lines: &lines,
                out,
            }
            .with_simd(simd);
        }
    }
}

/// Adds what images make of the gradient to `sums`, `[places, channels, outputs]`.
pub(in crate::conv2d) struct AddImages<'a, T, I> {
    pub op: &'a Conv2d,
    pub buffers: &'a mut TileGradient<T>,
    pub images: I,
    pub sums: &'a mut [T],
}

impl<'a, T: Real, I: Iterator<Item = Image<'a, T>>> WithSimd for AddImages<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddImages { op, buffers, images, sums } = self;
        for image in images {
            buffers.turn(op, &image);
            for row in 0..buffers.tiles.0 {
                for column in 0..buffers.tiles.1 {
                    buffers.transform(simd, (row, column));
                    buffers.filled += 1;
                }
                if buffers.filled + buffers.tiles.1 > buffers.strip {
                    buffers.multiply(simd, sums);
                }
            }
        }
        if buffers.filled > 0 {
            buffers.multiply(simd, sums);
        }
    }
}
