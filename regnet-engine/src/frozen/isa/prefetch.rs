//! Asking for memory before it is read.
#![allow(unsafe_code)]

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// Brings the line of memory so many bytes after `start` into the nearest cache, if there is memory.
#[inline(always)]
pub(super) fn prefetch(start: *const i8, bytes: usize) {
    // SAFETY: it is a hint to the processor, for which any address will do: nothing is read that the program sees, and
    // nothing fails.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(bytes)) }
}
