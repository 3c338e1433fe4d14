//! Saving and loading weights: safetensors and PyTorch's checkpoints, with the names of pycls, timm and torchvision.
//!
//! Whose names a file has is seen from the file. A file is compared with the network before any tensor changes, and
//! everything in which the two differ is reported at once, with the published model that the file fits; so are tensors
//! that hold NaN, infinite numbers or negative variances, unless [`ReadOptions`] allow them. Tensors are then read one by
//! one, so that loading takes little more memory than the network itself. Files are read and not mapped: one that another
//! process cuts short is an error, not the end of this process. A file is written beside its destination and then moved
//! there, so a full disk or a killed process leaves the old file as it was.
//!
//! Files may be hostile: no length in them is believed before it is compared with the file's own. A safetensors header and
//! the pickle of a checkpoint may have 100 MB, a file 262,144 tensors, the objects of a pickle 64 MiB; reading the table of
//! contents takes at most twice the file and 200 MB of memory, and time in proportion to its length. Checkpoints are
//! pickles, which Python executes; here a small machine picks the tensors out of them and executes nothing.
//!
//! ```
//! use dfdx::prelude::*;
//! use regnet_core::DynRegNet;
//! use regnet_core::weights::{self, Head, Precision, Style, WeightFile};
//! use regnet_space::{Naming, Preset};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = Preset::find("RegNetX-200MF")?.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
//! let device = Cpu::default();
//! let mut net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&device, &spec)?;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("regnetx_002.safetensors");
//! weights::save_as(&net, Style::of(&spec, Naming::Timm, Precision::F16), &path)?;
//!
//! let file = WeightFile::open(&path)?;
//! assert_eq!(file.fits()[0].name, "RegNetX-200MF");
//! assert_eq!(file.load_into(&mut net, Head::Refuse)?.naming, Naming::Timm);
//! # Ok(())
//! # }
//! ```

mod element;
mod error;
mod file;
mod finite;
mod fit;
mod foreign;
mod load;
mod metadata;
mod pickle;
mod safetensors_file;
mod source;
mod state_dict;
mod torch_file;
mod write;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

pub use element::{FileElement, Precision};
pub use error::{Mismatch, WeightsError};
pub use file::{FileTensor, ReadOptions, WeightFile};
pub use finite::NonFinite;
pub use load::{Head, Loaded, load};
pub use write::{Style, save, save_as, save_tensors, to_bytes, to_bytes_described};

/// Bytes of a safetensors header, as the safetensors library has it, and of a checkpoint's pickle.
const TABLE_LIMIT: u64 = 100_000_000;
/// Tensors that a file may hold, and entries of an archive.
const TENSORS_LIMIT: u64 = 1 << 18;

/// The tensor that sees the channels of images.
const STEM: &str = "stem.conv.weight";

/// Writes `bytes` to `path` as a whole or not at all.
///
/// # Errors
/// [`WeightsError::Io`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WeightsError> {
    replace(path, |temporary| fs::OpenOptions::new().write(true).open(temporary)?.write_all(bytes))
}

/// What the names of files begin with that are not whole yet.
const TEMPORARY: &str = ".tmp-regnet-";

/// Removes what writers left in a folder that were killed. Nobody may be writing to it.
///
/// # Errors
/// The file system's.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Puts the file that `write` fills in the place of `path`.
fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), WeightsError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let replace = || {
        let file = readable_by_others(tempfile::Builder::new().prefix(TEMPORARY)).tempfile_in(folder)?;
        let permissions = file.as_file().metadata()?.permissions();
        write(file.path())?;
        // What was written may be another file by now, put in the place of ours.
        let written = File::open(file.path())?;
        written.set_permissions(permissions)?;
        written.sync_all()?;
        file.persist(path)?;
        sync_folder(folder)
    };
    replace().map_err(|source| WeightsError::Io { action: "write", path: path.to_owned(), source })
}

/// Makes a renaming in a folder last through a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // The file is in its place; a folder that cannot be opened, or a file system that does not do this, undoes nothing.
        Err(error) if !matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => Err(error),
        _ => Ok(()),
    }
}

/// Folders cannot be opened there; renaming is journalled.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Artefacts get the mode that the user's umask asks for; temporary files are private by default.
#[cfg(unix)]
fn readable_by_others<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable_by_others<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    builder
}
