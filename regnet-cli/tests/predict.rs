//! `regnet predict` and `regnet convert` on the small checkpoints of `tests/reference/checkpoints`.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "../../tests/parity/formula.rs"]
mod formula;

use std::fs;
use std::path::{Path, PathBuf};

use common::{assert_fails, regnet};
use image::{Rgb, RgbImage};
use regnet::weights::{WeightFile, save_tensors};
use serde_json::Value;
use tempfile::tempdir;

/// The network of the checkpoints, which is no published one.
const NET: &str = "--d 5 --w0 8 --wa 6 --wm 1.6 --g 4 --se --stem simple:8";

fn checkpoints() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/checkpoints")
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(checkpoints().join("expected.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// Runs a command that must work.
#[track_caller]
fn stdout(line: &str) -> String {
    let said = regnet(line);
    assert_eq!(said.code, 0, "regnet {line}: {}", said.stderr);
    said.stdout
}

#[track_caller]
fn assert_logits(line: &str, mode: &str, bound: f64) {
    let object: Value = serde_json::from_str(&stdout(line)).unwrap();
    let (found, expected) = (numbers(&object["logits"]), numbers(&expected()[mode]));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= bound * 3.0, "{line}: {found} instead of {expected}");
    }
    let first = &object["topk"][0][0];
    let largest = (0..7).max_by(|&a, &b| expected[a].total_cmp(&expected[b])).unwrap();
    assert_eq!(first["class"], largest, "{line}");
}

#[test]
fn prepared_inputs_give_the_reference_logits() {
    let dir = tempdir().unwrap();
    let input = dir.path().join("input.safetensors");
    let shape = vec![2, 3, 33, 31];
    let values = formula::values("input", &shape);
    save_tensors(vec![("input".to_owned(), shape, values)], &input).unwrap();
    let features = dir.path().join("features.safetensors");
    for file in ["timm.safetensors", "torchvision.pth", "torchvision_legacy.pth", "pycls.pyth"] {
        let line = format!(
            "predict {NET} --weights {} --input {} --json",
            checkpoints().join(file).display(),
            input.display()
        );
        assert_logits(&format!("{line} --features {} --batch 1", features.display()), "eval", 1e-4);
        assert_logits(&format!("{line} --dtype f64"), "eval", 1e-9);
        assert_logits(&format!("{line} --dtype f64 --batch-statistics"), "train", 1e-9);
    }
    let maps = WeightFile::open(&features).unwrap();
    let shapes: Vec<_> =
        maps.tensors().iter().map(|(name, map)| (name.as_str(), map.shape().to_vec())).collect();
    let expected =
        [("s1", 8, 9, 8), ("s2", 16, 5, 4), ("s3", 24, 3, 2), ("s4", 32, 2, 1), ("stem", 8, 17, 16)];
    assert_eq!(shapes, expected.map(|(name, c, h, w)| (name, vec![2, c, h, w])));
}

#[test]
fn a_converted_file_predicts_the_same() {
    let dir = tempdir().unwrap();
    let (a, b) = (dir.path().join("a.safetensors"), dir.path().join("b.safetensors"));
    let source = checkpoints().join("pycls.pyth");
    let said = stdout(&format!("convert {} {} --to torchvision {NET}", source.display(), a.display()));
    assert!(
        said.contains("blue, green, red") && said.contains("pycls's names to torchvision's, f32"),
        "{said}"
    );
    let said = stdout(&format!("convert {} {} --to timm --dtype f64 {NET}", a.display(), b.display()));
    assert!(said.contains("7 classes") && said.contains("torchvision's names to timm's, f64"), "{said}");
    let names: Vec<_> = WeightFile::open(&b).unwrap().tensors().keys().cloned().collect();
    assert!(names.contains(&"s4.b2.conv3.bn.running_var".to_owned()), "{names:?}");

    let image = dir.path().join("image.png");
    RgbImage::from_fn(50, 40, |x, y| Rgb([(5 * x) as u8, (6 * y) as u8, 99])).save(&image).unwrap();
    let predict = |weights: &Path| {
        stdout(&format!(
            "predict {NET} --weights {} --image {} --size 32 --json --filter bicubic",
            weights.display(),
            image.display()
        ))
    };
    assert_eq!(predict(&a), predict(&b));
    assert_eq!(predict(&source), predict(&b));
}

