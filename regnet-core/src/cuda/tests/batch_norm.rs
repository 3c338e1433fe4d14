use regnet_engine::batch_norm::{self as engine, Activation, BatchNorm};

use super::*;
use crate::cuda::ops::batch_norm::{self, Gradients, Inputs, Outputs, Statistics};

fn compare<T: Number>(op: BatchNorm, activation: Activation, with_residual: bool, training: bool) {
    let mut generator = Generator(23);
    // Far from zero, where sums of squares alone would cancel.
    let x: Vec<T> = generator.numbers::<T>(op.len()).iter().map(|&x| x + T::of(30.0)).collect();
    let [dy, residual, before] = [(); 3].map(|()| generator.numbers::<T>(op.len()));
    let [gamma, beta, before_parameters] = [(); 3].map(|()| generator.numbers::<T>(op.channels));
    let residual = with_residual.then_some(residual);
    let statistics = engine::reference::statistics(&op, &x);

    let of_x = on_device(&x);
    let [mut mean, mut variance, mut inv_std] = [(); 3].map(|()| room::<T>(op.channels));
    let into =
        Statistics { mean: mean.view_mut(), variance: variance.view_mut(), inv_std: inv_std.view_mut() };
    run(batch_norm::statistics(&Emulator, &op, of_x.view(), into));
    same("mean", &mean, &statistics.mean);
    same("variance", &variance, &statistics.variance);
    same("inv_std", &inv_std, &statistics.inv_std);

    let args = engine::Apply {
        statistics: &statistics,
        gamma: &gamma,
        beta: &beta,
        residual: residual.as_deref(),
        activation,
        x: &x,
    };
    let mut y = vec![T::zero(); op.len()];
    engine::reference::apply(&op, args, &mut y);
    let [on_gamma, on_beta] = [&gamma, &beta].map(|parameter| on_device(parameter));
    let [mean, inv_std] = [&statistics.mean, &statistics.inv_std].map(|numbers| on_device(numbers));
    let inputs = Inputs {
        x: of_x.view(),
        mean: mean.view(),
        inv_std: inv_std.view(),
        gamma: on_gamma.view(),
        activation,
    };
    let on_residual = residual.as_ref().map(|residual| on_device(residual));
    let mut actual = room(op.len());
    let residual_view = on_residual.as_ref().map(HostMemory::view);
    run(batch_norm::apply(&Emulator, &op, inputs, on_beta.view(), residual_view, actual.view_mut()));
    assert_close("y", actual.slice(), &y, Tolerance::both(if size_of::<T>() == 4 { 1e-4 } else { 1e-11 }));

    let args = engine::Backward {
        statistics: &statistics,
        gamma: &gamma,
        activation,
        x: &x,
        y: &y,
        dy: &dy,
        training,
    };
    let (mut dx, mut dgamma, mut dbeta) =
        (before.clone(), before_parameters.clone(), before_parameters.clone());
    let mut dresidual = with_residual.then(|| before.clone());
    let into = engine::Gradients {
        dx: &mut dx,
        dresidual: dresidual.as_deref_mut(),
        dgamma: &mut dgamma,
        dbeta: &mut dbeta,
    };
    engine::reference::backward(&op, args, into);
    let (on_y, on_dy) = (on_device(&y), on_device(&dy));
    let [mut of_dx, mut of_dresidual] = [(); 2].map(|()| on_device(&before));
    let [mut of_dgamma, mut of_dbeta] = [(); 2].map(|()| on_device(&before_parameters));
    let into = Gradients {
        dx: of_dx.view_mut(),
        dresidual: with_residual.then(|| of_dresidual.view_mut()),
        dgamma: of_dgamma.view_mut(),
        dbeta: of_dbeta.view_mut(),
    };
    let outputs = Outputs { y: on_y.view(), dy: on_dy.view(), training };
    run(batch_norm::backward(&Emulator, &op, inputs, outputs, into));
    let loose = Tolerance::both(if size_of::<T>() == 4 { 2e-3 } else { 1e-11 });
    assert_close("dx", of_dx.slice(), &dx, loose);
    assert_close("dgamma", of_dgamma.slice(), &dgamma, loose);
    assert_close("dbeta", of_dbeta.slice(), &dbeta, loose);
    if let Some(dresidual) = dresidual {
        assert_close("dresidual", of_dresidual.slice(), &dresidual, loose);
    }
}

fn sizes(batch: usize, channels: usize, pixels: usize) -> BatchNorm {
    BatchNorm { batch, channels, pixels, epsilon: engine::EPSILON }
}

#[test]
fn in_training_with_everything() {
    compare::<f64>(sizes(3, 5, 49), Activation::Relu, true, true);
    compare::<f32>(sizes(2, 3, 20), Activation::Relu, true, true);
}

#[test]
fn with_constant_statistics_alone() {
    compare::<f64>(sizes(2, 4, 7), Activation::Identity, false, false);
}

#[test]
fn channels_in_several_parts() {
    compare::<f64>(sizes(3, 2, 5000), Activation::Identity, false, true);
}

#[test]
fn statistics_of_nan_are_nan() {
    let op = sizes(2, 3, 35);
    let mut x = Generator(29).numbers::<f64>(op.len());
    // In the second channel of the second image.
    x[150] = f64::NAN;
    let of_x = on_device(&x);
    let [mut mean, mut variance, mut inv_std] = [(); 3].map(|()| room::<f64>(op.channels));
    let into =
        Statistics { mean: mean.view_mut(), variance: variance.view_mut(), inv_std: inv_std.view_mut() };
    run(batch_norm::statistics(&Emulator, &op, of_x.view(), into));
    for numbers in [&mean, &variance, &inv_std] {
        assert_eq!([0, 1, 2].map(|channel| numbers.slice()[channel].is_nan()), [false, true, false]);
    }
}
