//! Text files, read up to a bound.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Reads a file of UTF-8 text of at most `most` bytes; see [`read_from`].
///
/// # Errors
///
/// The operating system's; [`ErrorKind::FileTooLarge`]; [`ErrorKind::InvalidData`] for bytes that are not UTF-8.
pub fn read(path: &Path, most: u64) -> io::Result<String> {
    read_from(File::open(path)?, most)
}

/// Reads UTF-8 text of at most `most` bytes, without the byte-order mark that some editors put first. Never more than
/// one byte over the bound is read, so that an endless source is refused too.
///
/// # Errors
///
/// As [`read`].
pub fn read_from(source: impl Read, most: u64) -> io::Result<String> {
    let mut text = String::new();
    source.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        let reason = format!("it is larger than {} KiB, the most that is read of such a file", most >> 10);
        return Err(io::Error::new(ErrorKind::FileTooLarge, reason));
    }
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_bound_is_read() {
        assert_eq!(read_from(&b"four"[..], 4).unwrap(), "four");
        assert_eq!(read_from(&b"fives"[..], 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        let error = read_from(io::repeat(b'a'), 1 << 12).unwrap_err();
        assert!(error.to_string().contains("larger than 4 KiB"), "{error}");
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(read_from("\u{feff}[1]".as_bytes(), 99).unwrap(), "[1]");
        assert_eq!(read_from("a\u{feff}".as_bytes(), 99).unwrap(), "a\u{feff}");
        assert_eq!(read_from(&b"\xff\xfe["[..], 99).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
