//! A model's folder in the cache, laid out as `huggingface_hub` lays it out:
//!
//! | path | what it holds |
//! | --- | --- |
//! | `refs/REVISION` | the commit of a branch or tag |
//! | `snapshots/COMMIT/FILE` | a link to the content |
//! | `blobs/TAG` | the content |

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use regnet_core::weights::write_whole;
use tempfile::NamedTempFile;

use super::HubError;

/// What the name of a file that is not complete ends with.
const PART: &str = ".part";

/// A model's folder.
pub(super) struct ModelCache(PathBuf);

impl ModelCache {
    /// The folder of the model `owner/name` in a cache.
    pub(super) fn new(cache: &Path, model: &str) -> Self {
        Self(cache.join(format!("models--{}", model.replace('/', "--"))))
    }

    /// A file that is there.
    pub(super) fn find(&self, revision: &str, file: &str) -> Option<PathBuf> {
        let of_branch = fs::read_to_string(self.reference(revision)).ok();
        // A revision that is a commit needs no entry that says which commit it is.
        let commits = of_branch.iter().map(|commit| commit.trim()).filter(|commit| is_plain(commit));
        let mut found = commits.chain([revision]).map(|commit| self.snapshot(commit).join(file));
        found.find(|path| path.is_file())
    }

    /// The content of a tag.
    pub(super) fn blob(&self, tag: &str) -> PathBuf {
        self.0.join("blobs").join(tag)
    }

    /// A new file for the content of a tag; it goes away unless it is [kept](Self::keep).
    pub(super) fn part(&self, tag: &str) -> Result<NamedTempFile, HubError> {
        let blobs = self.0.join("blobs");
        let part = fs::create_dir_all(&blobs).and_then(|()| {
            remove_abandoned(&blobs, tag)?;
            let part = new_part(&blobs, tag)?;
            part.as_file().lock()?;
            Ok(part)
        });
        part.map_err(io_error(&blobs))
    }

    /// Makes a complete file the content of a tag.
    pub(super) fn keep(&self, part: NamedTempFile, tag: &str) -> Result<(), HubError> {
        let blob = self.blob(tag);
        let kept = part.as_file().sync_all().and_then(|()| part.persist(&blob).map_err(|error| error.error));
        kept.map(drop).map_err(io_error(&blob))
    }

    /// Gives the content of a tag its name in a commit, and says that this commit is the revision's.
    pub(super) fn link(
        &self,
        tag: &str,
        commit: &str,
        revision: &str,
        file: &str,
    ) -> Result<PathBuf, HubError> {
        let pointer = self.snapshot(commit).join(file);
        let folder = pointer.parent().unwrap_or(&self.0);
        let up = "../".repeat(2 + file.split('/').count() - 1);
        let made = fs::create_dir_all(folder).and_then(|()| {
            // A link whose content is gone would be in the way.
            if pointer.is_symlink() || pointer.exists() {
                fs::remove_file(&pointer)?;
            }
            link_or_copy(Path::new(&format!("{up}blobs/{tag}")), &self.blob(tag), &pointer)
        });
        made.map_err(io_error(&pointer))?;
        if revision != commit {
            let reference = self.reference(revision);
            let refs = self.0.join("refs");
            fs::create_dir_all(&refs).map_err(io_error(&refs))?;
            write_whole(&reference, commit.as_bytes())
                .map_err(|error| io_error(&reference)(io::Error::other(error)))?;
        }
        Ok(pointer)
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.0.join("snapshots").join(commit)
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.0.join("refs").join(revision)
    }
}

/// Whether a tag or a commit is a plain name, and not a path to elsewhere.
pub(super) fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=128).contains(&name.len()) && name.chars().all(allowed)
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> HubError {
    move |source| HubError::Io { path: path.to_owned(), source }
}

/// Removes what killed processes left of a file; what one that lives downloads is locked.
fn remove_abandoned(blobs: &Path, tag: &str) -> io::Result<()> {
    for entry in fs::read_dir(blobs)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_part =
            name.to_str().is_some_and(|name| name.starts_with(&format!("{tag}.")) && name.ends_with(PART));
        if is_part && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// An empty file of a name of its own, with the permissions that the user's umask leaves; temporary files are private
/// by default.
fn new_part(blobs: &Path, tag: &str) -> io::Result<NamedTempFile> {
    let prefix = format!("{tag}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(PART);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(blobs)
}

/// A link to a file, or its copy where the file system has no links.
fn link_or_copy(target: &Path, content: &Path, link: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if std::os::unix::fs::symlink(target, link).is_ok() {
        return Ok(());
    }
    let _ = target;
    fs::copy(content, link).map(drop)
}
