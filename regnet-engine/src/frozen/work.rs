//! A thread's part of a step.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::isa::Isa;
use super::map::Map;
use super::shared::Shared;

/// What a thread works on.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    /// The arena.
    pub memory: &'a Shared<'a>,
    /// This thread's own memory, for what it puts down in the middle of a step.
    pub scratch: &'a Shared<'a>,
    /// Weights, biases.
    pub weights: &'a [f32],
    /// All images of the run, `[image][channel][row][column]`.
    pub input: &'a [f32],
    /// What the run hands out: the logits, then features.
    pub results: &'a [Shared<'a>],
    /// For each image of the run, whether a value that is not finite was lost: see [`Work::lose`].
    pub lost: &'a [AtomicBool],
    /// The group's first image.
    pub first: usize,
    /// Images of the group.
    pub images: usize,
    /// Which thread this is.
    pub thread: usize,
    /// Threads that share the step.
    pub threads: usize,
}

/// A step as one thread runs it.
pub(super) struct Run<'a, T> {
    pub step: &'a T,
    pub isa: Isa,
    pub work: Work<'a>,
}

impl Work<'_> {
    /// Notes that a step writes an image of the group without a NaN or an infinity that it had, because its numbers have
    /// none. What is handed out of the image from the next barrier on is NaN.
    pub fn lose(&self, image: usize) {
        self.lost[self.first + image].store(true, Ordering::Relaxed);
    }

    /// Whether a step before the last barrier lost something of an image of the group.
    pub fn has_lost(&self, image: usize) -> bool {
        self.lost[self.first + image].load(Ordering::Relaxed)
    }

    /// This thread's part of `count` pieces of equal work.
    pub fn part(&self, count: usize) -> Range<usize> {
        count * self.thread / self.threads..count * (self.thread + 1) / self.threads
    }

    /// Whether threads are to share the pixels of a step that reads so many weights and other inputs, or else the channels.
    ///
    /// What another thread has computed comes from another processor's cache, as slowly as weights do. Threads that share
    /// pixels read most of what they have computed themselves before; those that share channels read a part of the weights.
    pub fn shares_pixels(&self, weights: usize, inputs: usize, parts: usize) -> bool {
        inputs >= weights && self.is_even(parts)
    }

    /// Whether the threads' parts of `count` pieces are about equal.
    fn is_even(&self, count: usize) -> bool {
        count.is_multiple_of(self.threads) || count >= 16 * self.threads
    }

    /// This thread's part of a table of equal pieces, `[row][column]`: rows, and the columns of each. Threads share the
    /// columns of every row, or else all pieces in a row.
    pub fn share(
        &self,
        rows: usize,
        columns: usize,
        every_row: bool,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let mine = self.part(columns);
        let pieces = if every_row { 0..rows * columns } else { self.part(rows * columns) };
        lines(pieces, columns).map(move |(row, rest)| (row, if every_row { mine.clone() } else { rest }))
    }

    /// This thread's part of a map's rows: block, image and row of each.
    pub fn rows(&self, map: &Map) -> impl Iterator<Item = [usize; 3]> + use<> {
        let (height, lines) = (map.height, self.images * map.height);
        let blocks = self.share(map.blocks(), lines, self.is_even(lines));
        blocks.flat_map(move |(block, lines)| lines.map(move |line| [block, line / height, line % height]))
    }

    /// Zeroes this thread's part of a map's borders. Others may write inside of them at the same time, so that nothing else
    /// may be borrowed here.
    pub fn clear_border(&self, map: &Map) {
        let (row, side) = (map.row_stride(), map.border * map.lanes);
        if side == 0 {
            return;
        }
        let (ends, inside) = (map.border * row, map.width * map.lanes);
        for plane in self.part(map.blocks() * self.images) {
            let (block, image) = (plane / self.images, plane % self.images);
            let start = map.offset + block * map.block_stride() + image * map.image_stride();
            // The rows above with the first row's left side; from each row's right side to the next one's left; and what
            // is below.
            let first = start + ends + side;
            self.memory.write(start..first).fill(0.0);
            for right in (0..map.height - 1).map(|y| first + y * row + inside) {
                self.memory.write(right..right + 2 * side).fill(0.0);
            }
            let last = first + (map.height - 1) * row + inside;
            self.memory.write(last..last + side + ends).fill(0.0);
        }
    }

    /// Zeroes this thread's part of the lanes beyond a map's last channel.
    pub fn clear_last_lanes(&self, map: &Map) {
        let used = map.channels % map.lanes;
        if used == 0 {
            return;
        }
        for line in self.part(self.images * map.height) {
            let row = map.row(map.blocks() - 1, line / map.height, line % map.height);
            for pixel in row.step_by(map.lanes) {
                self.memory.write(pixel + used..pixel + map.lanes).fill(0.0);
            }
        }
    }
}

/// A range of pieces of a table, `[row][column]`: rows, and the columns of each.
pub(super) fn lines(pieces: Range<usize>, columns: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    (pieces.start / columns..pieces.end.div_ceil(columns)).map(move |row| {
        let first = row * columns;
        (row, pieces.start.saturating_sub(first)..columns.min(pieces.end - first))
    })
}

/// `count` pieces in parts of at most `most`, as equal as can be: where part `index` of them begins.
pub(crate) fn begin(count: usize, most: usize, index: usize) -> usize {
    count * index / count.div_ceil(most).max(1)
}
