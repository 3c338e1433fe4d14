//! The element types the kernels compute in.

use std::fmt::{Debug, Display};
use std::iter::Sum;

use num_traits::{Float, NumAssignOps};

use crate::kernels::Kernels;
use crate::sigmoidal::Sigmoidal;
use crate::simd::Lanes;

/// An element type: `f32`, which the kernels are tuned for, or `f64`, which gradient checks need.
///
/// Sealed: its first supertraits are private to this crate.
pub trait Real:
    Kernels + Lanes + Sigmoidal + Float + NumAssignOps + Sum + Default + Debug + Display + Send + Sync + 'static
{
    /// `value`, rounded to this type.
    fn of(value: f64) -> Self;

    /// The same value as an `f64`; exact for both element types.
    fn widen(self) -> f64;
}

impl Real for f32 {
    #[inline(always)]
    fn of(value: f64) -> f32 {
        value as f32
    }

    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn of(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}
