use regnet_engine::cross_entropy::{self as engine, CrossEntropy};

use super::*;
use crate::cuda::ops::cross_entropy;

fn compare<T: Number>(op: CrossEntropy) {
    let mut generator = Generator(53);
    let large = |x: &T| *x * T::of(20.0);
    let logits: Vec<T> = generator.numbers::<T>(op.logits_len()).iter().map(large).collect();
    let before = generator.numbers::<T>(op.logits_len());
    let labels: Vec<usize> = (0..op.batch).map(|image| image * 7 % op.classes).collect();
    let loss = engine::forward(&op, &logits, &labels);
    let mut dlogits = before.clone();
    engine::backward(&op, &logits, &labels, T::of(1.5), &mut dlogits);

    let (on_logits, on_labels) = (on_device(&logits), on_device(&labels));
    let mut actual = room::<T>(1);
    run(cross_entropy::forward(&Emulator, &op, on_logits.view(), on_labels.view(), actual.view_mut()));
    same("loss", &actual, &[loss]);
    let (dloss, mut actual) = (on_device(&[T::of(1.5)]), on_device(&before));
    let (logits, labels) = (on_logits.view(), on_labels.view());
    run(cross_entropy::backward(&Emulator, &op, logits, labels, dloss.view(), actual.view_mut()));
    same("dlogits", &actual, &dlogits);
}

#[test]
fn losses_and_gradients() {
    compare::<f64>(CrossEntropy { batch: 5, classes: 10, smoothing: 0.1 });
    compare::<f64>(CrossEntropy { batch: 300, classes: 3, smoothing: 0.0 });
    compare::<f32>(CrossEntropy { batch: 2, classes: 1000, smoothing: 0.1 });
}

#[test]
fn a_label_that_is_no_class_is_not_a_number() {
    let op = CrossEntropy { batch: 2, classes: 3, smoothing: 0.1 };
    let (logits, labels, mut loss) = (on_device(&[0.0_f32; 6]), on_device(&[1, 3]), on_device(&[0.0]));
    run(cross_entropy::forward(&Emulator, &op, logits.view(), labels.view(), loss.view_mut()));
    assert!(loss.slice()[0].is_nan());
}

fn score<T: Number>(op: CrossEntropy, logits: &[T], labels: &[usize]) {
    let correct = engine::correct(&op, logits, labels);
    let (on_logits, on_labels, loss) = (on_device(logits), on_device(labels), on_device(&[T::of(2.5)]));
    let mut actual = room::<T>(2);
    let of = (on_logits.view(), on_labels.view(), loss.view());
    run(cross_entropy::score(&Emulator, &op, of, actual.view_mut()));
    assert_eq!(actual.slice(), [T::of(2.5), T::of(correct as f64)]);
}

#[test]
fn scores_count_as_the_engine_does() {
    let op = CrossEntropy { batch: 300, classes: 7, smoothing: 0.1 };
    // Coarse numbers, so that many rows have several largest ones.
    let coarse = |x: f32| (4.0 * x).round() / 4.0;
    let logits: Vec<f32> = Generator(71).numbers(op.logits_len()).into_iter().map(coarse).collect();
    let labels: Vec<usize> = (0..op.batch).map(|image| image % 7).collect();
    score(op, &logits, &labels);
    score(op, &logits.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), &labels);
    let op = CrossEntropy { batch: 8, classes: 2, smoothing: 0.1 };
    let zeros = [-0.0, 0.0, 0.0, -0.0];
    let odd = [
        f32::NAN,
        f32::INFINITY,
        1.0,
        -f32::NAN,
        2.0,
        2.0,
        -2.0,
        -1.0,
        f32::NEG_INFINITY,
        -3.0,
        1.0,
        f32::NAN,
    ];
    score(op, &[&zeros[..], &odd].concat(), &[0, 0, 0, 0, 0, 1, 0, 1]);
    score(op, &[&zeros[..], &odd].concat(), &[1; 8]);
}
