//! One step of a regulator: the convolutions of its gates and the pointwise half of its cell.

mod convolution;

use regnet_engine::regulator::{Cell, ConvWeights, Saved, Step, Weights};

use self::convolution::{Convolutions, Of};
use super::cells::{gru, lstm, rnn};
use super::{channels, length, length_mut};
use crate::cuda::queue::{Element, Queue};
use crate::cuda::view::{View, ViewMut};

/// What a step reads.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, E> {
    /// The features.
    pub x: View<'a, E>,
    /// The previous state; `None` is zero.
    pub state: Option<View<'a, E>>,
}

/// The gradients that [`backward`] adds to.
#[derive(Debug)]
pub struct Gradients<'a, E> {
    /// Of the features.
    pub dx: ViewMut<'a, E>,
    /// Of the previous state, if there is one.
    pub dstate: Option<ViewMut<'a, E>>,
    /// Of the weights.
    pub dweights: Weights<ViewMut<'a, E>>,
}

/// Of a gru, the gates whose convolutions see H, and the one whose convolution sees `r H`.
const UPDATE_AND_RESET: std::ops::Range<usize> = 0..2;
const CANDIDATE: std::ops::Range<usize> = 2..3;

#[track_caller]
fn check<E>(op: &Step, weights: &Weights<View<'_, E>>, inputs: Inputs<'_, E>, saved: &Saved<ViewMut<'_, E>>) {
    length("x", inputs.x, op.input_len());
    if let Some(state) = inputs.state {
        length("state", state, op.state_len());
    }
    length("bias", weights.bias, op.rows());
    convolution::check(op, &weights.convolutions);
    let lens = op.saved_lens(inputs.state.is_some());
    length_mut("saved gates", &saved.gates, lens.gates);
    length_mut("saved reset", &saved.reset, lens.reset);
}

/// Overwrites `out` with the next state, before its norm, and `saved`.
pub fn forward<E: Element, Q: Queue>(
    queue: &Q,
    op: &Step,
    weights: &Weights<View<'_, E>>,
    inputs: Inputs<'_, E>,
    saved: Saved<ViewMut<'_, E>>,
    mut out: ViewMut<'_, E>,
) -> Result<(), Q::Error> {
    check(op, weights, inputs, &saved);
    length_mut("out", &out, op.state_len());
    let Saved { mut gates, mut reset } = saved;
    let convolutions = Convolutions { queue, op, weights: &weights.convolutions };
    let (size, bias, state) = (op.gate(), weights.bias, inputs.state);
    let into = if op.cell == Cell::Rnn { out.again() } else { gates.again() };
    convolutions.all(&inputs, into)?;
    match op.cell {
        Cell::Rnn => rnn::forward(queue, &size, bias, out),
        Cell::Lstm => lstm::forward(queue, &size, bias, state, gates, out),
        Cell::Gru => {
            if let Some(state) = state {
                convolutions.forward(Of::State, UPDATE_AND_RESET, state, gates.again(), true)?;
                gru::reset(queue, &size, bias, state, gates.again(), reset.again())?;
                convolutions.forward(Of::Reset, CANDIDATE, reset.view(), gates.again(), true)?;
            }
            gru::blend(queue, &size, bias, state, gates, out)
        }
    }
}

/// Adds to all of `into`; `saved` and `out` are what [`forward`] wrote, `dout` the gradient of `out`.
pub fn backward<E: Element, Q: Queue>(
    queue: &Q,
    op: &Step,
    weights: &Weights<View<'_, E>>,
    inputs: Inputs<'_, E>,
    saved: Saved<ViewMut<'_, E>>,
    (out, dout): (View<'_, E>, View<'_, E>),
    into: Gradients<'_, E>,
) -> Result<(), Q::Error> {
    check(op, weights, inputs, &saved);
    length("out", out, op.state_len());
    length("dout", dout, op.state_len());
    length_mut("dx", &into.dx, op.input_len());
    assert_eq!(inputs.state.is_some(), into.dstate.is_some(), "a state has a gradient, and zero has none");
    let Saved { mut gates, reset } = saved;
    let Gradients { dx, mut dstate, dweights: Weights { mut convolutions, bias } } = into;
    let of = Convolutions { queue, op, weights: &weights.convolutions };
    let (size, state) = (op.gate(), inputs.state);
    match op.cell {
        Cell::Rnn => rnn::backward(queue, &size, (out, dout), gates.again())?,
        Cell::Lstm => {
            lstm::backward(
                queue,
                &size,
                state,
                (out, dout),
                gates.again(),
                dstate.as_mut().map(ViewMut::again),
            )?;
        }
        Cell::Gru => {
            gru::blend_backward(
                queue,
                &size,
                state,
                dout,
                gates.again(),
                dstate.as_mut().map(ViewMut::again),
            )?;
            if let Some((state, dstate)) = state.zip(dstate.as_mut()) {
                reset_backward(&of, state, reset.view(), gates.again(), dstate.again(), &mut convolutions)?;
                of.backward(
                    Of::State,
                    UPDATE_AND_RESET,
                    state,
                    gates.view(),
                    dstate.again(),
                    &mut convolutions,
                )?;
            }
        }
    }
    let all = 0..op.cell.gates();
    if let Some((state, dstate)) = state.zip(dstate).filter(|_| op.cell != Cell::Gru) {
        of.backward(Of::State, all.clone(), state, gates.view(), dstate, &mut convolutions)?;
    }
    of.backward(Of::Features, all, inputs.x, gates.view(), dx, &mut convolutions)?;
    channels::add_sums(queue, [op.batch, op.rows(), size.pixels], gates.view(), bias)
}

/// Through the candidate's convolution and the reset gate, whose gradient takes its place.
fn reset_backward<E: Element, Q: Queue>(
    of: &Convolutions<'_, E, Q>,
    state: View<'_, E>,
    reset: View<'_, E>,
    mut gates: ViewMut<'_, E>,
    dstate: ViewMut<'_, E>,
    dweights: &mut ConvWeights<ViewMut<'_, E>>,
) -> Result<(), Q::Error> {
    let size = of.op.gate();
    let mut dreset = of.queue.memory::<E>(size.len())?;
    of.queue.clear(&mut dreset)?;
    let mut dreset = of.queue.elements(&mut dreset);
    of.backward(Of::Reset, CANDIDATE, reset, gates.view(), dreset.again(), dweights)?;
    gru::reset_backward(of.queue, &size, state, dreset.view(), gates.again(), dstate)
}
