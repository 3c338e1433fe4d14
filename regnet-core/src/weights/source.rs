//! The file that weights are in.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::Path;

use rawzip::{FileReader, ReaderAt};

/// An open file, read range by range.
///
/// It is not mapped into memory: where another process cuts a mapped file short, touching it ends this process with a
/// signal; a read of it is an ordinary error.
#[derive(Debug)]
pub(super) struct Source {
    file: FileReader,
    len: u64,
}

impl Source {
    /// Opens a regular file; a FIFO or a device would never end.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file: copy it into one"));
        }
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file: file.into(), len })
    }

    /// Bytes in the file when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// For readers that find their own way through the file.
    pub(super) fn reader(&self) -> &FileReader {
        &self.file
    }

    /// The bytes of `range`. No memory is taken for a range that reaches beyond the file.
    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        if range.start > range.end || range.end > self.len {
            return Err(ends_early());
        }
        let len = usize::try_from(range.end - range.start).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; len];
        self.read_into(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// Fills `bytes` from `offset` on.
    pub(super) fn read_into(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ends_early(),
            _ => error,
        })
    }
}

fn ends_early() -> io::Error {
    let text = "it ends before the data that it should hold; it was cut short, or is still being written";
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
