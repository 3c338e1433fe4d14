use regnet_engine::fuse::{self as engine, Fuse};

use super::*;
use crate::cuda::ops::fuse::{self, Gradients, Inputs};

fn compare(op: Fuse) {
    let mut generator = Generator(71);
    let [x, dy, before_x] = [(); 3].map(|()| generator.numbers::<f64>(op.len()));
    let [state, before_state] = [(); 2].map(|()| generator.numbers::<f64>(op.state_len()));
    let [w, before_w] = [(); 2].map(|()| generator.numbers::<f64>(op.weight_len()));
    let mut y = vec![0.0; op.len()];
    engine::forward(&op, &x, &state, &w, &mut y);
    let (mut dx, mut dstate, mut dw) = (before_x.clone(), before_state.clone(), before_w.clone());
    let into = engine::Gradients { dx: &mut dx, dstate: &mut dstate, dw: &mut dw };
    engine::backward(&op, &x, &state, &w, &dy, into);

    let [x, state, w, dy] = [x, state, w, dy].map(|elements| on_device(&elements));
    let inputs = Inputs { x: x.view(), state: state.view(), w: w.view() };
    let mut actual = room(op.len());
    run(fuse::forward(&Emulator, &op, inputs, actual.view_mut()));
    same("y", &actual, &y);
    let [mut of_dx, mut of_dstate, mut of_dw] = [before_x, before_state, before_w].map(|b| on_device(&b));
    let into = Gradients { dx: of_dx.view_mut(), dstate: of_dstate.view_mut(), dw: of_dw.view_mut() };
    run(fuse::backward(&Emulator, &op, inputs, dy.view(), into));
    same("dx", &of_dx, &dx);
    same("dstate", &of_dstate, &dstate);
    same("dw", &of_dw, &dw);
}

#[test]
fn with_and_without_a_memory() {
    compare(Fuse { batch: 3, channels: 5, maps: 1, pixels: 12 });
    compare(Fuse { batch: 2, channels: 4, maps: 2, pixels: 9 });
}
