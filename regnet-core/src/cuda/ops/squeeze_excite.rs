//! Squeeze-and-excitation: means, two linear layers and the gates.

use regnet_engine::squeeze_excite::SqueezeExcite;

use super::global_avg_pool::{self, SOURCES};
use super::{Launch, THREADS, length, length_mut, linear};
use crate::cuda::queue::{Argument, Element, Grid, Queue};
use crate::cuda::view::{View, ViewMut};

/// The weights, or their gradients.
#[derive(Clone, Copy, Debug)]
pub struct Weights<V> {
    /// Reducing, `[hidden, channels]`.
    pub w1: V,
    /// Its bias, `[hidden]`.
    pub b1: V,
    /// Expanding, `[channels, hidden]`.
    pub w2: V,
    /// Its bias, `[channels]`.
    pub b2: V,
}

/// What [`forward`] keeps for [`backward`].
#[derive(Clone, Copy, Debug)]
pub struct Excitation<V> {
    /// The channels' means, `[batch, channels]`.
    pub pooled: V,
    /// After the reducing layer and its ReLU, `[batch, hidden]`.
    pub hidden: V,
    /// The gates, `[batch, channels]`.
    pub gate: V,
}

/// Overwrites `y` with the gated `x`, and the excitation.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &SqueezeExcite,
    weights: &Weights<View<'_, E>>,
    x: View<'_, E>,
    mut y: ViewMut<'_, E>,
    into: Excitation<ViewMut<'_, E>>,
) -> Result<(), Q::Error> {
    length("x", x, op.len());
    length_mut("y", &y, op.len());
    let Excitation { mut pooled, mut hidden, mut gate } = into;
    global_avg_pool::forward(queue, &op.squeeze(), x, pooled.again())?;
    let launch = Launch { queue, sources: SOURCES, constants: &[("PIXELS", op.pixels)] };
    linear::forward(queue, &op.reduce(), pooled.view(), weights.w1, weights.b1, hidden.again())?;
    let arguments = [Argument::size(hidden.len()), (&mut hidden).into()];
    launch.run::<E>("relu_in_place", launch.each(hidden.len()), &arguments)?;
    linear::forward(queue, &op.expand(), hidden.view(), weights.w2, weights.b2, gate.again())?;
    let arguments = [Argument::size(gate.len()), (&mut gate).into()];
    launch.run::<E>("sigmoid_in_place", launch.each(gate.len()), &arguments)?;
    let arguments = [Argument::size(gate.len()), x.into(), gate.view().into(), (&mut y).into()];
    launch.run::<E>("gate_planes", launch.each(op.len()), &arguments)
}

/// Adds the gradients of [`forward`].
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    op: &SqueezeExcite,
    weights: &Weights<View<'_, E>>,
    saved: &Excitation<View<'_, E>>,
    (x, dy): (View<'_, E>, View<'_, E>),
    (mut dx, dweights): (ViewMut<'_, E>, Weights<ViewMut<'_, E>>),
) -> Result<(), Q::Error> {
    let planes = op.batch * op.channels;
    length("x", x, op.len());
    length("dy", dy, op.len());
    length_mut("dx", &dx, op.len());
    length("pooled", saved.pooled, planes);
    length("hidden", saved.hidden, op.batch * op.hidden);
    length("gate", saved.gate, planes);
    let launch = Launch { queue, sources: SOURCES, constants: &[("PIXELS", op.pixels)] };

    let mut dgate = queue.memory::<E>(planes)?;
    let mut dgate = queue.elements(&mut dgate);
    let grid = Grid { blocks: [planes, 1, 1], threads: THREADS };
    let arguments = [x.into(), saved.gate.into(), dy.into(), (&mut dgate).into()];
    launch.run::<E>("gate_planes_backward_gate", grid, &arguments)?;

    let Weights { w1: dw1, b1: db1, w2: dw2, b2: db2 } = dweights;
    linear::backward_parameters(queue, &op.expand(), saved.hidden, dgate.view(), dw2, db2)?;
    let mut dhidden = queue.memory::<E>(op.batch * op.hidden)?;
    queue.clear(&mut dhidden)?;
    let mut dhidden = queue.elements(&mut dhidden);
    linear::backward_input(queue, &op.expand(), weights.w2, dgate.view(), dhidden.again())?;
    let arguments = [Argument::size(dhidden.len()), saved.hidden.into(), (&mut dhidden).into()];
    launch.run::<E>("mask_in_place", launch.each(dhidden.len()), &arguments)?;

    linear::backward_parameters(queue, &op.reduce(), saved.pooled, dhidden.view(), dw1, db1)?;
    let mut dpooled = queue.memory::<E>(planes)?;
    queue.clear(&mut dpooled)?;
    let mut dpooled = queue.elements(&mut dpooled);
    linear::backward_input(queue, &op.reduce(), weights.w1, dhidden.view(), dpooled.again())?;
    let arguments =
        [Argument::size(planes), saved.gate.into(), dpooled.view().into(), dy.into(), (&mut dx).into()];
    launch.run::<E>("gate_planes_backward", launch.each(op.len()), &arguments)
}
