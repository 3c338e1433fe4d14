//! The optimiser and the schedule against PyTorch's (`tests/reference/README.md`).
#![allow(clippy::unwrap_used)]

use dfdx::prelude::*;
use regnet_train::{Cosine, Recipe, Sgd};
use serde_json::Value;

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/../tests/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The reference's formula for tensors other than weights and statistics, uniform in [-1, 1).
fn formula(name: &str, count: usize) -> Vec<f64> {
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let value = |i| {
        let mut z = hash.wrapping_add(i).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count as u64).map(value).collect()
}

fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}, number {i}: {a} is not {b}");
    }
}

#[test]
fn sgd_is_pytorchs() {
    const COUNT: usize = 12;
    let dev = Cpu::default();
    let cases = cases("sgd.json");
    assert!(cases.len() > 1);
    for case in cases {
        let recipe = Recipe {
            momentum: case["momentum"].as_f64().unwrap(),
            nesterov: case["nesterov"].as_bool().unwrap(),
            weight_decay: case["weight_decay"].as_f64().unwrap(),
            ..Recipe::default()
        };
        let mut param: Tensor<Rank1<COUNT>, f64, _> = dev.tensor(formula("param", COUNT));
        let mut sgd = Sgd::new(&recipe);
        for (step, rate) in numbers(&case["learning_rates"]).into_iter().enumerate() {
            // The gradient of sum(param * g) is g.
            let slope: Tensor<Rank1<COUNT>, f64, _> = dev.tensor(formula(&format!("grad{step}"), COUNT));
            let mut gradients = (param.leaky_trace() * slope).sum().backward();
            sgd.step(&mut param, &mut gradients, rate).unwrap();
            let expected = numbers(&case["tensors"][format!("step{step}")]["values"]);
            assert_close(&param.as_vec(), &expected, 1e-12, &format!("{} step {step}", case["name"]));
        }
    }
}

#[test]
fn the_schedule_is_pyclss() {
    for case in cases("schedule.json") {
        let schedule = Cosine {
            base: case["base"].as_f64().unwrap(),
            epochs: case["epochs"].as_f64().unwrap(),
            warmup_epochs: case["warmup_epochs"].as_f64().unwrap(),
        };
        let rates: Vec<_> = numbers(&case["at_epochs"]).into_iter().map(|epoch| schedule.at(epoch)).collect();
        assert_close(&rates, &numbers(&case["learning_rates"]), 1e-15, &case["name"].to_string());
    }
}

#[test]
fn a_recipe_names_the_number_it_cannot_use() {
    let sound = Recipe::default();
    assert_eq!(sound.check(), Ok(()));
    for (recipe, field) in [
        (Recipe { epochs: 0, ..sound.clone() }, "epochs"),
        (Recipe { batch: 0, ..sound.clone() }, "batch"),
        (Recipe { lr: 0.0, ..sound.clone() }, "lr"),
        (Recipe { lr: f64::NAN, ..sound.clone() }, "lr"),
        (Recipe { momentum: 1.0, ..sound.clone() }, "momentum"),
        (Recipe { weight_decay: -1e-4, ..sound.clone() }, "weight_decay"),
        (Recipe { label_smoothing: 1.0, ..sound.clone() }, "label_smoothing"),
        (Recipe { warmup_epochs: f64::INFINITY, ..sound.clone() }, "warmup_epochs"),
    ] {
        assert_eq!(recipe.check().unwrap_err().field, field);
    }
}
