//! Large pages for large buffers. The processor remembers where a few thousand pages lie and looks the others up in memory:
//! of 4 KB pages, those few thousand are less than the weights of a network, which are read from end to end in each run.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Asks the system to back memory that nobody has touched with large pages. It is a wish: where it does not come true,
/// reading the memory takes longer.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn ask_for_large_pages<T>(memory: &mut [MaybeUninit<T>]) {
    /// Of the smallest pages there are; ranges of advice begin with a page.
    const PAGE: usize = 4096;
    let start = memory.as_mut_ptr().cast::<u8>();
    let before = start.align_offset(PAGE);
    let Some(len) = size_of_val(memory).checked_sub(before) else { return };
    // SAFETY: the range lies inside of `memory`, which is borrowed. The advice changes how it is backed, not what it holds.
    unsafe {
        libc::madvise(start.add(before).cast(), len, libc::MADV_HUGEPAGE);
    }
}

/// Elsewhere there is nobody to ask.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn ask_for_large_pages<T>(_: &mut [MaybeUninit<T>]) {}
