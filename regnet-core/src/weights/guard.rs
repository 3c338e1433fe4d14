//! What reading a PyTorch checkpoint would cost in memory, found out without spending it.
//!
//! A pickle can describe objects that are far larger than itself: one byte makes an object, and fetching an object that
//! was remembered copies it. The reader of checkpoints has limits of its own, but none in proportion to the file. This
//! walks over the instructions with a size in place of each object, and refuses what no checkpoint would do.

use std::collections::HashMap;

use rawzip::{CompressionMethod, ZipArchive};

/// Objects that any checkpoint may make, and one more for so many of its bytes. An object takes some 80 bytes.
const OBJECTS: usize = 1 << 14;
const BYTES_AN_OBJECT: usize = 64;
/// Bytes of an archive's directory, and the part of a large archive that it may be. An entry's bytes become some six
/// times as many in memory.
const DIRECTORY: u64 = 1 << 16;
const DIRECTORY_PART: u64 = 8;

/// Checks a whole file, a zip archive or PyTorch's older format.
pub(super) fn check(file: &[u8]) -> Result<(), String> {
    let budget = OBJECTS + file.len() / BYTES_AN_OBJECT;
    if !file.starts_with(super::torch_file::ZIP) {
        return check_legacy(file, budget);
    }
    let archive = ZipArchive::from_slice(file).map_err(|error| format!("its archive is broken: {error}"))?;
    let directory = file.len() as u64 - archive.directory_offset().min(file.len() as u64);
    if directory > DIRECTORY + file.len() as u64 / DIRECTORY_PART {
        return Err(format!("its archive's directory takes {directory} bytes, too many for weights"));
    }
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(|error| format!("its archive is broken: {error}"))? {
        let method = entry.compression_method();
        if method != CompressionMethod::STORE
            || entry.compressed_size_hint() != entry.uncompressed_size_hint()
        {
            return Err(
                "its archive is compressed, which PyTorch's are not: unpack it and pack it with `zip -0`"
                    .into(),
            );
        }
        if entry.file_path().as_ref().ends_with(b"data.pkl") {
            let pickle = archive.get_entry(entry.wayfinder()).map_err(|error| error.to_string())?;
            Walk::new(budget).run(pickle.data())?;
        }
    }
    Ok(())
}

/// Magic number, protocol, the machine it was written on, the object, the keys of the storages that follow.
fn check_legacy(file: &[u8], budget: usize) -> Result<(), String> {
    let mut walk = Walk::new(budget);
    let mut rest = file;
    for _ in 0..5 {
        rest = walk.run(rest)?;
    }
    Ok(())
}

/// A pickle machine whose objects are counts of the objects that each is made of.
struct Walk {
    stack: Vec<usize>,
    marks: Vec<usize>,
    memo: HashMap<u32, usize>,
    left: usize,
}

const ENDS_EARLY: &str = "its pickle ends early";

impl Walk {
    fn new(budget: usize) -> Self {
        Self { stack: Vec::new(), marks: Vec::new(), memo: HashMap::new(), left: budget }
    }

    fn spend(&mut self, objects: usize) -> Result<(), String> {
        self.left =
            self.left.checked_sub(objects).ok_or("its pickle makes more objects than weights need")?;
        Ok(())
    }

    /// A new object made of `objects` others.
    fn push(&mut self, objects: usize) -> Result<(), String> {
        self.spend(1)?;
        self.stack.push(objects.saturating_add(1));
        Ok(())
    }

    fn pop(&mut self) -> Result<usize, String> {
        self.stack.pop().ok_or_else(|| "its pickle takes more objects than it made".to_owned())
    }

    fn pop_many(&mut self, count: usize) -> Result<usize, String> {
        (0..count).try_fold(0, |sum: usize, _| Ok(sum.saturating_add(self.pop()?)))
    }

    fn pop_to_mark(&mut self) -> Result<usize, String> {
        let mark = self.marks.pop().ok_or("its pickle has no mark where it needs one")?;
        let count = self.stack.len().saturating_sub(mark);
        self.pop_many(count)
    }

    /// Puts objects into the one on top.
    fn put_in(&mut self, objects: usize) -> Result<(), String> {
        let top = self.pop()?;
        self.stack.push(top.saturating_add(objects));
        Ok(())
    }

    fn remember(&mut self, index: u32) -> Result<(), String> {
        let top = self.pop()?;
        self.stack.push(top);
        self.spend(top)?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn fetch(&mut self, index: u32) -> Result<(), String> {
        let &objects = self.memo.get(&index).ok_or("its pickle fetches what it did not remember")?;
        self.spend(objects)?;
        self.stack.push(objects);
        Ok(())
    }

    /// A string or number of `length` bytes.
    fn text(&mut self, rest: &mut &[u8], length: u64) -> Result<(), String> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        *rest = rest.get(length..).ok_or(ENDS_EARLY)?;
        // Copies of it count by their size, too.
        self.push(length / BYTES_AN_OBJECT)
    }

