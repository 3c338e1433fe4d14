//! A model's tensors as f32, known to be those of a graph.

use std::collections::BTreeMap;

use dfdx::prelude::*;
use regnet_space::graph::{Graph, Parameter};

use super::OnnxError;
use crate::state::{self, Entry};

/// Dimensions and elements, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub dims: Vec<usize>,
    pub values: Vec<f32>,
}

pub(super) struct Tensors(BTreeMap<String, Tensor>);

impl Tensors {
    /// Copies the tensors of `model`, which must be the network of `graph`.
    pub fn read<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(
        model: &M,
        graph: &Graph,
    ) -> Result<Self, OnnxError> {
        let mut tensors = BTreeMap::new();
        state::read(model, |Entry { name, dims, values, .. }: Entry<E>| {
            let values = values.iter().map(|value| value.to_f32().unwrap_or(f32::NAN)).collect();
            tensors.insert(name, Tensor { dims, values });
        });
        for Parameter { name, shape: expected, .. } in graph.parameters() {
            let found = tensors.get(&name).map(|tensor| tensor.dims.clone());
            if found.as_ref() != Some(&expected) {
                return Err(OnnxError::Tensor { name, expected, found });
            }
        }
        Ok(Self(tensors))
    }

    /// Takes a tensor of the graph out.
    ///
    /// # Panics
    /// Where it was taken before, or the graph has none of that name.
    pub fn take(&mut self, name: &str) -> Tensor {
        self.0.remove(name).unwrap_or_else(|| panic!("`{name}` is a tensor of the graph, taken once"))
    }
}
