//! Several gradients of one tape at once.

use std::mem;

use dfdx::prelude::*;

use super::{Backend, Buffer};
use crate::tensors::Flat;

/// Runs a backward kernel on the gradients of `of`, which must be distinct tensors.
///
/// The tape lends one gradient at a time, so the buffers are moved out of it for the length of the call and
/// moved back afterwards, whatever the kernel returned.
pub(crate) fn with_gradients<E: Dtype, D: Backend<E>, const N: usize>(
    grads: &mut Gradients<E, D>,
    of: [&Flat<E, D>; N],
    run: impl FnOnce([&mut Buffer<E, D>; N]) -> Result<(), D::Err>,
) -> Result<(), D::Err> {
    with_gradients_of(grads, &of, |buffers| {
        run(std::array::from_fn(|_| buffers.next().expect("one buffer was taken for each tensor")))
    })
}

/// The same for a number of tensors that is not known to the compiler.
pub(crate) fn with_gradients_of<E: Dtype, D: Backend<E>>(
    grads: &mut Gradients<E, D>,
    of: &[&Flat<E, D>],
    run: impl FnOnce(&mut std::slice::IterMut<'_, Buffer<E, D>>) -> Result<(), D::Err>,
) -> Result<(), D::Err> {
    let mut taken = Vec::with_capacity(of.len());
    for &tensor in of {
        let stand_in = Storage::<E>::try_alloc_len(tensor.device(), 1)?;
        taken.push(mem::replace(grads.get_or_alloc_mut(tensor)?, stand_in));
    }
    let result = run(&mut taken.iter_mut());
    for (&tensor, buffer) in of.iter().zip(taken) {
        *grads.get_or_alloc_mut(tensor)? = buffer;
    }
    result
}
