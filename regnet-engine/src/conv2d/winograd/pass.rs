//! The forward pass and the gradient of the input, of planes as they are: vectors are neighbouring tiles.

use pulp::Arch;
use rayon::prelude::*;

use super::task::Run;
use super::{PLACES, TILES_PER_STRIP, of_kernel};
use crate::Real;
use crate::aligned::Aligned;
use crate::conv2d::grid::{Grid, Seen};
use crate::conv2d::tasks::{Side, for_each_task, images_per_task};
use crate::conv2d::{Conv2d, Input, InputGradient, Store};
use crate::planes::LANES;
use crate::product::Panel;

/// Bytes of the views that are gathered at once.
const VIEWS: usize = 320 * 1024;

/// `target = kernels * source`, for every group and image.
pub(in crate::conv2d) struct Winograd<T> {
    pub(super) grid: Grid,
    pub(super) seen: Vec<Seen>,
    batch: usize,
    pub(super) groups: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// One for each input, alike but for the channels of their tensors.
    pub(super) sources: Vec<Side>,
    /// One for each gradient, alike but for the channels of their tensors.
    pub(super) targets: Vec<Side>,
    /// `[places, groups]`; their taps are the channels of one source after the other's, their rows those of one target
    /// after the other's.
    pub(super) panels: Vec<Panel<T>>,
}

/// Buffers that a thread keeps from task to task. Borders are written once, with zeros.
pub(super) struct Scratch<T> {
    /// Images that the buffers hold; their layout stays the same when a task has fewer.
    pub images: usize,
    /// `[channels, views]`, of a pass.
    pub views: Aligned<T>,
    /// `[places, channels, tiles]`, of a pass and a strip.
    pub inputs: Aligned<T>,
    /// `[strips, places, rows, tiles]`; one strip if there is one pass.
    pub products: Aligned<T>,
    /// `[4, tiles]`: pixels of a strip, even and odd rows and columns apart.
    pub pixels: Aligned<T>,
}

impl<T: Real> Winograd<T> {
    /// The forward pass.
    pub(in crate::conv2d) fn forward(op: &Conv2d, inputs: &[Input<'_, T>]) -> Self {
        let side =
            |input: &Input<'_, T>| Side { channels: input.of, group: op.group_width, pixels: op.pixels() };
        let target = Side { channels: op.out_channels, group: op.group_outputs(), pixels: op.pixels() };
        Winograd::new(op, inputs.iter().map(side).collect(), vec![target], |group, output, tap| {
            let (w, input) = (inputs[tap / op.group_width].w, tap % op.group_width);
            let kernel = &w[((group * op.group_outputs() + output) * op.group_width + input) * 9..][..9];
            of_kernel(|y, x| kernel[y * 3 + x])
        })
    }

    /// The gradients of inputs: the forward pass with the kernels turned around.
    pub(in crate::conv2d) fn backward_input(op: &Conv2d, inputs: &[InputGradient<'_, T>]) -> Self {
        let source = Side { channels: op.out_channels, group: op.group_outputs(), pixels: op.pixels() };
        let side = |input: &InputGradient<'_, T>| Side {
            channels: input.of,
            group: op.group_width,
            pixels: op.pixels(),
        };
        let weights: Vec<&[T]> = inputs.iter().map(|input| input.w).collect();
        Winograd::new(op, vec![source], inputs.iter().map(side).collect(), |group, row, output| {
            let (w, input) = (weights[row / op.group_width], row % op.group_width);
            let kernel = &w[((group * op.group_outputs() + output) * op.group_width + input) * 9..][..9];
            of_kernel(|y, x| kernel[8 - (y * 3 + x)])
        })
    }

    /// `kernel` is the transform of group, row and tap.
    fn new(
        op: &Conv2d,
        sources: Vec<Side>,
        targets: Vec<Side>,
        kernel: impl Fn(usize, usize, usize) -> [T; PLACES] + Sync,
    ) -> Self {
        let (grid, seen) = Grid::of_tiles(op.height, op.width);
        let count = |sides: &[Side]| sides.iter().map(|side| side.group).sum();
        let (rows, taps, groups) = (count(&targets), count(&sources), op.groups());
        let kernels: Vec<[T; PLACES]> = (0..groups * rows * taps)
            .into_par_iter()
            .with_min_len(1024)
            .map(|index| kernel(index / (rows * taps), index / taps % rows, index % taps))
            .collect();
        let panel = |index: usize| {
            let (place, group) = (index / groups, index % groups);
            Panel::new(rows, taps, |row, tap| kernels[(group * rows + row) * taps + tap][place])
        };
        let panels = (0..PLACES * groups).into_par_iter().map(panel).collect();
        let (batch, height, width) = (op.batch, op.height, op.width);
        Winograd { grid, seen, batch, groups, height, width, sources, targets, panels }
    }

    /// Runs the pass over the whole batch.
    pub(in crate::conv2d) fn run(&self, sources: &[&[T]], targets: Vec<&mut [T]>, store: Store<'_, T>) {
        let images = images_per_task(self.batch, self.grid.pixels(), TILES_PER_STRIP);
        for_each_task(
            targets.into_iter().zip(&self.targets).collect(),
            (self.batch, self.groups),
            images,
            || self.scratch(images),
            |task, scratch, targets| {
                Arch::new().dispatch(Run { pass: self, task, scratch, sources, targets, store });
            },
        );
    }

    /// Tiles of a strip, whole rows of all images.
    pub(super) fn strip(&self, images: usize) -> usize {
        let row = self.grid.row(images);
        row * (TILES_PER_STRIP / row).max(1)
    }

    /// Channels of a group, in all inputs.
    pub(super) fn taps(&self) -> usize {
        self.sources.iter().map(|source| source.group).sum()
    }

    /// Of those, how many are gathered at once.
    pub(super) fn channels_per_pass(&self, images: usize) -> usize {
        let channel = self.grid.views.len() * self.grid.plane(images) * size_of::<T>();
        let most = (VIEWS / channel).max(1);
        self.taps().div_ceil(self.taps().div_ceil(most))
    }

    fn scratch(&self, images: usize) -> Scratch<T> {
        let (channels, tiles) = (self.channels_per_pass(images), self.grid.pixels() * images);
        let strip = self.strip(images).next_multiple_of(LANES);
        let strips = if channels == self.taps() { 1 } else { tiles.div_ceil(self.strip(images)) };
        let views = channels * self.grid.views.len() * self.grid.plane(images);
        Scratch {
            images,
            // The last vector of a strip may reach beyond the last view.
            views: Aligned::zeros(views + LANES),
            inputs: Aligned::zeros(PLACES * channels * strip),
            products: Aligned::zeros(strips * PLACES * self.targets.len() * self.targets[0].group * strip),
            pixels: Aligned::zeros(4 * strip),
        }
    }
}
