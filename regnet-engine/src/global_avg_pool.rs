//! Global average pooling: the mean of each channel's pixels.

use pulp::Arch;
use rayon::prelude::*;

use crate::planes::{Sum, TASK, each_of};
use crate::{Real, check};

/// The sizes: input `[batch, channels, pixels]`, output `[batch, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAvgPool {
    /// Images.
    pub batch: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Pixels of a channel: height times width.
    pub pixels: usize,
}

impl GlobalAvgPool {
    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.channels
    }

    /// Planes of a task.
    fn planes_per_task(&self) -> usize {
        TASK.div_ceil(self.pixels)
    }
}

/// Overwrites `y` with the mean of each channel of each image.
pub fn forward<T: Real>(op: &GlobalAvgPool, x: &[T], y: &mut [T]) {
    check::length("x", x, op.input_len());
    check::length("y", y, op.output_len());
    if x.is_empty() {
        y.fill(T::nan());
        return;
    }
    let planes = op.planes_per_task();
    y.par_chunks_mut(planes).zip(x.par_chunks(planes * op.pixels)).for_each(|(y, x)| {
        for (y, x) in y.iter_mut().zip(x.chunks_exact(op.pixels)) {
            *y = T::of(Arch::new().dispatch(Sum(x)) / op.pixels as f64);
        }
    });
}

/// Adds `dy / pixels` to every pixel of each channel of `dx`.
pub fn backward<T: Real>(op: &GlobalAvgPool, dy: &[T], dx: &mut [T]) {
    check::length("dy", dy, op.output_len());
    check::length("dx", dx, op.input_len());
    if dx.is_empty() {
        return;
    }
    let planes = op.planes_per_task();
    dx.par_chunks_mut(planes * op.pixels).zip(dy.par_chunks(planes)).for_each(|(dx, dy)| {
        for (dx, &dy) in dx.chunks_exact_mut(op.pixels).zip(dy) {
            let share = dy / T::of(op.pixels as f64);
            each_of(dx, [], |dx, []| *dx += share);
        }
    });
}

/// The same in plain loops.
pub mod reference {
    use super::GlobalAvgPool;
    use crate::Real;

    /// See [`forward`](super::forward).
    pub fn forward<T: Real>(op: &GlobalAvgPool, x: &[T], y: &mut [T]) {
        for (plane, y) in y.iter_mut().enumerate() {
            let pixels = &x[plane * op.pixels..][..op.pixels];
            *y = T::of(pixels.iter().map(|x| x.widen()).sum::<f64>() / op.pixels as f64);
        }
    }

    /// See [`backward`](super::backward).
    pub fn backward<T: Real>(op: &GlobalAvgPool, dy: &[T], dx: &mut [T]) {
        for (index, dx) in dx.iter_mut().enumerate() {
            *dx += dy[index / op.pixels] / T::of(op.pixels as f64);
        }
    }
}
