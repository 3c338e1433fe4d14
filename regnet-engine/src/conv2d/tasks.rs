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

/// Runs `compute` on every share of the targets, which starts at the share's first row: some images and a whole group, or
/// one image and rows of a group. The targets' groups are alike.
pub(super) fn for_each_task<T: Send, S>(
    targets: Vec<(&mut [T], &Side)>,
    (batch, groups): (usize, usize),
    images: usize,
    scratch: impl Fn() -> S + Sync + Send,
    compute: impl Fn(&Task, &mut S, &mut [&mut [T]]) + Sync + Send,
) {
    let (group, pixels) = (targets[0].1.group, targets[0].1.pixels);
    if batch * groups * group * pixels == 0 {
        return;
    }
    let rows = if images > 1 { group } else { rows_per_task(batch * groups, group) };
    let slabs = groups * group / rows;
    // With several images, a block of them is one share, whose groups take turns.
    let mut shares: Vec<Vec<&mut [T]>> = Vec::new();
    for (target, side) in targets {
        let blocks = target.chunks_mut(images * side.image());
        let of_target: Vec<&mut [T]> = match images {
            1 => blocks.flat_map(|image| image.chunks_mut(rows * pixels).take(slabs)).collect(),
            _ => blocks.collect(),
        };
        shares.resize_with(of_target.len(), Vec::new);
        shares.iter_mut().zip(of_target).for_each(|(share, of_target)| share.push(of_target));
    }
    shares.into_par_iter().enumerate().for_each_init(scratch, |scratch, (index, mut share)| {
        if images == 1 {
            let (image, row) = (index / slabs, index % slabs * rows);
            let (group, row) = (row / group, row % group);
            let task = Task { first_image: image, images, group, rows: row..row + rows };
            return compute(&task, scratch, &mut share);
        }
        let first_image = index * images;
        for number in 0..groups {
            let images = images.min(batch - first_image);
            let task = Task { first_image, images, group: number, rows: 0..group };
            let first = number * group * pixels;
            let mut of_group: Vec<&mut [T]> = share.iter_mut().map(|share| &mut share[first..]).collect();
            compute(&task, scratch, &mut of_group);
        }
    });
}

/// A divisor of a group's rows, the smaller the fewer groups of images there are.
fn rows_per_task(groups: usize, rows: usize) -> usize {
    let pieces = TASKS.div_ceil(groups);
    let least = rows.div_ceil(pieces).max(ROWS_PER_TASK).min(rows);
    (least..=rows).find(|&least| rows.is_multiple_of(least)).unwrap_or(1)
}
