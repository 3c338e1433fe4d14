//! The hash of a file, which is also its tag on the hub.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// The hash that a tag is, of the bytes so far.
pub(super) enum Digest {
    /// Of large files.
    Sha256(Sha256),
    /// Of small files: of git's header and the content.
    Git(Sha1),
    /// Another server's tag, which says nothing about the content.
    Unknown,
}

impl Digest {
    /// The kind of hash that a file of `size` bytes and this tag has.
    pub(super) fn of(tag: &str, size: u64) -> Self {
        let is_hex = tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        match tag.len() {
            64 if is_hex => Self::Sha256(Sha256::new()),
            40 if is_hex => Self::Git(Sha1::new_with_prefix(format!("blob {size}\0"))),
            _ => Self::Unknown,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Git(hash) => hash.update(bytes),
            Self::Unknown => {}
        }
    }

    /// The hash's name and its digits; `None` where there is nothing to compare.
    pub(super) fn finish(self) -> Option<(&'static str, String)> {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sha256(hash) => Some(("SHA-256", hex(&hash.finalize()))),
            Self::Git(hash) => Some(("git's SHA-1", hex(&hash.finalize()))),
            Self::Unknown => None,
        }
    }
}

/// Whether a file has this length and, where the tag is a hash, this hash.
pub(super) fn is_same(path: &Path, tag: &str, size: u64) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != size {
        return Ok(false);
    }
    let mut digest = Digest::of(tag, size);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finish().is_none_or(|(_, found)| found.eq_ignore_ascii_case(tag))),
            read => digest.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf abc | git hash-object --stdin`, and `sha256sum`.
    #[test]
    fn hashes_are_gits_and_sha256() {
        let git = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for tag in [git, sha256] {
            let mut digest = Digest::of(tag, 3);
            digest.update(b"a");
            digest.update(b"bc");
            assert_eq!(digest.finish().map(|(_, digits)| digits).as_deref(), Some(tag));
        }
        assert!(Digest::of("5d41402abc4b2a76b9719d911017c592", 3).finish().is_none());
        assert!(Digest::of(&git.replace('f', "g"), 3).finish().is_none());
    }
}
