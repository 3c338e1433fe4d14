//! A few elements at once, so that formulas become loops that are short enough for the compiler's vectors.

use std::ops::{Add, Mul, Sub};

use crate::Real;
use crate::planes::LANES;

/// Neighbouring elements of a plane; arithmetic is elementwise.
#[derive(Clone, Copy)]
pub(super) struct Chunk<T>(pub [T; LANES]);

impl<T: Real> Chunk<T> {
    /// `value` everywhere.
    #[inline(always)]
    pub(super) fn splat(value: T) -> Self {
        Chunk([value; LANES])
    }

    /// 1 everywhere.
    #[inline(always)]
    pub(super) fn one() -> Self {
        Chunk::splat(T::one())
    }

    /// The elements of a slice that may be too short; the others are zero.
    #[inline(always)]
    pub(super) fn partial(slice: &[T]) -> Self {
        let mut chunk = [T::zero(); LANES];
        chunk[..slice.len()].copy_from_slice(slice);
        Chunk(chunk)
    }

    #[inline(always)]
    fn map(mut self, f: impl Fn(T) -> T) -> Self {
        self.0.iter_mut().for_each(|value| *value = f(*value));
        self
    }

    #[inline(always)]
    fn zip(mut self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(value, other)| *value = f(*value, other));
        self
    }

    /// The logistic function.
    #[inline(always)]
    pub(super) fn sigmoid(self) -> Self {
        self.map(T::sigmoid)
    }

    /// The hyperbolic tangent.
    #[inline(always)]
    pub(super) fn tanh(self) -> Self {
        self.map(T::hyperbolic_tangent)
    }
}

impl<T: Real> Add for Chunk<T> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl<T: Real> Sub for Chunk<T> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl<T: Real> Mul for Chunk<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}
