//! Activations in memory, in blocks of as many channels as a register has lanes.

use std::ops::Range;

/// Activations of a batch, `[block][image][row][column][lane]`, in a buffer of their own.
///
/// All pixels of a block, image by image, follow one another. Lanes beyond the last channel are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockedTensor {
    /// Its buffer's number.
    pub buffer: usize,
    pub channels: usize,
    pub images: usize,
    pub height: usize,
    pub width: usize,
    /// Channels of a block.
    pub lanes: usize,
}

impl BlockedTensor {
    /// Blocks of channels.
    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(self.lanes)
    }

    /// Pixels of an image.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Pixels of all images.
    pub fn pixels(&self) -> usize {
        self.images * self.plane()
    }

    /// Floats from one block to the next.
    pub fn block_stride(&self) -> usize {
        self.pixels() * self.lanes
    }

    /// Floats in all.
    pub fn len(&self) -> usize {
        self.blocks() * self.block_stride()
    }

    /// Floats from the start of the buffer to pixels of a block.
    pub fn range(&self, block: usize, pixels: Range<usize>) -> Range<usize> {
        let start = block * self.block_stride();
        start + pixels.start * self.lanes..start + pixels.end * self.lanes
    }
}

/// Pixels that are processed together: `count` of them from `first` on, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub first: usize,
    pub count: usize,
    pub step: usize,
}

/// The pixels of a tensor in chunks of about equal size. Partial sums are taken chunk by chunk, so chunks depend on
/// sizes alone, never on the number of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    pixels: usize,
    pub count: usize,
}

impl Chunks {
    /// Chunks of at most `most` pixels.
    pub fn new(pixels: usize, most: usize) -> Self {
        Self { pixels, count: pixels.div_ceil(most).max(1) }
    }

    /// The pixels of a chunk.
    pub fn range(&self, index: usize) -> Range<usize> {
        self.pixels * index / self.count..self.pixels * (index + 1) / self.count
    }

    /// The most pixels that a chunk has.
    pub fn most(&self) -> usize {
        self.pixels.div_ceil(self.count)
    }
}

/// Pixels `range` of images of `plane` pixels each, image by image: the image and a run of its pixels.
pub(super) fn by_image(range: Range<usize>, plane: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    (range.start / plane..range.end.div_ceil(plane))
        .map(move |image| (image, range.start.max(image * plane)..range.end.min((image + 1) * plane)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_share_all_pixels() {
        for (pixels, most) in [(1, 28), (28, 28), (29, 28), (1000, 7), (12, 100)] {
            let chunks = Chunks::new(pixels, most);
            let all: Vec<usize> = (0..chunks.count).flat_map(|index| chunks.range(index)).collect();
            assert_eq!(all, (0..pixels).collect::<Vec<_>>());
            assert!((0..chunks.count).all(|index| chunks.range(index).len() <= chunks.most()));
            assert!(chunks.most() <= most);
        }
    }

    #[test]
    fn runs_end_with_their_image() {
        let runs: Vec<_> = by_image(3..17, 5).collect();
        assert_eq!(runs, [(0, 3..5), (1, 5..10), (2, 10..15), (3, 15..17)]);
    }
}
