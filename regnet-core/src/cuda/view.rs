//! Elements in a device's memory, lent as slices are.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

/// Elements in a device's memory, as `&[E]` is for the host's.
#[derive(Debug)]
pub struct View<'a, E> {
    address: u64,
    len: usize,
    elements: PhantomData<&'a [E]>,
}

/// Elements in a device's memory to write to, as `&mut [E]` is for the host's.
#[derive(Debug)]
pub struct ViewMut<'a, E> {
    address: u64,
    len: usize,
    elements: PhantomData<&'a mut [E]>,
}

impl<E> Clone for View<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for View<'_, E> {}

impl<E> View<'_, E> {
    /// A view of `len` elements at `address`.
    ///
    /// # Safety
    /// They are initialised, and until the device is done with what is launched while the view lives, they stay allocated
    /// and nothing else writes to them.
    pub unsafe fn new(address: u64, len: usize) -> Self {
        Self { address, len, elements: PhantomData }
    }

    /// Where the first element lies.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The elements of a range.
    pub fn part(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {} elements", self.len);
        let address = self.address + (range.start * size_of::<E>()) as u64;
        Self { address, len: range.len(), elements: PhantomData }
    }
}

impl<E> ViewMut<'_, E> {
    /// A view of `len` elements at `address`, which the first kernel may find uninitialised if it overwrites them.
    ///
    /// # Safety
    /// Until the device is done with what is launched while the view lives, they stay allocated, and nothing else reads
    /// them or writes to them.
    pub unsafe fn new(address: u64, len: usize) -> Self {
        Self { address, len, elements: PhantomData }
    }

    /// Where the first element lies.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The same to read.
    pub fn view(&self) -> View<'_, E> {
        View { address: self.address, len: self.len, elements: PhantomData }
    }

    /// The same for a shorter time.
    pub fn again(&mut self) -> ViewMut<'_, E> {
        ViewMut { address: self.address, len: self.len, elements: PhantomData }
    }

    /// The elements of a range.
    pub fn part(&mut self, range: Range<usize>) -> ViewMut<'_, E> {
        let View { address, len, .. } = self.view().part(range);
        ViewMut { address, len, elements: PhantomData }
    }
}
