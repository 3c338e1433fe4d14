//! A CPU tensor's elements as a slice, without a copy.
#![allow(unsafe_code)]

use dfdx::prelude::*;

/// The elements of a flat tensor.
///
/// Every [`Flat`](crate::tensors::Flat) is contiguous: it comes from a `try_reshape_like` to one dimension or
/// from a vector, and both give stride 1.
pub(super) fn elements<E: Unit>(t: &Tensor<(usize,), E, Cpu>) -> &[E] {
    let len = t.shape().0;
    if len == 0 {
        return &[];
    }
    let first: &E = &t[[0]];
    let last: &E = &t[[len - 1]];
    let span = std::ptr::from_ref(last).addr() - std::ptr::from_ref(first).addr();
    assert_eq!(span, (len - 1) * size_of::<E>(), "a flat tensor is contiguous");
    // SAFETY: `first` borrows the first element of the tensor's own heap buffer. dfdx stores a tensor as one
    // `Vec<E>`; indexing adds `index * stride`, and the assertion above has checked, through bounds-checked
    // indexing alone, that the last element lies exactly `len - 1` elements after the first. So the `len`
    // elements from `first` on are one initialised run inside one allocation. The slice borrows `t`, so
    // nothing can write to or free the buffer while it lives.
    unsafe { std::slice::from_raw_parts(first, len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_reads_what_the_tensor_holds() {
        let dev = Cpu::default();
        let t = dev.tensor((vec![1.0f32, 2.0, 3.0], (3,)));
        assert_eq!(elements(&t), [1.0, 2.0, 3.0]);
        let shared = t.clone();
        assert_eq!(elements(&shared), elements(&t));
    }

    #[test]
    fn an_empty_tensor_has_no_elements() {
        let dev = Cpu::default();
        let t: Tensor<(usize,), f64, _> = dev.tensor((vec![], (0,)));
        assert!(elements(&t).is_empty());
    }

    #[test]
    #[should_panic(expected = "contiguous")]
    fn a_broadcast_view_is_refused() {
        let dev = Cpu::default();
        let t: Tensor<(usize,), f32, _> = dev.zeros::<Rank0>().broadcast_like(&(4,));
        elements(&t);
    }
}
