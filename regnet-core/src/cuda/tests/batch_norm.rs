use regnet_engine::batch_norm::{self as engine, Activation, BatchNorm};

use super::*;
use crate::backend::Shares;
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

/// A channel with a statistic that is not finite keeps both of its own.
#[test]
fn running_statistics_follow_finite_batches() {
    let shares = Shares { keep: 0.9, mean: 0.1, variance: 0.125 };
    let running = [[1.0f32, 2.0, 3.0, 4.0, 5.0], [0.5, 0.25, 0.75, 1.0, 2.0]];
    let batch = [[0.3f32, f32::NAN, 0.1, f32::INFINITY, -1.0], [0.7, 1.0, f32::INFINITY, 2.0, f32::NAN]];
    let (of_running, of_batch) =
        (running.map(|numbers| on_device(&numbers)), batch.map(|numbers| on_device(&numbers)));
    let [mut mean, mut variance] = [(); 2].map(|()| room::<f32>(5));
    let views = [&of_running[0], &of_running[1], &of_batch[0], &of_batch[1]].map(HostMemory::view);
    let [running_mean, running_variance, batch_mean, batch_variance] = views;
    run(batch_norm::follow(
        &Emulator,
        [running_mean, running_variance],
        [batch_mean, batch_variance],
        shares,
        [mean.view_mut(), variance.view_mut()],
    ));
    let (mut expected_mean, mut expected_variance) = (running[0], running[1]);
    expected_mean[0] = 1.0 * 0.9 + 0.3 * 0.1;
    expected_variance[0] = 0.5 * 0.9 + 0.7 * 0.125;
    assert_close("mean", mean.slice(), &expected_mean, Tolerance::both(1e-6));
    assert_close("variance", variance.slice(), &expected_variance, Tolerance::both(1e-6));
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
