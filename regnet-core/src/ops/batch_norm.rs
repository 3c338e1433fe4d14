//! Batch normalisation with its residual and activation.

use dfdx::prelude::*;

use crate::Backend;
use crate::backend::{
    Activation, BatchNormGradients, BatchNormInputs, BatchNormSizes, Statistics, with_gradients,
};
use crate::tensors::{Flat, Map, flat};

/// What to normalise with, and what follows.
pub(crate) struct BatchNormArgs<E: Dtype, D: Storage<E>> {
    pub(crate) gamma: Flat<E, D>,
    pub(crate) beta: Flat<E, D>,
    /// Running mean and variance; `None` takes the batch's statistics.
    pub(crate) running: Option<(Flat<E, D>, Flat<E, D>)>,
    pub(crate) epsilon: f64,
    /// Added before the activation; must not be the input itself.
    pub(crate) residual: Option<Map<E, D>>,
    pub(crate) activation: Activation,
}

/// The normalised maps, and the statistics they were normalised with.
pub(crate) fn batch_norm<E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    args: BatchNormArgs<E, D>,
) -> Result<(Map<E, D, T>, Statistics<E, D>), D::Err> {
    let shape @ (batch, channels, height, width) = *x.shape();
    let residual_fits = args.residual.as_ref().is_none_or(|r| *r.shape() == shape);
    if args.gamma.shape().0 != channels || !residual_fits {
        return Err(x.device().shape_error());
    }
    let sizes = BatchNormSizes { batch, channels, pixels: height * width, epsilon: args.epsilon };
    let (x, mut tape) = flat(x)?.split_tape();
    let device = x.device().clone();
    let of_batch = args.running.is_none();
    let statistics = match args.running {
        Some((mean, variance)) => running_statistics(mean, variance, args.epsilon)?,
        None => device.batch_statistics(&sizes, &x)?,
    };
    let inputs = BatchNormInputs {
        x,
        gamma: args.gamma,
        beta: args.beta,
        statistics: statistics.clone(),
        of_batch,
        residual: args.residual.map(flat).transpose()?,
        activation: args.activation,
    };
    let y = device.batch_norm(&sizes, &inputs)?;
    let saved = y.clone();
    tape.add_backward_op(move |grads| backward(&device, grads, &sizes, &inputs, &saved));
    Ok((y.put_tape(tape).try_reshape_like(&shape)?, statistics))
}

fn running_statistics<E: Dtype, D: Backend<E>>(
    mean: Flat<E, D>,
    variance: Flat<E, D>,
    epsilon: f64,
) -> Result<Statistics<E, D>, D::Err> {
    let epsilon = E::from_f64(epsilon).expect("a float type holds every f64, rounded");
    let inv_std = variance.clone().try_add(epsilon)?.try_sqrt()?.try_recip()?;
    Ok(Statistics { mean, variance, inv_std })
}

fn backward<E: Dtype, D: Backend<E>>(
    device: &D,
    grads: &mut Gradients<E, D>,
    sizes: &BatchNormSizes,
    inputs: &BatchNormInputs<E, D>,
    y: &Flat<E, D>,
) -> Result<(), D::Err> {
    let BatchNormInputs { x, gamma, beta, .. } = inputs;
    match &inputs.residual {
        Some(residual) => {
            with_gradients(grads, [x, gamma, beta, y, residual], |[dx, dgamma, dbeta, dy, dresidual]| {
                let into = BatchNormGradients { dx, dgamma, dbeta, dresidual: Some(dresidual) };
                device.batch_norm_backward(sizes, inputs, y, dy, into)
            })
        }
        None => with_gradients(grads, [x, gamma, beta, y], |[dx, dgamma, dbeta, dy]| {
            let into = BatchNormGradients { dx, dgamma, dbeta, dresidual: None };
            device.batch_norm_backward(sizes, inputs, y, dy, into)
        }),
    }
}
