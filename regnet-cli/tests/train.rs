//! `regnet train` on small data: what it leaves when it works and when it cannot.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
    assert_refused(&folder_source(data.path()), &["train/middling", "holds no images"]);
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

/// The command that trains on `data` with one thread; long enough to be killed many times.
fn train_line(data: &Path, out: &Path) -> String {
    let (data, out) = (folder_source(data), out.display());
    format!("train {NET} --data {data} --size 16 --batch 4 --epochs 40 --threads 1 --out {out}")
}

/// Starts it, and waits until it has come so far that there is a checkpoint.
fn start(line: &str, out: &Path) -> Child {
    let mut run = Command::new(env!("CARGO_BIN_EXE_regnet"))
        .args(line.split_whitespace())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !out.join("checkpoint.safetensors").exists() {
        assert!(started.elapsed() < Duration::from_secs(60) && run.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(2));
    }
    run
}

/// Weights, and metrics without times.
fn results(out: &Path) -> (Vec<u8>, Vec<String>) {
    let metrics = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let timeless = |line: &str| line.split(",\"images_per_second\"").next().unwrap().to_owned();
    (fs::read(out.join("model.safetensors")).unwrap(), metrics.lines().map(timeless).collect())
}

/// Signals at whatever moments, until it is done: the result is that of a run without.
#[cfg(unix)]
#[test]
fn a_run_that_is_killed_again_and_again_comes_to_the_same() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let (calm, killed) = (dir.path().join("calm"), dir.path().join("killed"));
    let started = Instant::now();
    assert_eq!(regnet(&train_line(data.path(), &calm)).code, 0);
    let whole = started.elapsed();

    let line = format!("{} --resume --checkpoint-every 1", train_line(data.path(), &killed));
    let (mut kills, mut stops) = (0, 0);
    // Another moment each time, spread by the golden ratio.
    for round in 1..=12u32 {
        let mut run = start(&line, &killed);
        sleep(whole.mul_f64(f64::from(round) * 0.618 % 1.0 / 8.0));
        let signal = if round % 3 == 0 {
            "-KILL"
        } else if round % 3 == 1 {
            "-TERM"
        } else {
            "-INT"
        };
        let sent = Command::new("kill").args([signal, &run.id().to_string()]).stderr(Stdio::null()).status();
        let mut said = String::new();
        run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = run.wait().unwrap();
        if status.success() || !sent.unwrap().success() {
            break;
        }
        assert!(killed.join("checkpoint.safetensors").exists(), "{said}");
        match (signal, status.code()) {
            // A signal that came before the training began ends the process as it is.
            (_, None) => kills += 1,
            ("-TERM", Some(143)) | ("-INT", Some(130)) => {
                stops += 1;
                let last = said.lines().last().unwrap();
                let how = format!("(--resume --out {})", killed.display());
                assert!(last.starts_with("stopped in epoch ") && last.ends_with(&how), "{said}");
                assert!(!killed.join("lock").exists());
            }
            other => panic!("{other:?}: {said}"),
        }
    }
    assert!(kills > 0 && stops > 0, "it was over after {kills} kills and {stops} stops");
    let said = regnet(&line);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.lines().count() < 40, "it began anew: {}", said.stderr);
    assert!(results(&calm) == results(&killed));
    let names = |out: &Path| fs::read_dir(out).unwrap().count();
    assert_eq!(names(&killed), 4, "something was left behind");

    fs::write(killed.join("checkpoint.safetensors"), "not a checkpoint").unwrap();
    assert_fails(&line, 1, &["checkpoint.safetensors"]);
}

#[test]
fn a_second_training_into_a_folder_is_refused() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let out = dir.path().join("run");
    let line = train_line(data.path(), &out);
    let mut run = start(&line, &out);
    let text = format!("error: another process is training into {}", out.display());
    for second in [&line, &format!("{line} --resume"), &format!("{line} --overwrite")] {
        assert_fails(second, 1, &[&text]);
        assert_eq!(regnet(second).stderr.lines().count(), 1);
    }
    run.kill().unwrap();
    run.wait().unwrap();
    // It is free as soon as the process is gone, and what it left is not written over.
    assert_fails(&line, 1, &[&out.display().to_string(), "an interrupted run", "resume it"]);
}

