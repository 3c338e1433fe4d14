//! The fast passes: plane by plane in the [`grid`](crate::conv2d::grid), where a kernel is a sum of shifted planes.

use std::array;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Depthwise, TAPS};
use crate::Real;
use crate::conv2d::grid::Grid;
use crate::planes::TASK;
use crate::product::Inner;

/// Tasks that the gradient of the weight should at least have.
const TASKS: usize = 16;

/// `out[q] = sum of weight * grid[offset + q]`.
struct Stencil<'a, T> {
    taps: &'a [(usize, T)],
    grid: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Stencil<'_, T> {
    #[inline(always)]
    fn sum<S: Simd, const N: usize>(self, simd: S) {
        let columns = self.out.len();
        let weights: [_; N] = array::from_fn(|tap| T::splat(simd, self.taps[tap].1));
        let inputs: [_; N] = array::from_fn(|tap| T::split::<S>(&self.grid[self.taps[tap].0..][..columns]));
        let (out, out_rest) = T::split_mut::<S>(self.out);
        for (q, out) in out.iter_mut().enumerate() {
            let mut sum = T::splat(simd, T::zero());
            for tap in 0..N {
                sum = T::times_plus(simd, weights[tap], inputs[tap].0[q], sum);
            }
            *out = sum;
        }
        let mut sum = T::splat(simd, T::zero());
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

/// Buffers that a thread keeps from task to task. Borders are written once, with zeros.
struct Scratch<T> {
    grid: Vec<T>,
    sums: Vec<T>,
}

/// See [`forward`](super::forward) and [`forward_add`](super::forward_add).
pub(crate) fn forward<T: Real>(op: &Depthwise, x: &[T], w: &[T], add: bool, y: &mut [T]) {
    let (gate, grid) = (op.gate(), Grid::new(&op.gate()));
    let (pixels, out_pixels) = (gate.pixels(), gate.out_pixels());
    if y.is_empty() {
        return;
    }
    let plane = grid.plane(1);
    let offset = |tap: usize| {
        let shift = grid.shifts[tap];
        shift.lattice * plane + grid.offset(shift.rows, shift.columns)
    };
    let offsets: [usize; TAPS] = array::from_fn(offset);
    let scratch =
        || Scratch { grid: vec![T::zero(); grid.input.len() * plane], sums: vec![T::zero(); grid.image] };
    let planes = TASK.div_ceil(out_pixels);
    y.par_chunks_mut(planes * out_pixels).enumerate().for_each_init(scratch, |scratch, (task, y)| {
        for (index, y) in y.chunks_exact_mut(out_pixels).enumerate() {
            let output = task * planes + index;
            let (image, kernel) = (output / (op.gates * op.channels), output % (op.gates * op.channels));
            let x = &x[(image * op.channels + kernel % op.channels) * pixels..][..pixels];
            for (lattice, to) in grid.input.iter().zip(scratch.grid.chunks_exact_mut(plane)) {
                grid.gather(lattice, x, true, to);
            }
            let taps: [_; TAPS] = array::from_fn(|tap| (offsets[tap], w[kernel * TAPS + tap]));
            Arch::new().dispatch(Stencil { taps: &taps, grid: &scratch.grid, out: &mut scratch.sums });
            if add {
                grid.add(&scratch.sums, &grid.output, y);
            } else {
                grid.overwrite(&scratch.sums, &grid.output, y);
            }
        }
    });
}

/// See [`backward_input`](super::backward_input).
pub(crate) fn backward_input<T: Real>(op: &Depthwise, w: &[T], dy: &[T], dx: &mut [T]) {
    let (gate, grid) = (op.gate(), Grid::new(&op.gate()));
    let (pixels, out_pixels) = (gate.pixels(), gate.out_pixels());
    if dx.is_empty() {
        return;
    }
    // For each lattice of the input, the kernel positions that fall on it, and where they find the output.
    let lattices: Vec<Vec<(usize, usize)>> = (0..grid.input.len())
        .map(|index| {
            let of_lattice = grid.shifts.iter().enumerate().filter(|(_, shift)| shift.lattice == index);
            of_lattice.map(|(tap, shift)| (tap, grid.offset(-shift.rows, -shift.columns))).collect()
        })
        .collect();
    let scratch = || Scratch { grid: vec![T::zero(); grid.plane(1)], sums: vec![T::zero(); grid.image] };
    let planes = TASK.div_ceil(pixels);
    dx.par_chunks_mut(planes * pixels).enumerate().for_each_init(scratch, |scratch, (task, dx)| {
        for (index, dx) in dx.chunks_exact_mut(pixels).enumerate() {
            let (image, channel) =
                ((task * planes + index) / op.channels, (task * planes + index) % op.channels);
            for gate in 0..op.gates {
                let kernel = gate * op.channels + channel;
                let dy = &dy[(image * op.gates * op.channels + kernel) * out_pixels..][..out_pixels];
                grid.gather(&grid.output, dy, true, &mut scratch.grid);
                for (lattice, positions) in grid.input.iter().zip(&lattices) {
                    let taps: Vec<(usize, T)> =
                        positions.iter().map(|&(tap, offset)| (offset, w[kernel * TAPS + tap])).collect();
                    let Scratch { grid: input, sums } = &mut *scratch;
                    Arch::new().dispatch(Stencil { taps: &taps, grid: input, out: sums });
                    grid.add(&scratch.sums, lattice, dx);
                }
            }
        }
    });
}

/// See [`backward_weight`](super::backward_weight).
pub(crate) fn backward_weight<T: Real>(op: &Depthwise, x: &[T], dy: &[T], dw: &mut [T]) {
    let (gate, grid) = (op.gate(), Grid::new(&op.gate()));
    let (pixels, out_pixels) = (gate.pixels(), gate.out_pixels());
    if dw.is_empty() || dy.is_empty() {
        return;
    }
    let plane = grid.plane(1);
    let offset =
        |shift: &crate::conv2d::grid::Shift| shift.lattice * plane + grid.offset(shift.rows, shift.columns);
    let offsets: Vec<usize> = grid.shifts.iter().map(offset).collect();
    let images = op.batch.div_ceil(TASKS.div_ceil(op.channels).min(op.batch));
    let scratch = || Scratch {
        grid: vec![T::zero(); grid.input.len() * plane],
        sums: vec![T::zero(); op.gates * grid.image],
    };
    // `[chunks of images, channels, gates, 3, 3]`.
    let mut partial = vec![T::zero(); op.batch.div_ceil(images) * op.weight_len()];
    partial.par_chunks_mut(op.gates * TAPS).enumerate().for_each_init(scratch, |scratch, (task, partial)| {
        let (chunk, channel) = (task / op.channels, task % op.channels);
        for image in chunk * images..((chunk + 1) * images).min(op.batch) {
            let x = &x[(image * op.channels + channel) * pixels..][..pixels];
            for (lattice, to) in grid.input.iter().zip(scratch.grid.chunks_exact_mut(plane)) {
                grid.gather(lattice, x, true, to);
            }
            for (gate, to) in scratch.sums.chunks_exact_mut(grid.image).enumerate() {
                let output = (image * op.gates + gate) * op.channels + channel;
                grid.gather(&grid.output, &dy[output * out_pixels..][..out_pixels], false, to);
            }
            Inner {
                left: &scratch.sums,
                left_stride: grid.image,
                rows: op.gates,
                offsets: &offsets,
                input: &scratch.grid,
                columns: grid.image,
                out: partial,
            }
            .run();
        }
    });
    for (index, partial) in partial.chunks_exact(op.gates * TAPS).enumerate() {
        for (gate, partial) in partial.chunks_exact(TAPS).enumerate() {
            let kernel = gate * op.channels + index % op.channels;
            dw[kernel * TAPS..][..TAPS].iter_mut().zip(partial).for_each(|(dw, &partial)| *dw += partial);
        }
    }
}
