//! Memory that the threads of a run work on together.
//!
//! The one place where the engine goes around the borrow checker: activations are written by several threads at once,
//! each its own part of a map, and read by all of them after the next barrier. Miri runs the tests of `run` and `pool`:
//! `cargo +nightly miri test -p regnet-engine --lib -- frozen::run frozen::pool`.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::NonNull;

/// A slice whose parts several threads write.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    start: NonNull<f32>,
    len: usize,
    memory: PhantomData<&'a mut [f32]>,
}

/// Shares what the steps of a run hand out.
pub(crate) fn share(result: &mut [f32]) -> Shared<'_> {
    // SAFETY: the only step that writes it writes each thread's part once (`Kind::Export`), and nobody reads it before the
    // run has ended.
    unsafe { Shared::new(result) }
}

// SAFETY: it is a `&mut [f32]`, which may be sent; that threads which share it do not race is the promise that was made
// to `Shared::new`.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// Shares `memory`.
    ///
    /// # Safety
    /// As long as it lives, its users must see to it that
    /// - what one thread writes, no other thread reads or writes until both have met at a barrier, and
    /// - a slice is dropped before the same thread asks for an overlapping one to write.
    pub unsafe fn new(memory: &'a mut [f32]) -> Self {
        Self { start: NonNull::from(&mut *memory).cast(), len: memory.len(), memory: PhantomData }
    }

    /// A part of it, under the same promise.
    pub fn part(&self, range: Range<usize>) -> Shared<'_> {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} is outside of {}", self.len);
        // SAFETY: the range is inside the slice that was borrowed for `'a`.
        let start = unsafe { self.start.add(range.start) };
        Shared { start, len: range.len(), memory: PhantomData }
    }

    /// Floats in all.
    pub fn len(&self) -> usize {
        self.len
    }

    /// A part to read.
    #[inline(always)]
    pub fn read(&self, range: Range<usize>) -> &[f32] {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} is outside of {}", self.len);
        // SAFETY: the range is inside the slice that was borrowed for `'a`, and by the promise made to `new` nobody
        // writes to it as long as the result lives.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(range.start), range.len()) }
    }

    /// A part to write.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub fn write(&self, range: Range<usize>) -> &mut [f32] {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} is outside of {}", self.len);
        // SAFETY: the range is inside the slice that was borrowed for `'a`, and by the promise made to `new` nobody
        // else has any of it as long as the result lives.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(range.start), range.len()) }
    }
}
