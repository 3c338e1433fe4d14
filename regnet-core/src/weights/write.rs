//! Writing weights, in any library's names and any precision.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;

use ::safetensors::tensor::{Dtype as FileDtype, TensorView, View};
use dfdx::prelude::*;
use regnet_space::{AnyNet, Layout, Naming};

use super::element::{FileElement, Precision};
use super::error::WeightsError;
use super::file::{FileTensor, WeightFile, reversed_bytes};
use super::fit::Found;
use super::metadata::metadata;
use super::{Head, fit, replace};
use crate::state::{self, Entry};

/// How weights are written: whose names, and in what precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whose names.
    pub naming: Naming,
    /// The class that reads the file in timm and torchvision; pycls's names do not depend on it.
    pub layout: Layout,
    /// The element type.
    pub precision: Precision,
}

impl Style {
    /// The style of a network's file.
    pub fn of(net: &AnyNet, naming: Naming, precision: Precision) -> Self {
        Self { naming, layout: Layout::of(net), precision }
    }

    fn name(&self, name: &str) -> Result<String, WeightsError> {
        let unknown = || WeightsError::NoName { naming: self.naming, name: name.to_owned() };
        self.naming.name(self.layout, name).ok_or_else(unknown)
    }
}

/// Saves every tensor of `model`, running statistics included, as pycls names them and in the model's precision.
///
/// # Errors
/// [`WeightsError::Io`]; the file that was there before is then still there.
pub fn save<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    path: &Path,
) -> Result<(), WeightsError> {
    super::write_whole(path, &to_bytes(model))
}

/// Saves every tensor of `model` in the style of a library.
///
/// # Errors
/// [`WeightsError::NoName`], and as [`save`].
pub fn save_as<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    style: Style,
    path: &Path,
) -> Result<(), WeightsError> {
    let mut tensors = Vec::new();
    state::read(model, |Entry { name, dims, values, .. }: Entry<E>| {
        let values = values.into_iter().map(|value| value.to_f64().unwrap_or(f64::NAN));
        tensors.push(style.name(&name).map(|name| (name, dims, style.precision.encode(values))));
    });
    let tensors = tensors.into_iter().collect::<Result<Vec<_>, _>>()?;
    super::write_whole(path, &serialised(style.precision.file_dtype(), &tensors, None))
}

/// What [`save`] writes.
pub fn to_bytes<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(model: &M) -> Vec<u8> {
    serialised(E::PRECISION.file_dtype(), &tensors(model), None)
}

/// The same, with what [`WeightFile::description`] is to say of the network.
pub fn to_bytes_described<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    description: &str,
) -> Vec<u8> {
    serialised(E::PRECISION.file_dtype(), &tensors(model), Some(description))
}

/// Names, dimensions and bytes.
type Tensors = Vec<(String, Vec<usize>, Vec<u8>)>;

fn tensors<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(model: &M) -> Tensors {
    let mut tensors = Vec::new();
    state::read(model, |Entry { name, dims, values, .. }| {
        let mut bytes = Vec::with_capacity(values.len() * size_of::<E>());
        values.into_iter().for_each(|value| value.push_le(&mut bytes));
        tensors.push((name, dims, bytes));
    });
    tensors
}

/// Saves tensors of any names: their dimensions and as many elements.
///
/// # Errors
/// [`WeightsError::Io`]; the file that was there before is then still there.
///
/// # Panics
/// Where a tensor has other than as many elements as its dimensions say.
pub fn save_tensors<E: FileElement>(
    tensors: Vec<(String, Vec<usize>, Vec<E>)>,
    path: &Path,
) -> Result<(), WeightsError> {
    let bytes = tensors.into_iter().map(|(name, dims, values)| {
        let mut bytes = Vec::with_capacity(values.len() * size_of::<E>());
        values.into_iter().for_each(|value| value.push_le(&mut bytes));
        (name, dims, bytes)
    });
    super::write_whole(path, &serialised(E::PRECISION.file_dtype(), &bytes.collect::<Vec<_>>(), None))
}

fn serialised(
    dtype: FileDtype,
    tensors: &[(String, Vec<usize>, Vec<u8>)],
    description: Option<&str>,
) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dims, bytes)| {
        let view = TensorView::new(dtype, dims.clone(), bytes);
        (name, view.expect("a tensor's bytes are as many as its shape says"))
    });
    ::safetensors::serialize(views, metadata(description)).expect("names and shapes always serialise")
}

impl WeightFile {
    /// Writes the weights of `net` in this file to another, a tensor at a time; the head keeps its own size. Elements
    /// whose type does not change keep their bits. The other file says `description` of the network: usually what
    /// this one's [`description`](Self::description) is.
    ///
    /// # Errors
    /// A file that is not of this network, names that the library does not have, and [`WeightsError::Io`]; the file
    /// that was there before is then still there.
    pub fn convert(
        &self,
        net: &AnyNet,
        style: Style,
        description: Option<&str>,
        path: &Path,
    ) -> Result<(), WeightsError> {
        let wanted = fit::wanted(&self.with_classes(net));
        let fitted = fit::fit(self, &wanted, Head::Refuse)?;
        self.check_finite(&fitted, style.precision)?;
        let failed = RefCell::new(None);
        let tensors = fitted.tensors.iter().map(|(name, &Found { tensor, .. })| {
            let reverse = self.takes_bgr() && name == super::STEM;
            Ok((style.name(name)?, Converted { file: self, tensor, reverse, style, failed: &failed }))
        });
        let tensors = tensors.collect::<Result<Vec<_>, WeightsError>>()?;
        let written = replace(path, |temporary| {
            let written = ::safetensors::serialize_to_file(tensors, metadata(description), temporary);
            written.map_err(std::io::Error::other)
        });
        match failed.into_inner() {
            Some(error) => Err(error),
            None => written,
        }
    }
}

/// A tensor on its way from file to file.
struct Converted<'a> {
    file: &'a WeightFile,
    tensor: &'a FileTensor,
    reverse: bool,
    style: Style,
    /// The first tensor that could not be read; the file written then is of no use.
    failed: &'a RefCell<Option<WeightsError>>,
}

impl Converted<'_> {
    fn read(&self) -> Result<Vec<u8>, WeightsError> {
        let bytes = self.file.read(self.tensor)?;
        let from = self.tensor.precision().unwrap_or(self.style.precision);
        let bytes = if self.reverse {
            reversed_bytes(&bytes, self.tensor.shape(), from.bytes())
        } else {
            Cow::Borrowed(&*bytes)
        };
        if from == self.style.precision {
            return Ok(bytes.into_owned());
        }
        Ok(self.style.precision.encode(f64::decode(from, &bytes)))
    }
}

impl View for Converted<'_> {
    fn dtype(&self) -> FileDtype {
        self.style.precision.file_dtype()
    }

    fn shape(&self) -> &[usize] {
        self.tensor.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let read = self.read().map_err(|error| self.failed.borrow_mut().get_or_insert(error).to_string());
        read.unwrap_or_else(|_| vec![0; self.data_len()]).into()
    }

    fn data_len(&self) -> usize {
        self.shape().iter().product::<usize>() * self.style.precision.bytes()
    }
}
