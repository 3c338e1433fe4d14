//! Rectified linear unit, `y = max(x, 0)`; NaN stays NaN, so that training that diverges is noticed.

use rayon::prelude::*;

use crate::planes::{TASK, each_of};
use crate::{Real, check};

/// Overwrites `y` with `max(x, 0)`.
pub fn forward<T: Real>(x: &[T], y: &mut [T]) {
    check::length("y", y, x.len());
    y.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(y, x)| {
        each_of(y, [x], |y, [x]| *y = if x <= T::zero() { T::zero() } else { x });
    });
}

/// Adds `dy` to `dx` where the output `y` of [`forward`] is positive.
pub fn backward<T: Real>(y: &[T], dy: &[T], dx: &mut [T]) {
    check::length("dy", dy, y.len());
    check::length("dx", dx, y.len());
    let inputs = y.par_chunks(TASK).zip(dy.par_chunks(TASK));
    dx.par_chunks_mut(TASK).zip(inputs).for_each(|(dx, (y, dy))| {
        each_of(dx, [y, dy], |dx, [y, dy]| *dx += if y <= T::zero() { T::zero() } else { dy });
    });
}

/// The same in plain loops.
pub mod reference {
    use crate::Real;

    /// See [`forward`](super::forward).
    pub fn forward<T: Real>(x: &[T], y: &mut [T]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = if x <= T::zero() { T::zero() } else { x };
        }
    }

    /// See [`backward`](super::backward).
    pub fn backward<T: Real>(y: &[T], dy: &[T], dx: &mut [T]) {
        for ((dx, &dy), &y) in dx.iter_mut().zip(dy).zip(y) {
            *dx += if y <= T::zero() { T::zero() } else { dy };
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nan_passes_both_ways() {
        let x = [f32::NAN, -1.0, 2.0];
        let (mut y, mut dx) = ([0.0; 3], [0.0; 3]);
        super::forward(&x, &mut y);
        assert!(y[0].is_nan() && y[1..] == [0.0, 2.0]);
        super::backward(&y, &[5.0; 3], &mut dx);
        assert_eq!(dx, [5.0, 0.0, 5.0]);
    }
}
