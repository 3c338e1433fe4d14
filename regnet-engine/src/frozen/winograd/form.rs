//! The forms of the filtering: how large tiles are, and how far their pixels lie apart.

use std::ops::Range;

use super::OCTET;
use crate::frozen::lower::{Convolution, Layer, LayerOp};
use crate::frozen::map::Map;
use crate::frozen::store::Activation;
use crate::frozen::way::Way;

/// A form of the filtering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frozen) enum Form {
    /// F(2x2, 3x3).
    Tiles2,
    /// F(4x4, 3x3).
    Tiles4,
    /// F(2x2, 3x3) with stride 2.
    Strided,
}

/// Whether a convolution can be computed by filtering: its groups are made of octets.
pub(in crate::frozen) fn is_possible(layer: &Convolution) -> bool {
    let Convolution { conv, inputs, projection, activation, .. } = layer;
    conv.kernel == 3
        && matches!(conv.stride, 1 | 2)
        && inputs.len() == 1
        && *inputs != [0]
        && projection.is_none()
        && matches!(activation, Activation::None | Activation::Relu)
        && conv.group_width.is_multiple_of(OCTET)
        && (conv.output / conv.groups()).is_multiple_of(OCTET)
}

/// The way that is likely to be the fastest for a layer that can be filtered.
pub(in crate::frozen) fn likely(layer: &Layer) -> Way {
    let LayerOp::Conv(conv) = &layer.op else { return Way::Direct };
    let (width, [height, columns]) = (conv.conv.group_width, [layer.shape.h, layer.shape.w]);
    // In quarters of a product, a quarter more for each of those that are not filtered.
    let direct = (5 * height * columns * 9 * width, Way::Direct);
    let filtered = Way::ALL.into_iter().filter_map(|way| {
        let form = Form::new(way, conv)?;
        Some((4 * form.tiles(height, columns) * form.points() * (width + form.transforms()), way))
    });
    filtered.chain([direct]).min().map_or(Way::Direct, |(_, way)| way)
}

impl Form {
    /// The form for a convolution that can be filtered; `None` if it is not to be, or not in this way.
    pub fn new(way: Way, layer: &Convolution) -> Option<Self> {
        match (way, layer.conv.stride) {
            (Way::Tiles2, 1) => Some(Self::Tiles2),
            (Way::Tiles2, _) => Some(Self::Strided),
            (Way::Tiles4, 1) => Some(Self::Tiles4),
            (Way::Direct | Way::Tiles4, _) => None,
        }
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tiles2 => "Winograd, tiles of 2x2",
            Self::Tiles4 => "Winograd, tiles of 4x4",
            Self::Strided => "Winograd, stride 2",
        }
    }

    /// Points of a line: as many as inputs.
    pub const fn side(self) -> usize {
        match self {
            Self::Tiles2 => 4,
            Self::Strided => 5,
            Self::Tiles4 => 6,
        }
    }

    /// Points of the space of products.
    pub const fn points(self) -> usize {
        self.side() * self.side()
    }

    /// Pixels of a tile's side.
    const fn tile(self) -> usize {
        match self {
            Self::Tiles2 | Self::Strided => 2,
            Self::Tiles4 => 4,
        }
    }

    /// What the way to the space of products and back costs, in input channels of a group. Products are a quarter faster
    /// than those of other kernels.
    const fn transforms(self) -> usize {
        match self {
            Self::Tiles2 | Self::Strided => 7,
            Self::Tiles4 => 10,
        }
    }

    /// What tiles of a map cost, in tiles. The weights of a few take as long to come as more would to be computed.
    fn tiles(self, height: usize, width: usize) -> usize {
        let tiles = height.div_ceil(self.tile()) * width.div_ceil(self.tile());
        tiles.max(6)
    }

    /// The tiles of a map's images.
    pub(super) fn grid(self, map: &Map) -> Grid {
        Grid { down: map.height.div_ceil(self.tile()), across: map.width.div_ceil(self.tile()) }
    }
}

/// Tiles of the images of a map, in the order `[image][row][column]`.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub down: usize,
    pub across: usize,
}

/// Neighbours in a row of tiles.
pub(super) struct Line {
    pub image: usize,
    pub row: usize,
    pub column: usize,
    /// Which tiles of the range they are.
    pub tiles: Range<usize>,
}

impl Grid {
    /// A range of tiles, row by row.
    #[inline(always)]
    pub fn lines(self, tiles: Range<usize>) -> impl Iterator<Item = Line> {
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
