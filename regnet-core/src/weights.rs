//! Saving and loading weights as safetensors, under pycls's names (`s1.b1.f.a.weight`).
//!
//! A file is written beside its destination and then moved there, so a full disk or a killed process leaves the
//! old file as it was. A file is read and compared with the network before any tensor changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::safetensors::tensor::{Dtype as FileDtype, SafeTensors, TensorView};
use dfdx::prelude::*;

use crate::state::{self, Entry};

/// Why weights could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The bytes are not safetensors.
    #[error("{} is not a safetensors file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        reason: String,
    },
    /// The tensors are not the network's; nothing was loaded.
    #[error("{} does not fit this network: {}", path.display(), list(.mismatches))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Every difference.
        mismatches: Vec<Mismatch>,
    },
}

/// One difference between a file and a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The network has a tensor that the file lacks.
    Missing(String),
    /// The file has a tensor that the network lacks.
    Extra(String),
    /// Both have it, in different shapes.
    Shape {
        /// The tensor.
        name: String,
        /// Its shape in the network.
        expected: Vec<usize>,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// The file holds it in an element type other than f32 and f64.
    Dtype {
        /// The tensor.
        name: String,
        /// The file's element type.
        found: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "`{name}` is missing from the file"),
            Self::Extra(name) => write!(f, "`{name}` is not part of the network"),
            Self::Shape { name, expected, found } => {
                write!(f, "`{name}` has shape {found:?}, the network's is {expected:?}")
            }
            Self::Dtype { name, found } => write!(f, "`{name}` holds {found}; f32 and f64 can be read"),
        }
    }
}

/// How many differences of one kind an error spells out.
const LISTED: usize = 5;

fn list(mismatches: &[Mismatch]) -> String {
    let mut lines = Vec::new();
    let mut counts = BTreeMap::new();
    for mismatch in mismatches {
        let (kind, plural) = match mismatch {
            Mismatch::Missing(_) => (0, "missing"),
            Mismatch::Shape { .. } => (1, "of another shape"),
            Mismatch::Dtype { .. } => (2, "of another element type"),
            Mismatch::Extra(_) => (3, "not part of the network"),
        };
        let count = counts.entry((kind, plural)).or_insert(0);
        *count += 1;
        if *count <= LISTED {
            lines.push(mismatch.to_string());
        }
    }
    let more = counts.into_iter().filter(|&(_, count)| count > LISTED);
    lines.extend(more.map(|((_, plural), count)| format!("{} more {plural}", count - LISTED)));
    lines.join("; ")
}

/// Writes `bytes` to `path` as a whole or not at all.
///
/// # Errors
/// [`WeightsError::Io`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WeightsError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let write = || {
        let mut file = readable_by_others(&mut tempfile::Builder::new()).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| WeightsError::Io { action: "write", path: path.to_owned(), source })
}

/// Artefacts get the mode that the user's umask asks for; temporary files are private by default.
#[cfg(unix)]
fn readable_by_others<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable_by_others<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    builder
}

/// An element type that files hold.
pub trait FileElement: Dtype {
    /// Its name in safetensors.
    const DTYPE: FileDtype;

    /// Appends the little-endian bytes.
    fn push_le(self, bytes: &mut Vec<u8>);

    /// The elements of `bytes`, converted from what the file holds; `None` for types other than f32 and f64.
    fn read(dtype: FileDtype, bytes: &[u8]) -> Option<Vec<Self>>;
}

macro_rules! file_element {
    ($($type:ident $dtype:ident;)*) => { $(
        impl FileElement for $type {
            const DTYPE: FileDtype = FileDtype::$dtype;

            fn push_le(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }

            fn read(dtype: FileDtype, bytes: &[u8]) -> Option<Vec<Self>> {
                match dtype {
                    FileDtype::F32 => Some(words(bytes).map(|word| f32::from_le_bytes(word) as $type).collect()),
                    FileDtype::F64 => Some(words(bytes).map(|word| f64::from_le_bytes(word) as $type).collect()),
                    _ => None,
                }
            }
        }
    )* };
}

file_element! {
    f32 F32;
    f64 F64;
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks().0.iter().copied()
}

/// Saves every tensor of `model`, running statistics included.
///
/// # Errors
/// [`WeightsError::Io`]; the file that was there before is then still there.
pub fn save<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    path: &Path,
) -> Result<(), WeightsError> {
    write_whole(path, &to_bytes(model))
}

/// What [`save`] writes.
pub fn to_bytes<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(model: &M) -> Vec<u8> {
    let mut tensors = Vec::new();
    state::read(model, |Entry { name, dims, values, .. }| {
        let mut bytes = Vec::with_capacity(values.len() * size_of::<E>());
        values.into_iter().for_each(|value| value.push_le(&mut bytes));
        tensors.push((name, dims, bytes));
    });
    let views = tensors.iter().map(|(name, dims, bytes)| {
        let view = TensorView::new(E::DTYPE, dims.clone(), bytes);
        (name, view.expect("a tensor's bytes are as many as its shape says"))
    });
    ::safetensors::serialize(views, None).expect("names and shapes always serialise")
}

/// Loads every tensor of `model` from a file of the same names and shapes; f32 and f64 convert.
///
/// # Errors
/// Any [`WeightsError`]; `model` is unchanged then.
pub fn load<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
    model: &mut M,
    path: &Path,
) -> Result<(), WeightsError> {
    let bytes = std::fs::read(path).map_err(|source| WeightsError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| WeightsError::Format { path: path.to_owned(), reason: error.to_string() })?;
    let mut found = compare(model, &file)
        .map_err(|mismatches| WeightsError::Mismatch { path: path.to_owned(), mismatches })?;
    state::write(model, |entry| found.remove(&entry.name));
    Ok(())
}

/// The file's elements for each tensor of the model, if the two fit in everything.
fn compare<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    file: &SafeTensors<'_>,
) -> Result<BTreeMap<String, Vec<E>>, Vec<Mismatch>> {
    let mut found = BTreeMap::new();
    let mut known = BTreeSet::new();
    let mut mismatches = Vec::new();
    state::read(model, |entry: Entry<E>| {
        known.insert(entry.name.clone());
        match read_tensor(file, &entry) {
            Ok(values) => drop(found.insert(entry.name, values)),
            Err(mismatch) => mismatches.push(mismatch),
        }
    });
    let extra = file.names().into_iter().filter(|&name| !known.contains(name));
    mismatches.extend(extra.map(|name| Mismatch::Extra(name.to_owned())));
    if mismatches.is_empty() { Ok(found) } else { Err(mismatches) }
}

fn read_tensor<E: FileElement>(file: &SafeTensors<'_>, entry: &Entry<E>) -> Result<Vec<E>, Mismatch> {
    let name = entry.name.clone();
    let Ok(found) = file.tensor(&name) else {
        return Err(Mismatch::Missing(name));
    };
    if found.shape() != entry.dims {
        let found = found.shape().to_vec();
        return Err(Mismatch::Shape { name, expected: entry.dims.clone(), found });
    }
    let dtype = found.dtype();
    E::read(dtype, found.data()).ok_or_else(|| Mismatch::Dtype { name, found: format!("{dtype:?}") })
}
