use regnet_engine::linear::{self as engine, Linear};

use super::*;
use crate::cuda::ops::linear;

#[test]
fn linear_and_its_gradients() {
    let op = Linear { batch: 3, in_features: 5, out_features: 7 };
    let mut generator = Generator(31);
    let [x, before_x] = [(); 2].map(|()| generator.numbers::<f64>(op.input_len()));
    let [w, before_w] = [(); 2].map(|()| generator.numbers::<f64>(op.weight_len()));
    let [bias, before_bias] = [(); 2].map(|()| generator.numbers::<f64>(op.out_features));
    let dy = generator.numbers::<f64>(op.output_len());
    let mut y = vec![0.0; dy.len()];
    let (mut dx, mut dw, mut dbias) = (before_x.clone(), before_w.clone(), before_bias.clone());
    engine::forward(&op, &x, &w, Some(&bias), &mut y);
    engine::backward_input(&op, &w, &dy, &mut dx);
    engine::backward_weight(&op, &x, &dy, &mut dw);
    engine::backward_bias(&op, &dy, &mut dbias);

    let [x, w, bias, dy] = [x, w, bias, dy].map(|elements| on_device(&elements));
    let mut actual = room(y.len());
    run(linear::forward(&Emulator, &op, x.view(), w.view(), bias.view(), actual.view_mut()));
    same("y", &actual, &y);
    let mut actual = on_device(&before_x);
    run(linear::backward_input(&Emulator, &op, w.view(), dy.view(), actual.view_mut()));
    same("dx", &actual, &dx);
    let (mut of_dw, mut of_dbias) = (on_device(&before_w), on_device(&before_bias));
    let into = (of_dw.view_mut(), of_dbias.view_mut());
    run(linear::backward_parameters(&Emulator, &op, x.view(), dy.view(), into.0, into.1));
    same("dw", &of_dw, &dw);
    same("dbias", &of_dbias, &dbias);
}
