//! `--threads` and `--no-spin`.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{assert_fails, regnet};
use image::RgbImage;
use tempfile::tempdir;

/// What is said of 100,000 threads.
fn note() -> String {
    let cores = std::thread::available_parallelism().unwrap();
    format!("note: --threads 100000 is more than the cores there are: computing with {cores}")
}

#[test]
fn benchmarks_have_a_thread_a_core_at_most() {
    const BENCH: &str = "bench --d 1 --w0 8 --wa 0 --wm 2 --g 8 --size 16 --repeat 1 --json";
    for mode in ["infer --no-spin", "train"] {
        let said = regnet(&format!("{BENCH} --threads 100000 --mode {mode}"));
        assert_eq!((said.code, said.stderr.trim_end()), (0, note().as_str()));
        let said = regnet(&format!("{BENCH} --threads 1 --mode {mode}"));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    }
    assert_fails(&format!("{BENCH} --threads 0"), 2, &["--threads"]);
    assert_fails(&format!("{BENCH} --threads 99999999999999999999"), 2, &["--threads"]);
}

#[test]
fn predictions_have_a_thread_a_core_at_most_and_are_the_same_without_spinning() {
    let dir = tempdir().unwrap();
    let image = dir.path().join("image.png");
    RgbImage::from_fn(40, 40, |x, y| image::Rgb([(5 * x) as u8, (6 * y) as u8, 99])).save(&image).unwrap();
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/checkpoints/timm.safetensors");
    let predict = |options: &str| {
        let net = "--d 5 --w0 8 --wa 6 --wm 1.6 --g 4 --se --stem simple:8";
        let line = format!("predict {net} --weights {weights} --image {} --size 32 --json", image.display());
        let said = regnet(&format!("{line} {options}"));
        assert_eq!(said.code, 0, "{options}: {}", said.stderr);
        said
    };
    let expected = predict("");
    for options in ["--threads 1", "--no-spin", "--threads 100000 --no-spin", "--threads 100000 --dtype f64"]
    {
        let said = predict(options);
        if !options.contains("f64") {
            assert_eq!(said.stdout, expected.stdout, "{options}");
        }
        assert_eq!(
            said.stderr.matches(&note()).count(),
            options.matches("100000").count(),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn training_has_a_thread_a_core_at_most() {
    let dir = tempdir().unwrap();
    let out = dir.path().join("run");
    let net = "--d 1 --w0 8 --wa 0 --wm 2 --g 8";
    let said = regnet(&format!(
        "train {net} --data builtin:8+4 --size 8 --epochs 1 --batch 4 --threads 100000 --out {}",
        out.display()
    ));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(said.stderr.matches(&note()).count(), 1, "{}", said.stderr);
    assert!(fs::exists(out.join("model.safetensors")).unwrap());
}
