//! A step of stochastic gradient descent on all tensors of a network.
#![allow(unsafe_code)]

use std::collections::BTreeSet;

use cudarc::driver::{DevicePtrMut, DeviceSlice};
use dfdx::optim::{Momentum, WeightDecay};
use dfdx::prelude::*;
use dfdx::tensor::CudaError;

use super::location::Location;
use super::ops::sgd::{Rule, Table, Trained, step};
use super::queue::Element;
use super::stream::DeviceMemory;
use super::tensor::{open, storage};
use super::view::ViewMut;
use crate::backend::SgdTensors;

/// The rows of a network's launch.
pub type SgdTable = Table<DeviceMemory<u64>>;

/// Moves all trained tensors of a network in one launch, in place; `false` if the device cannot, and then nothing has moved.
///
/// Nothing but the network may see these tensors' storage, see [`Backend::sgd`](crate::Backend::sgd).
pub fn all<M: TensorCollection<E, Cuda>, E: Dtype + Element>(
    device: &Cuda,
    config: &SgdConfig,
    tensors: SgdTensors<'_, M, E, Cuda>,
    table: &mut SgdTable,
) -> Result<bool, CudaError>
where
    Cuda: Device<E> + Storage<E, Vec: DevicePtrMut<E>>,
{
    let Some(rule) = rule(config) else { return Ok(false) };
    let SgdTensors { model, gradients, velocity } = tensors;
    let queue = open(device)?;
    let on = *queue.device().cu_device();
    let (found, places) = (Vec::new(), BTreeSet::new());
    let mut collect = Collect { gradients, velocity, on, found, sound: true, places };
    M::iter_tensors(&mut RecursiveWalker { m: model, f: &mut collect })?;
    let Collect { found, sound, .. } = collect;
    if !sound {
        return Ok(false);
    }
    // SAFETY: no two of them are the same (`Collect` has checked that), each is initialised, on this device, and of the
    // length that is told. `model`, `gradients` and `velocity` are borrowed alone until
    // this function returns, and their storage is freed in the order of the stream that the step is launched on. Clones
    // that share a parameter's storage, if there are any against the caller's word, are read in that stream's order too.
    let view = |[address, len]: [u64; 2]| unsafe { ViewMut::<E>::new(address, len as usize) };
    let trained = |[parameter, gradient, velocity]: [[u64; 2]; 3]| Trained {
        parameter: view(parameter),
        gradient: view(gradient),
        velocity: view(velocity),
        decays: true,
    };
    step(&*queue, &rule, &mut found.into_iter().map(trained).collect::<Vec<_>>(), table)?;
    Ok(true)
}

/// The kernel's form of a configuration, if it has one.
fn rule(config: &SgdConfig) -> Option<Rule> {
    let (momentum, nesterov) = match config.momentum? {
        Momentum::Classic(momentum) => (momentum, false),
        Momentum::Nesterov(momentum) => (momentum, true),
    };
    let decay = match config.weight_decay {
        Some(WeightDecay::L2(decay)) => decay,
        Some(WeightDecay::Decoupled(_)) => return None,
        None => 0.0,
    };
    Some(Rule { rate: config.lr, momentum, nesterov, decay })
}

/// Finds out where parameters, gradients and velocities lie.
struct Collect<'a, E: Dtype>
where
    Cuda: Device<E> + Storage<E, Vec: DevicePtrMut<E>>,
{
    gradients: &'a mut Gradients<E, Cuda>,
    velocity: &'a mut Gradients<E, Cuda>,
    /// The driver's number of the device.
    on: i32,
    /// Addresses and lengths of parameter, gradient and velocity.
    found: Vec<[[u64; 2]; 3]>,
    /// Whether all can be moved by one launch.
    sound: bool,
    places: BTreeSet<u64>,
}

impl<E: Dtype> TensorVisitor<E, Cuda> for Collect<'_, E>
where
    Cuda: Device<E> + Storage<E, Vec: DevicePtrMut<E>>,
{
    type Viewer = ViewTensorMut;
    type Err = CudaError;
    type E2 = E;
    type D2 = Cuda;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, Cuda>,
        tensor: &mut Tensor<S, E, Cuda>,
    ) -> Result<Option<Tensor<S, E, Cuda>>, CudaError> {
        if options.do_gradient_update {
            let gradient = self.gradients.get_or_alloc_mut(tensor)?;
            let gradient = [*gradient.device_ptr_mut(), gradient.len() as u64];
            let velocity = self.velocity.get_or_alloc_mut(tensor)?;
            let velocity = [*velocity.device_ptr_mut(), velocity.len() as u64];
            let Location { address, len, device } = storage(tensor);
            let parameter = [address, len as u64];
            for [place, len] in [parameter, gradient, velocity] {
                // Clones of a tensor have one gradient between them.
                self.sound &= self.places.insert(place) && len == parameter[1];
            }
            self.sound &= device == self.on;
            self.found.push([parameter, gradient, velocity]);
        }
        Ok(None)
    }
}
