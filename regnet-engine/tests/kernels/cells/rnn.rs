use proptest::prelude::*;
use regnet_engine::Real;
use regnet_engine::cells::Gate;
use regnet_engine::cells::reference::rnn as reference;
use regnet_engine::cells::rnn;

use super::{EMPTY, LARGE, SMALL, any_gate, assert_all_close};
use crate::common::{Generator, gradient_check, same_bits_for_any_threads};

const NAMES: [&str; 3] = ["out", "dgates", "dbias"];

/// Forward and backward, by the fast passes or by the reference.
fn run<T: Real>(op: &Gate, h: bool, seed: u64, fast: bool) -> [Vec<T>; 3] {
    let mut random = Generator::new(seed);
    let (x, bias): (Vec<T>, Vec<T>) = (random.numbers(op.len()), random.numbers(op.channels));
    let h: Option<Vec<T>> = h.then(|| random.numbers(op.len()));
    let (dout, mut dbias): (Vec<T>, Vec<T>) = (random.numbers(op.len()), random.numbers(op.channels));
    let (mut out, mut dgates) = (x, vec![T::nan(); op.len()]);
    if fast {
        rnn::forward(op, h.as_deref(), &bias, &mut out);
        rnn::backward(op, &out, &dout, &mut dgates, &mut dbias);
    } else {
        reference::forward(op, h.as_deref(), &bias, &mut out);
        reference::backward(op, &out, &dout, &mut dgates, &mut dbias);
    }
    [out, dgates, dbias]
}

fn check(op: &Gate, h: bool, seed: u64) {
    assert_all_close::<f64>(&NAMES, &run(op, h, seed, true), &run(op, h, seed, false));
    assert_all_close::<f32>(&NAMES, &run(op, h, seed, true), &run(op, h, seed, false));
}

proptest! {
    #[test]
    fn agrees_with_the_reference(op in any_gate(), h: bool, seed: u64) {
        check(&op, h, seed);
    }
}

#[test]
fn several_tasks_an_image_and_none() {
    check(&LARGE, true, 1);
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
    let (x, h, dout) = (random.numbers(op.len()), random.numbers(op.len()), random.numbers(op.len()));
    let bias: Vec<f64> = random.numbers(op.channels);
    let forward = |x: &[f64], h: &[f64], bias: &[f64]| {
        let mut out = x.to_vec();
        rnn::forward(&op, Some(h), bias, &mut out);
        out
    };
    let out = forward(&x, &h, &bias);
    let backward = |dgates: &mut [f64], dbias: &mut [f64]| rnn::backward(&op, &out, &dout, dgates, dbias);
    gradient_check("dx", &x, &dout, |x| forward(x, &h, &bias), |dx| backward(dx, &mut [0.0; 3]));
    gradient_check("dh", &h, &dout, |h| forward(&x, h, &bias), |dh| backward(dh, &mut [0.0; 3]));
    let unused = &mut vec![0.0; op.len()];
    gradient_check("dbias", &bias, &dout, |bias| forward(&x, &h, bias), |dbias| backward(unused, dbias));
}
