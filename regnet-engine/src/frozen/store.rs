//! What becomes of sums: bias, shortcut, activation, and where they go.

use super::isa::Vectors;
use super::map::Map;
use super::shared::Shared;
use crate::sigmoidal::Sigmoidal;

/// The function after a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// The sum itself.
    None,
    /// max(x, 0).
    Relu,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

/// Where the pixels of a tile lie.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The first block, or its first pixel where the pixels follow one another; in floats.
    pub start: usize,
    /// Floats between blocks.
    pub block_stride: usize,
    /// Floats from the block's start to each pixel, where they do not follow one another.
    pub positions: Option<&'a [u32]>,
}

impl<'a> Place<'a> {
    /// `count` pixels from `first` on, of all images of a map, from `block` on.
    #[inline]
    pub fn pixels(map: &Map, positions: Option<&'a [u32]>, block: usize, first: usize, count: usize) -> Self {
        let (start, block_stride) = (map.offset + block * map.block_stride(), map.block_stride());
        let Some(positions) = positions else {
            return Self { start: start + first * map.lanes, block_stride, positions: None };
        };
        let positions = &positions[first..first + count];
        let (begin, end) = (positions[0] as usize, positions[count - 1] as usize);
        if end - begin == (count - 1) * map.lanes {
            // All in one row.
            return Self { start: start + begin, block_stride, positions: None };
        }
        Self { start, block_stride, positions: Some(positions) }
    }

    /// Pixels of a row from `column` on, from `block` on.
    pub fn row(map: &Map, block: usize, image: usize, row: usize, column: usize) -> Self {
        let start = map.offset + block * map.block_stride() + map.at(image, row, column);
        Self { start, block_stride: map.block_stride(), positions: None }
    }

    /// The same so many floats further on.
    #[inline(always)]
    pub fn moved(self, floats: usize) -> Self {
        Self { start: self.start + floats, ..self }
    }

    /// Where a pixel of a block lies.
    #[inline(always)]
    pub fn at(&self, block: usize, pixel: usize, lanes: usize) -> usize {
        let within = self.positions.map_or(pixel * lanes, |positions| positions[pixel] as usize);
        self.start + block * self.block_stride + within
    }
}

/// What becomes of a tile's sums.
#[derive(Clone, Copy)]
pub(crate) struct Store<'a> {
    pub memory: &'a Shared<'a>,
    /// A value for each channel of the tile.
    pub bias: &'a [f32],
    pub out: Place<'a>,
    /// What is added before the activation. It may lie where the result goes.
    pub shortcut: Option<Place<'a>>,
    pub activation: Activation,
}

impl Store<'_> {
    /// Stores the sums of `[pixel][block]`.
    #[inline(always)]
    pub fn put<S: Vectors, const PIXELS: usize, const BLOCKS: usize>(
        self,
        simd: S,
        mut sums: [[S::f32s; BLOCKS]; PIXELS],
    ) {
        // What has to be decided is decided outside of the loops, so that the sums stay in registers.
        let bias = S::as_simd_f32s(self.bias).0.first_chunk::<BLOCKS>().expect("a bias for each channel");
        for pixel in 0..PIXELS {
            for block in 0..BLOCKS {
                sums[pixel][block] = simd.add_f32s(sums[pixel][block], bias[block]);
            }
        }
        if let Some(shortcut) = self.shortcut {
            sums = self.with_shortcut(simd, sums, shortcut);
        }
        if self.activation == Activation::Relu {
            for pixel in 0..PIXELS {
                for block in 0..BLOCKS {
                    sums[pixel][block] = simd.relu_f32s(sums[pixel][block]);
                }
            }
        }
        self.write::<S, PIXELS, BLOCKS>(simd, sums);
        match self.activation {
            Activation::None | Activation::Relu => {}
            Activation::Sigmoid => self.change::<S>(PIXELS, BLOCKS, f32::sigmoid),
            Activation::Tanh => self.change::<S>(PIXELS, BLOCKS, f32::hyperbolic_tangent),
        }
    }

    #[inline(always)]
    fn with_shortcut<S: Vectors, const PIXELS: usize, const BLOCKS: usize>(
        self,
        simd: S,
        mut sums: [[S::f32s; BLOCKS]; PIXELS],
        shortcut: Place<'_>,
    ) -> [[S::f32s; BLOCKS]; PIXELS] {
        for block in 0..BLOCKS {
            let mut scattered;
            let values = if shortcut.positions.is_none() {
                let at = shortcut.at(block, 0, S::F32_LANES);
                let values = S::as_simd_f32s(self.memory.read(at..at + PIXELS * S::F32_LANES)).0;
                values.first_chunk::<PIXELS>().expect("as many as were asked for")
            } else {
                scattered = [simd.splat_f32s(0.0); PIXELS];
                gather::<S>(self.memory, shortcut, block, &mut scattered);
                &scattered
            };
            for pixel in 0..PIXELS {
                sums[pixel][block] = simd.add_f32s(sums[pixel][block], values[pixel]);
            }
        }
        sums
    }

    #[inline(always)]
    fn write<S: Vectors, const PIXELS: usize, const BLOCKS: usize>(
        self,
        simd: S,
        sums: [[S::f32s; BLOCKS]; PIXELS],
    ) {
        for block in 0..BLOCKS {
            if self.out.positions.is_none() {
                let at = self.out.at(block, 0, S::F32_LANES);
                let out = S::as_mut_simd_f32s(self.memory.write(at..at + PIXELS * S::F32_LANES)).0;
                let out = out.first_chunk_mut::<PIXELS>().expect("as many as were asked for");
                for pixel in 0..PIXELS {
                    out[pixel] = sums[pixel][block];
                }
            } else {
                let mut values = [simd.splat_f32s(0.0); PIXELS];
                for pixel in 0..PIXELS {
                    values[pixel] = sums[pixel][block];
                }
                scatter::<S>(self.memory, self.out, block, &values);
            }
        }
    }

    /// Applies a function to what was written.
    #[inline(always)]
    fn change<S: Vectors>(self, pixels: usize, blocks: usize, function: impl Fn(f32) -> f32) {
        for block in 0..blocks {
            for pixel in 0..pixels {
                let at = self.out.at(block, pixel, S::F32_LANES);
                let values = self.memory.write(at..at + S::F32_LANES);
                values.iter_mut().for_each(|value| *value = function(*value));
            }
        }
    }
}

/// Copies pixels that do not follow one another. Out of line, as is [`scatter`]: their checks and addresses would drive
/// the sums out of the registers.
#[inline(never)]
fn gather<S: Vectors>(memory: &Shared<'_>, from: Place<'_>, block: usize, values: &mut [S::f32s]) {
    for (pixel, value) in values.iter_mut().enumerate() {
        let at = from.at(block, pixel, S::F32_LANES);
        *value = S::as_simd_f32s(memory.read(at..at + S::F32_LANES)).0[0];
    }
}

#[inline(never)]
fn scatter<S: Vectors>(memory: &Shared<'_>, to: Place<'_>, block: usize, values: &[S::f32s]) {
    for (pixel, &value) in values.iter().enumerate() {
        let at = to.at(block, pixel, S::F32_LANES);
        S::as_mut_simd_f32s(memory.write(at..at + S::F32_LANES)).0[0] = value;
    }
}
