//! `regnet train` on small data: what it leaves when it works and when it cannot.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{assert_fails, regnet};
use image::{Rgb, RgbImage};
use tempfile::{TempDir, tempdir};

const NET: &str = "--d 2 --w0 8 --wa 8 --wm 2 --g 8 --se --stem simple:8";

/// A folder of two classes, dark and light, with 12 training and 4 test images each.
fn folder() -> TempDir {
    let dir = tempdir().unwrap();
    for (part, count) in [("train", 12), ("test", 4)] {
        for (class, level) in [("dark", 40), ("light", 200)] {
            let class = dir.path().join(part).join(class);
            fs::create_dir_all(&class).unwrap();
            for i in 0..count {
                let image =
                    RgbImage::from_fn(16, 16, |x, y| Rgb([level, (16 * x) as u8, (16 * y + i) as u8]));
                image.save(class.join(format!("{i}.png"))).unwrap();
            }
        }
    }
    dir
}

/// A CIFAR-10 extract of 20 training images and 10 test images.
fn cifar() -> TempDir {
    let dir = tempdir().unwrap();
    let images = |count: u8| -> Vec<u8> {
        (0..count).flat_map(|i| [vec![i % 10], vec![25 * (i % 10); 3 * 1024]].concat()).collect()
    };
    for i in 1..=5 {
        fs::write(dir.path().join(format!("data_batch_{i}.bin")), images(4)).unwrap();
    }
    fs::write(dir.path().join("test_batch.bin"), images(10)).unwrap();
    dir
}

/// Trains for two epochs and checks what was printed and written.
fn assert_trains(data: &str, size: usize, classes: usize) {
    let out = tempdir().unwrap();
    let out = out.path().join("run");
    let line =
        format!("train {NET} --data {data} --size {size} --epochs 2 --batch 8 --lr 0.05 --threads 2 --out");
    let said = regnet(&format!("{line} {}", out.display()));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("stage "), "{}", said.stdout);
    let last = said.stdout.lines().last().unwrap();
    let accuracy = last.strip_prefix("test accuracy: ").and_then(|rest| rest.strip_suffix(" %")).unwrap();
    let epochs: Vec<serde_json::Value> = fs::read_to_string(out.join("metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(epochs.len(), 2);
    assert_eq!(accuracy, format!("{:.2}", 100.0 * epochs[1]["test_accuracy"].as_f64().unwrap()));
    assert_eq!(said.stderr.lines().count(), 2, "a plain line an epoch: {}", said.stderr);
    let card: serde_json::Value = serde_json::from_slice(&fs::read(out.join("model.json")).unwrap()).unwrap();
    assert_eq!(card["classes"].as_array().unwrap().len(), classes);
    assert!(fs::metadata(out.join("model.safetensors")).unwrap().len() > 1000);
    assert!(fs::read_to_string(out.join("curves.svg")).unwrap().ends_with("</svg>\n"));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 4);
}

#[test]
fn trains_on_a_folder() {
    let data = folder();
    assert_trains(&format!("folder:{}", data.path().display()), 16, 2);
}

#[test]
fn trains_on_cifar() {
    let data = cifar();
    assert_trains(&format!("cifar10:{}", data.path().display()), 16, 10);
}

/// Asserts that training on `data` is one error that says `parts`, and that no output folder appears.
#[track_caller]
fn assert_refused(data: &str, parts: &[&str]) {
    let dir = tempdir().unwrap();
    let out = dir.path().join("runs/first");
    assert_fails(&format!("train {NET} --data {data} --size 16 --out {}", out.display()), 1, parts);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "something was left behind");
}

fn folder_source(dir: &Path) -> String {
    format!("folder:{}", dir.display())
}

#[test]
fn a_bad_image_is_refused() {
    let data = folder();
    fs::write(data.path().join("train/dark/3.png"), "not an image").unwrap();
    assert_refused(&folder_source(data.path()), &["cannot decode", "train/dark/3.png"]);
}

#[test]
fn an_empty_class_folder_is_refused() {
    let data = folder();
    fs::create_dir(data.path().join("train/middling")).unwrap();
    assert_refused(&folder_source(data.path()), &["train/middling", "no PNG or JPEG"]);
}

#[test]
fn a_truncated_cifar_file_is_refused() {
    let data = cifar();
    let file = data.path().join("data_batch_2.bin");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 100]).unwrap();
    assert_refused(&format!("cifar10:{}", data.path().display()), &["data_batch_2.bin", "truncated"]);
}

#[test]
fn missing_and_unknown_data_are_refused() {
    assert_refused("folder:/nowhere/at/all", &["/nowhere/at/all/train does not exist"]);
    assert_refused("imagenet", &["unknown data source `imagenet`", "builtin"]);
}

/// Below a file nobody can write, whatever their permissions.
#[test]
fn an_unwritable_output_folder_is_refused() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let line = format!("train {NET} --data {} --size 16 --out", folder_source(data.path()));
    assert_fails(&format!("{line} {}", file.join("run").display()), 1, &["output folder", "file/run"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn divergence_is_one_error_and_leaves_nothing() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let out = dir.path().join("run");
    let line =
        format!("train {NET} --data {} --size 16 --lr 1e30 --batch 4 --out", folder_source(data.path()));
    assert_fails(&format!("{line} {}", out.display()), 1, &["diverged", "lower the learning rate"]);
    assert!(!out.exists());
}

/// Killed in the middle of it and gone on with, a run leaves the weights of one that never was.
#[test]
fn a_killed_run_resumes() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let line = |out: &str, epochs: usize| {
        let data = folder_source(data.path());
        let out = dir.path().join(out).display().to_string();
        format!("train {NET} --data {data} --size 16 --batch 4 --epochs {epochs} --threads 1 --out {out}")
    };
    let (calm, killed) = (dir.path().join("calm"), dir.path().join("killed"));
    assert_eq!(regnet(&line("calm", 40)).code, 0);

    let mut run = Command::new(env!("CARGO_BIN_EXE_regnet"))
        .args(line("killed", 40).split_whitespace())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !killed.join("checkpoint.safetensors").exists() {
        assert!(started.elapsed() < Duration::from_secs(20) && run.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(2));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(killed.join("checkpoint.safetensors").exists(), "it was over before it was killed");

    let said = regnet(&format!("{} --resume", line("killed", 40)));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let read = |dir: &Path| fs::read(dir.join("model.safetensors")).unwrap();
    assert!(read(&calm) == read(&killed));
    assert!(said.stderr.lines().count() < 40, "it began anew: {}", said.stderr);
    let other = format!("{} --resume", line("killed", 41));
    fs::write(killed.join("checkpoint.safetensors"), "not a checkpoint").unwrap();
    assert_fails(&other, 1, &["checkpoint.safetensors"]);
}

#[test]
fn what_cannot_be_trained_with_is_refused() {
    let dir = tempdir().unwrap();
    let out = dir.path().join("run");
    assert_fails(&format!("train {NET} --epochs 0 --out {}", out.display()), 1, &["epochs = 0"]);
    assert_fails(&format!("train --out {}", out.display()), 2, &["no network"]);
    assert_fails(&format!("train {NET} --threads 0"), 2, &["--threads"]);
    assert!(!out.exists());
}
