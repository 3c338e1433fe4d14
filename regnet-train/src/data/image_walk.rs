//! The images in and below a folder, and what else is there.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::error::DataError;
use super::image_file::is_named_image;

/// The images below a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order of their names, folder by folder.
    pub images: Vec<PathBuf>,
    /// The other files.
    pub passed_over: PassedOver,
}

/// What was found among images and not read: how much, and some of it. Its text is a sentence about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    count: usize,
    examples: Vec<(PathBuf, &'static str)>,
}

impl PassedOver {
    const EXAMPLES: usize = 3;

    /// The number of files, links and folders passed over.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Counts something that is `what`.
    pub(crate) fn add(&mut self, path: &Path, what: &'static str) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push((path.to_owned(), what));
        }
    }

    /// Counts what was passed over elsewhere, too.
    pub fn append(&mut self, other: Self) {
        self.count += other.count;
        let free = Self::EXAMPLES - self.examples.len();
        self.examples.extend(other.examples.into_iter().take(free));
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = if self.count == 1 { "entry" } else { "entries" };
        write!(f, "passed over {} {entries}: ", self.count)?;
        for (i, (path, what)) in self.examples.iter().enumerate() {
            // Quoted, so that control characters in names do nothing to a terminal.
            write!(f, "{}{path:?} ({what})", if i == 0 { "" } else { ", " })?;
        }
        if self.count > self.examples.len() { f.write_str(", ...") } else { Ok(()) }
    }
}

/// The images in a folder and the folders in it, PNG, JPEG, WebP, BMP, TIFF and GIF by their extensions.
///
/// Links are followed, but not back to a folder that leads to them. Hidden files and folders are not looked at; other
/// files, pipes, devices and broken links are passed over.
///
/// # Errors
///
/// [`DataError::Read`] for a folder that cannot be read.
pub fn images_below(dir: &Path) -> Result<Found, DataError> {
    let mut found = Found::default();
    let walk = WalkDir::new(dir).min_depth(1).follow_links(true).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(|entry| !is_hidden(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if !entry.file_type().is_file() => {
                found.passed_over.add(entry.path(), "a pipe, socket or device");
            }
            Ok(entry) if is_named_image(entry.path()) => found.images.push(entry.into_path()),
            Ok(entry) => found.passed_over.add(entry.path(), "another extension"),
            Err(error) => found.passed_over.add_link(dir, error)?,
        }
    }
    Ok(found)
}

impl PassedOver {
    /// Counts a link that leads nowhere or back; other things that cannot be read are errors.
    fn add_link(&mut self, dir: &Path, error: walkdir::Error) -> Result<(), DataError> {
        let path = error.path().unwrap_or(dir).to_owned();
        if error.loop_ancestor().is_some() {
            self.add(&path, "a link back to a folder above it");
        } else if path.is_symlink() {
            self.add(&path, "a broken link");
        } else {
            let reason = error.into_io_error().unwrap_or_else(|| io::Error::other("it cannot be looked at"));
            return Err(DataError::Read { path, reason });
        }
        Ok(())
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    #[test]
    fn what_is_passed_over_is_counted_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        for name in ["a.PNG", "b/x.jpeg", "b/c/y.webp", ".hidden", "b/notes\u{1b}.txt", "z.svg"] {
            fs::write(at(name), "").unwrap();
        }
        let found = images_below(dir.path()).unwrap();
        assert_eq!(found.images, ["a.PNG", "b/c/y.webp", "b/x.jpeg"].map(at));
        let text = found.passed_over.to_string();
        assert_eq!(found.passed_over.count(), 2, "{text}");
        assert!(text.starts_with("passed over 2 entries: "), "{text}");
        assert!(
            text.contains("notes\\u{1b}.txt\" (another extension), ") && !text.contains('\u{1b}'),
            "{text}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_pipes_are_not_opened() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("sub")).unwrap();
        fs::write(at("sub/a.png"), "").unwrap();
        symlink(at("sub/a.png"), at("file.png")).unwrap();
        symlink(at("sub"), at("folder")).unwrap();
        symlink(dir.path(), at("sub/up")).unwrap();
        symlink(at("nowhere.png"), at("broken.png")).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(at("socket.png")).unwrap();
        let found = images_below(dir.path()).unwrap();
        drop(socket);
        assert_eq!(found.images, ["file.png", "folder/a.png", "sub/a.png"].map(at));
        // The link back is met twice: in the folder and by way of the link to it.
        assert_eq!(found.passed_over.count(), 4, "{}", found.passed_over);
        let text = found.passed_over.to_string();
        assert!(
            text.contains("a broken link") && text.contains("a link back") && text.ends_with(", ..."),
            "{text}"
        );
    }
}
