//! A CPU tensor's elements as a slice, without a copy; the one place where this crate is unsafe.
#![allow(unsafe_code)]

use dfdx::prelude::*;

/// The elements of a flat tensor.
///
/// Every [`Flat`](crate::tensors::Flat) is contiguous: it comes from a `try_reshape_like` to one dimension or
/// from a vector, and both give stride 1.
pub(crate) fn elements<E: Unit>(t: &Tensor<(usize,), E, Cpu>) -> &[E] {
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

/// A tensor of `len` elements that `fill` overwrites, in memory of the device's cache where that is enabled.
///
/// # Errors
/// The device is out of memory.
pub(crate) fn filled<E: Unit>(
    dev: &Cpu,
    len: usize,
    fill: impl FnOnce(&mut [E]),
) -> Result<Tensor<(usize,), E, Cpu>, CpuError>
where
    Cpu: ZerosTensor<E>,
{
    let mut t = dev.try_zeros_like(&(len,))?;
    if len == 0 {
        fill(&mut []);
        return Ok(t);
    }
    let first: &mut E = &mut t[[0]];
    // SAFETY: `t` was made two lines above by `try_zeros_like`, so it owns a contiguous buffer of `len`
    // initialised elements that nothing else refers to, and `first` is a mutable borrow of its first element.
    // The slice's borrow ends before `t` is returned.
    fill(unsafe { std::slice::from_raw_parts_mut(first, len) });
    Ok(t)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
    fn a_tensor_is_filled_in_place() {
        let dev = Cpu::default();
        dev.enable_cache();
        for round in 0..3 {
            let t = filled(&dev, 5, |slice: &mut [f64]| slice.fill(f64::from(round))).unwrap();
            assert_eq!(t.as_vec(), [f64::from(round); 5]);
            assert_eq!(elements(&t), t.as_vec());
        }
        assert!(filled::<f32>(&dev, 0, |slice| assert!(slice.is_empty())).is_ok());
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
