use regnet_engine::global_avg_pool::{self as average, GlobalAvgPool};
use regnet_engine::max_pool::{self as maximum, MaxPool};

use super::*;
use crate::cuda::ops::{global_avg_pool, max_pool};

fn compare_max(op: MaxPool) {
    let mut generator = Generator(41);
    // Few values, so that windows hold equal ones.
    let mut x: Vec<f64> =
        generator.numbers::<f64>(op.input_len()).iter().map(|x| (4.0 * x).round()).collect();
    x[3] = f64::NAN;
    let (dy, before) = (generator.numbers(op.output_len()), generator.numbers::<f64>(x.len()));
    let (mut y, mut argmax, mut dx) = (vec![0.0; dy.len()], vec![0; dy.len()], before.clone());
    maximum::forward(&op, &x, &mut y, &mut argmax);
    maximum::backward(&op, &argmax, &dy, &mut dx);

    let (mut of_y, mut of_argmax) = (room::<f64>(y.len()), on_device(&vec![u32::MAX; y.len()]));
    run(max_pool::forward(&Emulator, &op, on_device(&x).view(), of_y.view_mut(), of_argmax.view_mut()));
    assert_eq!(of_argmax.slice(), argmax);
    assert!(of_y.slice().iter().zip(&y).all(|(a, b)| a.to_bits() == b.to_bits()));
    let mut actual = on_device(&before);
    run(max_pool::backward(&Emulator, &op, of_argmax.view(), on_device(&dy).view(), actual.view_mut()));
    same("dx", &actual, &dx);
}

#[test]
fn max_pools() {
    let stem = MaxPool { batch: 2, channels: 3, height: 7, width: 10, kernel: 3, stride: 2, padding: 1 };
    compare_max(stem);
    compare_max(MaxPool { stride: 1, ..stem });
    compare_max(MaxPool { height: 9, width: 8, kernel: 2, stride: 3, padding: 0, ..stem });
}

#[test]
fn means() {
    let op = GlobalAvgPool { batch: 3, channels: 4, pixels: 300 };
    let mut generator = Generator(43);
    let [x, before] = [(); 2].map(|()| generator.numbers::<f64>(op.input_len()));
    let dy = generator.numbers::<f64>(op.output_len());
    let (mut y, mut dx) = (vec![0.0; dy.len()], before.clone());
    average::forward(&op, &x, &mut y);
    average::backward(&op, &dy, &mut dx);
    let mut actual = room(y.len());
    run(global_avg_pool::forward(&Emulator, &op, on_device(&x).view(), actual.view_mut()));
    same("y", &actual, &y);
    let mut actual = on_device(&before);
    run(global_avg_pool::backward(&Emulator, &op, on_device(&dy).view(), actual.view_mut()));
    same("dx", &actual, &dx);
}
