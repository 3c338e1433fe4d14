//! What files may cost that are read: every bound in one place.
//!
//! | what | at most | to change it |
//! | --- | --- | --- |
//! | side of an image | [`MOST_SIDE`] pixels: 65,535, JPEG's own | |
//! | memory of all images that are being decoded and resized at a time, their files included | 384 MiB, which 108 megapixels of a baseline JPEG fit in | the environment variable [`IMAGE_MEMORY`], in MiB |
//! | colour profiles and the like before an image's pixels, unpacked | [`IMAGE_HEADERS`]: 16 MiB a thread | |
//! | `model.json`, a network in JSON, class names | [`DOCUMENT`]: 4 MiB, some 60,000 class names | |
//! | values (numbers, texts, lists, objects) of a network in JSON | [`NETWORK_VALUES`]: 10,000; a network has a few dozen | |
//! | `input` of a `model.json` | the sizes of [`Split::SIZES`](crate::data::Split::SIZES), as in training | |
//! | `population.jsonl`, `metrics.jsonl` and populations to be swept | [`RECORDS`]: 256 MiB | |
//! | a file of tunings beside weights | 1 MiB | |
//!
//! A thread that finds the memory for images taken waits until others have given some back, so that more threads do not
//! take more. An image that would take all of it and more is an error that names the variable. The bounds of files of
//! weights are those of [`regnet_core::weights`].

use std::env;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

/// The largest width and height of an image in pixels.
pub const MOST_SIDE: u32 = u16::MAX as u32;
/// The most bytes that what comes before an image's pixels unpacks to.
pub const IMAGE_HEADERS: u64 = 16 << 20;
/// The largest file that describes one network or its classes, in bytes.
pub const DOCUMENT: u64 = 4 << 20;
/// The largest file of lines, one a network or an epoch, in bytes.
pub const RECORDS: u64 = 256 << 20;
/// The most values in the JSON form of a network.
pub const NETWORK_VALUES: usize = 10_000;
/// The environment variable that sets the memory for decoding images, a whole number of MiB.
pub const IMAGE_MEMORY: &str = "REGNET_IMAGE_MEMORY";

const USUAL_IMAGE_MEMORY: u64 = 384 << 20;

/// The memory that all threads of this process decode images in.
///
/// # Errors
///
/// What [`IMAGE_MEMORY`] is set to, where that is no number of MiB.
pub(crate) fn image_memory() -> Result<&'static Budget, String> {
    static MEMORY: OnceLock<Result<Budget, String>> = OnceLock::new();
    let budget = || match env::var_os(IMAGE_MEMORY) {
        None => Ok(Budget::new(USUAL_IMAGE_MEMORY)),
        Some(text) => mebibytes(&text.to_string_lossy()).map(Budget::new),
    };
    MEMORY.get_or_init(budget).as_ref().map_err(Clone::clone)
}

fn mebibytes(text: &str) -> Result<u64, String> {
    let number = text.trim().parse::<u64>().ok().filter(|&number| number > 0);
    number.and_then(|number| number.checked_mul(1 << 20)).ok_or_else(|| text.to_owned())
}

/// Bytes that several threads share.
pub(crate) struct Budget {
    most: u64,
    taken: Mutex<u64>,
    given_back: Condvar,
}

/// Some bytes of a [`Budget`], given back when dropped.
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    fn new(most: u64) -> Self {
        Self { most, taken: Mutex::new(0), given_back: Condvar::new() }
    }

    /// All of it.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// Waits until so many bytes are free, and takes them; `None` if there are never so many. A thread takes all that it
    /// needs at once, or threads could wait for each other.
    pub(crate) fn take(&self, bytes: u64) -> Option<Share<'_>> {
        if bytes > self.most {
            return None;
        }
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut u64| *taken + bytes > self.most;
        let mut taken = self.given_back.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Some(Share { budget: self, bytes })
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn threads_never_hold_more_than_there_is() {
        let budget = Budget::new(10);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for bytes in [3, 10, 4, 6, 1, 7] {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let share = budget.take(bytes);
                        most.fetch_max(held.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(bytes, Ordering::SeqCst);
                        assert!(share.is_some());
                    }
                });
            }
        });
        assert!((1..=10).contains(&most.into_inner()));
        assert!(budget.take(11).is_none() && budget.take(10).is_some());
    }

    #[test]
    fn settings() {
        assert_eq!(mebibytes(" 1024 "), Ok(1 << 30));
        for text in ["", "0", "-1", "1 GiB", "99999999999999999"] {
            assert_eq!(mebibytes(text), Err(text.to_owned()));
        }
    }
}
