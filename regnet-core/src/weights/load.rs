//! Loading a network's tensors from a file.

use std::path::Path;

use dfdx::prelude::*;
use regnet_space::graph::Graph;
use regnet_space::{AnyNet, Naming};

use super::element::{FileElement, Precision};
use super::error::WeightsError;
use super::file::{WeightFile, reverse_inputs};
use super::finite::NonFinite;
use super::fit::{Fitted, Found};
use super::{STEM, fit};
use crate::frozen::{Calibration, Engine, EngineError, FreezeError, Options};
use crate::state;

/// What becomes of a file's head, the last linear layer, where it tells another number of classes apart than the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Head {
    /// The file is refused.
    #[default]
    Refuse,
    /// The file's head is kept: the network must be built with its classes
    /// ([`WeightFile::with_classes`]), and a network of other classes, such as a declared one, refuses it.
    Keep,
    /// The file's head is replaced by the network's own, which stays as it is; the rest is loaded.
    Replace,
}

/// What was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Whose names the file has.
    pub naming: Naming,
    /// Whether the network kept its own head, by [`Head::Replace`].
    pub replaced_head: bool,
}

/// Loads every tensor of `model` from a file with the same tensors, in any library's names and any precision.
///
/// # Errors
/// As [`WeightFile::open`] and [`WeightFile::load_into`].
pub fn load<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
    model: &mut M,
    path: &Path,
) -> Result<(), WeightsError> {
    WeightFile::open(path)?.load_into(model, Head::Refuse).map(drop)
}

impl WeightFile {
    /// Dimensions and elements of the tensor of this name in the file, converted, whatever they are; `None` if there is
    /// none, or if it holds no numbers of weights.
    ///
    /// # Errors
    /// [`WeightsError::Io`].
    pub fn values<E: FileElement>(&self, name: &str) -> Result<Option<(Vec<usize>, Vec<E>)>, WeightsError> {
        let Some(tensor) = self.tensors().get(name) else { return Ok(None) };
        let Some(precision) = tensor.precision() else { return Ok(None) };
        Ok(Some((tensor.shape().to_vec(), E::decode(precision, &self.read(tensor)?))))
    }

    /// Loads every tensor of `model`, one after another, each converted to its precision.
    ///
    /// # Errors
    /// [`WeightsError::Mismatch`] and [`WeightsError::NonFinite`], and then nothing was loaded; [`WeightsError::Io`] where
    /// the file cannot be read to its end, and then some tensors may have been.
    pub fn load_into<E: FileElement, D: Device<E>, M: TensorCollection<E, D>>(
        &self,
        model: &mut M,
        head: Head,
    ) -> Result<Loaded, WeightsError> {
        let mut wanted = Vec::new();
        state::names(model, |slot| wanted.push((slot.name, slot.dims)));
        let fitted = fit::fit(self, &wanted, head)?;
        self.check_finite(&fitted, E::PRECISION)?;
        state::fill(model, |slot| {
            let Some(found) = fitted.tensors.get(&slot.name) else { return Ok(None) };
            self.converted(*found, &slot.name, &mut Vec::new())
        })?;
        Ok(Loaded { naming: fitted.naming, replaced_head: fitted.replaces_head })
    }

    /// A tensor's elements, as the network's tensor `name` has them. What is not finite in them is noted.
    fn converted<E: FileElement>(
        &self,
        found: Found<'_>,
        name: &str,
        noted: &mut Vec<NonFinite>,
    ) -> Result<Option<Vec<E>>, WeightsError> {
        let Some(precision) = found.tensor.precision() else { return Ok(None) };
        let bytes = self.read(found.tensor)?;
        noted.extend(NonFinite::find(found.name, precision, &bytes, E::PRECISION, is_variance(name)));
        let values = E::decode(precision, &bytes);
        let reverse = self.takes_bgr() && name == STEM;
        Ok(Some(if reverse { reverse_inputs(&values, found.tensor.shape()) } else { values }))
    }

    /// Whether all tensors are finite as they are read in the precision `into`.
    pub(super) fn check_finite(&self, fitted: &Fitted<'_>, into: Precision) -> Result<(), WeightsError> {
        if self.options().allow_non_finite {
            return Ok(());
        }
        let mut noted = Vec::new();
        for (name, found) in &fitted.tensors {
            let Some(precision) = found.tensor.precision() else { continue };
            let bytes = self.read(found.tensor)?;
            noted.extend(NonFinite::find(found.name, precision, &bytes, into, is_variance(name)));
        }
        self.refuse(noted)
    }

    fn refuse(&self, noted: Vec<NonFinite>) -> Result<(), WeightsError> {
        if noted.is_empty() || self.options().allow_non_finite {
            return Ok(());
        }
        Err(WeightsError::NonFinite { path: self.path().to_owned(), tensors: noted })
    }

    /// Whether the file has the tensors of `spec`, and no others, before any of them is read.
    ///
    /// # Errors
    /// [`WeightsError::Mismatch`].
    pub fn check(&self, spec: &AnyNet) -> Result<(), WeightsError> {
        fit::fit(self, &fit::wanted(spec), Head::Keep).map(drop)
    }

    /// Freezes the network of `spec` with the tensors of this file, for images of `height` x `width` pixels, without a
    /// network in between: besides the engine's weights, one tensor at a time is in memory.
    ///
    /// # Errors
    /// As [`WeightFile::load_into`] with [`Head::Keep`], and [`FreezeError`]'s others.
    pub fn freeze(
        &self,
        spec: &AnyNet,
        height: usize,
        width: usize,
        options: &Options,
    ) -> Result<Engine, FreezeError> {
        let graph = spec.graph(height, width)?;
        self.with_tensors(&graph, |tensor| Engine::new(&graph, tensor, options))
    }

    /// Prepares to watch the network of `spec` with the tensors of this file, on images of `height` x `width` pixels, for
    /// [`Precision::Int8`](crate::frozen::Precision::Int8).
    ///
    /// # Errors
    /// As [`WeightFile::freeze`].
    pub fn calibration(
        &self,
        spec: &AnyNet,
        height: usize,
        width: usize,
        options: &Options,
    ) -> Result<Calibration, FreezeError> {
        let graph = spec.graph(height, width)?;
        self.with_tensors(&graph, |tensor| Calibration::new(&graph, tensor, options))
    }

    /// What `build` makes of the tensors of a graph, read one by one as it asks for them.
    fn with_tensors<R>(
        &self,
        graph: &Graph,
        build: impl FnOnce(&mut dyn FnMut(&str) -> Option<Vec<f32>>) -> Result<R, EngineError>,
    ) -> Result<R, FreezeError> {
        let wanted =
            graph.parameters().map(|parameter| (parameter.name, parameter.shape)).collect::<Vec<_>>();
        let fitted = fit::fit(self, &wanted, Head::Keep)?;
        let (mut failed, mut noted) = (None, Vec::new());
        let built = build(&mut |name| {
            let values = self.converted(*fitted.tensors.get(name)?, name, &mut noted);
            values.unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        self.refuse(noted)?;
        Ok(built?)
    }
}

/// Whether the network's tensor of this name holds running variances.
fn is_variance(name: &str) -> bool {
    name.ends_with("running_var")
}
