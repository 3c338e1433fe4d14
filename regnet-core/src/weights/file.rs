//! Files of weights: what is in them, before any of it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::safetensors::tensor::Dtype as FileDtype;

use super::element::Precision;
use super::error::WeightsError;
use super::source::Source;
use super::state_dict::{self, StateDict};
use super::{foreign, safetensors_file, torch_file};

/// How a file of weights is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether NaN, infinite numbers and negative running variances are loaded as they are, and give what PyTorch gives
    /// with them; a file that has any is refused otherwise.
    pub allow_non_finite: bool,
    /// Whether the moving average of the weights is taken where a checkpoint has both, as timm does.
    pub ema: bool,
}

impl Default for ReadOptions {
    /// Refuses non-finite numbers, and takes a moving average.
    fn default() -> Self {
        Self { allow_non_finite: false, ema: true }
    }
}

/// An opened file of weights: safetensors, or a checkpoint of PyTorch's (`.pth`, `.pyth`), told apart by its first bytes.
///
/// Its tensors are listed, but read only when a network asks for them, one after another.
///
/// The state dict in it is what lies below the keys that training programs save weights under (`state_dict`, `model`,
/// `state_dict_ema`, ..) and the words that wrappers put before every name (`module.`, `_orig_mod.`, `backbone.`, ..), in
/// any order; tensors elsewhere in the file and the batch counters of PyTorch's batch norms (`num_batches_tracked`) are
/// passed over.
///
/// pycls trains on images whose channels are blue, green and red. The first convolution of its checkpoints (those with
/// a `model_state`) is turned around on reading, so that every network here takes red, green and blue.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    source: Source,
    options: ReadOptions,
    state_dict: StateDict,
    pub(super) description: Option<String>,
}

/// One tensor of a file.
#[derive(Debug, Clone)]
pub struct FileTensor {
    pub(super) dtype: FileDtype,
    pub(super) shape: Vec<usize>,
    pub(super) elements: Elements,
}

/// Where a tensor's elements are.
#[derive(Debug, Clone)]
pub(super) struct Elements {
    /// The bytes of the file from the first to the last.
    pub(super) range: Range<u64>,
    /// Elements from one to the next along each dimension; `None` where they follow one another.
    pub(super) strides: Option<Vec<usize>>,
    /// What they are a part of, with its checksum.
    pub(super) entry: Option<Arc<torch_file::Entry>>,
}

/// What a file holds.
pub(super) struct Contents {
    pub(super) tensors: BTreeMap<String, FileTensor>,
    /// What its metadata says of the network.
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
    /// Opens a file and reads its table of contents, with the usual [`ReadOptions`].
    ///
    /// # Errors
    /// [`WeightsError::Io`] and [`WeightsError::Format`].
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        Self::open_with(path, ReadOptions::default())
    }

    /// As [`WeightFile::open`], with other options.
    ///
    /// # Errors
    /// As [`WeightFile::open`].
    pub fn open_with(path: &Path, options: ReadOptions) -> Result<Self, WeightsError> {
        /// Bytes that tell what a file is.
        const START: u64 = 512;
        let unreadable = |source| WeightsError::Io { action: "read", path: path.to_owned(), source };
        let source = Source::open(path).map_err(unreadable)?;
        let start = source.read(0..source.len().min(START)).map_err(unreadable)?;
        let (what, contents) = if torch_file::is_one(&start) {
            (torch_file::WHAT, torch_file::contents(&source, &start))
        } else if let Some(reason) = foreign::what(&start) {
            ("a file of weights that can be read", Err(reason.to_owned()))
        } else {
            (safetensors_file::WHAT, safetensors_file::contents(&source))
        };
        let Contents { tensors, description } =
            contents.map_err(|reason| WeightsError::Format { path: path.to_owned(), what, reason })?;
        let state_dict = state_dict::find(tensors, options.ema);
        Ok(Self { path: path.to_owned(), source, options, state_dict, description })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is read.
    pub fn options(&self) -> ReadOptions {
        self.options
    }

    /// The tensors of its state dict, by their names there.
    pub fn tensors(&self) -> &BTreeMap<String, FileTensor> {
        &self.state_dict.tensors
    }

    /// What is before those names in the file, such as `state_dict.module.`; empty where nothing is.
    pub fn state_dict_path(&self) -> &str {
        &self.state_dict.path
    }

    /// Whether the tensors are a moving average of weights, by their keys in the file.
    pub fn is_ema(&self) -> bool {
        self.state_dict.is_average
    }

    /// Whether the first convolution in the file is made for blue, green and red, as pycls's is.
    pub fn takes_bgr(&self) -> bool {
        self.state_dict.is_pycls
    }

    /// The little-endian elements of one of its tensors, row by row.
    pub(super) fn read(&self, tensor: &FileTensor) -> Result<Vec<u8>, WeightsError> {
        let Elements { range, strides, entry } = &tensor.elements;
        let read = match entry {
            Some(entry) => entry.read(&self.source, range.clone()),
            None => self.source.read(range.clone()),
        };
        let bytes = read.map_err(|source| self.unreadable(source))?;
        Ok(match strides {
            Some(strides) => gathered(&bytes, &tensor.shape, strides, tensor.dtype.bitsize() / 8),
            None => bytes,
        })
    }

    fn unreadable(&self, source: io::Error) -> WeightsError {
        WeightsError::Io { action: "read", path: self.path.clone(), source }
    }
}

/// The elements of a view row by row, of the bytes from its first to its last.
fn gathered(bytes: &[u8], shape: &[usize], strides: &[usize], element: usize) -> Vec<u8> {
    let mut rows = Vec::with_capacity(shape.iter().product::<usize>() * element);
    gather(bytes, shape, strides, element, &mut rows);
    rows
}

fn gather(bytes: &[u8], shape: &[usize], strides: &[usize], element: usize, rows: &mut Vec<u8>) {
    let (&[size, ref shape @ ..], &[stride, ref strides @ ..]) = (shape, strides) else {
        rows.extend_from_slice(&bytes[..element]);
        return;
    };
    for i in 0..size {
        gather(&bytes[i * stride * element..], shape, strides, element, rows);
    }
}

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
