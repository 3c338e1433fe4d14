//! The fast passes. `of` is the number of channels of the tensor whose first ones are the input.

use super::correlation::Correlation;
use super::winograd::{self, Winograd};
use super::{Conv2d, Input, InputGradient, Store, WeightGradient, depthwise, weight_gradient};
use crate::Real;

/// See [`forward_of`](super::forward_of).
pub(crate) fn forward<T: Real>(op: &Conv2d, inputs: &[Input<'_, T>], store: Store<'_, T>, y: &mut [T]) {
    if winograd::pays(op) {
        let sources: Vec<&[T]> = inputs.iter().map(|input| input.x).collect();
        return Winograd::forward(op, inputs).run(&sources, vec![y], store);
    }
    for (index, &Input { of, x, w }) in inputs.iter().enumerate() {
        let store = if index == 0 { store } else { Store::Add };
        match (op.depthwise(), store) {
            (Some(op), Store::Add) => depthwise::fast::forward(&op, of, x, w, true, y),
            (Some(op), Store::Overwrite(None)) => depthwise::fast::forward(&op, of, x, w, false, y),
            _ => Correlation::forward(op, of, w).run(x, y, store),
        }
    }
}

/// See [`backward_input_of`](super::backward_input_of).
pub(crate) fn backward_input<T: Real>(op: &Conv2d, dy: &[T], inputs: Vec<InputGradient<'_, T>>) {
    if winograd::pays(op) {
        let pass = Winograd::backward_input(op, &inputs);
        return pass.run(&[dy], inputs.into_iter().map(|input| input.dx).collect(), Store::Add);
    }
    for InputGradient { of, w, dx } in inputs {
        match op.depthwise() {
            Some(op) => depthwise::fast::backward_input(&op, of, w, dy, dx),
            None => Correlation::backward_input(op, of, w).run(dy, dx, Store::Add),
        }
    }
}

/// See [`backward_weight_of`](super::backward_weight_of).
pub(crate) fn backward_weight<T: Real>(op: &Conv2d, dy: &[T], inputs: Vec<WeightGradient<'_, T>>) {
    match op.depthwise() {
        Some(op) => {
            for WeightGradient { of, x, dw } in inputs {
                depthwise::fast::backward_weight(&op, of, x, dy, dw);
            }
        }
        None if winograd::pays(op) => weight_gradient::add(op, dy, inputs),
        None => inputs.into_iter().for_each(|input| weight_gradient::add(op, dy, vec![input])),
    }
}
