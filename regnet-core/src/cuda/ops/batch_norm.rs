//! Batch normalisation with its residual and activation.

use regnet_engine::batch_norm::{Activation, BatchNorm};

use super::channels::{Partials, Planes, SOURCES, partials};
use super::{Launch, length, length_mut};
use crate::backend::Shares;
use crate::cuda::queue::{Argument, Element, Queue};
use crate::cuda::view::{View, ViewMut};

/// The numbers each channel is normalised with, each `[channels]`.
#[derive(Debug)]
pub struct Statistics<V> {
    /// Mean.
    pub mean: V,
    /// Biased variance.
    pub variance: V,
    /// `1 / sqrt(variance + epsilon)`.
    pub inv_std: V,
}

/// What is normalised, and how.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, E> {
    /// The tensor.
    pub x: View<'a, E>,
    /// Of each channel.
    pub mean: View<'a, E>,
    /// Of each channel.
    pub inv_std: View<'a, E>,
    /// Scale, `[channels]`.
    pub gamma: View<'a, E>,
    /// Applied last.
    pub activation: Activation,
}

/// What a gradient is computed from beside [`Inputs`].
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a, E> {
    /// What [`apply`] wrote.
    pub y: View<'a, E>,
    /// Its gradient.
    pub dy: View<'a, E>,
    /// Whether the statistics are those of `x`, so that the gradient flows through them.
    pub training: bool,
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, E> {
    /// Of the input.
    pub dx: ViewMut<'a, E>,
    /// Of the residual.
    pub dresidual: Option<ViewMut<'a, E>>,
    /// Of the scale.
    pub dgamma: ViewMut<'a, E>,
    /// Of the shift.
    pub dbeta: ViewMut<'a, E>,
}

fn planes(&BatchNorm { batch, channels, pixels, .. }: &BatchNorm) -> Planes {
    Planes { batch, channels, pixels }
}

impl<E> Inputs<'_, E> {
    #[track_caller]
    fn check(&self, op: &BatchNorm) {
        length("x", self.x, op.len());
        length("mean", self.mean, op.channels);
        length("inv_std", self.inv_std, op.channels);
        length("gamma", self.gamma, op.channels);
    }

    fn relu(&self) -> Argument {
        Argument::flag(self.activation == Activation::Relu)
    }
}

/// Overwrites the statistics with those of the batch.
pub fn statistics<E: Element, Q: Queue>(
    queue: &Q,
    op: &BatchNorm,
    x: View<'_, E>,
    mut into: Statistics<ViewMut<'_, E>>,
) -> Result<(), Q::Error> {
    length("x", x, op.len());
    for (name, view) in [("mean", &into.mean), ("variance", &into.variance), ("inv_std", &into.inv_std)] {
        length_mut(name, view, op.channels);
    }
    assert!(op.count() > 0, "statistics of no elements: {op:?}");
    let planes = planes(op);
    let launch = Launch { queue, sources: SOURCES, constants: &planes.constants() };
    let Partials { mut memory, splits } = partials::<E, Q>(&launch, "moments", &planes, &[x.into()])?;
    let arguments = [
        Argument::int(op.batch),
        Argument::int(splits),
        Argument::Double(op.epsilon),
        x.into(),
        queue.elements(&mut memory).view().into(),
        (&mut into.mean).into(),
        (&mut into.variance).into(),
        (&mut into.inv_std).into(),
    ];
    launch.run::<E>("statistics", launch.each(op.channels), &arguments)
}

