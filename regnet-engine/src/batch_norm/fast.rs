//! Batch normalisation at the speed of memory: sums over blocks of channels, then one pass over the planes.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Activation, Apply, Backward, BatchNorm, Gradients, Statistics};
use crate::Real;
use crate::planes::{Planes, Terms, each_vector_of, sum_of};

/// See [`statistics`](super::statistics).
///
/// One pass over the batch sums `d = x - m` and `d²`, where `m` is the mean of the channel in the first
/// image, and the variance is `mean(d²) - mean(d)²`. Little cancels: the first image alone makes the
/// variance at least `mean(d)² / batch`, so that the relative rounding error grows by no more than the
/// number of images.
pub(crate) fn statistics<T: Real>(op: &BatchNorm, x: &[T]) -> Statistics<T> {
    let first_image = Planes { batch: op.batch.min(1), ..op.planes() };
    let sums = first_image.channel_sums(Deviations { x, shifts: &vec![T::zero(); op.channels] });
    let shifts: Vec<T> = sums.iter().map(|[sum, _]| T::of(sum / op.pixels as f64)).collect();
    let sums = op.planes().channel_sums(Deviations { x, shifts: &shifts });
    let count = op.count() as f64;
    let mean = sums.iter().zip(&shifts).map(|([sum, _], shift)| T::of(shift.widen() + sum / count)).collect();
    let variance = |[sum, squares]: &[f64; 2]| {
        let variance = squares / count - (sum / count).powi(2);
        // Rounding may make it negative. NaN stays NaN, which `max` would not let it.
        if variance < 0.0 { 0.0 } else { variance }
    };
    Statistics::new(op, mean, sums.iter().map(|sums| T::of(variance(sums))).collect())
}

/// Sums of `d` and `d²` for `d = x - shift`.
struct Deviations<'a, T> {
    x: &'a [T],
    shifts: &'a [T],
}

impl<T: Real> Terms<2> for Deviations<'_, T> {
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, channel: usize, pixels: Range<usize>, sums: &mut [f64; 2]) {
        let (shift, zero) = (T::splat(simd, -self.shifts[channel]), T::splat(simd, T::zero()));
        sum_of(simd, sums, [&self.x[pixels]], |[x]| {
            let deviation = T::plus(simd, x, shift);
            [deviation, T::times_plus(simd, deviation, deviation, zero)]
        });
    }
}

/// See [`apply`](super::apply).
pub(crate) fn apply<T: Real>(op: &BatchNorm, args: Apply<'_, T>, y: &mut [T]) {
    if y.is_empty() {
        return;
    }
    let planes = op.planes().planes_per_task();
    y.par_chunks_mut(planes * op.pixels).enumerate().for_each(|(index, y)| {
        Arch::new().dispatch(ApplyTask { op, args, first_plane: index * planes, y });
    });
}

/// Some planes of [`apply`].
struct ApplyTask<'a, T> {
    op: &'a BatchNorm,
    args: Apply<'a, T>,
    first_plane: usize,
    y: &'a mut [T],
}

impl<T: Real> WithSimd for ApplyTask<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ApplyTask { op, args, first_plane, y } = self;
        for (y, (c, pixels)) in y.chunks_exact_mut(op.pixels).zip(op.planes().from(first_plane)) {
            let [mean, scale, shift] =
                [-args.statistics.mean[c], args.gamma[c] * args.statistics.inv_std[c], args.beta[c]]
                    .map(|number| T::splat(simd, number));
            let value = |x| T::times_plus(simd, T::plus(simd, x, mean), scale, shift);
            // NaN stays NaN, so that training that diverges is noticed.
            let relu = |value| T::where_positive(simd, value, value);
            let x = &args.x[pixels.clone()];
            let residual = args.residual.map(|residual| &residual[pixels]);
            match (args.activation, residual) {
                (Activation::Identity, None) => each_vector_of(simd, y, [x], |_, [x]| value(x)),
                (Activation::Relu, None) => each_vector_of(simd, y, [x], |_, [x]| relu(value(x))),
                (Activation::Identity, Some(r)) => {
                    each_vector_of(simd, y, [x, r], |_, [x, r]| T::plus(simd, value(x), r))
                }
                (Activation::Relu, Some(r)) => {
                    each_vector_of(simd, y, [x, r], |_, [x, r]| relu(T::plus(simd, value(x), r)))
                }
            }
        }
    }
}

/// The gradient in front of the activation.
#[inline(always)]
fn unmasked<S: Simd, T: Real>(simd: S, relu: bool, y: T::Vector<S>, dy: T::Vector<S>) -> T::Vector<S> {
    if relu { T::where_positive(simd, dy, y) } else { dy }
}

