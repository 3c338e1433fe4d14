//! Convolution: dense 1x1 ones with stride 1 as matrix products of the library's, all others by own kernels, of which
//! `depthwise` has those for single channels.

use regnet_engine::conv2d::Conv2d;

use super::product::{Matrix, Sizes, multiply};
use super::{BLOCKS_EACH, Launch, PRELUDE, depthwise, length};
use crate::cuda::queue::{Argument, Element, Grid, Queue};
use crate::cuda::view::{View, ViewMut};

/// The text that all kernels of convolutions rest on; its constants are [`Convolution::constants`].
pub(super) const LAYER: &str = include_str!("../kernels/convolution.cu");

const TILES: &str = include_str!("../kernels/conv2d.cu");
const FORWARD: &[&str] = &[PRELUDE, LAYER, TILES, include_str!("../kernels/conv2d_forward.cu")];
const BACKWARD_INPUT: &[&str] = &[PRELUDE, LAYER, TILES, include_str!("../kernels/conv2d_backward_input.cu")];
const BACKWARD_WEIGHT: &[&str] =
    &[PRELUDE, LAYER, TILES, include_str!("../kernels/conv2d_backward_weight.cu")];
const PARTIALS: &[&str] = &[PRELUDE, include_str!("../kernels/elementwise.cu")];

const WARP: usize = 32;

/// Rows that a thread sums up where there are many.
const THREAD_ROWS: usize = 8;

/// Rows of a block at most.
const BLOCK_ROWS: usize = 96;

/// Terms that a split of a weight gradient should at least have, so that its partial sums are the smaller part of its
/// memory traffic.
const LEAST_TERMS: usize = 1024;

/// A convolution between tensors of which its input and output channels are the first ones, or, in a view that starts later,
/// others that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    /// The sizes.
    pub sizes: Conv2d,
    /// Channels of the tensor that is read.
    pub in_of: usize,
    /// Channels of the tensor that is written.
    pub out_of: usize,
}

impl From<Conv2d> for Convolution {
    fn from(sizes: Conv2d) -> Self {
        Self { sizes, in_of: sizes.in_channels, out_of: sizes.out_channels }
    }
}

impl Convolution {
    fn is_product(&self) -> bool {
        let Conv2d { kernel, stride, .. } = self.sizes;
        kernel == 1 && stride == 1 && self.sizes.groups() == 1
    }

    fn is_depthwise(&self) -> bool {
        self.sizes.group_width == 1 && self.sizes.group_outputs() == 1
    }

    pub(super) fn constants(&self) -> [(&'static str, usize); 9] {
        let op = &self.sizes;
        [
            ("GROUPS", op.groups()),
            ("GROUP_IN", op.group_width),
            ("GROUP_OUT", op.group_outputs()),
            ("KERNEL", op.kernel),
            ("STRIDE", op.stride),
            ("HEIGHT", op.height),
            ("WIDTH", op.width),
            ("IN_OF", self.in_of),
            ("OUT_OF", self.out_of),
        ]
    }

    /// Elements from the first to the last of the input.
    fn input_span(&self) -> usize {
        span(self.sizes.batch, self.in_of, self.sizes.in_channels, self.sizes.pixels())
    }

    fn output_span(&self) -> usize {
        span(self.sizes.batch, self.out_of, self.sizes.out_channels, self.sizes.out_pixels())
    }

    #[track_caller]
    fn check(&self, x: usize, w: usize, y: usize) {
        assert!(x >= self.input_span(), "the input has {x} elements: {self:?}");
        assert!(w == self.sizes.weight_len(), "the weight has {w} elements: {self:?}");
        assert!(y >= self.output_span(), "the output has {y} elements: {self:?}");
        // Kernels count an image's pixels and a sum's terms in an `int`.
        assert!(self.sizes.pixels() <= i32::MAX as usize && w <= i32::MAX as usize, "too large: {self:?}");
    }
}

fn span(batch: usize, of: usize, channels: usize, pixels: usize) -> usize {
    batch.checked_sub(1).map_or(0, |others| (others * of + channels) * pixels)
}

/// How the numbers of a result are shared out over threads.
struct Tile {
    warps: usize,
    rows: usize,
    columns: usize,
}

impl Tile {
    /// For a result of `rows` rows and many columns.
    fn of(rows: usize) -> Self {
        if rows <= 4 {
            return Self { warps: 1, rows: 4, columns: 4 };
        }
        let blocks = rows.div_ceil(BLOCK_ROWS);
        Self { warps: rows.div_ceil(blocks).div_ceil(THREAD_ROWS), rows: THREAD_ROWS, columns: 4 }
    }

    /// For a result of few columns as well: as wide as leaves the fewest of its columns unused.
    fn of_columns(rows: usize, columns: usize) -> Self {
        let fits = |&wide: &usize| (columns.next_multiple_of(wide * WARP), usize::MAX - wide);
        let least = if columns <= WARP { 1 } else { 2 };
        let columns = (least..=4).min_by_key(fits).unwrap_or(least);
        Self { columns, ..Self::of(rows) }
    }

    /// The layer's constants and the tile's.
    fn constants(&self, op: &Convolution) -> Vec<(&'static str, usize)> {
        let of_tile = [("WARPS", self.warps), ("TILE_ROWS", self.rows), ("TILE_COLUMNS", self.columns)];
        [&op.constants()[..], &of_tile].concat()
    }

    fn blocks(&self, rows: usize, columns: usize) -> [usize; 2] {
        [columns.div_ceil(self.columns * WARP), rows.div_ceil(self.warps * self.rows)]
    }