#[test]
fn folders_give_a_line_an_image_and_bad_images_are_passed_over() {
    let dir = tempdir().unwrap();
    let images = dir.path().join("images");
    fs::create_dir_all(images.join("more")).unwrap();
    for (name, level) in [("a.png", 10), ("b, c.jpg", 200), ("more/d.png", 90)] {
        RgbImage::from_pixel(40, 30, Rgb([level, 50, 60])).save(images.join(name)).unwrap();
    }
    let labels = dir.path().join("labels.txt");
    fs::write(&labels, "zero\none\ntwo\nthree, or so\nfour\nfive\nsix\n").unwrap();
    let line = format!(
        "predict {NET} --weights {} --size 32 --topk 2 --batch 2 --labels {} --image {}",
        checkpoints().join("timm.safetensors").display(),
        labels.display(),
        images.display()
    );
    let csv = stdout(&line);
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "image,class_1,label_1,probability_1,class_2,label_2,probability_2");
    assert_eq!(lines.len(), 4, "{csv}");
    assert!(lines[2].starts_with(&format!("\"{}/b, c.jpg\",", images.display())), "{csv}");
    let json = stdout(&format!("{line} --json"));
    for (line, name) in json.lines().zip(["a.png", "b, c.jpg", "more/d.png"]) {
        let object: Value = serde_json::from_str(line).unwrap();
        assert!(object["image"].as_str().unwrap().ends_with(name), "{json}");
        let best = object["topk"].as_array().unwrap();
        assert_eq!(best.len(), 2);
        assert!(best[0]["probability"].as_f64() >= best[1]["probability"].as_f64());
        assert!(best[0]["label"].is_string());
    }

    fs::write(images.join("bad.png"), "not an image").unwrap();
    fs::write(images.join("notes.txt"), "no image").unwrap();
    let jpeg = fs::read(images.join("b, c.jpg")).unwrap();
    fs::write(images.join("cut.jpg"), &jpeg[..jpeg.len() * 9 / 10]).unwrap();
    let said = regnet(&line);
    assert_eq!((said.code, said.stdout.lines().count()), (1, 4), "{}", said.stderr);
    for part in ["bad.png", "cut.jpg: ", "error: 2 of 5 images", "passed over 1 entry: ", "notes.txt"] {
        assert!(said.stderr.contains(part), "`{part}` is not in: {}", said.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_named_as_an_image_is_not_waited_for() {
    let dir = tempdir().unwrap();
    let pipe = dir.path().join("pipe.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    RgbImage::from_pixel(40, 30, Rgb([90, 50, 60])).save(dir.path().join("a.png")).unwrap();
    let weights = checkpoints().join("timm.safetensors");
    let line = format!("predict {NET} --weights {} --size 32 --image", weights.display());
    let said = regnet(&format!("{line} {}", dir.path().display()));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("pipe.png\" (a pipe, socket or device)"), "{}", said.stderr);
    let said = regnet(&format!("{line} {}", pipe.display()));
    assert!(said.code == 1 && said.stderr.contains("pipe.png is no regular file"), "{}", said.stderr);
}

#[test]
fn logits_that_are_not_finite_name_no_class() {
    let dir = tempdir().unwrap();
    let input = dir.path().join("input.safetensors");
    let mut values = vec![0.5_f64; 2 * 3 * 32 * 32];
    values[3 * 32 * 32] = f64::NAN;
    save_tensors(vec![("input".to_owned(), vec![2, 3, 32, 32], values)], &input).unwrap();
    let weights = checkpoints().join("timm.safetensors");
    // In f64 nothing is frozen: what is not finite stays so.
    let line = format!(
        "predict {NET} --weights {} --dtype f64 --topk 1 --input {}",
        weights.display(),
        input.display()
    );
    let said = regnet(&line);
    assert!(
        said.code == 1 && said.stderr.contains("the logits of 1 images are not finite"),
        "{}",
        said.stderr
    );
    assert!(
        said.stdout.contains("0\n  ") && said.stdout.contains("\n1\n  no class: the logits are not finite\n")
    );
    let object: Value = serde_json::from_str(&regnet(&format!("{line} --json")).stdout).unwrap();
    assert!(object["topk"][0].is_array() && object["topk"][1].is_null(), "{object}");
}

#[test]
fn fewer_bits_give_nearly_the_same_logits() {
    let dir = tempdir().unwrap();
    let images = dir.path().join("images");
    fs::create_dir_all(&images).unwrap();
    for level in 0..4 {
        let pixel = |x, y| Rgb([(5 * x) as u8, (6 * y) as u8, 60 * level]);
        RgbImage::from_fn(40, 30, pixel).save(images.join(format!("{level}.png"))).unwrap();
    }
    let line = format!(
        "predict {NET} --weights {} --size 64 --json --image {}",
        checkpoints().join("timm.safetensors").display(),
        images.join("2.png").display()
    );
    let logits = |options: &str| {
        let said = regnet(&format!("{line} {options}"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        (numbers(&object["logits"]), said.stderr)
    };
    let (expected, _) = logits("");
    let largest = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for precision in ["f32", "bf16", "int8"] {
        let calibrate = format!(" --calibrate {}", images.display());
        let options = format!("--precision {precision}{}", if precision == "int8" { &calibrate } else { "" });
        let (found, told) = logits(&options);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 0.05 * largest, "{options}: {found} instead of {expected}");
        }
        assert_eq!(told.contains("calibrated on 4 images"), precision == "int8", "{told}");
    }
}

#[test]
fn a_run_is_predicted_with_by_its_folder() {
    let dir = tempdir().unwrap();
    for (part, count) in [("train", 4), ("test", 2)] {
        for (class, level) in [("dark", 40), ("light", 200)] {
            let class = dir.path().join("data").join(part).join(class);
            fs::create_dir_all(&class).unwrap();
            for i in 0..count {
                RgbImage::from_pixel(16, 16, Rgb([level + i, level, level]))
                    .save(class.join(format!("{i}.png")))
                    .unwrap();
            }
        }
    }
    let (data, run) = (dir.path().join("data"), dir.path().join("run"));
    let net = "--d 2 --w0 8 --wa 8 --wm 2 --g 8 --stem simple:8";
    stdout(&format!(
        "train {net} --data folder:{} --size 16 --epochs 1 --batch 4 --out {}",
        data.display(),
        run.display()
    ));
    let line =
        format!("predict --weights {} --image {}", run.display(), data.join("test/dark/0.png").display());
    let said = regnet(&line);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("largest square to 16 x 16"), "{}", said.stderr);
    assert!(said.stdout.contains(" %  dark") && said.stdout.contains(" %  light"), "{}", said.stdout);
}

#[test]
fn what_does_not_fit_is_refused() {
    let dir = tempdir().unwrap();
    let weights = checkpoints().join("timm.safetensors");
    let weights = weights.display();
    let input = dir.path().join("input.safetensors");
    save_tensors(vec![("input".to_owned(), vec![1, 1, 32, 32], vec![0.5_f32; 1024])], &input).unwrap();
    let input = input.display();
    assert_fails(
        &format!("predict --weights {weights} --input {input}"),
        1,
        &["no published model", "--model"],
    );
    assert_fails(
        &format!("predict --model RegNetX-200MF --weights {weights} --input {input}"),
        1,
        &["does not fit this network", "`s1.b1.se.fc1.bias` is not part"],
    );
    assert_fails(
        &format!("predict {NET} --weights {weights} --input {input}"),
        1,
        &["[1, 1, 32, 32]", "[n, 3, "],
    );
    assert_fails(&format!("predict {NET} --weights {weights} --input {weights}"), 1, &["no tensor `input`"]);
    assert_fails(&format!("predict {NET} --weights {weights}"), 2, &["--image", "--input"]);
    assert_fails(
        &format!("predict {NET} --weights {input} --input {input}"),
        1,
        &["is missing from the file"],
    );
    assert_fails(&format!("convert {weights} {input} --to onnx {NET}"), 2, &["no naming is called `onnx`"]);
    let line = format!("predict {NET} --weights {weights} --input {input}");
    assert_fails(&format!("{line} --precision int8"), 2, &["--calibrate <FOLDER>"]);
    assert_fails(&format!("{line} --calibrate {}", dir.path().display()), 1, &["add --precision int8"]);
    assert_fails(&format!("{line} --precision bf16 --dtype f64"), 1, &["leave out --dtype f64"]);
    assert_fails(&format!("{line} --precision bf16 --batch-statistics"), 2, &["cannot be used with"]);
    let labels = dir.path().join("labels.json");
    fs::write(&labels, "[\"one\"]").unwrap();
    let line = format!("predict {NET} --weights {weights} --input {input} --labels {}", labels.display());
    assert_fails(&line, 1, &["1 names", "7 classes"]);
}
