//! Loops over the channels and pixels of NCHW tensors, for the kernels that memory bounds.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::Real;

/// Elements of any vector at most; a multiple of every vector's.
pub(crate) const LANES: usize = 16;

/// Elements of a task.
pub(crate) const TASK: usize = 16 * 1024;

/// Elements of an image that a task of a sum should at least have.
const SUM_TASK: usize = 4096;

/// Tasks that a sum should at least have.
const SUM_TASKS: usize = 32;

/// The shape `[batch, channels, pixels]`.
#[derive(Clone, Copy)]
pub(crate) struct Planes {
    pub batch: usize,
    pub channels: usize,
    pub pixels: usize,
}

impl Planes {
    /// Planes of a task that elementwise loops share out.
    pub(crate) fn planes_per_task(&self) -> usize {
        (TASK / self.pixels.max(1)).max(1)
    }

    /// The channel and the elements of each plane from number `first` on.
    #[inline(always)]
    pub(crate) fn from(self, first: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
        let channels = (0..self.channels).cycle().skip(first % self.channels);
        let pixels = self.pixels;
        channels
            .zip((first * pixels..).step_by(pixels))
            .map(move |(channel, start)| (channel, start..start + pixels))
    }

    /// Each channel's sums of `N` quantities.
    ///
    /// A task takes some images and enough neighbouring channels to stream; the tasks' sums are added in order.
    pub(crate) fn channel_sums<const N: usize>(&self, terms: impl Terms<N>) -> Vec<[f64; N]> {
        let width = SUM_TASK.div_ceil(self.pixels.max(1)).min(self.channels).max(1);
        let columns = self.channels.div_ceil(width);
        let height = self.batch.div_ceil(SUM_TASKS.div_ceil(columns.max(1))).max(1);
        let rows = self.batch.div_ceil(height);
        let partials: Vec<Vec<[f64; N]>> = (0..rows * columns)
            .into_par_iter()
            .map(|task| {
                let (row, column) = (task / columns, task % columns);
                let images = row * height..((row + 1) * height).min(self.batch);
                let channels = column * width..((column + 1) * width).min(self.channels);
                let mut sums = vec![[0.0; N]; channels.len()];
                let task = SumTask { planes: *self, images, channels, terms: &terms, sums: &mut sums };
                Arch::new().dispatch(task);
                sums
            })
            .collect();
        let mut totals = vec![[0.0; N]; self.channels];
        for (task, partial) in partials.iter().enumerate() {
            for (total, partial) in totals[task % columns * width..].iter_mut().zip(partial) {
                for n in 0..N {
                    total[n] += partial[n];
                }
            }
        }
        totals
    }
}

/// The quantities that [`Planes::channel_sums`] sums.
pub(crate) trait Terms<const N: usize>: Sync {
    /// Adds those of the plane at `pixels` to its channel's sums. To be `#[inline(always)]`: only inside
    /// its caller is it compiled for the machine's vectors.
    fn add<S: Simd>(&self, simd: S, channel: usize, pixels: Range<usize>, sums: &mut [f64; N]);
}

/// Some images of some channels.
struct SumTask<'a, Q, const N: usize> {
    planes: Planes,
    images: Range<usize>,
    channels: Range<usize>,
    terms: &'a Q,
    sums: &'a mut [[f64; N]],
}

impl<Q: Terms<N>, const N: usize> WithSimd for SumTask<'_, Q, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for image in self.images {
            for (channel, sums) in self.channels.clone().zip(self.sums.iter_mut()) {
                let start = (image * self.planes.channels + channel) * self.planes.pixels;
                self.terms.add(simd, channel, start..start + self.planes.pixels, sums);
            }
        }
    }
}

/// Adds what `f` makes of every vector of the inputs to `N` sums.
///
/// A lane takes few enough terms in the element type for its rounding errors to stay below 1e-6 of the sum
/// of the terms' sizes, as a rule far below; all beyond is in `f64`.
#[inline(always)]
pub(crate) fn sum_of<S: Simd, T: Real, const INPUTS: usize, const N: usize>(
    simd: S,
    sums: &mut [f64; N],
    inputs: [&[T]; INPUTS],
    f: impl Fn([T::Vector<S>; INPUTS]) -> [T::Vector<S>; N],
) {
    const VECTORS: usize = 32;
    let split = inputs.map(|input| T::split::<S>(input));
    let vectors = split[0].0.len();
    for first in (0..vectors).step_by(VECTORS) {
        let mut lanes = [T::splat(simd, T::zero()); N];
        for index in first..(first + VECTORS).min(vectors) {
            let terms = f(split.map(|(vectors, _)| vectors[index]));
            (0..N).for_each(|n| lanes[n] = T::plus(simd, lanes[n], terms[n]));
        }
        (0..N).for_each(|n| sums[n] += T::reduce_sum(simd, lanes[n]).widen());
    }
    let rest = split[0].1.len();
    if rest > 0 {
        let terms = f(split.map(|(_, rest)| T::load_partial(simd, rest)));
        for n in 0..N {
            let mut lanes = [T::zero(); LANES];
            T::store_partial(simd, &mut lanes[..rest], terms[n]);
            sums[n] += lanes.iter().map(|lane| lane.widen()).sum::<f64>();
        }
    }
}

/// Replaces every vector of `out` by what `f` makes of it and of the inputs'.
#[inline(always)]
pub(crate) fn each_vector_of<S: Simd, T: Real, const INPUTS: usize>(
    simd: S,
    out: &mut [T],
    inputs: [&[T]; INPUTS],
    f: impl Fn(T::Vector<S>, [T::Vector<S>; INPUTS]) -> T::Vector<S>,
) {
    let (out, out_rest) = T::split_mut::<S>(out);
    let split = inputs.map(|input| T::split::<S>(input));
    for (index, out) in out.iter_mut().enumerate() {
        *out = f(*out, split.map(|(vectors, _)| vectors[index]));
    }
    if !out_rest.is_empty() {
        let new = f(T::load_partial(simd, out_rest), split.map(|(_, rest)| T::load_partial(simd, rest)));
        T::store_partial(simd, out_rest, new);
    }
}

/// The sum of a plane's elements.
pub(crate) struct Sum<'a, T>(pub &'a [T]);

impl<T: Real> WithSimd for Sum<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let mut sum = [0.0];
        sum_of(simd, &mut sum, [self.0], |values| values);
        sum[0]
    }
}

/// The sum of the products of two planes' elements.
pub(crate) struct Dot<'a, T>(pub &'a [T], pub &'a [T]);

impl<T: Real> WithSimd for Dot<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (mut sum, zero) = ([0.0], T::splat(simd, T::zero()));
        sum_of(simd, &mut sum, [self.0, self.1], |[a, b]| [T::times_plus(simd, a, b, zero)]);
        sum[0]
    }
}

/// Calls `f(out, [inputs])` for every element.
#[inline(always)]
pub(crate) fn each_of<T: Real, const INPUTS: usize>(
    out: &mut [T],
    inputs: [&[T]; INPUTS],
    f: impl Fn(&mut T, [T; INPUTS]),
) {
    let inputs = inputs.map(|input| &input[..out.len()]);
    for (index, out) in out.iter_mut().enumerate() {
        f(out, inputs.map(|input| input[index]));
    }
}
