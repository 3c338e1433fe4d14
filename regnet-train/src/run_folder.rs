//! The folder that a run writes to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regnet_core::weights;

use crate::error::TrainError;

/// A folder known to be writable. Files in it appear whole or not at all.
///
/// If nothing is ever written, the folders made for it go away with this value.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Folders that did not exist before, innermost first.
    made: Vec<PathBuf>,
}

impl RunFolder {
    /// Makes the folder where there is none and tries whether it can be written to.
    pub(crate) fn create(path: &Path) -> Result<Self, TrainError> {
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = path.ancestors().take_while(missing).map(Path::to_owned).collect();
        let folder = Self { path: path.to_owned(), made };
        match folder.probe() {
            Ok(()) => Ok(folder),
            Err(reason) => Err(TrainError::Folder { path: path.to_owned(), reason }),
        }
    }

    fn probe(&self) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        // A file without a name: nothing is left behind, whatever happens.
        tempfile::tempfile_in(&self.path).map(drop)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        Ok(weights::write_whole(&self.path(name), bytes)?)
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
        for folder in &self.made {
            // Only empty folders can be removed so.
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
}
