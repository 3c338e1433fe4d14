//! `regnet bench`, on small images for a moment.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_fails, regnet};
use regnet::frozen::Isa;
use serde_json::Value;

const BENCH: &str = "bench --d 3 --w0 16 --wa 16 --wm 2 --g 8 --se --size 32 --repeat 2 --threads 1";

#[test]
fn precisions_are_what_was_computed_with() {
    for isa in Isa::available() {
        for precision in ["f32", "bf16", "int8"] {
            let line = format!("{BENCH} --isa {isa} --precision {precision} --batch 2 --json --profile");
            let said = regnet(&line);
            assert_eq!(said.code, 0, "{}", said.stderr);
            let object: Value = serde_json::from_str(&said.stdout).unwrap();
            let computed = object["precision"].as_str().unwrap();
            assert!(object["median_ms"].as_f64().unwrap() > 0.0);
            // Where it is not what was asked for, that is said; and layers are of the kind that is said.
            assert!(computed == precision || computed == "f32", "{line}: {computed}");
            assert_eq!(said.stderr.contains("computing in f32"), computed != precision, "{}", said.stderr);
            let layers = object["layers"].as_array().unwrap();
            let narrow = layers.iter().filter(|layer| layer["kind"].as_str().unwrap().contains(precision));
            assert_eq!(narrow.count() > 0, precision != "f32" && computed == precision, "{line}");
        }
    }
    let said = regnet(&format!("{BENCH} --isa portable --precision int8"));
    assert!(said.stderr.contains("portable has no AVX512_VNNI here: computing in f32"), "{}", said.stderr);
    assert!(said.stdout.starts_with("f32: median "), "{}", said.stdout);
}

#[test]
fn training_has_no_precision_to_choose() {
    for option in ["--precision bf16", "--no-spin"] {
        assert_fails(&format!("{BENCH} --mode train {option}"), 1, &["leave out --mode train"]);
    }
}
