//! The fast passes: plane by plane in the [`grid`](crate::conv2d::grid), where a kernel is a sum of shifted planes.

use std::array;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Depthwise, TAPS};
use crate::Real;
use crate::aligned::Aligned;
use crate::conv2d::grid::Grid;
use crate::planes::TASK;
use crate::product::Inner;

/// Tasks that the gradient of the weight should at least have.
const TASKS: usize = 16;

/// `out[q] = sum of weight * views[offset + q]`, or that much more.
struct Stencil<'a, T> {
    taps: &'a [(usize, T)],
    views: &'a [T],
    add: bool,
    out: &'a mut [T],
}

impl<T: Real> Stencil<'_, T> {
    #[inline(always)]
    fn sum<S: Simd, const N: usize>(self, simd: S) {
        let columns = self.out.len();
        let weights: [_; N] = array::from_fn(|tap| T::splat(simd, self.taps[tap].1));
        let inputs: [_; N] = array::from_fn(|tap| T::split::<S>(&self.views[self.taps[tap].0..][..columns]));
        let (out, out_rest) = T::split_mut::<S>(self.out);
        for (q, out) in out.iter_mut().enumerate() {
            let mut sum = if self.add { *out } else { T::splat(simd, T::zero()) };
            for tap in 0..N {
                sum = T::times_plus(simd, weights[tap], inputs[tap].0[q], sum);
            }
            *out = sum;
        }
        let mut sum = if self.add { T::load_partial(simd, out_rest) } else { T::splat(simd, T::zero()) };
        for tap in 0..N {
            sum = T::times_plus(simd, weights[tap], T::load_partial(simd, inputs[tap].1), sum);
        }
        T::store_partial(simd, out_rest, sum);
    }
}

impl<T: Real> WithSimd for Stencil<'_, T> {
    type Output = ();

    /// A 3x3 kernel has 9 taps; split among the lattices of a strided input they are 1, 2, 2 and 4.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.taps.len() {
            9 => self.sum::<S, 9>(simd),
            4 => self.sum::<S, 4>(simd),
            2 => self.sum::<S, 2>(simd),
            1 => self.sum::<S, 1>(simd),
            taps => unreachable!("a lattice has 1, 2, 4 or 9 taps, not {taps}"),
        }
    }
}

/// See [`forward`](super::forward) and [`forward_add`](super::forward_add).
pub(crate) fn forward<T: Real>(op: &Depthwise, of: usize, x: &[T], w: &[T], add: bool, y: &mut [T]) {
    let gate = op.gate();
    let (grid, seen) = Grid::of_input(&gate);
    let (pixels, out_pixels) = (gate.pixels(), gate.out_pixels());
    if y.is_empty() {
        return;
    }
    let offsets: [usize; TAPS] = array::from_fn(|tap| grid.offset(seen[tap], 1));
    let planes = TASK.div_ceil(out_pixels);
    let tasks = y.par_chunks_mut(planes * out_pixels).enumerate();
    tasks.for_each_init(
        || views(&grid),
        |views, (task, y)| {
            for (index, y) in y.chunks_exact_mut(out_pixels).enumerate() {
                let output = task * planes + index;
                let (image, kernel) = (output / (op.gates * op.channels), output % (op.gates * op.channels));
                let x = &x[(image * of + kernel % op.channels) * pixels..][..pixels];
                gather(&grid, x, views.as_mut());
                let taps: [_; TAPS] = array::from_fn(|tap| (offsets[tap], w[kernel * TAPS + tap]));
                Arch::new().dispatch(Stencil { taps: &taps, views: views.as_ref(), add, out: y });
            }
        },
    );
}

/// One channel's views. Borders are written once, with zeros.
fn views<T: Real>(grid: &Grid) -> Aligned<T> {
    Aligned::zeros(grid.views.len() * grid.plane(1))
}