/// The numbers that one channel's `dx = scale dy - slope (x - mean) - constant` is made of.
struct Line<T> {
    scale: T,
    slope: T,
    mean: T,
    constant: T,
}

/// See [`backward`](super::backward).
pub(crate) fn backward<T: Real>(op: &BatchNorm, args: Backward<'_, T>, gradients: Gradients<'_, T>) {
    if op.is_empty() {
        return;
    }
    let Statistics { mean, inv_std, .. } = args.statistics;
    let sums = op.planes().channel_sums(ParameterGradients(args));
    let lines: Vec<Line<T>> = (0..op.channels)
        .map(|c| {
            let inv_std = inv_std[c].widen();
            let (dbeta, dgamma) = (sums[c][0], sums[c][1] * inv_std);
            gradients.dbeta[c] += T::of(dbeta);
            gradients.dgamma[c] += T::of(dgamma);
            let scale = args.gamma[c].widen() * inv_std;
            let through = if args.training { scale / op.count() as f64 } else { 0.0 };
            Line {
                scale: T::of(scale),
                slope: T::of(through * inv_std * dgamma),
                mean: mean[c],
                constant: T::of(through * dbeta),
            }
        })
        .collect();
    add_input_gradients(op, &args, &lines, gradients.dx, gradients.dresidual);
}

/// Sums of `dy` in front of the activation, and of its products with `x - mean`.
struct ParameterGradients<'a, T>(Backward<'a, T>);

impl<T: Real> Terms<2> for ParameterGradients<'_, T> {
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, channel: usize, pixels: Range<usize>, sums: &mut [f64; 2]) {
        let args = &self.0;
        let (mean, zero) = (T::splat(simd, -args.statistics.mean[channel]), T::splat(simd, T::zero()));
        let relu = args.activation == Activation::Relu;
        let inputs = [&args.x[pixels.clone()], &args.y[pixels.clone()], &args.dy[pixels]];
        sum_of(simd, sums, inputs, |[x, y, dy]| {
            let dy = unmasked::<S, T>(simd, relu, y, dy);
            [dy, T::times_plus(simd, dy, T::plus(simd, x, mean), zero)]
        });
    }
}

/// Adds to `dx` and `dresidual`, plane by plane.
fn add_input_gradients<T: Real>(
    op: &BatchNorm,
    args: &Backward<'_, T>,
    lines: &[Line<T>],
    dx: &mut [T],
    dresidual: Option<&mut [T]>,
) {
    let planes = op.planes().planes_per_task();
    let length = planes * op.pixels;
    let dresiduals: Vec<Option<&mut [T]>> = match dresidual {
        Some(dresidual) => dresidual.chunks_mut(length).map(Some).collect(),
        None => (0..op.len().div_ceil(length)).map(|_| None).collect(),
    };
    dx.par_chunks_mut(length).zip(dresiduals).enumerate().for_each(|(index, (dx, dresidual))| {
        let first_plane = index * planes;
        Arch::new().dispatch(BackwardTask { op, args, lines, first_plane, dx, dresidual });
    });
}

/// Some planes of [`backward`].
struct BackwardTask<'a, T> {
    op: &'a BatchNorm,
    args: &'a Backward<'a, T>,
    lines: &'a [Line<T>],
    first_plane: usize,
    dx: &'a mut [T],
    dresidual: Option<&'a mut [T]>,
}

impl<T: Real> WithSimd for BackwardTask<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let BackwardTask { op, args, lines, first_plane, dx, mut dresidual } = self;
        let relu = args.activation == Activation::Relu;
        let planes = dx.chunks_exact_mut(op.pixels).zip(op.planes().from(first_plane));
        for (i, (dx, (c, pixels))) in planes.enumerate() {
            let &Line { scale, slope, mean, constant } = &lines[c];
            let [scale, slope, mean, constant] =
                [scale, -slope, -mean, -constant].map(|number| T::splat(simd, number));
            let (x, y, dy) = (&args.x[pixels.clone()], &args.y[pixels.clone()], &args.dy[pixels]);
            each_vector_of(simd, dx, [x, y, dy], |dx, [x, y, dy]| {
                let of_statistics = T::times_plus(simd, T::plus(simd, x, mean), slope, constant);
                let all = T::times_plus(simd, unmasked::<S, T>(simd, relu, y, dy), scale, of_statistics);
                T::plus(simd, dx, all)
            });
            if let Some(dresidual) = &mut dresidual {
                let dresidual = &mut dresidual[i * op.pixels..][..op.pixels];
                each_vector_of(simd, dresidual, [y, dy], |dresidual, [y, dy]| {
                    T::plus(simd, dresidual, unmasked::<S, T>(simd, relu, y, dy))
                });
            }
        }
    }
}
