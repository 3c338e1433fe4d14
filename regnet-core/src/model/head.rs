//! The head: global average pooling and a linear layer.

use dfdx::prelude::*;

use crate::dims::{LayerDim, Matches};
use crate::forward::{Accepts, Run};
use crate::tensors::{Logits, Map, flat};
use crate::{Backend, init, ops};

/// Means over height and width, then `Classes` logits.
///
/// The weight starts normal with deviation 0.01, the bias as 0, as in pycls.
///
/// # Shapes
/// Input `(batch, In, height, width)`, output `(batch, Classes)`.
#[derive(Debug, Clone)]
pub struct Head<In: LayerDim, Classes: LayerDim, E: Dtype, D: Storage<E>> {
    /// The linear layer's weight, `(Classes, In)`.
    pub weight: Tensor<(Classes::Param, In::Param), E, D>,
    /// Its bias, `(Classes,)`.
    pub bias: Tensor<(Classes::Param,), E, D>,
}

impl<In: LayerDim, Classes: LayerDim, E: Dtype, D: Device<E>> Head<In, Classes, E, D> {
    /// A freshly initialised head.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, input: In, classes: Classes) -> Result<Self, D::Err> {
        let mut weight = device.try_zeros_like(&(classes.param(), input.param()))?;
        init::head(&mut weight)?;
        Ok(Self { weight, bias: device.try_zeros_like(&(classes.param(),))? })
    }
}

impl<In: LayerDim, Classes: LayerDim, E: Dtype, D: Backend<E>> Run<E, D> for Head<In, Classes, E, D> {
    type Out = (usize, usize);
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
        let pooled = ops::global_avg_pool(x)?;
        ops::linear(pooled, flat(self.weight.clone())?, flat(self.bias.clone())?)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
        self.try_run(x)
    }
}

impl<Batch, C, H, W, In, Classes, E, D> Accepts<(Batch, C, H, W)> for Head<In, Classes, E, D>
where
    Batch: Dim,
    C: Dim + Matches<In>,
    H: Dim,
    W: Dim,
    In: LayerDim,
    Classes: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type Output = (Batch, Classes);
}

impl<In: LayerDim, Classes: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D>
    for Head<In, Classes, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = Head<In, Classes, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::tensor(
                    "fc.weight",
                    |s| &s.weight,
                    |s| &mut s.weight,
                    TensorOptions::reset_with(init::head),
                ),
                Self::tensor("fc.bias", |s| &s.bias, |s| &mut s.bias, TensorOptions::reset_to_zeros()),
            ),
            |(weight, bias)| Head { weight, bias },
        )
    }
}