/// Fills them.
fn gather<T: Real>(grid: &Grid, plane: &[T], to: &mut [T]) {
    for (view, to) in grid.views.iter().zip(to.chunks_exact_mut(grid.plane(1))) {
        grid.gather(view, plane, (0, 1), to);
    }
}

/// See [`backward_input`](super::backward_input).
pub(crate) fn backward_input<T: Real>(op: &Depthwise, of: usize, w: &[T], dy: &[T], dx: &mut [T]) {
    let gate = op.gate();
    let (grid, lattices) = Grid::of_output(&gate);
    let (pixels, out_pixels) = (gate.pixels(), gate.out_pixels());
    if dx.is_empty() {
        return;
    }
    let planes = TASK.div_ceil(pixels);
    let tasks = dx.par_chunks_mut(planes * pixels).enumerate();
    let scratch = || (views(&grid), vec![T::zero(); grid.pixels()]);
    tasks.for_each_init(scratch, |(views, sums), (task, dx)| {
        for (index, dx) in dx.chunks_exact_mut(pixels).enumerate() {
            let (image, channel) = ((task * planes + index) / of, (task * planes + index) % of);
            if channel >= op.channels {
                continue;
            }
            for gate in 0..op.gates {
                let kernel = gate * op.channels + channel;
                let dy = &dy[(image * op.gates * op.channels + kernel) * out_pixels..][..out_pixels];
                gather(&grid, dy, views.as_mut());
                for (lattice, positions) in &lattices {
                    let tap = |&(tap, seen)| (grid.offset(seen, 1), w[kernel * TAPS + tap]);
                    let taps: Vec<(usize, T)> = positions.iter().map(tap).collect();
                    let views = views.as_ref();
                    if grid.is_whole(lattice) {
                        Arch::new().dispatch(Stencil { taps: &taps, views, add: true, out: dx });
                    } else {
                        Arch::new().dispatch(Stencil { taps: &taps, views, add: false, out: sums });
                        grid.scatter(sums, (0, 1), lattice, true, dx);
                    }
                }
            }
        }
    });
}

/// See [`backward_weight`](super::backward_weight).
pub(crate) fn backward_weight<T: Real>(op: &Depthwise, of: usize, x: &[T], dy: &[T], dw: &mut [T]) {
    let gate = op.gate();
    let (grid, seen) = Grid::of_input(&gate);
    let (pixels, out_pixels) = (gate.pixels(), gate.out_pixels());
    if dw.is_empty() || dy.is_empty() {
        return;
    }
    let offsets: Vec<usize> = seen.iter().map(|&seen| grid.offset(seen, 1)).collect();
    let images = op.batch.div_ceil(TASKS.div_ceil(op.channels).min(op.batch));
    // `[chunks of images, channels, gates, 3, 3]`.
    let mut partial = vec![T::zero(); op.batch.div_ceil(images) * op.weight_len()];
    let tasks = partial.par_chunks_mut(op.gates * TAPS).enumerate();
    tasks.for_each_init(
        || views(&grid),
        |views, (task, partial)| {
            let (chunk, channel) = (task / op.channels, task % op.channels);
            for image in chunk * images..((chunk + 1) * images).min(op.batch) {
                gather(&grid, &x[(image * of + channel) * pixels..][..pixels], views.as_mut());
                Inner {
                    left: &dy[(image * op.gates * op.channels + channel) * out_pixels..],
                    left_stride: op.channels * out_pixels,
                    rows: op.gates,
                    offsets: &offsets,
                    input: views.as_ref(),
                    columns: out_pixels,
                    out: partial,
                }
                .run();
            }
        },
    );
    for (index, partial) in partial.chunks_exact(op.gates * TAPS).enumerate() {
        for (gate, partial) in partial.chunks_exact(TAPS).enumerate() {
            let kernel = gate * op.channels + index % op.channels;
            dw[kernel * TAPS..][..TAPS].iter_mut().zip(partial).for_each(|(dw, &partial)| *dw += partial);
        }
    }
}
