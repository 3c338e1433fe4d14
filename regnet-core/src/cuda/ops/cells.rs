//! The pointwise halves of a regulator's cells.

use regnet_engine::cells::Gate;

use super::{Launch, PRELUDE, length, length_mut};
use crate::cuda::queue::{Argument, Element, Queue};
use crate::cuda::view::{View, ViewMut};

const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/cells.cu")];

/// Launches a cell's kernel: one thread to each element of a gate.
fn launch<E: Element, Q: Queue>(
    queue: &Q,
    op: &Gate,
    name: &'static str,
    arguments: &[Argument],
) -> Result<(), Q::Error> {
    let constants = [("CHANNELS", op.channels), ("PIXELS", op.pixels)];
    let launch = Launch { queue, sources: SOURCES, constants: &constants };
    let mut all = vec![Argument::int(op.batch)];
    all.extend(arguments);
    launch.run::<E>(name, launch.each(op.len()), &all)
}

#[track_caller]
fn maps<E>(op: &Gate, name: &str, view: View<'_, E>, maps: usize) {
    length(name, view, maps * op.len());
}

#[track_caller]
fn bias<E>(op: &Gate, view: View<'_, E>, gates: usize) {
    length("bias", view, gates * op.channels);
}

/// The plain cell.
pub mod rnn {
    use super::*;

    /// Turns `out` from the gate's convolutions into the next state.
    pub fn forward<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        of_bias: View<'_, E>,
        mut out: ViewMut<'_, E>,
    ) -> Result<(), Q::Error> {
        bias(op, of_bias, 1);
        maps(op, "out", out.view(), 1);
        launch::<E, Q>(queue, op, "rnn", &[of_bias.into(), (&mut out).into()])
    }

    /// Overwrites the gate's gradient.
    pub fn backward<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        (out, dout): (View<'_, E>, View<'_, E>),
        mut dgates: ViewMut<'_, E>,
    ) -> Result<(), Q::Error> {
        maps(op, "out", out, 1);
        maps(op, "dout", dout, 1);
        length_mut("dgates", &dgates, op.len());
        launch::<E, Q>(queue, op, "rnn_backward", &[out.into(), dout.into(), (&mut dgates).into()])
    }
}

/// The gated recurrent unit: gates update, reset, candidate.
pub mod gru {
    use super::*;

    /// Activates the reset gate, and overwrites `reset` with what it leaves of the state.
    pub fn reset<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        of_bias: View<'_, E>,
        state: View<'_, E>,
        mut gates: ViewMut<'_, E>,
        mut reset: ViewMut<'_, E>,
    ) -> Result<(), Q::Error> {
        bias(op, of_bias, 3);
        maps(op, "state", state, 1);
        maps(op, "gates", gates.view(), 3);
        maps(op, "reset", reset.view(), 1);
        let arguments = [of_bias.into(), state.into(), (&mut gates).into(), (&mut reset).into()];
        launch::<E, Q>(queue, op, "gru_reset", &arguments)
    }

    /// Activates the other gates, and overwrites `out` with the next state.
    pub fn blend<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        of_bias: View<'_, E>,
        state: Option<View<'_, E>>,
        mut gates: ViewMut<'_, E>,
        mut out: ViewMut<'_, E>,
    ) -> Result<(), Q::Error> {
        bias(op, of_bias, 3);
        if let Some(state) = state {
            maps(op, "state", state, 1);
        }
        maps(op, "gates", gates.view(), 3);
        maps(op, "out", out.view(), 1);
        let arguments = [of_bias.into(), Argument::optional(state), (&mut gates).into(), (&mut out).into()];
        launch::<E, Q>(queue, op, "gru", &arguments)
    }

    /// Turns update and candidate into their gradients (and reset too where there is no state); adds to `dstate`.
    pub fn blend_backward<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        state: Option<View<'_, E>>,
        dout: View<'_, E>,
        mut gates: ViewMut<'_, E>,
        mut dstate: Option<ViewMut<'_, E>>,
    ) -> Result<(), Q::Error> {
        assert_eq!(state.is_some(), dstate.is_some(), "a state has a gradient, and zero has none");
        if let (Some(state), Some(dstate)) = (state, &dstate) {
            maps(op, "state", state, 1);
            length_mut("dstate", dstate, op.len());
        }
        maps(op, "dout", dout, 1);
        maps(op, "gates", gates.view(), 3);
        let dstate = dstate.as_mut().map_or(Argument::NULL, Argument::from);
        let arguments = [Argument::optional(state), dout.into(), (&mut gates).into(), dstate];
        launch::<E, Q>(queue, op, "gru_backward", &arguments)
    }

    /// Turns the reset gate into its gradient; adds to `dstate`.
    pub fn reset_backward<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        state: View<'_, E>,
        dreset: View<'_, E>,
        mut gates: ViewMut<'_, E>,
        mut dstate: ViewMut<'_, E>,
    ) -> Result<(), Q::Error> {
        maps(op, "state", state, 1);
        maps(op, "dreset", dreset, 1);
        maps(op, "gates", gates.view(), 3);
        length_mut("dstate", &dstate, op.len());
        let arguments = [state.into(), dreset.into(), (&mut gates).into(), (&mut dstate).into()];
        launch::<E, Q>(queue, op, "gru_reset_backward", &arguments)
    }
}

/// The cell with a memory: gates input, forget, output, candidate; a state is H and, behind it, C.
pub mod lstm {
    use super::*;

    /// Activates the gates, and overwrites `out` with the next state.
    pub fn forward<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        of_bias: View<'_, E>,
        state: Option<View<'_, E>>,
        mut gates: ViewMut<'_, E>,
        mut out: ViewMut<'_, E>,
    ) -> Result<(), Q::Error> {
        bias(op, of_bias, 4);
        if let Some(state) = state {
            maps(op, "state", state, 2);
        }
        maps(op, "gates", gates.view(), 4);
        maps(op, "out", out.view(), 2);
        let arguments = [of_bias.into(), Argument::optional(state), (&mut gates).into(), (&mut out).into()];
        launch::<E, Q>(queue, op, "lstm", &arguments)
    }

    /// Turns the gates into their gradients; adds that of the memory to `dstate`.
    pub fn backward<E: Element, Q: Queue>(
        queue: &Q,
        op: &Gate,
        state: Option<View<'_, E>>,
        (out, dout): (View<'_, E>, View<'_, E>),
        mut gates: ViewMut<'_, E>,
        mut dstate: Option<ViewMut<'_, E>>,
    ) -> Result<(), Q::Error> {
        assert_eq!(state.is_some(), dstate.is_some(), "a state has a gradient, and zero has none");
        if let (Some(state), Some(dstate)) = (state, &dstate) {
            maps(op, "state", state, 2);
            length_mut("dstate", dstate, 2 * op.len());
        }
        maps(op, "out", out, 2);
        maps(op, "dout", dout, 2);
        maps(op, "gates", gates.view(), 4);
        let dstate = dstate.as_mut().map_or(Argument::NULL, Argument::from);
        let arguments = [Argument::optional(state), out.into(), dout.into(), (&mut gates).into(), dstate];
        launch::<E, Q>(queue, op, "lstm_backward", &arguments)
    }
}
