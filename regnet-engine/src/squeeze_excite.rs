//! Squeeze-and-excitation (Hu et al., 2018): a gate per channel, computed from the channels' means.
//!
//! ```text
//! s = mean(x)               [batch, channels]
//! z = relu(w1 s + b1)       [batch, hidden]
//! e = sigmoid(w2 z + b2)    [batch, channels]
//! y = x e                   [batch, channels, pixels]
//! ```

use pulp::Arch;
use rayon::prelude::*;

use crate::global_avg_pool::{self, GlobalAvgPool};
use crate::linear::{self, Linear};
use crate::planes::{Dot, TASK, each_of};
use crate::{Real, check, relu};

/// The sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqueezeExcite {
    /// Images.
    pub batch: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Units between the two matrix products.
    pub hidden: usize,
    /// Pixels of a channel: height times width.
    pub pixels: usize,
}

impl SqueezeExcite {
    /// Elements of the input and of the output.
    pub fn len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    /// Whether there is nothing to gate.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Planes of a task.
    fn planes_per_task(&self) -> usize {
        TASK.div_ceil(self.pixels)
    }

    /// The means.
    pub fn squeeze(&self) -> GlobalAvgPool {
        GlobalAvgPool { batch: self.batch, channels: self.channels, pixels: self.pixels }
    }

    /// The reducing layer.
    pub fn reduce(&self) -> Linear {
        Linear { batch: self.batch, in_features: self.channels, out_features: self.hidden }
    }

    /// The expanding layer.
    pub fn expand(&self) -> Linear {
        Linear { batch: self.batch, in_features: self.hidden, out_features: self.channels }
    }
}

/// The weights; 1x1 convolutions in a checkpoint, which are the same numbers.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a, T> {
    /// `[hidden, channels]`.
    pub w1: &'a [T],
    /// `[hidden]`.
    pub b1: &'a [T],
    /// `[channels, hidden]`.
    pub w2: &'a [T],
    /// `[channels]`.
    pub b2: &'a [T],
}

/// What [`forward`] keeps for [`backward`].
#[derive(Clone, Debug, PartialEq)]
pub struct Saved<T> {
    /// `s`, `[batch, channels]`.
    pub pooled: Vec<T>,
    /// `z`, `[batch, hidden]`.
    pub hidden: Vec<T>,
    /// `e`, `[batch, channels]`.
    pub gate: Vec<T>,
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of the input.
    pub dx: &'a mut [T],
    /// Of [`Parameters::w1`].
    pub dw1: &'a mut [T],
    /// Of [`Parameters::b1`].
    pub db1: &'a mut [T],
    /// Of [`Parameters::w2`].
    pub dw2: &'a mut [T],
    /// Of [`Parameters::b2`].
    pub db2: &'a mut [T],
}

/// Overwrites `y` with the gated `x`; returns what [`backward`] needs.
pub fn forward<T: Real>(op: &SqueezeExcite, parameters: Parameters<'_, T>, x: &[T], y: &mut [T]) -> Saved<T> {
    check::length("x", x, op.len());
    check::length("y", y, op.len());
    let Parameters { w1, b1, w2, b2 } = parameters;
    let mut pooled = vec![T::zero(); op.batch * op.channels];
    global_avg_pool::forward(&op.squeeze(), x, &mut pooled);
    let mut reduced = vec![T::zero(); op.batch * op.hidden];
    linear::forward(&op.reduce(), &pooled, w1, Some(b1), &mut reduced);
    let mut hidden = vec![T::zero(); op.batch * op.hidden];
    relu::forward(&reduced, &mut hidden);
    let mut gate = vec![T::zero(); op.batch * op.channels];
    linear::forward(&op.expand(), &hidden, w2, Some(b2), &mut gate);
    gate.iter_mut().for_each(|e| *e = T::one() / (T::one() + (-*e).exp()));
    if op.is_empty() {
        return Saved { pooled, hidden, gate };
    }
    let planes = op.planes_per_task();
    let length = planes * op.pixels;
    let outputs = y.par_chunks_mut(length).zip(x.par_chunks(length)).zip(gate.par_chunks(planes));
    outputs.for_each(|((y, x), gate)| {
        let each_plane = y.chunks_exact_mut(op.pixels).zip(x.chunks_exact(op.pixels));
        for ((y, x), &gate) in each_plane.zip(gate) {
            each_of(y, [x], |y, [x]| *y = x * gate);
        }
    });
    Saved { pooled, hidden, gate }
}