    fn grid(&self, [x, y]: [usize; 2], z: usize) -> Grid {
        Grid { blocks: [x, y, z], threads: self.warps * WARP }
    }
}

/// Overwrites `y` with the convolution of `x`, or adds it.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &Convolution,
    x: View<'_, E>,
    w: View<'_, E>,
    mut y: ViewMut<'_, E>,
    add: bool,
) -> Result<(), Q::Error> {
    op.check(x.len(), w.len(), y.len());
    let &Convolution { sizes, in_of, out_of } = op;
    if op.is_product() {
        let pixels = sizes.pixels();
        let product =
            Sizes { batch: sizes.batch, rows: sizes.out_channels, columns: pixels, terms: sizes.in_channels };
        let x = Matrix::each(x, pixels, in_of * pixels);
        let y = Matrix::each(y, pixels, out_of * pixels);
        return multiply(queue, product, Matrix::new(w, sizes.in_channels), x, y, add);
    }
    if op.is_depthwise() {
        return depthwise::forward(queue, op, x, w, y, add);
    }
    let tile = Tile::of(sizes.group_outputs());
    let blocks = tile.blocks(sizes.group_outputs(), sizes.batch * sizes.out_pixels());
    let launch = Launch { queue, sources: FORWARD, constants: &tile.constants(op) };
    let arguments = [Argument::int(sizes.batch), Argument::flag(add), x.into(), w.into(), (&mut y).into()];
    launch.run::<E>("conv2d_forward", tile.grid(blocks, sizes.groups()), &arguments)
}

/// Adds to `dx` the gradient of [`forward`].
pub fn backward_input<E: Element, Q: Queue>(
    queue: &Q,
    op: &Convolution,
    w: View<'_, E>,
    dy: View<'_, E>,
    mut dx: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    op.check(dx.len(), w.len(), dy.len());
    let &Convolution { sizes, in_of, out_of } = op;
    if op.is_product() {
        let pixels = sizes.pixels();
        let product =
            Sizes { batch: sizes.batch, rows: sizes.in_channels, columns: pixels, terms: sizes.out_channels };
        let w = Matrix::new(w, sizes.in_channels).transposed();
        let dy = Matrix::each(dy, pixels, out_of * pixels);
        return multiply(queue, product, w, dy, Matrix::each(dx, pixels, in_of * pixels), true);
    }
    if op.is_depthwise() {
        return depthwise::backward_input(queue, op, w, dy, dx);
    }
    let tile = Tile::of(sizes.group_width);
    // The largest of the residues; the blocks that others have too many of have nothing to do.
    let blocks = tile.blocks(sizes.group_width, sizes.batch * sizes.out_pixels());
    let launch = Launch { queue, sources: BACKWARD_INPUT, constants: &tile.constants(op) };
    let grid = tile.grid(blocks, sizes.groups() * sizes.stride * sizes.stride);
    let arguments = [Argument::int(sizes.batch), w.into(), dy.into(), (&mut dx).into()];
    launch.run::<E>("conv2d_backward_input", grid, &arguments)
}

/// Adds to `dw` the gradient of [`forward`].
pub fn backward_weight<E: Element, Q: Queue>(
    queue: &Q,
    op: &Convolution,
    x: View<'_, E>,
    dy: View<'_, E>,
    dw: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    op.check(x.len(), dw.len(), dy.len());
    if op.is_depthwise() {
        return depthwise::backward_weight(queue, op, x, dy, dw);
    }
    let sizes = op.sizes;
    let depth = sizes.group_width * sizes.kernel * sizes.kernel;
    let tile = Tile::of_columns(sizes.group_outputs(), depth);
    let [columns, rows] = tile.blocks(sizes.group_outputs(), depth);
    let rows = rows * sizes.groups();
    let all = sizes.batch * sizes.out_pixels();
    if all == 0 || dw.len() == 0 {
        return Ok(());
    }
    let (terms, splits) = splits(queue, all, columns * rows);
    let mut memory = queue.memory::<E>(splits * dw.len())?;
    let mut partials = queue.elements(&mut memory);
    let launch = Launch { queue, sources: BACKWARD_WEIGHT, constants: &tile.constants(op) };
    let arguments =
        [Argument::int(sizes.batch), Argument::int(terms), x.into(), dy.into(), (&mut partials).into()];
    launch.run::<E>("conv2d_backward_weight", tile.grid([columns, rows], splits), &arguments)?;
    add_partials(queue, splits, partials.view(), dw)
}

/// How many terms a split of a weight gradient's `all` terms has, and how many splits there are, so that the device is busy
/// where one takes `blocks` blocks.
pub(super) fn splits<Q: Queue>(queue: &Q, all: usize, blocks: usize) -> (usize, usize) {
    let wanted = (queue.multiprocessors() * BLOCKS_EACH).div_ceil(blocks);
    let terms = all.div_ceil(wanted.min(all.div_ceil(LEAST_TERMS)));
    (terms, all.div_ceil(terms))
}

/// Adds to `dw` the sum over `splits` of partial sums.
pub(super) fn add_partials<E: Element, Q: Queue>(
    queue: &Q,
    splits: usize,
    partials: View<'_, E>,
    mut dw: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    length("partials", partials, splits * dw.len());
    let launch = Launch { queue, sources: PARTIALS, constants: &[] };
    let arguments = [Argument::size(dw.len()), Argument::int(splits), partials.into(), (&mut dw).into()];
    launch.run::<E>("add_partials", launch.each(dw.len()), &arguments)
}
