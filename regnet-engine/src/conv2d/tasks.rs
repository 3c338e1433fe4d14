//! How a pass over a batch is shared out among tasks.

use std::ops::Range;

use rayon::prelude::*;

/// Tasks that a pass should at least have, so that threads have something to share at small batches.
const TASKS: usize = 16;

/// Channels of the target that a task should at least have.
const ROWS_PER_TASK: usize = 16;

/// One side of the pass: the tensor it reads, or the one it writes.
pub(super) struct Side {
    /// Channels of an image; the groups' come first.
    pub channels: usize,
    /// Channels of a group.
    pub group: usize,
    /// Pixels of a channel.
    pub pixels: usize,
}

impl Side {
    pub(super) fn image(&self) -> usize {
        self.channels * self.pixels
    }

    /// The plane of a group's channel.
    pub(super) fn plane<'a, T>(
        &self,
        tensor: &'a [T],
        image: usize,
        group: usize,
        channel: usize,
    ) -> &'a [T] {
        let first = image * self.channels + group * self.group + channel;
        &tensor[first * self.pixels..][..self.pixels]
    }
}

/// The share of the target that one task computes.
pub(super) struct Task {
    pub first_image: usize,
    pub images: usize,
    pub group: usize,
    /// Channels of the group.
    pub rows: Range<usize>,
}

/// How many images a task should have where an image alone has few of the `wanted` columns of a tile, so that tiles are
/// wide on small maps too.
pub(super) fn images_per_task(batch: usize, columns: usize, wanted: usize) -> usize {
    wanted.div_ceil(columns.max(1)).clamp(1, (batch / 8).max(1))
}

/// Runs `compute` on every share of the target, which starts at the share's first row: some images and a whole group, or
/// one image and rows of a group.
pub(super) fn for_each_task<T: Send, S>(
    target: (&mut [T], &Side),
    (batch, groups): (usize, usize),
    images: usize,
    scratch: impl Fn() -> S + Sync + Send,
    compute: impl Fn(&Task, &mut S, &mut [T]) + Sync + Send,
) {
    let (target, side) = target;
    if target.is_empty() {
        return;
    }
    if images > 1 {
        let block = images * side.image();
        target.par_chunks_mut(block).enumerate().for_each_init(scratch, |scratch, (index, target)| {
            let images_here = target.len() / side.image();
            for group in 0..groups {
                let rows = 0..side.group;
                let task = Task { first_image: index * images, images: images_here, group, rows };
                compute(&task, scratch, &mut target[group * side.group * side.pixels..]);
            }
        });
        return;
    }
    let rows = rows_per_task(batch * groups, side.group);
    let slabs = groups * side.group / rows;
    let shares = target.chunks_mut(side.image()).enumerate().flat_map(|(image, target)| {
        let slabs = target.chunks_mut(rows * side.pixels).take(slabs).enumerate();
        slabs.map(move |(index, target)| (image, index * rows, target))
    });
    let shares: Vec<_> = shares.collect();
    shares.into_par_iter().for_each_init(scratch, |scratch, (image, channel, target)| {
        let (group, row) = (channel / side.group, channel % side.group);
        let task = Task { first_image: image, images: 1, group, rows: row..row + rows };
        compute(&task, scratch, target);
    });
}

/// A divisor of a group's rows, the smaller the fewer groups of images there are.
fn rows_per_task(groups: usize, rows: usize) -> usize {
    let pieces = TASKS.div_ceil(groups);
    let least = rows.div_ceil(pieces).max(ROWS_PER_TASK).min(rows);
    (least..=rows).find(|&least| rows.is_multiple_of(least)).unwrap_or(1)
}
