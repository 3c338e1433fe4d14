//! Sums over the images and pixels of each channel.

use super::{BLOCKS_EACH, Launch, PRELUDE, THREADS, length_mut};
use crate::cuda::queue::{Argument, Element, Grid, Queue};
use crate::cuda::view::{View, ViewMut};

pub(super) const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/channels.cu")];

/// Elements of a channel that a block should at least have.
const LEAST_TERMS: usize = 4096;

/// The shape `[batch, channels, pixels]`, and how a channel's elements are shared out over blocks.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    pub batch: usize,
    pub channels: usize,
    pub pixels: usize,
}

impl Planes {
    pub fn len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    pub fn constants(&self) -> [(&'static str, usize); 2] {
        [("CHANNELS", self.channels), ("PIXELS", self.pixels)]
    }

    /// Blocks of a channel, and elements of each.
    fn splits<Q: Queue>(&self, queue: &Q) -> (usize, usize) {
        let all = self.batch * self.pixels;
        let wanted = (queue.multiprocessors() * BLOCKS_EACH).div_ceil(self.channels.max(1));
        let terms = all.div_ceil(wanted.min(all.div_ceil(LEAST_TERMS)).max(1)).max(1);
        (all.div_ceil(terms), terms)
    }
}

/// Pairs of sums of each channel, in parts.
pub(super) struct Partials<M> {
    pub memory: M,
    pub splits: usize,
}

/// Runs a kernel that writes a pair of sums of each part of each channel; its first arguments are the batch and the
/// length of a part, its last the pairs.
pub(super) fn partials<E: Element, Q: Queue>(
    launch: &Launch<'_, Q>,
    name: &'static str,
    planes: &Planes,
    arguments: &[Argument],
) -> Result<Partials<Q::Memory<E>>, Q::Error> {
    let (splits, terms) = planes.splits(launch.queue);
    let mut memory = launch.queue.memory::<E>(2 * splits * planes.channels)?;
    let mut all = vec![Argument::int(planes.batch), Argument::int(terms)];
    all.extend(arguments);
    all.push((&mut launch.queue.elements(&mut memory)).into());
    let grid = Grid { blocks: [planes.channels, splits, 1], threads: THREADS };
    launch.run::<E>(name, grid, &all)?;
    Ok(Partials { memory, splits })
}

/// Adds to `into`, `[channels]`, the sums of `x`, `[batch, channels, pixels]`.
pub fn add_sums<E: Element, Q: Queue>(
    queue: &Q,
    [batch, channels, pixels]: [usize; 3],
    x: View<'_, E>,
    mut into: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    let planes = Planes { batch, channels, pixels };
    super::length("x", x, planes.len());
    length_mut("sums", &into, channels);
    let launch = Launch { queue, sources: SOURCES, constants: &planes.constants() };
    let Partials { mut memory, splits } = partials::<E, Q>(&launch, "channel_sums", &planes, &[x.into()])?;
    let partials = queue.elements(&mut memory);
    let arguments = [Argument::int(splits), partials.view().into(), (&mut into).into()];
    launch.run::<E>("add_channel_sums", launch.each(channels), &arguments)
}
