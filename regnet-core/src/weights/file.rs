//! Files of weights: what is in them, before any of it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

use ::safetensors::tensor::Dtype as FileDtype;

use super::element::Precision;
use super::error::WeightsError;
use super::mapped::Window;
use super::{safetensors_file, torch_file};

/// An opened file of weights: safetensors, or a checkpoint of PyTorch's (`.pth`, `.pyth`), told apart by its first bytes.
///
/// Its tensors are listed, but read only when a network asks for them, one after another.
///
/// Of a checkpoint, the state dict is what lies under `model_state`, `state_dict` or `model`, if any does, and a
/// `module.` before every name is dropped. The batch counters of PyTorch's batch norms (`num_batches_tracked`) are
/// passed over.
///
/// pycls trains on images whose channels are blue, green and red. The first convolution of its checkpoints (those with
/// a `model_state`) is turned around on reading, so that every network here takes red, green and blue.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    file: File,
    tensors: BTreeMap<String, FileTensor>,
    takes_bgr: bool,
    pub(super) description: Option<String>,
}

/// One tensor of a file.
#[derive(Debug, Clone)]
pub struct FileTensor {
    pub(super) dtype: FileDtype,
    pub(super) shape: Vec<usize>,
    pub(super) place: Place,
}

/// Where a tensor's elements are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Bytes of the file.
    Mapped(Range<u64>),
    /// An entry of a PyTorch checkpoint.
    Torch(pytorch_reader::Tensor),
}

/// What a file holds.
pub(super) struct Contents {
    pub(super) tensors: BTreeMap<String, FileTensor>,
    pub(super) takes_bgr: bool,
    pub(super) description: Option<String>,
}

impl FileTensor {
    /// Its dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type of its elements; `None` if weights do not have it.
    pub fn precision(&self) -> Option<Precision> {
        Precision::of(self.dtype)
    }
}

impl WeightFile {
    /// Opens a file and reads its table of contents.
    ///
    /// # Errors
    /// [`WeightsError::Io`] and [`WeightsError::Format`].
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let unreadable = |source| WeightsError::Io { action: "read", path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(io::ErrorKind::IsADirectory.into()));
        }
        let whole =
            usize::try_from(metadata.len()).map_err(|_| unreadable(io::ErrorKind::FileTooLarge.into()))?;
        let bytes = Window::map(&file, 0, whole).map_err(unreadable)?;
        let (what, contents) = if torch_file::is_one(&bytes) {
            (torch_file::WHAT, torch_file::contents(path, &bytes))
        } else {
            (safetensors_file::WHAT, safetensors_file::contents(&bytes))
        };
        drop(bytes);
        let Contents { tensors, takes_bgr, description } =
            contents.map_err(|reason| WeightsError::Format { path: path.to_owned(), what, reason })?;
        Ok(Self { path: path.to_owned(), file, tensors: without_counters(tensors), takes_bgr, description })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its tensors by their names in the file.
    pub fn tensors(&self) -> &BTreeMap<String, FileTensor> {
        &self.tensors
    }

    /// Whether the first convolution in the file is made for blue, green and red, as pycls's is.
    pub fn takes_bgr(&self) -> bool {
        self.takes_bgr
    }

    /// The little-endian elements of one of its tensors.
    pub(super) fn read(&self, tensor: &FileTensor) -> Result<Bytes, WeightsError> {
        let read = match &tensor.place {
            // A range lies within the file, whose length is a usize.
            Place::Mapped(range) => {
                Window::map(&self.file, range.start, (range.end - range.start) as usize).map(Bytes::Mapped)
            }
            Place::Torch(tensor) => tensor.read().map(Bytes::Owned),
        };
        read.map_err(|source| WeightsError::Io { action: "read", path: self.path.clone(), source })
    }
}

/// Elements of a tensor as bytes.
pub(super) enum Bytes {
    Mapped(Window),
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(window) => window,
            Self::Owned(bytes) => bytes,
        }
    }
}

fn without_counters(mut tensors: BTreeMap<String, FileTensor>) -> BTreeMap<String, FileTensor> {
    tensors.retain(|name, _| !name.ends_with("num_batches_tracked"));
    if !tensors.is_empty() && tensors.keys().all(|name| name.starts_with(DATA_PARALLEL)) {
        return tensors
            .into_iter()
            .map(|(name, tensor)| (name[DATA_PARALLEL.len()..].to_owned(), tensor))
            .collect();
    }
    tensors
}

/// What PyTorch's data-parallel wrappers put before every name.
const DATA_PARALLEL: &str = "module.";

/// The elements of a convolution's weight, `(out, in, kernel, kernel)`, with its input channels in reverse order.
pub(super) fn reverse_inputs<T: Clone>(values: &[T], shape: &[usize]) -> Vec<T> {
    let &[_, channels, height, width] = shape else { return values.to_vec() };
    let plane = (height * width).max(1);
    let filters = values.chunks((plane * channels).max(1));
    filters.flat_map(|filter| filter.chunks(plane).rev().flatten().cloned()).collect()
}

/// `bytes`, borrowed where that will do.
pub(super) fn reversed_bytes<'a>(bytes: &'a [u8], shape: &[usize], element: usize) -> Cow<'a, [u8]> {
    let elements: Vec<&[u8]> = bytes.chunks_exact(element).collect();
    Cow::Owned(reverse_inputs(&elements, shape).concat())
}
