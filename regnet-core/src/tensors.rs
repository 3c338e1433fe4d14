//! The shapes that kernels see: flat buffers and run-time-shaped feature maps.
//!
//! A typed tensor, its run-time-shaped form and its flat form share one identity on the tape, so converting
//! costs nothing, and everything below the typed shells is compiled once for all shapes.

use dfdx::prelude::*;

use crate::Backend;

/// A tensor as one contiguous run of elements.
pub type Flat<E, D, T = NoneTape> = Tensor<(usize,), E, D, T>;

/// Feature maps `(batch, channels, height, width)` whose dimensions are only known at run time.
pub type Map<E, D, T = NoneTape> = Tensor<(usize, usize, usize, usize), E, D, T>;

/// Logits `(batch, classes)` whose dimensions are only known at run time.
pub type Logits<E, D, T = NoneTape> = Tensor<(usize, usize), E, D, T>;

/// The flat form of `x`; copies (on the tape) only where `x` is a permuted or broadcast view.
///
/// The shape is given up first, so that what can copy is compiled once a rank and not once a shape.
pub(crate) fn flat<S: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Tensor<S, E, D, T>,
) -> Result<Flat<E, D, T>, D::Err>
where
    S::Concrete: Shape<Concrete = S::Concrete>,
{
    let len = x.shape().num_elements();
    match x.try_realize::<S::Concrete>() {
        Ok(x) => x.try_reshape_like(&(len,)),
        Err(x) => Err(x.device().shape_error()),
    }
}

/// `x` seen with the shape `Dst`.
///
/// # Errors
/// The device's shape error where `Dst` says otherwise than `x`'s own dimensions.
pub(crate) fn cast<Src: Shape, Dst: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Tensor<Src, E, D, T>,
) -> Result<Tensor<Dst, E, D, T>, D::Err> {
    match same_dims::<Src, Dst>(x.shape()) {
        Some(shape) => x.try_reshape_like(&shape),
        None => Err(x.device().shape_error()),
    }
}

fn same_dims<Src: Shape, Dst: Shape>(src: &Src) -> Option<Dst> {
    if Src::NUM_DIMS != Dst::NUM_DIMS {
        return None;
    }
    let src = src.concrete();
    let mut dims = Dst::Concrete::default();
    for axis in 0..Dst::NUM_DIMS {
        dims[axis] = src[axis];
    }
    Dst::from_concrete(&dims)
}
