//! Cross-entropy and max pooling.

use std::collections::BTreeMap;

use dfdx::prelude::*;
use regnet::layers::MaxPool;
use regnet::{Run, cross_entropy};

use crate::reference::cases;
use crate::run::{Dev, doubles, tensor};

#[test]
fn cross_entropy_agrees_with_pytorch() {
    let dev = Dev::default();
    for case in cases("cross_entropy") {
        let (batch, classes) = (case.size("batch"), case.size("classes"));
        let logits = tensor::<_, f64>(&dev, "logits", (batch, classes)) * case.number("logit_scale");
        let labels = dev.tensor((case.sizes("labels"), (batch,)));
        let loss = cross_entropy(logits.leaky_trace(), &labels, case.number("label_smoothing")).unwrap();
        let mut computed = BTreeMap::from([("loss".to_owned(), doubles(&loss))]);
        computed.insert("grad.logits".to_owned(), doubles(&loss.backward().get(&logits)));
        case.compare(&computed, 1e-12);
    }
}

#[test]
fn max_pooling_agrees_with_pytorch() {
    let dev = Dev::default();
    for case in cases("max_pool") {
        let shape = (case.size("batch"), case.size("channels"), case.size("height"), case.size("width"));
        let mut x = tensor::<_, f64>(&dev, "input", shape);
        if case.flag("rectified") {
            x = x.relu();
        }
        let y = MaxPool.try_run(x.leaky_trace()).unwrap();
        let mut computed = BTreeMap::from([("output".to_owned(), doubles(&y))]);
        let weights: Tensor<_, f64, _> = tensor(&dev, "loss", *y.shape());
        let loss = (y * weights).sum();
        computed.insert("loss".to_owned(), doubles(&loss));
        computed.insert("grad.input".to_owned(), doubles(&loss.backward().get(&x)));
        case.compare(&computed, 1e-12);
    }
}
