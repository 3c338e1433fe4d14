use regnet_engine::compare::{Tolerance, assert_close};
use regnet_engine::cross_entropy::{self, CrossEntropy};

use crate::common::{Generator, gradient_check};

#[test]
fn equal_logits_cost_the_logarithm_of_the_class_count() {
    for smoothing in [0.0, 0.1, 1.0] {
        let op = CrossEntropy { batch: 2, classes: 10, smoothing };
        let loss = cross_entropy::forward(&op, &[3.0; 20], &[0, 7]);
        assert_close("loss", &[loss], &[10.0_f64.ln()], Tolerance::both(1e-14));
    }
}

/// The definition of PyTorch's `cross_entropy(logits, labels, label_smoothing=0.1)`, by this Python:
///
/// ```text
/// from math import exp, log
/// loss, gradient = 0, []
/// for row, label in zip([[2, 1, .1], [.5, 2.5, -1]], [0, 2]):
///     z = log(sum(map(exp, row)))
///     target = [(i == label) * .9 + .1 / 3 for i in range(3)]
///     loss += sum(t * (z - x) for t, x in zip(target, row)) / 2
///     gradient += [(exp(x - z) - t) / 2 for t, x in zip(target, row)]
/// ```
#[test]
fn values_of_the_definition() {
    let op = CrossEntropy { batch: 2, classes: 3, smoothing: 0.1 };
    let logits = [2.0, 1.0, 0.1, 0.5, 2.5, -1.0];
    let labels = [0, 2];
    let loss = cross_entropy::forward(&op, &logits, &labels);
    assert_close("loss", &[loss], &[2.0001041117000606], Tolerance::both(1e-14));
    let mut gradient = [0.0; 6];
    cross_entropy::backward(&op, &logits, &labels, 1.0, &mut gradient);
    let expected = [
        -0.13716609722368267,
        0.10454981868569031,
        0.03261627853799243,
        0.04139060067040391,
        0.41232173863756194,
        -0.4537123393079659,
    ];
    assert_close("gradient", &gradient, &expected, Tolerance::both(1e-14));
}

#[test]
fn large_logits_do_not_overflow() {
    let op = CrossEntropy { batch: 1, classes: 2, smoothing: 0.0 };
    let logits = [1e4_f32, -1e4];
    assert_eq!(cross_entropy::forward(&op, &logits, &[1]), 2e4);
    let mut gradient = [0.0; 2];
    cross_entropy::backward(&op, &logits, &[1], 1.0, &mut gradient);
    assert_eq!(gradient, [1.0, -1.0]);
}

#[test]
fn gradient_is_a_finite_difference() {
    let op = CrossEntropy { batch: 4, classes: 5, smoothing: 0.1 };
    let logits = Generator::new(1).numbers(20);
    let labels = [4, 0, 2, 2];
    let forward = |logits: &[f64]| vec![cross_entropy::forward(&op, logits, &labels)];
    gradient_check("logits", &logits, &[2.5], forward, |d| {
        cross_entropy::backward(&op, &logits, &labels, 2.5, d);
    });
}

#[test]
fn the_gradient_is_added() {
    let op = CrossEntropy { batch: 1, classes: 2, smoothing: 0.0 };
    let mut gradient = [10.0, 20.0];
    cross_entropy::backward(&op, &[0.0, 0.0], &[0], 1.0, &mut gradient);
    assert_eq!(gradient, [9.5, 20.5]);
}

#[test]
#[should_panic(expected = "label 3 of a data set with 3 classes")]
fn a_label_beyond_the_classes_is_refused() {
    cross_entropy::forward(&CrossEntropy { batch: 1, classes: 3, smoothing: 0.0 }, &[0.0; 3], &[3]);
}