    /// Walks over one pickle; what follows it is returned.
    fn run<'a>(&mut self, mut rest: &'a [u8]) -> Result<&'a [u8], String> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        loop {
            let (&op, after) = rest.split_first().ok_or(ENDS_EARLY)?;
            rest = after;
            if op == b'.' {
                return Ok(rest);
            }
            self.step(op, &mut rest)?;
        }
    }

    fn step(&mut self, op: u8, rest: &mut &[u8]) -> Result<(), String> {
        match op {
            // PROTO, FRAME
            0x80 => skip(rest, 1),
            0x95 => skip(rest, 8),
            // Constants and empty containers
            b'N' | 0x88 | 0x89 | b')' | b']' | b'}' | 0x8f => self.push(0),
            // Numbers and strings of fixed length, or that say their length
            b'J' => self.text(rest, 4),
            b'K' => self.text(rest, 1),
            b'M' => self.text(rest, 2),
            b'G' => self.text(rest, 8),
            b'U' | b'C' | 0x8a | 0x8c => self.sized(rest, 1),
            b'T' | b'X' | b'B' | 0x8b => self.sized(rest, 4),
            0x8d | 0x8e | 0x96 => self.sized(rest, 8),
            // Those that end with their line
            b'I' | b'L' | b'F' | b'V' | b'P' => self.line(rest),
            b'c' => {
                skip_line(rest)?;
                self.line(rest)
            }
            b'(' => {
                self.marks.push(self.stack.len());
                self.spend(1)
            }
            b't' | b'l' | b'd' | 0x91 => {
                let objects = self.pop_to_mark()?;
                self.push(objects)
            }
            0x85..=0x87 => self.replace(usize::from(op - 0x84)),
            // REDUCE, NEWOBJ, NEWOBJ_EX, STACK_GLOBAL, BINPERSID
            b'R' | 0x81 | 0x93 => self.replace(2),
            0x92 => self.replace(3),
            b'Q' => self.replace(1),
            b'a' => self.pop().and_then(|objects| self.put_in(objects)),
            b's' => self.pop_many(2).and_then(|objects| self.put_in(objects)),
            b'e' | b'u' | 0x90 => self.pop_to_mark().and_then(|objects| self.put_in(objects)),
            // BUILD, after which what was remembered of the object is copied once more
            b'b' => {
                let state = self.pop()?;
                self.put_in(state)?;
                self.spend(*self.stack.last().unwrap_or(&0))
            }
            b'0' if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop().map(drop).ok_or_else(String::new)
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_to_mark().map(drop),
            b'2' => {
                let top = self.pop()?;
                self.spend(top)?;
                self.stack.extend([top, top]);
                Ok(())
            }
            b'q' => number(rest, 1).and_then(|index| self.remember(index as u32)),
            b'r' => number(rest, 4).and_then(|index| self.remember(index as u32)),
            0x94 => self.remember(self.memo.len() as u32),
            b'h' => number(rest, 1).and_then(|index| self.fetch(index as u32)),
            b'j' => number(rest, 4).and_then(|index| self.fetch(index as u32)),
            _ => Err(format!("its pickle has the instruction {op:#04x}, which PyTorch's have not")),
        }
    }

    /// One object in place of several that it is made of.
    fn replace(&mut self, count: usize) -> Result<(), String> {
        let objects = self.pop_many(count)?;
        self.push(objects)
    }

    fn sized(&mut self, rest: &mut &[u8], width: usize) -> Result<(), String> {
        let length = number(rest, width)?;
        self.text(rest, length)
    }

    fn line(&mut self, rest: &mut &[u8]) -> Result<(), String> {
        let length = skip_line(rest)?;
        self.push(length / BYTES_AN_OBJECT)
    }
}

fn skip(rest: &mut &[u8], length: usize) -> Result<(), String> {
    *rest = rest.get(length..).ok_or(ENDS_EARLY)?;
    Ok(())
}

/// The length of the line that is skipped.
fn skip_line(rest: &mut &[u8]) -> Result<usize, String> {
    let length = rest.iter().position(|&byte| byte == b'\n').ok_or(ENDS_EARLY)?;
    *rest = &rest[length + 1..];
    Ok(length)
}

/// A little-endian number of so many bytes.
fn number(rest: &mut &[u8], width: usize) -> Result<u64, String> {
    let (bytes, after) = rest.split_at_checked(width).ok_or(ENDS_EARLY)?;
    *rest = after;
    Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(pickle: &[u8]) -> Result<&[u8], String> {
        Walk::new(100).run(pickle)
    }

    #[test]
    fn a_pickle_is_walked_to_its_end() {
        // {"a": (1, 2)} at protocol 2, with a string remembered and fetched.
        assert_eq!(
            walk(b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01K\x02\x86h\x01Nu.rest"),
            Ok(&b"rest"[..])
        );
    }

    #[test]
    fn bombs_are_refused() {
        let refused = |pickle: &[u8]| walk(pickle).is_err_and(|reason| reason.contains("more objects"));
        assert!(refused(&[b'N'; 200]));
        // Each repetition doubles what is remembered.
        let doublings = |count| [b"]q\x00".as_slice(), &b"h\x00h\x00\x86q\x00".repeat(count), b"."].concat();
        assert!(!refused(&doublings(2)) && refused(&doublings(30)));
        let dup = [b"(".as_slice(), b"N", &b"2\x86".repeat(60), b"."].concat();
        assert!(refused(&dup));
    }

    #[test]
    fn broken_pickles_are_errors() {
        for pickle in
            [&b""[..], b"X\xff\xff\xff\xffab", b"t", b"\x86.", b"h\x07.", b"0", b"\xfe.", b"cos\n", b"r\x01"]
        {
            assert!(walk(pickle).is_err(), "{pickle:?}");
        }
    }
}
