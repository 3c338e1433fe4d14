//! A device in the host's memory that runs the kernels' own text, compiled by the machine's C++ compiler, one thread after
//! the other: what each kernel computes and where it writes can be tested where there is no GPU.
#![allow(unsafe_code)]

mod library;

use std::marker::PhantomData;
use std::slice;

use super::queue::{Argument, Element, Factor, Grid, Kernel, Product, Queue};
use super::view::{View, ViewMut};

/// Multiprocessors of the emulated device: few, so that small tests have grids of several blocks, and odd.
const MULTIPROCESSORS: usize = 3;

/// Bytes around a memory that no kernel may touch.
const BORDER: usize = 256;

/// What the border holds, and what memory holds that nothing has written to: not a number, whatever is read into it.
const UNTOUCHED: u8 = 0xff;

/// The emulated device.
pub struct Emulator;

/// A stretch of the emulated device's memory.
pub struct HostMemory<E> {
    /// In units that any element is aligned in.
    bytes: Vec<u64>,
    len: usize,
    elements: PhantomData<E>,
}

impl<E> HostMemory<E> {
    fn new(len: usize) -> Self {
        let bytes = (len * size_of::<E>()).next_multiple_of(8) + 2 * BORDER;
        Self { bytes: vec![u64::from_ne_bytes([UNTOUCHED; 8]); bytes / 8], len, elements: PhantomData }
    }

    fn address(&self) -> u64 {
        self.bytes.as_ptr().addr() as u64 + BORDER as u64
    }
}

impl<E: Copy> HostMemory<E> {
    /// A copy of `elements`.
    pub fn of(elements: &[E]) -> Self {
        let mut memory = Self::new(elements.len());
        memory.slice_mut().copy_from_slice(elements);
        memory
    }

    /// The elements.
    pub fn slice(&self) -> &[E] {
        // SAFETY: `bytes` holds a border and `len` elements, at an address that is a multiple of 8; all patterns of bits are
        // numbers.
        unsafe { slice::from_raw_parts(self.bytes.as_ptr().byte_add(BORDER).cast(), self.len) }
    }

    fn slice_mut(&mut self) -> &mut [E] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { slice::from_raw_parts_mut(self.bytes.as_mut_ptr().byte_add(BORDER).cast(), self.len) }
    }

    /// The elements as kernels see them.
    pub fn view(&self) -> View<'_, E> {
        // SAFETY: the emulator is done with a kernel when its launch returns.
        unsafe { View::new(self.address(), self.len) }
    }

    /// The elements as kernels write them.
    pub fn view_mut(&mut self) -> ViewMut<'_, E> {
        // SAFETY: as above.
        unsafe { ViewMut::new(self.address(), self.len) }
    }
}

impl<E> Drop for HostMemory<E> {
    fn drop(&mut self) {
        let bytes = self.bytes.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>();
        let end = BORDER + self.len * size_of::<E>();
        let border = bytes[..BORDER].iter().chain(&bytes[end..]);
        if !std::thread::panicking() {
            assert!(border.into_iter().all(|&byte| byte == UNTOUCHED), "something wrote beside a memory");
        }
    }
}

impl Queue for Emulator {
    type Error = String;
    type Memory<E: Copy + 'static> = HostMemory<E>;

    fn multiprocessors(&self) -> usize {
        MULTIPROCESSORS
    }

    fn memory<E: Copy + 'static>(&self, len: usize) -> Result<HostMemory<E>, String> {
        Ok(HostMemory::new(len))
    }

    fn upload(&self, numbers: &[u64]) -> Result<HostMemory<u64>, String> {
        Ok(HostMemory::of(numbers))
    }

    fn elements<'a, E: Copy + 'static>(&self, memory: &'a mut HostMemory<E>) -> ViewMut<'a, E> {
        memory.view_mut()
    }

    fn clear<E: Element>(&self, memory: &mut HostMemory<E>) -> Result<(), String> {
        // SAFETY: all bits zero is the number zero.
        memory.slice_mut().fill(unsafe { std::mem::zeroed() });
        Ok(())
    }

    unsafe fn launch(&self, kernel: &Kernel, grid: Grid, arguments: &[Argument]) -> Result<(), String> {
        // SAFETY: the caller's promise about kernel and arguments.
        unsafe { library::launch(kernel, grid, arguments) }
    }

    unsafe fn multiply<E: Element>(
        &self,
        product: &Product,
        a: View<'_, E>,
        b: View<'_, E>,
        c: ViewMut<'_, E>,
    ) -> Result<(), String> {
        let [a, b, c] = [a, b, c.view()].map(|view| view.address() as usize);
        // SAFETY: the caller's promise that all elements lie within the views, whose addresses are the host's.
        unsafe {
            match E::NAME {
                "float" => multiply::<f32>(product, a as *const _, b as *const _, c as *mut _),
                _ => multiply::<f64>(product, a as *const _, b as *const _, c as *mut _),
            }
        }
        Ok(())
    }
}

/// BLAS's definition in plain loops.
///
/// # Safety
/// All elements lie within `a`, `b` and `c`.
unsafe fn multiply<T: num_traits::Float>(product: &Product, a: *const T, b: *const T, c: *mut T) {
    let at = |factor: &Factor, batch: usize, row: usize, column: usize| {
        let (row, column) = if factor.transposed { (column, row) } else { (row, column) };
        batch * factor.stride + column * factor.leading + row
    };
    for batch in 0..product.batch {
        for column in 0..product.n {
            for row in 0..product.m {
                let mut sum = T::zero();
                for term in 0..product.k {
                    // SAFETY: the caller's promise.
                    let (a, b) = unsafe {
                        (
                            *a.add(at(&product.a, batch, row, term)),
                            *b.add(at(&product.b, batch, term, column)),
                        )
                    };
                    sum = sum + a * b;
                }
                // SAFETY: the caller's promise.
                let into = unsafe { &mut *c.add(batch * product.c[1] + column * product.c[0] + row) };
                *into = if product.add { *into + sum } else { sum };
            }
        }
    }
}
