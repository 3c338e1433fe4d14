//! Where activations lie.

use std::ops::Range;

/// Activations of a group of images in blocks of channels, `[block][image][row][column][lane]`, the rows and columns
/// with a border of zeros around them.
///
/// Lanes beyond the channels are zero, so that they add nothing to a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Map {
    /// The first value, in floats from the start of the arena.
    pub offset: usize,
    /// Channels.
    pub channels: usize,
    /// Rows, without the border.
    pub height: usize,
    /// Columns, without the border.
    pub width: usize,
    /// Rows and columns of zeros on each side.
    pub border: usize,
    /// Images of a group.
    pub images: usize,
    /// Channels of a block: the lanes of a register.
    pub lanes: usize,
}

impl Map {
    /// Blocks of channels.
    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(self.lanes)
    }

    /// Pixels of an image, without the border.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Floats from one row to the next.
    pub fn row_stride(&self) -> usize {
        (self.width + 2 * self.border) * self.lanes
    }

    /// Floats from one image to the next.
    pub fn image_stride(&self) -> usize {
        (self.height + 2 * self.border) * self.row_stride()
    }

    /// Floats from one block to the next.
    pub fn block_stride(&self) -> usize {
        self.images * self.image_stride()
    }

    /// Floats in all, one pixel more than there are, since kernels read pixels in strides.
    pub fn len(&self) -> usize {
        self.blocks() * self.block_stride() + self.lanes
    }

    /// Where it lies.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// Floats from a block's start to a pixel of an image; negative rows and columns are the border's.
    pub fn at(&self, image: usize, row: usize, column: usize) -> usize {
        image * self.image_stride()
            + (row + self.border) * self.row_stride()
            + (column + self.border) * self.lanes
    }

    /// Where a row of an image's block lies, without the border.
    pub fn row(&self, block: usize, image: usize, row: usize) -> Range<usize> {
        let start = self.offset + block * self.block_stride() + self.at(image, row, 0);
        start..start + self.width * self.lanes
    }

    /// Floats from a block's start to each of its pixels, image by image; `None` where they follow one another.
    pub fn positions(&self) -> Option<Box<[u32]>> {
        if self.border == 0 {
            return None;
        }
        let mut positions = Vec::with_capacity(self.images * self.pixels());
        for image in 0..self.images {
            for row in 0..self.height {
                positions.extend((0..self.width).map(|column| self.at(image, row, column) as u32));
            }
        }
        Some(positions.into())
    }
}
