//! What becomes of sums: bias, shortcut, activation, and where they go.

use super::isa::Vectors;
use super::map::Map;
use super::shared::Shared;
use crate::sigmoidal::Sigmoidal;

/// The function after a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
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
pub(super) struct Place<'a> {
    /// The first block, or its first pixel where the pixels follow one another; in floats.
    pub start: usize,
    /// Floats between blocks.
    pub block_stride: usize,
    /// Floats from the block's start to each pixel, where they do not follow one another.
    pub positions: Option<&'a [u32]>,
}

impl<'a> Place<'a> {
    /// Pixels from `first` on, of all images of a map, from `block` on.
    pub fn pixels(map: &Map, positions: Option<&'a [u32]>, block: usize, first: usize) -> Self {
        let start = map.offset + block * map.block_stride();
        match positions {
            Some(positions) => Self {
                start,
                block_stride: map.block_stride(),
                positions: Some(&positions[first..]),
            },
            None => {
                Self { start: start + first * map.lanes, block_stride: map.block_stride(), positions: None }
            }
        }
    }

    /// Pixels of a row from `column` on, from `block` on.
    pub fn row(map: &Map, block: usize, image: usize, row: usize, column: usize) -> Self {
        let start = map.offset + block * map.block_stride() + map.at(image, row, column);
        Self { start, block_stride: map.block_stride(), positions: None }
    }

    #[inline(always)]
    fn at(&self, block: usize, pixel: usize, lanes: usize) -> usize {
        let within = self.positions.map_or(pixel * lanes, |positions| positions[pixel] as usize);
        self.start + block * self.block_stride + within
    }
}

/// What becomes of a tile's sums.
#[derive(Clone, Copy)]
pub(super) struct Store<'a> {
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
        sums: &[[S::f32s; BLOCKS]; PIXELS],
    ) {
        let lanes = S::F32_LANES;
        let zero = simd.splat_f32s(0.0);
        let bias = S::as_simd_f32s(self.bias).0;
        for (pixel, sums) in sums.iter().enumerate() {
            for (block, &sum) in sums.iter().enumerate() {
                let mut value = simd.add_f32s(sum, bias[block]);
                if let Some(shortcut) = self.shortcut {
                    let at = shortcut.at(block, pixel, lanes);
                    value = simd.add_f32s(value, S::as_simd_f32s(self.memory.read(at..at + lanes)).0[0]);
                }
                if self.activation == Activation::Relu {
                    value = simd.max_f32s(value, zero);
                }
                let at = self.out.at(block, pixel, lanes);
                let out = self.memory.write(at..at + lanes);
                S::as_mut_simd_f32s(out).0[0] = value;
                match self.activation {
                    Activation::None | Activation::Relu => {}
                    Activation::Sigmoid => out.iter_mut().for_each(|value| *value = value.sigmoid()),
                    Activation::Tanh => out.iter_mut().for_each(|value| *value = value.hyperbolic_tangent()),
                }
            }
        }
    }
}
