use regnet_engine::regulator::{self as engine, Cell, CellConv, ConvWeights, Saved, Step, Weights};

use super::*;
use crate::cuda::ops::regulator::{self, Gradients, Inputs};

fn weights<V>(conv: CellConv, [a, b, c, bias]: [V; 4]) -> Weights<V> {
    let convolutions = match conv {
        CellConv::Full => ConvWeights::Full { x: a, h: b },
        CellConv::Efficient => ConvWeights::Efficient { x_scale: a, h_scale: b, spatial: c },
    };
    Weights { convolutions, bias }
}

fn compare(op: Step, has_state: bool) {
    let mut generator = Generator(83);
    let full = op.rows() * op.channels * 9;
    let lens = match op.conv {
        CellConv::Full => [full, full, 0, op.rows()],
        CellConv::Efficient => [op.rows(), op.rows(), op.rows() * 9, op.rows()],
    };
    let [x, before_x] = [(); 2].map(|()| generator.numbers::<f64>(op.input_len()));
    let [state, dout, before_state] = [(); 3].map(|()| generator.numbers::<f64>(op.state_len()));
    let values = lens.map(|len| generator.numbers::<f64>(len));
    let before = lens.map(|len| generator.numbers::<f64>(len));

    let inputs = engine::Inputs { x: &x, state: has_state.then_some(&state[..]) };
    let of_values = weights(op.conv, values.each_ref().map(|v| &v[..]));
    let mut saved = op.saved_lens(has_state).map(|len| vec![0.0; len]);
    let mut out = vec![0.0; op.state_len()];
    engine::forward(
        &op,
        &of_values,
        inputs,
        Saved { gates: &mut saved.gates, reset: &mut saved.reset },
        &mut out,
    );
    let (mut dx, mut dstate, mut dweights) = (before_x.clone(), before_state.clone(), before.clone());
    let into = engine::Gradients {
        dx: &mut dx,
        dstate: has_state.then_some(&mut dstate[..]),
        dweights: weights(op.conv, dweights.each_mut().map(|v| &mut v[..])),
    };
    let of_saved = Saved { gates: &mut saved.gates[..], reset: &mut saved.reset[..] };
    engine::backward(&op, &of_values, inputs, of_saved, (&out, &dout), into);

    let (x, state, dout) = (on_device(&x), on_device(&state), on_device(&dout));
    let values = values.map(|v| on_device(&v));
    let inputs = Inputs { x: x.view(), state: has_state.then(|| state.view()) };
    let of_values = weights(op.conv, values.each_ref().map(HostMemory::view));
    let lens = op.saved_lens(has_state);
    let (mut gates, mut reset) = (room::<f64>(lens.gates), room::<f64>(lens.reset));
    let mut actual = room(op.state_len());
    let saved = Saved { gates: gates.view_mut(), reset: reset.view_mut() };
    run(regulator::forward(&Emulator, &op, &of_values, inputs, saved, actual.view_mut()));
    same("state", &actual, &out);

    let (mut of_dx, mut of_dstate) = (on_device(&before_x), on_device(&before_state));
    let mut of_weights = before.map(|b| on_device(&b));
    let into = Gradients {
        dx: of_dx.view_mut(),
        dstate: has_state.then(|| of_dstate.view_mut()),
        dweights: weights(op.conv, of_weights.each_mut().map(HostMemory::view_mut)),
    };
    let saved = Saved { gates: gates.view_mut(), reset: reset.view_mut() };
    let outputs = (actual.view(), dout.view());
    run(regulator::backward(&Emulator, &op, &of_values, inputs, saved, outputs, into));
    same("dx", &of_dx, &dx);
    same("dstate", &of_dstate, &dstate);
    for (index, (actual, expected)) in of_weights.iter().zip(&dweights).enumerate() {
        same(&format!("gradient of weight {index}"), actual, expected);
    }
}

fn compare_all(cell: Cell) {
    for conv in [CellConv::Full, CellConv::Efficient] {
        for (stride, has_state) in [(1, true), (2, true), (1, false)] {
            compare(Step { cell, conv, batch: 2, channels: 3, height: 5, width: 4, stride }, has_state);
        }
    }
}

#[test]
fn rnn() {
    compare_all(Cell::Rnn);
}

#[test]
fn gru() {
    compare_all(Cell::Gru);
}

#[test]
fn lstm() {
    compare_all(Cell::Lstm);
}
