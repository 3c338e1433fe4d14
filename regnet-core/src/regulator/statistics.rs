//! A block's own half of its regulator's norm.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::Activation;
use crate::dims::LayerDim;
use crate::layers::batch_norm2d as norm;
use crate::regulator::Regulate;
use crate::tensors::Map;

/// The running statistics of a regulator's norm at one block.
///
/// Scale and shift belong to the regulator, which may serve many blocks; each block is another time step, and what
/// comes out of the cell there has statistics of its own (Cooijmans et al., "Recurrent Batch Normalization", 2017).
#[derive(Debug, Clone)]
pub struct StepStatistics<Maps: LayerDim, N: LayerDim, E: Dtype, D: Storage<E>> {
    /// The running mean; starts as 0.
    pub running_mean: Tensor<(Maps::Param, N::Param), E, D>,
    /// The running variance; starts as 1.
    pub running_var: Tensor<(Maps::Param, N::Param), E, D>,
}

impl<Maps: LayerDim, N: LayerDim, E: Dtype, D: Device<E>> StepStatistics<Maps, N, E, D> {
    /// Fresh statistics of states of `maps` maps of `n` channels.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(device: &D, maps: Maps, n: N) -> Result<Self, D::Err> {
        let shape = (maps.param(), n.param());
        Ok(Self { running_mean: device.try_zeros_like(&shape)?, running_var: device.try_ones_like(&shape)? })
    }
}

impl<Maps: LayerDim, N: LayerDim, E: Dtype, D: Backend<E>> StepStatistics<Maps, N, E, D> {
    /// `relu(norm(state))` with the running statistics and the scale and shift of `regulator`.
    ///
    /// # Errors
    /// The device's.
    pub fn try_run<T: Tape<E, D>>(
        &self,
        state: Map<E, D, T>,
        regulator: &impl Regulate<E, D>,
    ) -> Result<Map<E, D, T>, D::Err> {
        let [scale, shift] = regulator.try_norm()?;
        let args = norm::args(&scale, &shift, None, Activation::Relu)?;
        norm::evaluate(state, args, &self.running_mean, &self.running_var)
    }

    /// The same with the batch's statistics, which the running ones then follow.
    ///
    /// # Errors
    /// The device's.
    pub fn try_run_mut<T: Tape<E, D>>(
        &mut self,
        state: Map<E, D, T>,
        regulator: &impl Regulate<E, D>,
    ) -> Result<Map<E, D, T>, D::Err> {
        let [scale, shift] = regulator.try_norm()?;
        let args = norm::args(&scale, &shift, None, Activation::Relu)?;
        norm::train(state, args, &mut self.running_mean, &mut self.running_var)
    }
}

impl<Maps: LayerDim, N: LayerDim, E: Dtype, D: Device<E>> TensorCollection<E, D>
    for StepStatistics<Maps, N, E, D>
{
    type To<E2: Dtype, D2: Device<E2>> = StepStatistics<Maps, N, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::tensor(
                    "running_mean",
                    |s| &s.running_mean,
                    |s| &mut s.running_mean,
                    TensorOptions::detached(|t| t.try_fill_with_zeros()),
                ),
                Self::tensor(
                    "running_var",
                    |s| &s.running_var,
                    |s| &mut s.running_var,
                    TensorOptions::detached(|t| t.try_fill_with_ones()),
                ),
            ),
            |(running_mean, running_var)| StepStatistics { running_mean, running_var },
        )
    }
}