#[test]
fn an_earlier_run_is_kept() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let out = dir.path().join("run");
    let line = |more: &str| {
        let data = folder_source(data.path());
        format!("train {NET} --data {data} --size 16 --epochs 1 --threads 1 --out {} {more}", out.display())
    };
    assert_eq!(regnet(&line("")).code, 0);
    let first = results(&out);
    assert_fails(&line(""), 1, &[&out.display().to_string(), "a finished run", "overwrite it"]);
    assert_fails(&line("--resume --lr 0.05"), 1, &["model.json", "`recipe.lr` was 0.1 and is 0.05 now"]);
    assert_fails(&line("--resume --seed 1"), 1, &["`recipe.seed` was 0 and is 1 now"]);
    assert_eq!(regnet(&line("--resume")).code, 0);
    assert!(results(&out) == first);
    assert_eq!(regnet(&line("--overwrite --lr 0.05")).code, 0);
    assert!(results(&out) != first);
    assert_fails(&line("--overwrite --resume"), 2, &["--resume"]);
}

/// As the README has it, twice.
#[test]
fn without_a_folder_a_new_one_is_taken_and_named() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let train = |more: &str| {
        let data = folder_source(data.path());
        let line = format!("train {NET} --data {data} --size 16 --epochs 1 --threads 1 {more}");
        let output = Command::new(env!("CARGO_BIN_EXE_regnet"))
            .args(line.split_whitespace())
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for folder in ["runs/train", "runs/train-2", "runs/train-3"] {
        let (stdout, stderr) = train("");
        assert!(stderr.starts_with(&format!("training in {folder}\n")), "{stderr}");
        assert!(stdout.contains(&format!("curves.svg to {folder}\n")), "{stdout}");
    }
    let (_, stderr) = train("--resume");
    assert_eq!(stderr, "training in runs/train-3\n", "the last is done");
}

/// Progress that nobody reads, or that there is no room for, is dropped.
#[cfg(target_os = "linux")]
#[test]
fn a_standard_error_that_fails_stops_nothing() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let closed = || {
        let mut gone = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let pipe = gone.stdin.take().unwrap();
        gone.wait().unwrap();
        Stdio::from(pipe)
    };
    let outputs: [(&str, &dyn Fn() -> Stdio); 2] = [("full", &full), ("closed", &closed)];
    for (name, stderr) in outputs {
        let out = dir.path().join(name);
        let line = format!("{} --checkpoint-every 2", train_line(data.path(), &out));
        let output = Command::new(env!("CARGO_BIN_EXE_regnet"))
            .args(line.split_whitespace())
            .stderr(stderr())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(results(&out).1.len(), 40, "{name}");
        // An error is one without a word, too.
        let again = Command::new(env!("CARGO_BIN_EXE_regnet"))
            .args(line.split_whitespace())
            .stderr(stderr())
            .output()
            .unwrap();
        assert_eq!(again.status.code(), Some(1), "{name}");
    }
}

/// Nothing fits on the disk: an error, and the checkpoint that was there stays.
#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
    let (data, dir) = (folder(), tempdir().unwrap());
    let (calm, out) = (dir.path().join("calm"), dir.path().join("run"));
    assert_eq!(regnet(&train_line(data.path(), &calm)).code, 0);
    let line = train_line(data.path(), &out);
    let mut run = start(&line, &out);
    run.kill().unwrap();
    run.wait().unwrap();
    let checkpoint = out.join("checkpoint.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    // Blocks of 1024 bytes a file may have; the signal of one that grows over it is an error of the write, once ignored.
    let limited = format!(
        "trap '' XFSZ; ulimit -f {}; exec {} {line} --resume --checkpoint-every 1",
        before.len() / 2048,
        env!("CARGO_BIN_EXE_regnet")
    );
    let output = Command::new("bash").args(["-c", &limited]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write") || said.contains("could not write"), "{said}");
    assert!(fs::read(&checkpoint).unwrap() == before);
    assert_eq!(regnet(&format!("{line} --resume")).code, 0);
    assert!(results(&calm) == results(&out));
}

#[test]
fn what_cannot_be_trained_with_is_refused() {
    let dir = tempdir().unwrap();
    let out = dir.path().join("run");
    for (arguments, said) in [
        ("--epochs 0", "epochs = 0 cannot be trained with; it must be from 1 to 1,000,000"),
        ("--epochs 99999999999999999", "from 1 to 1,000,000"),
        ("--batch 99999999999999999", "from 1 to 65,536"),
        ("--data builtin:99999999999999+1", "choose 1 to 1000000"),
        ("--data builtin:1+99999999999999", "choose 1 to 1000000"),
        ("--size 99999999999999", "choose 8 to 1024 pixels"),
    ] {
        assert_fails(&format!("train {NET} {arguments} --out {}", out.display()), 1, &[said]);
    }
    assert_fails(&format!("train {NET} --checkpoint-every 0"), 2, &["10min"]);
    assert_fails(&format!("train --out {}", out.display()), 2, &["no network"]);
    assert_fails(&format!("train {NET} --threads 0"), 2, &["--threads"]);
    assert!(!out.exists());
}
