//! A thread's part of a step.

use std::ops::Range;

use super::map::Map;
use super::shared::Shared;

/// What a thread works on.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    /// The arena.
    pub memory: &'a Shared<'a>,
    /// Weights, biases.
    pub weights: &'a [f32],
    /// All images of the run, `[image][channel][row][column]`.
    pub input: &'a [f32],
    /// What the run hands out: the logits, then features.
    pub results: &'a [Shared<'a>],
    /// The group's first image.
    pub first: usize,
    /// Images of the group.
    pub images: usize,
    /// Which thread this is.
    pub thread: usize,
    /// Threads that share the step.
    pub threads: usize,
}

impl Work<'_> {
    /// This thread's part of `count` pieces of equal work.
    pub fn part(&self, count: usize) -> Range<usize> {
        count * self.thread / self.threads..count * (self.thread + 1) / self.threads
    }

    /// Zeroes this thread's part of a map's borders.
    pub fn clear_border(&self, map: &Map) {
        if map.border == 0 {
            return;
        }
        let (row, side) = (map.row_stride(), map.border * map.lanes);
        for plane in self.part(map.blocks() * self.images) {
            let (block, image) = (plane / self.images, plane % self.images);
            let start = map.offset + block * map.block_stride() + image * map.image_stride();
            let memory = self.memory.write(start..start + map.image_stride());
            let (above, rest) = memory.split_at_mut(map.border * row);
            let (rows, below) = rest.split_at_mut(map.height * row);
            above.fill(0.0);
            below.fill(0.0);
            for row in rows.chunks_exact_mut(row) {
                row[..side].fill(0.0);
                row[side + map.width * map.lanes..].fill(0.0);
            }
        }
    }
}

/// `count` pieces in parts of at most `most`, as equal as can be: where part `index` of them begins.
pub(super) fn begin(count: usize, most: usize, index: usize) -> usize {
    count * index / count.div_ceil(most).max(1)
}
