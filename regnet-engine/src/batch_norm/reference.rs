//! Batch normalisation in plain loops; the definition that the fast kernels are tested against.

use super::{Activation, Apply, Backward, BatchNorm, Gradients, Statistics};
use crate::Real;

/// The channel of an element.
fn channel_of(op: &BatchNorm, index: usize) -> usize {
    index / op.pixels % op.channels
}

/// Each channel's sum of `value(index)`.
fn channel_sums(op: &BatchNorm, value: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; op.channels];
    for index in 0..op.len() {
        sums[channel_of(op, index)] += value(index);
    }
    sums
}

/// See [`statistics`](super::statistics).
pub fn statistics<T: Real>(op: &BatchNorm, x: &[T]) -> Statistics<T> {
    let count = op.count() as f64;
    let mean: Vec<f64> = channel_sums(op, |i| x[i].widen()).iter().map(|sum| sum / count).collect();
    let squares = channel_sums(op, |i| (x[i].widen() - mean[channel_of(op, i)]).powi(2));
    let variance = squares.iter().map(|sum| T::of(sum / count)).collect();
    Statistics::new(op, mean.into_iter().map(T::of).collect(), variance)
}

/// See [`apply`](super::apply).
pub fn apply<T: Real>(op: &BatchNorm, args: Apply<'_, T>, y: &mut [T]) {
    let Statistics { mean, inv_std, .. } = args.statistics;
    for (index, y) in y.iter_mut().enumerate() {
        let c = channel_of(op, index);
        let normalised = (args.x[index] - mean[c]) * inv_std[c];
        let residual = args.residual.map_or(T::zero(), |residual| residual[index]);
        let sum = args.gamma[c] * normalised + args.beta[c] + residual;
        *y = match args.activation {
            Activation::Identity => sum,
            Activation::Relu if sum <= T::zero() => T::zero(),
            Activation::Relu => sum,
        };
    }
}

/// See [`backward`](super::backward).
pub fn backward<T: Real>(op: &BatchNorm, args: Backward<'_, T>, gradients: Gradients<'_, T>) {
    let Statistics { mean, inv_std, .. } = args.statistics;
    let masked = |i: usize| match args.activation {
        Activation::Relu if args.y[i] <= T::zero() => 0.0,
        _ => args.dy[i].widen(),
    };
    let normalised = |i: usize| {
        let c = channel_of(op, i);
        (args.x[i].widen() - mean[c].widen()) * inv_std[c].widen()
    };
    let dbeta = channel_sums(op, masked);
    let dgamma = channel_sums(op, |i| masked(i) * normalised(i));
    for (index, dx) in gradients.dx.iter_mut().enumerate() {
        let c = channel_of(op, index);
        let through_statistics = match args.training {
            true => (dbeta[c] + normalised(index) * dgamma[c]) / op.count() as f64,
            false => 0.0,
        };
        let scale = args.gamma[c].widen() * inv_std[c].widen();
        *dx += T::of(scale * (masked(index) - through_statistics));
    }
    for (index, dresidual) in gradients.dresidual.into_iter().flatten().enumerate() {
        *dresidual += T::of(masked(index));
    }
    for c in 0..op.channels {
        gradients.dgamma[c] += T::of(dgamma[c]);
        gradients.dbeta[c] += T::of(dbeta[c]);
    }
}
