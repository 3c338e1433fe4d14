use regnet_engine::squeeze_excite::{self as engine, SqueezeExcite};

use super::*;
use crate::cuda::ops::squeeze_excite::{self, Excitation, Weights};

#[test]
fn gates_and_their_gradients() {
    let op = SqueezeExcite { batch: 3, channels: 6, hidden: 4, pixels: 40 };
    let mut generator = Generator(61);
    let [x, dy, before] = [(); 3].map(|()| generator.numbers::<f64>(op.len()));
    let lens = [24, 4, 24, 6];
    let [w1, b1, w2, b2] = lens.map(|len| generator.numbers::<f64>(len));
    let parameters = engine::Parameters { w1: &w1, b1: &b1, w2: &w2, b2: &b2 };
    let mut y = vec![0.0; op.len()];
    let saved = engine::forward(&op, parameters, &x, &mut y);
    let mut dx = before.clone();
    let [mut dw1, mut db1, mut dw2, mut db2] = lens.map(|len| vec![0.5; len]);
    let into = engine::Gradients { dx: &mut dx, dw1: &mut dw1, db1: &mut db1, dw2: &mut dw2, db2: &mut db2 };
    engine::backward(&op, parameters, &saved, &x, &dy, into);

    let [x, dy] = [x, dy].map(|elements| on_device(&elements));
    let [w1, b1, w2, b2] = [w1, b1, w2, b2].map(|elements| on_device(&elements));
    let weights = Weights { w1: w1.view(), b1: b1.view(), w2: w2.view(), b2: b2.view() };
    let [mut pooled, mut hidden, mut gate, mut actual] = [18, 12, 18, op.len()].map(room::<f64>);
    let into = Excitation { pooled: pooled.view_mut(), hidden: hidden.view_mut(), gate: gate.view_mut() };
    run(squeeze_excite::forward(&Emulator, &op, &weights, x.view(), actual.view_mut(), into));
    same("y", &actual, &y);
    same("pooled", &pooled, &saved.pooled);
    same("hidden", &hidden, &saved.hidden);
    same("gate", &gate, &saved.gate);

    let saved = Excitation { pooled: pooled.view(), hidden: hidden.view(), gate: gate.view() };
    let mut actual = on_device(&before);
    let [mut a, mut b, mut c, mut d] = lens.map(|len| on_device(&vec![0.5; len]));
    let dweights = Weights { w1: a.view_mut(), b1: b.view_mut(), w2: c.view_mut(), b2: d.view_mut() };
    let (of, into) = ((x.view(), dy.view()), (actual.view_mut(), dweights));
    run(squeeze_excite::backward(&Emulator, &op, &weights, &saved, of, into));
    same("dx", &actual, &dx);
    for (name, actual, expected) in [("dw1", a, dw1), ("db1", b, db1), ("dw2", c, dw2), ("db2", d, db2)] {
        same(name, &actual, &expected);
    }
}
