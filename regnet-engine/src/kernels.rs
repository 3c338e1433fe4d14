//! The large kernels as methods of the element types.
//!
//! A generic function is compiled in the crate that calls it, with that crate's settings. These are
//! compiled here, once: they are fast in a debug build of a caller too, and a caller's own build does not
//! repeat them.

use crate::batch_norm::{self, Apply, Backward, BatchNorm, Gradients, Statistics};
use crate::cells::{Gate, gru, lstm, rnn};
use crate::conv2d::depthwise::{self, Depthwise};
use crate::conv2d::{self, Conv2d, Input, InputGradient, Store, WeightGradient};
use crate::linear::{self, Linear};

/// Each method is what the public function of that name does once it has checked its arguments.
pub trait Kernels: Sized {
    fn conv2d_forward(op: &Conv2d, inputs: &[Input<'_, Self>], store: Store<'_, Self>, y: &mut [Self]);
    fn conv2d_backward_input(op: &Conv2d, dy: &[Self], inputs: Vec<InputGradient<'_, Self>>);
    fn conv2d_backward_weight(op: &Conv2d, dy: &[Self], inputs: Vec<WeightGradient<'_, Self>>);
    fn depthwise_forward(op: &Depthwise, of: usize, x: &[Self], w: &[Self], add: bool, y: &mut [Self]);
    fn depthwise_backward_input(op: &Depthwise, of: usize, w: &[Self], dy: &[Self], dx: &mut [Self]);
    fn depthwise_backward_weight(op: &Depthwise, of: usize, x: &[Self], dy: &[Self], dw: &mut [Self]);
    fn linear_forward(op: &Linear, x: &[Self], w: &[Self], bias: Option<&[Self]>, y: &mut [Self]);
    fn linear_backward_input(op: &Linear, w: &[Self], dy: &[Self], dx: &mut [Self]);
    fn linear_backward_weight(op: &Linear, x: &[Self], dy: &[Self], dw: &mut [Self]);
    fn batch_norm_statistics(op: &BatchNorm, x: &[Self]) -> Statistics<Self>;
    fn batch_norm_apply(op: &BatchNorm, args: Apply<'_, Self>, y: &mut [Self]);
    fn batch_norm_backward(op: &BatchNorm, args: Backward<'_, Self>, gradients: Gradients<'_, Self>);
    fn rnn_forward(op: &Gate, h: Option<&[Self]>, bias: &[Self], out: &mut [Self]);
    fn rnn_backward(op: &Gate, out: &[Self], dout: &[Self], dgates: &mut [Self], dbias: &mut [Self]);
    fn gru_reset(op: &Gate, args: gru::Reset<'_, Self>, gates: &mut [Self], reset: &mut [Self]);
    fn gru_blend(
        op: &Gate,
        previous: Option<gru::Previous<'_, Self>>,
        bias: &[Self],
        gates: &mut [Self],
        out: &mut [Self],
    );
    fn gru_blend_backward(
        op: &Gate,
        state: Option<&[Self]>,
        dout: &[Self],
        gates: &mut [Self],
        gradients: gru::Gradients<'_, Self>,
    );
    fn gru_reset_backward(
        op: &Gate,
        state: &[Self],
        dreset: &[Self],
        gates: &mut [Self],
        gradients: gru::Gradients<'_, Self>,
    );
    fn lstm_forward(op: &Gate, args: lstm::Forward<'_, Self>, gates: &mut [Self], out: &mut [Self]);
    fn lstm_backward(
        op: &Gate,
        args: lstm::Backward<'_, Self>,
        gates: &mut [Self],
        gradients: lstm::Gradients<'_, Self>,
    );
}

macro_rules! kernels {
    ($element:ty) => {
        impl Kernels for $element {
            fn conv2d_forward(
                op: &Conv2d,
                inputs: &[Input<'_, Self>],
                store: Store<'_, Self>,
                y: &mut [Self],
            ) {
                conv2d::fast::forward(op, inputs, store, y);
            }

            fn conv2d_backward_input(op: &Conv2d, dy: &[Self], inputs: Vec<InputGradient<'_, Self>>) {
                conv2d::fast::backward_input(op, dy, inputs);
            }

            fn conv2d_backward_weight(op: &Conv2d, dy: &[Self], inputs: Vec<WeightGradient<'_, Self>>) {
                conv2d::fast::backward_weight(op, dy, inputs);
            }

            fn depthwise_forward(
                op: &Depthwise,
                of: usize,
                x: &[Self],
                w: &[Self],
                add: bool,
                y: &mut [Self],
            ) {
                depthwise::fast::forward(op, of, x, w, add, y);
            }

            fn depthwise_backward_input(op: &Depthwise, of: usize, w: &[Self], dy: &[Self], dx: &mut [Self]) {
                depthwise::fast::backward_input(op, of, w, dy, dx);
            }

            fn depthwise_backward_weight(
                op: &Depthwise,
                of: usize,
                x: &[Self],
                dy: &[Self],
                dw: &mut [Self],
            ) {
                depthwise::fast::backward_weight(op, of, x, dy, dw);
            }

            fn linear_forward(op: &Linear, x: &[Self], w: &[Self], bias: Option<&[Self]>, y: &mut [Self]) {
                linear::fast::forward(op, x, w, bias, y);
            }

            fn linear_backward_input(op: &Linear, w: &[Self], dy: &[Self], dx: &mut [Self]) {
                linear::fast::backward_input(op, w, dy, dx);
            }

            fn linear_backward_weight(op: &Linear, x: &[Self], dy: &[Self], dw: &mut [Self]) {
                linear::fast::backward_weight(op, x, dy, dw);
            }

            fn batch_norm_statistics(op: &BatchNorm, x: &[Self]) -> Statistics<Self> {
                batch_norm::fast::statistics(op, x)
            }

            fn batch_norm_apply(op: &BatchNorm, args: Apply<'_, Self>, y: &mut [Self]) {
                batch_norm::fast::apply(op, args, y);
            }

            fn batch_norm_backward(op: &BatchNorm, args: Backward<'_, Self>, gradients: Gradients<'_, Self>) {
                batch_norm::fast::backward(op, args, gradients);
            }

            fn rnn_forward(op: &Gate, h: Option<&[Self]>, bias: &[Self], out: &mut [Self]) {
                rnn::fast_forward(op, h, bias, out);
            }

            fn rnn_backward(op: &Gate, out: &[Self], dout: &[Self], dgates: &mut [Self], dbias: &mut [Self]) {
                rnn::fast_backward(op, out, dout, dgates, dbias);
            }

            fn gru_reset(op: &Gate, args: gru::Reset<'_, Self>, gates: &mut [Self], reset: &mut [Self]) {
                gru::fast_reset(op, args, gates, reset);
            }

            fn gru_blend(
                op: &Gate,
                previous: Option<gru::Previous<'_, Self>>,
                bias: &[Self],
                gates: &mut [Self],
                out: &mut [Self],
            ) {
                gru::fast_blend(op, previous, bias, gates, out);
            }

            fn gru_blend_backward(
                op: &Gate,
                state: Option<&[Self]>,
                dout: &[Self],
                gates: &mut [Self],
                gradients: gru::Gradients<'_, Self>,
            ) {
                gru::fast_blend_backward(op, state, dout, gates, gradients);
            }

            fn gru_reset_backward(
                op: &Gate,
                state: &[Self],
                dreset: &[Self],
                gates: &mut [Self],
                gradients: gru::Gradients<'_, Self>,
            ) {
                gru::fast_reset_backward(op, state, dreset, gates, gradients);
            }

            fn lstm_forward(op: &Gate, args: lstm::Forward<'_, Self>, gates: &mut [Self], out: &mut [Self]) {
                lstm::fast_forward(op, args, gates, out);
            }

            fn lstm_backward(
                op: &Gate,
                args: lstm::Backward<'_, Self>,
                gates: &mut [Self],
                gradients: lstm::Gradients<'_, Self>,
            ) {
                lstm::fast_backward(op, args, gates, gradients);
            }
        }
    };
}

kernels!(f32);
kernels!(f64);
