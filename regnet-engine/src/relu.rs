//! Rectified linear unit, `y = max(x, 0)`.

use rayon::prelude::*;

use crate::planes::{TASK, each_of};
use crate::{Real, check};

/// Overwrites `y` with `max(x, 0)`.
pub fn forward<T: Real>(x: &[T], y: &mut [T]) {
    check::length("y", y, x.len());
    y.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(y, x)| {
        each_of(y, [x], |y, [x]| *y = if x > T::zero() { x } else { T::zero() });
    });
}

/// Adds `dy` to `dx` where the output `y` of [`forward`] is positive.
pub fn backward<T: Real>(y: &[T], dy: &[T], dx: &mut [T]) {
    check::length("dy", dy, y.len());
    check::length("dx", dx, y.len());
    let inputs = y.par_chunks(TASK).zip(dy.par_chunks(TASK));
    dx.par_chunks_mut(TASK).zip(inputs).for_each(|(dx, (y, dy))| {
        each_of(dx, [y, dy], |dx, [y, dy]| *dx += if y > T::zero() { dy } else { T::zero() });
    });
}

/// The same in plain loops.
pub mod reference {
    use crate::Real;

    /// See [`forward`](super::forward).
    pub fn forward<T: Real>(x: &[T], y: &mut [T]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = if x > T::zero() { x } else { T::zero() };
        }
    }

    /// See [`backward`](super::backward).
    pub fn backward<T: Real>(y: &[T], dy: &[T], dx: &mut [T]) {
        for ((dx, &dy), &y) in dx.iter_mut().zip(dy).zip(y) {
            if y > T::zero() {
                *dx += dy;
            }
        }
    }
}
