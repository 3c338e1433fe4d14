//! Files mapped into memory.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// A part of a file, seen as bytes without being read into memory first.
///
/// Pages that were touched count as memory in use until this is dropped, so that going through a large file part by
/// part never takes more than the largest part.
#[derive(Debug)]
pub(super) struct Window(Option<Mmap>);

impl Window {
    /// Bytes `offset` to `offset + len` of a file.
    pub(super) fn map(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the mapping is private, read-only and used as plain bytes, every value of which is valid, and all
        // that is read from it is checked after it was copied out or parsed. What remains is another process that
        // changes the file meanwhile: one that writes to it can give us wrong numbers, as it could while we read the
        // file in any other way; one that cuts it short ends this process with a signal. No reference to the bytes
        // leaves this crate.
        let map = unsafe { MmapOptions::new().offset(offset).len(len).map_copy_read_only(file)? };
        Ok(Self(Some(map)))
    }
}

impl Deref for Window {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
