//! Sweeps of small networks on small data.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::common::{Said, regnet};

/// Two classes of 8 x 8 images: stripes across and along, in noise that hides them a little.
fn data(dir: &Path) -> PathBuf {
    for (part, count) in [("train", 32), ("test", 16)] {
        for (class, across) in [("across", true), ("along", false)] {
            let class = dir.join("data").join(part).join(class);
            fs::create_dir_all(&class).unwrap();
            for i in 0..count {
                let noise = |x: u32, y: u32| (x * 7919 + y * 104_729 + i * 1_299_709) % 251;
                let image = RgbImage::from_fn(8, 8, |x, y| {
                    let stripe = if across { y } else { x } / 2 % 2;
                    Rgb([(60 * stripe + noise(x, y) / 2) as u8, noise(y, x) as u8, 90])
                });
                image.save(class.join(format!("{i}.png"))).unwrap();
            }
        }
    }
    dir.join("data")
}

/// A population of two-stage networks that differ in their widths; `count` lines.
pub fn population(count: usize) -> String {
    let line = |i: usize| {
        let stage = |width: usize| {
            format!(r#"{{"depth":1,"width":{width},"stride":2,"bottleneck":1,"group_width":8}}"#)
        };
        let stages = [stage(8 + 8 * (i % 3)), stage(32 + 8 * i)].join(",");
        format!(
            r#"{{"network":{{"input_channels":3,"stem":"simple","stem_width":8,"stages":[{stages}],"classes":2}},"input":[3,8,8]}}"#
        ) + "\n"
    };
    (0..count).map(line).collect()
}

/// A folder with data and a population, and in it a sweep.
pub struct Fixture {
    pub folder: TempDir,
}

impl Fixture {
    /// Sweeps of `count` networks are made in it.
    pub fn new(count: usize) -> Self {
        let folder = tempdir().unwrap();
        data(folder.path());
        fs::write(folder.path().join("specs.jsonl"), population(count)).unwrap();
        Self { folder }
    }

    pub fn dir(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn init(&self, name: &str, options: &str) -> Said {
        let [dir, specs, data] = [name, "specs.jsonl", "data"].map(|name| self.dir(name));
        regnet(&format!(
            "sweep init {dir} --specs {specs} --data folder:{data} --size 8 --batch 16 --crop-padding 1 --no-calibrate {options}"
        ))
    }

    #[track_caller]
    pub fn made(&self, name: &str, options: &str) -> String {
        let said = self.init(name, options);
        assert_eq!(said.code, 0, "{}", said.stderr);
        self.dir(name)
    }
}

#[track_caller]
pub fn runs(line: &str) -> Said {
    let said = regnet(line);
    assert_eq!(said.code, 0, "regnet {line}: {}", said.stderr);
    said
}

/// All results of a sweep by index, without times.
pub fn results(dir: &str) -> Vec<(usize, Value)> {
    let mut results = Vec::new();
    for entry in fs::read_dir(Path::new(dir).join("trials")).unwrap() {
        let path = entry.unwrap().path().join("result.json");
        let Ok(text) = fs::read_to_string(path) else { continue };
        let mut result: Value = serde_json::from_str(&text).unwrap();
        // Of the times, too.
        result["checksum"] = Value::Null;
        for epoch in result["epochs"].as_array_mut().unwrap() {
            epoch["seconds"] = Value::Null;
            epoch["images_per_second"] = Value::Null;
        }
        results.push((result["index"].as_u64().unwrap() as usize, result));
    }
    results.sort_by_key(|(index, _)| *index);
    results
}

/// The weights that a sweep kept.
pub fn weights(dir: &str, count: usize) -> Vec<Vec<u8>> {
    let path = |index| format!("{dir}/trials/{index:04}/model.safetensors");
    (0..count).map(|index| fs::read(path(index)).unwrap()).collect()
}

/// Starts a run with its words on a pipe that nobody reads.
pub fn start(line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
    command.args(line.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub fn signal(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The processes that a process has started.
pub fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|child| child.parse().unwrap()).collect()
}