/// Overwrites the running statistics `into` with what `running` become after a batch; each pair is mean and variance.
pub fn follow<E: Element, Q: Queue>(
    queue: &Q,
    running: [View<'_, E>; 2],
    of_batch: [View<'_, E>; 2],
    shares: Shares,
    [mut mean, mut variance]: [ViewMut<'_, E>; 2],
) -> Result<(), Q::Error> {
    let channels = of_batch[0].len();
    for (name, view) in
        [("running mean", running[0]), ("running variance", running[1]), ("variance", of_batch[1])]
    {
        length(name, view, channels);
    }
    length_mut("mean", &mean, channels);
    length_mut("variance", &variance, channels);
    let launch =
        Launch { queue, sources: SOURCES, constants: &Planes { batch: 1, channels, pixels: 1 }.constants() };
    let arguments = [
        Argument::Double(shares.keep),
        Argument::Double(shares.mean),
        Argument::Double(shares.variance),
        running[0].into(),
        running[1].into(),
        of_batch[0].into(),
        of_batch[1].into(),
        (&mut mean).into(),
        (&mut variance).into(),
    ];
    launch.run::<E>("follow", launch.each(channels), &arguments)
}

/// Overwrites `y` with `activation(gamma (x - mean) inv_std + beta + residual)`.
pub fn apply<E: Element, Q: Queue>(
    queue: &Q,
    op: &BatchNorm,
    inputs: Inputs<'_, E>,
    beta: View<'_, E>,
    residual: Option<View<'_, E>>,
    mut y: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    inputs.check(op);
    length("beta", beta, op.channels);
    if let Some(residual) = residual {
        length("residual", residual, op.len());
    }
    length_mut("y", &y, op.len());
    let launch = Launch { queue, sources: SOURCES, constants: &planes(op).constants() };
    let arguments = [
        Argument::int(op.batch),
        inputs.relu(),
        inputs.x.into(),
        inputs.mean.into(),
        inputs.inv_std.into(),
        inputs.gamma.into(),
        beta.into(),
        Argument::optional(residual),
        (&mut y).into(),
    ];
    launch.run::<E>("normalise", launch.each(op.len()), &arguments)
}

/// Adds the gradients of [`apply`]; through the statistics too in training.
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    op: &BatchNorm,
    inputs: Inputs<'_, E>,
    outputs: Outputs<'_, E>,
    mut into: Gradients<'_, E>,
) -> Result<(), Q::Error> {
    inputs.check(op);
    length("y", outputs.y, op.len());
    length("dy", outputs.dy, op.len());
    length_mut("dx", &into.dx, op.len());
    length_mut("dgamma", &into.dgamma, op.channels);
    length_mut("dbeta", &into.dbeta, op.channels);
    if let Some(dresidual) = &into.dresidual {
        length_mut("dresidual", dresidual, op.len());
    }
    let planes = planes(op);
    let launch = Launch { queue, sources: SOURCES, constants: &planes.constants() };
    let mut memory = queue.memory::<E>(2 * op.channels)?;
    let means = queue.elements(&mut memory);
    let parameters = (into.dgamma.again(), into.dbeta.again(), means);
    let means = parameter_gradients(&launch, &planes, inputs, outputs, parameters)?;
    let arguments = [
        Argument::int(op.batch),
        inputs.relu(),
        inputs.x.into(),
        inputs.mean.into(),
        inputs.inv_std.into(),
        inputs.gamma.into(),
        means.view().into(),
        outputs.y.into(),
        outputs.dy.into(),
        (&mut into.dx).into(),
        into.dresidual.as_mut().map_or(Argument::NULL, Argument::from),
    ];
    launch.run::<E>("normalise_backward", launch.each(op.len()), &arguments)
}

/// Adds to the gradients of scale and shift, and writes and gives back the means that the input's gradient needs.
fn parameter_gradients<'m, E: Element, Q: Queue>(
    launch: &Launch<'_, Q>,
    planes: &Planes,
    inputs: Inputs<'_, E>,
    outputs: Outputs<'_, E>,
    (mut dgamma, mut dbeta, mut means): (ViewMut<'_, E>, ViewMut<'_, E>, ViewMut<'m, E>),
) -> Result<ViewMut<'m, E>, Q::Error> {
    let arguments = [
        inputs.relu(),
        inputs.x.into(),
        inputs.mean.into(),
        inputs.inv_std.into(),
        outputs.y.into(),
        outputs.dy.into(),
    ];
    let Partials { mut memory, splits } =
        partials::<E, Q>(launch, "normalise_backward_sums", planes, &arguments)?;
    let arguments = [
        Argument::int(planes.batch),
        Argument::int(splits),
        Argument::flag(outputs.training),
        launch.queue.elements(&mut memory).view().into(),
        (&mut dgamma).into(),
        (&mut dbeta).into(),
        (&mut means).into(),
    ];
    launch.run::<E>("normalise_backward_parameters", launch.each(planes.channels), &arguments)?;
    Ok(means)
}