/// Adds the gradients of [`forward`] to all of `gradients`.
pub fn backward<T: Real>(
    op: &SqueezeExcite,
    parameters: Parameters<'_, T>,
    saved: &Saved<T>,
    x: &[T],
    dy: &[T],
    gradients: Gradients<'_, T>,
) {
    check::length("x", x, op.len());
    check::length("gate", &saved.gate, op.batch * op.channels);
    check::length("dy", dy, op.len());
    check::length("dx", gradients.dx, op.len());
    if op.is_empty() {
        return;
    }
    let Saved { pooled, hidden, gate } = saved;
    let dlogits = logit_gradients(op, gate, x, dy);
    linear::backward_weight(&op.expand(), hidden, &dlogits, gradients.dw2);
    linear::backward_bias(&op.expand(), &dlogits, gradients.db2);

    let mut dhidden = vec![T::zero(); op.batch * op.hidden];
    linear::backward_input(&op.expand(), parameters.w2, &dlogits, &mut dhidden);
    let mut dreduced = vec![T::zero(); op.batch * op.hidden];
    relu::backward(hidden, &dhidden, &mut dreduced);
    linear::backward_weight(&op.reduce(), pooled, &dreduced, gradients.dw1);
    linear::backward_bias(&op.reduce(), &dreduced, gradients.db1);

    let mut dpooled = vec![T::zero(); op.batch * op.channels];
    linear::backward_input(&op.reduce(), parameters.w1, &dreduced, &mut dpooled);
    let planes = op.planes_per_task();
    let length = planes * op.pixels;
    let inputs = dy.par_chunks(length).zip(gate.par_chunks(planes).zip(dpooled.par_chunks(planes)));
    gradients.dx.par_chunks_mut(length).zip(inputs).for_each(|(dx, (dy, (gate, dpooled)))| {
        let each_plane = dx.chunks_exact_mut(op.pixels).zip(dy.chunks_exact(op.pixels));
        for ((dx, dy), (&gate, &dpooled)) in each_plane.zip(gate.iter().zip(dpooled)) {
            let share = dpooled / T::of(op.pixels as f64);
            each_of(dx, [dy], |dx, [dy]| *dx += dy * gate + share);
        }
    });
}

/// The gradient in front of the sigmoid: each plane's sum of `x dy`, times the sigmoid's slope.
fn logit_gradients<T: Real>(op: &SqueezeExcite, gate: &[T], x: &[T], dy: &[T]) -> Vec<T> {
    let planes = op.planes_per_task();
    let length = planes * op.pixels;
    let mut dlogits = vec![T::zero(); op.batch * op.channels];
    let inputs = x.par_chunks(length).zip(dy.par_chunks(length)).zip(gate.par_chunks(planes));
    dlogits.par_chunks_mut(planes).zip(inputs).for_each(|(dlogits, ((x, dy), gate))| {
        let each_plane = x.chunks_exact(op.pixels).zip(dy.chunks_exact(op.pixels));
        for ((dlogit, (x, dy)), &gate) in dlogits.iter_mut().zip(each_plane).zip(gate) {
            *dlogit = T::of(Arch::new().dispatch(Dot(x, dy))) * gate * (T::one() - gate);
        }
    });
    dlogits
}

/// The same in plain loops.
pub mod reference {
    use super::{Gradients, Parameters, Saved, SqueezeExcite};
    use crate::Real;
    use crate::global_avg_pool::reference as pool;
    use crate::linear::reference as linear;
    use crate::relu::reference as relu;

    /// See [`forward`](super::forward).
    pub fn forward<T: Real>(
        op: &SqueezeExcite,
        parameters: Parameters<'_, T>,
        x: &[T],
        y: &mut [T],
    ) -> Saved<T> {
        let Parameters { w1, b1, w2, b2 } = parameters;
        let mut pooled = vec![T::zero(); op.batch * op.channels];
        pool::forward(&op.squeeze(), x, &mut pooled);
        let mut reduced = vec![T::zero(); op.batch * op.hidden];
        linear::forward(&op.reduce(), &pooled, w1, Some(b1), &mut reduced);
        let mut hidden = vec![T::zero(); op.batch * op.hidden];
        relu::forward(&reduced, &mut hidden);
        let mut gate = vec![T::zero(); op.batch * op.channels];
        linear::forward(&op.expand(), &hidden, w2, Some(b2), &mut gate);
        for e in &mut gate {
            *e = T::one() / (T::one() + (-*e).exp());
        }
        for (index, y) in y.iter_mut().enumerate() {
            *y = x[index] * gate[index / op.pixels];
        }
        Saved { pooled, hidden, gate }
    }

    /// See [`backward`](super::backward).
    pub fn backward<T: Real>(
        op: &SqueezeExcite,
        parameters: Parameters<'_, T>,
        saved: &Saved<T>,
        x: &[T],
        dy: &[T],
        gradients: Gradients<'_, T>,
    ) {
        let Saved { pooled, hidden, gate } = saved;
        let mut dlogits = vec![T::zero(); op.batch * op.channels];
        for (index, (&x, &dy)) in x.iter().zip(dy).enumerate() {
            dlogits[index / op.pixels] += x * dy;
        }
        for (dlogit, &e) in dlogits.iter_mut().zip(gate) {
            *dlogit = *dlogit * e * (T::one() - e);
        }
        linear::backward_weight(&op.expand(), hidden, &dlogits, gradients.dw2);
        linear::backward_bias(&op.expand(), &dlogits, gradients.db2);

        let mut dhidden = vec![T::zero(); op.batch * op.hidden];
        linear::backward_input(&op.expand(), parameters.w2, &dlogits, &mut dhidden);
        let mut dreduced = vec![T::zero(); op.batch * op.hidden];
        relu::backward(hidden, &dhidden, &mut dreduced);
        linear::backward_weight(&op.reduce(), pooled, &dreduced, gradients.dw1);
        linear::backward_bias(&op.reduce(), &dreduced, gradients.db1);

        let mut dpooled = vec![T::zero(); op.batch * op.channels];
        linear::backward_input(&op.reduce(), parameters.w1, &dreduced, &mut dpooled);
        pool::backward(&op.squeeze(), &dpooled, gradients.dx);
        for (index, dx) in gradients.dx.iter_mut().enumerate() {
            *dx += dy[index] * gate[index / op.pixels];
        }
    }
}
