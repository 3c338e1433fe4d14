use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::cells::Gate;
use regnet_engine::cells::gru::{self, Gradients, Previous, Reset};
use regnet_engine::cells::reference::gru as reference;

use super::{EMPTY, LARGE, SMALL, any_gate, assert_all_close};
use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

/// What a step takes from the one before. The candidate's convolution of `r H` stands in as `r H + shift`.
#[derive(Clone)]
struct Before<T> {
    h: Vec<T>,
    shift: Vec<T>,
    state: Vec<T>,
}

/// A step's operands.
#[derive(Clone)]
struct Operands<T> {
    x: Vec<T>,
    bias: Vec<T>,
    before: Option<Before<T>>,
}

impl<T: Real> Operands<T> {
    fn new(op: &Gate, previous: bool, random: &mut Generator) -> Self {
        Operands {
            x: random.numbers(3 * op.len()),
            bias: random.numbers(3 * op.channels),
            before: previous.then(|| Before {
                h: random.numbers(2 * op.len()),
                shift: random.numbers(op.len()),
                state: random.numbers(op.len()),
            }),
        }
    }

    /// The activated gates, `r H` and the output.
    fn forward(&self, op: &Gate, fast: bool) -> [Vec<T>; 3] {
        let (mut gates, mut out) = (self.x.clone(), vec![T::nan(); op.len()]);
        let (mut reset, mut candidate) = (Vec::new(), Vec::new());
        if let Some(Before { h, shift, state }) = &self.before {
            reset = vec![T::nan(); op.len()];
            let args = Reset { h, bias: &self.bias, state };
            if fast {
                gru::reset(op, args, &mut gates, &mut reset);
            } else {
                reference::reset(op, args, &mut gates, &mut reset);
            }
            candidate = reset.iter().zip(shift).map(|(&reset, &shift)| reset + shift).collect();
        }
        let previous =
            self.before.as_ref().map(|Before { h, state, .. }| Previous { h, candidate: &candidate, state });
        if fast {
            gru::blend(op, previous, &self.bias, &mut gates, &mut out);
        } else {
            reference::blend(op, previous, &self.bias, &mut gates, &mut out);
        }
        [gates, reset, out]
    }

    /// Overwrites `gates` with their gradient, and adds to the others.
    fn backward(
        &self,
        op: &Gate,
        dout: &[T],
        gates: &mut [T],
        (mut dstate, dbias): (Option<&mut [T]>, &mut [T]),
        fast: bool,
    ) {
        let state = self.before.as_ref().map(|before| before.state.as_slice());
        let gradients = Gradients { dstate: dstate.as_deref_mut(), dbias };
        if fast {
            gru::blend_backward(op, state, dout, gates, gradients);
        } else {
            reference::blend_backward(op, state, dout, gates, gradients);
        }
        let Some(state) = state else { return };
        let slab = op.channels * op.pixels;
        let images = gates.chunks_exact((3 * slab).max(1));
        let dreset: Vec<T> = images.flat_map(|image| image[2 * slab..].to_vec()).collect();
        let gradients = Gradients { dstate, dbias };
        if fast {
            gru::reset_backward(op, state, &dreset, gates, gradients);
        } else {
            reference::reset_backward(op, state, &dreset, gates, gradients);
        }
    }
}

const NAMES: [&str; 6] = ["gates", "reset", "out", "dgates", "dstate", "dbias"];

/// Forward and backward, by the fast passes or by the reference.
fn run<T: Real>(op: &Gate, previous: bool, seed: u64, fast: bool) -> [Vec<T>; 6] {
    let mut random = Generator::new(seed);
    let operands = Operands::<T>::new(op, previous, &mut random);
    let [gates, reset, out] = operands.forward(op, fast);
    let dout: Vec<T> = random.numbers(op.len());
    let mut dstate: Option<Vec<T>> = previous.then(|| random.numbers(op.len()));
    let (mut dgates, mut dbias) = (gates.clone(), random.numbers(3 * op.channels));
    operands.backward(op, &dout, &mut dgates, (dstate.as_deref_mut(), &mut dbias), fast);
    [gates, reset, out, dgates, dstate.unwrap_or_default(), dbias]
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
    for previous in [true, false] {
        let mut random = Generator::new(4);
        let operands = Operands::<f64>::new(&op, previous, &mut random);
        let dout: Vec<f64> = random.numbers(op.len());
        let [mut dgates, _, _] = operands.forward(&op, true);
        let (mut dstate, mut dbias) = (vec![0.0; op.len()], vec![0.0; 3 * op.channels]);
        operands.backward(&op, &dout, &mut dgates, (Some(&mut dstate), &mut dbias), true);
        let with = |change: &dyn Fn(&mut Operands<f64>)| {
            let mut moved = operands.clone();
            change(&mut moved);
            let [_, _, out] = moved.forward(&op, true);
            out
        };
        let of_x = |v: &[f64]| with(&|o| o.x = v.to_vec());
        gradient_check("dx", &operands.x, &dout, of_x, |d| d.copy_from_slice(&dgates));
        let of_bias = |v: &[f64]| with(&|o| o.bias = v.to_vec());
        gradient_check("dbias", &operands.bias, &dout, of_bias, |d| d.copy_from_slice(&dbias));
        let Some(before) = &operands.before else { continue };
        let of_state = |v: &[f64]| with(&|o| o.before.as_mut().expect("it has one").state = v.to_vec());
        gradient_check("dstate", &before.state, &dout, of_state, |d| d.copy_from_slice(&dstate));
    }
}
