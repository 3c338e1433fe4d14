//! Stochastic gradient descent.

use std::collections::BTreeMap;

use dfdx::optim::{Momentum, WeightDecay};
use dfdx::prelude::*;
use regnet_core::Backend;
use regnet_core::backend::SgdTensors;

use crate::recipe::Recipe;

/// SGD with momentum and L2 weight decay, as PyTorch's `SGD`.
///
/// With gradient g, parameter p and velocity v: `g += decay * p`, `v = momentum * v + g`, then
/// `p -= rate * v`, or with Nesterov's form `p -= rate * (g + momentum * v)` (Sutskever et al., "On the
/// importance of initialization and momentum in deep learning", 2013).
///
/// Every trained tensor decays, those of batch norm too, as in the code of the RegNet paper.
#[derive(Debug)]
pub struct Sgd<E: Dtype, D: Backend<E>> {
    momentum: Momentum,
    decay: WeightDecay,
    velocity: Gradients<E, D>,
    table: D::SgdTable,
}

impl<E: Dtype, D: Backend<E>> Sgd<E, D> {
    /// SGD at rest.
    pub fn new(recipe: &Recipe) -> Self {
        let &Recipe { momentum, nesterov, weight_decay, .. } = recipe;
        Self {
            momentum: if nesterov { Momentum::Nesterov(momentum) } else { Momentum::Classic(momentum) },
            decay: WeightDecay::L2(weight_decay),
            velocity: Gradients::leaky(),
            table: D::SgdTable::default(),
        }
    }

    /// Moves every trained tensor of `model` by one step at learning rate `rate`.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn step<M: TensorCollection<E, D>>(
        &mut self,
        model: &mut M,
        gradients: &mut Gradients<E, D>,
        rate: f64,
    ) -> Result<(), D::Err> {
        let mut step = Step { config: self.config(rate), velocity: &mut self.velocity, gradients };
        M::iter_tensors(&mut RecursiveWalker { m: model, f: &mut step }).map(drop)
    }

    /// [`step`](Self::step), all tensors at once and with gradients of zero afterwards, where the device can do that;
    /// `false` where it cannot, and then nothing has moved.
    ///
    /// Clones of the model's tensors may move with them, see [`Backend::sgd`].
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn step_at_once<M: TensorCollection<E, D>>(
        &mut self,
        device: &D,
        model: &mut M,
        gradients: &mut Gradients<E, D>,
        rate: f64,
    ) -> Result<bool, D::Err> {
        let config = self.config(rate);
        let tensors = SgdTensors { model, gradients, velocity: &mut self.velocity };
        device.sgd(&config, tensors, &mut self.table)
    }

    fn config(&self, rate: f64) -> SgdConfig {
        SgdConfig { lr: rate, momentum: Some(self.momentum), weight_decay: Some(self.decay) }
    }

    /// The velocity of every trained tensor of `model`, by the tensor's name; zero where no step was made yet.
    ///
    /// # Errors
    ///
    /// The device's.
    pub fn velocity<M: TensorCollection<E, D>>(
        &mut self,
        model: &M,
    ) -> Result<Vec<(String, Vec<E>)>, D::Err> {
        let mut read = Read { velocity: &mut self.velocity, found: Vec::new() };
        M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut read })?;
        Ok(read.found)
    }

    /// Takes velocities over that [`velocity`](Self::velocity) gave; tensors that are not among them keep theirs.
    ///
    /// # Errors
    ///
    /// The device's, which refuses other than as many numbers as the tensor has.
    pub fn set_velocity<M: TensorCollection<E, D>>(
        &mut self,
        model: &mut M,
        from: BTreeMap<String, Vec<E>>,
    ) -> Result<(), D::Err> {
        let mut write = Write { velocity: &mut self.velocity, from };
        M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut write }).map(drop)
    }
}

/// Whether the gradient of every trained tensor of `model` is finite; waits for the device.
pub(crate) fn is_finite<E: Dtype, D: Backend<E>, M: TensorCollection<E, D>>(
    device: &D,
    model: &M,
    gradients: &mut Gradients<E, D>,
) -> Result<bool, D::Err> {
    let mut look = Look { device, gradients, finite: true };
    M::iter_tensors(&mut RecursiveWalker { m: model, f: &mut look })?;
    Ok(look.finite)
}

struct Look<'a, E: Dtype, D: Storage<E>> {
    device: &'a D,
    gradients: &'a mut Gradients<E, D>,
    finite: bool,
}

impl<E: Dtype, D: Backend<E>> TensorVisitor<E, D> for Look<'_, E, D> {
    type Viewer = ViewTensorRef;
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        tensor: &Tensor<S, E, D>,
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if options.do_gradient_update && self.finite {
            self.finite = self.device.is_finite(self.gradients.get_or_alloc_mut(tensor)?)?;
        }
        Ok(None)
    }
}

struct Read<'a, E: Dtype, D: Storage<E>> {
    velocity: &'a mut Gradients<E, D>,
    found: Vec<(String, Vec<E>)>,
}

impl<E: Dtype, D: Device<E>> TensorVisitor<E, D> for Read<'_, E, D> {
    type Viewer = (ViewTensorRef, ViewTensorName);
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        (tensor, name): (&Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if options.do_gradient_update {
            self.velocity.try_alloc_for(tensor)?;
            self.found.push((name, self.velocity.get(tensor).as_vec()));
        }
        Ok(None)
    }
}

struct Write<'a, E: Dtype, D: Storage<E>> {
    velocity: &'a mut Gradients<E, D>,
    from: BTreeMap<String, Vec<E>>,
}

impl<E: Dtype, D: Backend<E>> TensorVisitor<E, D> for Write<'_, E, D> {
    type Viewer = (ViewTensorMut, ViewTensorName);
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        (tensor, name): (&mut Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if let Some(values) = self.from.remove(&name).filter(|_| options.do_gradient_update) {
            let device = tensor.device().clone();
            device.write_buffer(self.velocity.get_or_alloc_mut(tensor)?, values)?;
        }
        Ok(None)
    }
}

struct Step<'a, E: Dtype, D: Storage<E>> {
    config: SgdConfig,
    velocity: &'a mut Gradients<E, D>,
    gradients: &'a mut Gradients<E, D>,
}

impl<E: Dtype, D: Device<E>> TensorVisitor<E, D> for Step<'_, E, D> {
    type Viewer = ViewTensorMut;
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        tensor: &mut Tensor<S, E, D>,
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if options.do_gradient_update {
            let velocity = self.velocity.get_or_alloc_mut(tensor)?;
            let gradient = self.gradients.get_or_alloc_mut(tensor)?;
            self.config.try_update(tensor, velocity, gradient)?;
        }
        Ok(None)
    }
}
