//! Stochastic gradient descent.

use dfdx::optim::{Momentum, WeightDecay};
use dfdx::prelude::*;

use crate::recipe::Recipe;

/// SGD with momentum and L2 weight decay, as PyTorch's `SGD`.
///
/// With gradient g, parameter p and velocity v: `g += decay * p`, `v = momentum * v + g`, then
/// `p -= rate * v`, or with Nesterov's form `p -= rate * (g + momentum * v)` (Sutskever et al., "On the
/// importance of initialization and momentum in deep learning", 2013).
///
/// Every trained tensor decays, those of batch norm too, as in the code of the RegNet paper.
#[derive(Clone, Debug)]
pub struct Sgd<E: Dtype, D: Storage<E>> {
    momentum: Momentum,
    decay: WeightDecay,
    velocity: Gradients<E, D>,
}

impl<E: Dtype, D: Device<E>> Sgd<E, D> {
    /// SGD at rest.
    pub fn new(recipe: &Recipe) -> Self {
        let &Recipe { momentum, nesterov, weight_decay, .. } = recipe;
        Self {
            momentum: if nesterov { Momentum::Nesterov(momentum) } else { Momentum::Classic(momentum) },
            decay: WeightDecay::L2(weight_decay),
            velocity: Gradients::leaky(),
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
        let config = SgdConfig { lr: rate, momentum: Some(self.momentum), weight_decay: Some(self.decay) };
        let mut step = Step { config, velocity: &mut self.velocity, gradients };
        M::iter_tensors(&mut RecursiveWalker { m: model, f: &mut step }).map(drop)
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
