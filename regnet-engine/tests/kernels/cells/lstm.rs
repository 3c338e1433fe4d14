use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::cells::Gate;
use regnet_engine::cells::lstm::{self, Backward, Forward, Gradients};
use regnet_engine::cells::reference::lstm as reference;

use super::{EMPTY, LARGE, SMALL, any_gate, assert_all_close};
use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

/// A step's operands.
#[derive(Clone)]
struct Operands<T> {
    x: Vec<T>,
    bias: Vec<T>,
    h: Option<Vec<T>>,
    state: Option<Vec<T>>,
}

impl<T: Real> Operands<T> {
    fn new(op: &Gate, previous: bool, random: &mut Generator) -> Self {
        Operands {
            x: random.numbers(4 * op.len()),
            bias: random.numbers(4 * op.channels),
            h: previous.then(|| random.numbers(4 * op.len())),
            state: previous.then(|| random.numbers(2 * op.len())),
        }
    }

    /// The activated gates and the output.
    fn forward(&self, op: &Gate, fast: bool) -> (Vec<T>, Vec<T>) {
        let (mut gates, mut out) = (self.x.clone(), vec![T::nan(); 2 * op.len()]);
        let args = Forward { h: self.h.as_deref(), bias: &self.bias, state: self.state.as_deref() };
        let forward = if fast { lstm::forward } else { reference::forward };
        forward(op, args, &mut gates, &mut out);
        (gates, out)
    }
}

const NAMES: [&str; 5] = ["gates", "out", "dgates", "dstate", "dbias"];

/// Forward and backward, by the fast passes or by the reference.
fn run<T: Real>(op: &Gate, previous: bool, seed: u64, fast: bool) -> [Vec<T>; 5] {
    let mut random = Generator::new(seed);
    let operands = Operands::<T>::new(op, previous, &mut random);
    let (gates, out) = operands.forward(op, fast);
    let dout: Vec<T> = random.numbers(2 * op.len());
    let mut dstate: Option<Vec<T>> = previous.then(|| random.numbers(2 * op.len()));
    let (mut dgates, mut dbias) = (gates.clone(), random.numbers(4 * op.channels));
    let args = Backward { state: operands.state.as_deref(), out: &out, dout: &dout };
    let gradients = Gradients { dstate: dstate.as_deref_mut(), dbias: &mut dbias };
    let backward = if fast { lstm::backward } else { reference::backward };
    backward(op, args, &mut dgates, gradients);
    [gates, out, dgates, dstate.unwrap_or_default(), dbias]
}

fn check(op: &Gate, previous: bool, seed: u64) {
    assert_all_close::<f64>(&NAMES, &run(op, previous, seed, true), &run(op, previous, seed, false));
    assert_all_close::<f32>(&NAMES, &run(op, previous, seed, true), &run(op, previous, seed, false));
}

proptest! {
    #[test]
    fn agrees_with_the_reference(op in any_gate(), previous: bool, seed: u64) {
        check(&op, previous, seed);
    }
}

#[test]
fn several_tasks_an_image_and_none() {
    check(&LARGE, true, 1);
    check(&LARGE, false, 1);
    EMPTY.iter().for_each(|op| check(op, true, 2));
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    same_bits_for_any_threads("the cell", || run(&LARGE, true, 3, true).concat());
}

#[test]
fn gradients_are_finite_differences() {
    let op = SMALL;
    let mut random = Generator::new(4);
    let operands = Operands::<f64>::new(&op, true, &mut random);
    let dout: Vec<f64> = random.numbers(2 * op.len());
    let (gates, out) = operands.forward(&op, true);
    let (mut dgates, mut dstate, mut dbias) = (gates, vec![0.0; 2 * op.len()], vec![0.0; 4 * op.channels]);
    let args = Backward { state: operands.state.as_deref(), out: &out, dout: &dout };
    let gradients = Gradients { dstate: Some(&mut dstate), dbias: &mut dbias };
    lstm::backward(&op, args, &mut dgates, gradients);
    let with = |change: &dyn Fn(&mut Operands<f64>)| {
        let mut moved = operands.clone();
        change(&mut moved);
        moved.forward(&op, true).1
    };
    let h = operands.h.clone().expect("asked for");
    let state = operands.state.clone().expect("asked for");
    let x = |v: &[f64]| with(&|o| o.x = v.to_vec());
    gradient_check("dx", &operands.x, &dout, x, |d| d.copy_from_slice(&dgates));
    gradient_check("dh", &h, &dout, |v| with(&|o| o.h = Some(v.to_vec())), |d| d.copy_from_slice(&dgates));
    let of_state = |v: &[f64]| with(&|o| o.state = Some(v.to_vec()));
    gradient_check("dstate", &state, &dout, of_state, |d| d.copy_from_slice(&dstate));
    let of_bias = |v: &[f64]| with(&|o| o.bias = v.to_vec());
    gradient_check("dbias", &operands.bias, &dout, of_bias, |d| d.copy_from_slice(&dbias));
}

#[test]
fn nan_passes() {
    let op = Gate { batch: 1, channels: 1, pixels: 17 };
    let mut gates = vec![0.5_f32; 4 * 17];
    gates[3] = f32::NAN;
    let mut out = vec![0.0; 2 * 17];
    lstm::forward(&op, Forward { h: None, bias: &[0.0; 4], state: None }, &mut gates, &mut out);
    assert!(out[3].is_nan() && out[17 + 3].is_nan());
    assert_eq!(out.iter().filter(|value| value.is_nan()).count(), 2);
}
