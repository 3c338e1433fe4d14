//! The folder that a run writes to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use regnet_core::weights;
use same_file::Handle;

use crate::checkpoint;
use crate::error::TrainError;
use crate::train::EarlierRun;

/// What a run leaves, beside its checkpoint while it goes on.
pub(crate) const CARD: &str = "model.json";
pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const METRICS: &str = "metrics.jsonl";
pub(crate) const CURVES: &str = "curves.svg";

/// Locked while a run writes to the folder; the operating system releases it however the process ends.
const LOCK: &str = "lock";

/// A folder that this process alone trains into, known to be writable. Files in it appear whole or not at all.
///
/// If nothing is ever written, the folders made for it go away with this value.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    _lock: File,
    _made: Made,
}

/// What an earlier run left in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Earlier {
    Nothing,
    Interrupted,
    Finished,
}

impl RunFolder {
    /// Makes the folder where there is none, takes it for this process, and tries whether it can be written to.
    pub(crate) fn open(path: &Path) -> Result<Self, TrainError> {
        let failed = |reason| TrainError::Folder { path: path.to_owned(), reason };
        let made = Made::all(path).map_err(failed)?;
        let Some(lock) = lock(&path.join(LOCK)).map_err(failed)? else {
            return Err(TrainError::Busy { path: path.to_owned() });
        };
        let folder = Self { path: path.to_owned(), _lock: lock, _made: made };
        weights::remove_unfinished(path).map_err(failed)?;
        // A file without a name: nothing is left behind, whatever happens.
        tempfile::tempfile_in(path).map_err(failed)?;
        Ok(folder)
    }

    /// What is in the folder of an earlier run.
    pub(crate) fn earlier(&self) -> Earlier {
        let has = |name: &str| self.path(name).exists();
        match has(checkpoint::FILE) {
            true => Earlier::Interrupted,
            false if [CARD, WEIGHTS, METRICS].into_iter().any(has) => Earlier::Finished,
            false => Earlier::Nothing,
        }
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        Ok(weights::write_whole(&self.path(name), bytes)?)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes a file if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), TrainError> {
        match fs::remove_file(self.path(name)) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                Err(TrainError::Folder { path: self.path.clone(), reason })
            }
            _ => Ok(()),
        }
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // Still locked, so that nobody else has it; one that cannot be removed is in nobody's way.
        let _ = fs::remove_file(self.path(LOCK));
    }
}

/// Takes a lock, which is a file that is there while it is held or after a kill; `None` where another process has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Who had it before may have removed the file after it was opened here; then the lock is one on nothing.
        match Handle::from_path(path) {
            Ok(found) if found == Handle::from_file(file.try_clone()?)? => return Ok(Some(file)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

/// Folders that were made, innermost first, and go away again where they are empty.
#[derive(Debug)]
struct Made(Vec<PathBuf>);

impl Made {
    /// Makes a folder and all that it lies in, where they are missing.
    fn all(path: &Path) -> io::Result<Self> {
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = Self(path.ancestors().take_while(missing).map(Path::to_owned).collect());
        fs::create_dir_all(path).map(|()| made)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Only empty folders can be removed so.
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
}

/// The folder of a run for which none may have been given. One that is new goes away with this value if nothing is written
/// to it.
#[derive(Debug)]
pub struct OutFolder {
    path: PathBuf,
    _made: Vec<Made>,
}

impl OutFolder {
    /// `given`, or without it a new folder: `base`, or where there is one, the first of `base-2`, `base-3` and so on that
    /// there is not. An earlier run is resumed in the last of them that there is.
    ///
    /// Processes that do this at once get new folders of their own.
    ///
    /// # Errors
    ///
    /// [`TrainError::Folder`] where none can be made.
    pub fn choose(given: Option<&Path>, base: &Path, earlier: EarlierRun) -> Result<Self, TrainError> {
        let last = || if earlier == EarlierRun::Resume { last_numbered(base) } else { None };
        match given.map(Path::to_owned).or_else(last) {
            Some(path) => Ok(Self { path, _made: Vec::new() }),
            None => Self::new(base).map_err(|reason| TrainError::Folder { path: base.to_owned(), reason }),
        }
    }

    fn new(base: &Path) -> io::Result<Self> {
        let parents = Made::all(base.parent().unwrap_or(Path::new("")))?;
        let mut number = 1;
        loop {
            let path = numbered(base, number);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { _made: vec![Made(vec![path.clone()]), parents], path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The last of the folders `base`, `base-2`, `base-3` and so on that there are.
fn last_numbered(base: &Path) -> Option<PathBuf> {
    let parent = base.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let before = format!("{}-", base.file_name()?.to_str()?);
    let number = |entry: io::Result<fs::DirEntry>| {
        let name = entry.ok()?.file_name();
        name.to_str()?.strip_prefix(&before)?.parse::<usize>().ok()
    };
    let last = fs::read_dir(parent).ok()?.filter_map(number).max();
    let last = last.map_or_else(|| base.to_owned(), |number| numbered(base, number));
    last.is_dir().then_some(last)
}

fn numbered(base: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return base.to_owned();
    }
    let mut name = base.as_os_str().to_owned();
    name.push(format!("-{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_lock_that_was_removed_while_it_was_waited_for_is_taken_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK);
        for _ in 0..100 {
            let first = lock(&path).unwrap().unwrap();
            assert!(lock(&path).unwrap().is_none());
            let waiting = std::thread::spawn({
                let path = path.clone();
                move || loop {
                    if let Some(file) = lock(&path).unwrap() {
                        return Handle::from_file(file).unwrap() == Handle::from_path(&path).unwrap();
                    }
                }
            });
            fs::remove_file(&path).unwrap();
            drop(first);
            assert!(waiting.join().unwrap(), "two processes could have it");
        }
    }

    #[test]
    fn a_folder_that_is_not_given_is_new_or_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("runs/train");
        let choose = |given, earlier| OutFolder::choose(given, &base, earlier).unwrap();
        let given = dir.path().join("given");
        assert_eq!(choose(Some(&given), EarlierRun::Keep).path(), given);

        let mut folders = vec![choose(None, EarlierRun::Resume)];
        folders.extend((0..10).map(|_| choose(None, EarlierRun::Keep)));
        assert_eq!((folders[0].path(), folders[10].path()), (&*base, &*dir.path().join("runs/train-11")));
        fs::create_dir(dir.path().join("runs/train-x")).unwrap();
        assert_eq!(choose(None, EarlierRun::Resume).path(), folders[10].path());
        fs::remove_dir(dir.path().join("runs/train-x")).unwrap();
        // The last made first: a folder goes with what it lies in, if that is empty then.
        folders.into_iter().rev().for_each(drop);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "something was left behind");
    }
}
