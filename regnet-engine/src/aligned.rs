//! Buffers whose first element begins a cache line, so that vectors do not lie across two.

use crate::Real;
use crate::pages::ask_for_large_pages;

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// A buffer.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    elements: Vec<T>,
    first: usize,
}

impl<T: Real> Aligned<T> {
    /// Zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        if length == 0 {
            return Aligned { elements: Vec::new(), first: 0 };
        }
        let elements = vec![T::zero(); length + LINE / size_of::<T>()];
        // Where the alignment is not to be had, the buffer is slower, not wrong.
        let first = elements.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
        Aligned { elements, first }
    }

    /// Nothing so far, with room for as many elements, in large pages where there are. If there come more, the alignment
    /// is lost.
    pub(crate) fn with_capacity(length: usize) -> Self {
        let mut elements: Vec<T> = Vec::with_capacity(length + LINE / size_of::<T>());
        ask_for_large_pages(elements.spare_capacity_mut());
        let first = elements.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
        elements.resize(first, T::zero());
        Aligned { elements, first }
    }

    pub(crate) fn extend(&mut self, values: &[T]) {
        self.elements.extend_from_slice(values);
    }

    pub(crate) fn extend_zeros(&mut self, count: usize) {
        self.elements.resize(self.elements.len() + count, T::zero());
    }

    pub(crate) fn as_ref(&self) -> &[T] {
        &self.elements[self.first..]
    }

    pub(crate) fn as_mut(&mut self) -> &mut [T] {
        &mut self.elements[self.first..]
    }
}
