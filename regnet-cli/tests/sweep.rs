//! `regnet sweep` on small networks and data: what it leaves, undisturbed and disturbed. Processes are found in `/proc`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Said, assert_fails, regnet};
use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

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
fn population(count: usize) -> String {
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
struct Fixture {
    folder: TempDir,
}

impl Fixture {
    /// Sweeps of `count` networks are made in it.
    fn new(count: usize) -> Self {
        let folder = tempdir().unwrap();
        data(folder.path());
        fs::write(folder.path().join("specs.jsonl"), population(count)).unwrap();
        Self { folder }
    }

    fn dir(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn init(&self, name: &str, options: &str) -> Said {
        let [dir, specs, data] = [name, "specs.jsonl", "data"].map(|name| self.dir(name));
        regnet(&format!(
            "sweep init {dir} --specs {specs} --data folder:{data} --size 8 --batch 16 --crop-padding 1 --no-calibrate {options}"
        ))
    }

    #[track_caller]
    fn made(&self, name: &str, options: &str) -> String {
        let said = self.init(name, options);
        assert_eq!(said.code, 0, "{}", said.stderr);
        self.dir(name)
    }
}

#[track_caller]
fn runs(line: &str) -> Said {
    let said = regnet(line);
    assert_eq!(said.code, 0, "regnet {line}: {}", said.stderr);
    said
}

/// All results of a sweep by index, without times.
fn results(dir: &str) -> Vec<(usize, Value)> {
    let mut results = Vec::new();
    for entry in fs::read_dir(Path::new(dir).join("trials")).unwrap() {
        let path = entry.unwrap().path().join("result.json");
        let Ok(text) = fs::read_to_string(path) else { continue };
        let mut result: Value = serde_json::from_str(&text).unwrap();
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
fn weights(dir: &str, count: usize) -> Vec<Vec<u8>> {
    let path = |index| format!("{dir}/trials/{index:04}/model.safetensors");
    (0..count).map(|index| fs::read(path(index)).unwrap()).collect()
}

/// Starts a run with its words on a pipe that nobody reads.
fn start(line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
    command.args(line.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The processes that a process has started.
fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

#[test]
fn a_sweep_from_its_population_to_its_declaration() {
    let fixture = Fixture::new(3);
    let said = fixture.init("sweep", "--epochs 2 --name Stripes");
    assert_eq!(said.code, 0, "{}", said.stderr);
    for part in ["Stripes: 3 networks, 2 epochs each", "epochs  6", "multiply-adds", "memory"] {
        assert!(said.stdout.contains(part), "{}", said.stdout);
    }
    let dir = fixture.dir("sweep");
    assert_fails(&format!("sweep best {dir}"), 1, &["no network of this sweep is finished"]);
    let before = runs(&format!("sweep status {dir}")).stdout;
    assert!(before.contains("0 finished, 0 running, 3 waiting"), "{before}");

    let said = runs(&format!("sweep run {dir} --jobs 2 --threads 1"));
    assert!(said.stderr.contains("3 of 3 networks are done"), "{}", said.stderr);
    let results = results(&dir);
    assert_eq!(results.len(), 3);
    for (_, result) in &results {
        assert_eq!(result["outcome"], "finished");
        assert_eq!(result["epochs"].as_array().unwrap().len(), 2);
    }
    let trial = Path::new(&dir).join("trials/0001");
    let names = || fs::read_dir(&trial).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names().len(), 2, "a lock and a result: {:?}", names());
    // What a process leaves that is killed right after it wrote the result.
    fs::write(trial.join("attempt.json"), r#"{"host":"a","pid":1,"started":0,"epochs":2}"#).unwrap();
    fs::write(trial.join("checkpoint.safetensors"), "").unwrap();
    runs(&format!("sweep run {dir}"));
    assert_eq!(names().len(), 2, "{:?}", names());

    let after = runs(&format!("sweep status {dir} --watch")).stdout;
    assert!(after.contains("3 finished, 0 running, 0 waiting") && after.contains("best so far"), "{after}");
    let best = runs(&format!("sweep best {dir} -n 2")).stdout;
    assert_eq!(best.lines().count(), 3, "{best}");
    let source = runs(&format!("sweep best {dir} --declare")).stdout;
    assert!(
        source.starts_with("// Network ") && source.contains("net! {\n    pub struct Best = <"),
        "{source}"
    );
    // Nothing is left to do.
    assert!(runs(&format!("sweep run {dir}")).stderr.contains("3 of 3"));
}

#[test]
fn every_bad_line_is_reported_and_nothing_is_written() {
    let fixture = Fixture::new(4);
    let specs = fixture.dir("specs.jsonl");
    let good: Vec<String> = population(4).lines().map(str::to_owned).collect();
    let lines = [
        good[0].clone(),
        good[1].replace("\"classes\":2", "\"classes\":10"),
        String::new(),
        "not JSON".to_owned(),
        good[2].replace("\"depth\":1", "\"depht\":1"),
        good[3].replace("[3,8,8]", "[3,8,16]"),
    ];
    fs::write(&specs, lines.join("\n")).unwrap();
    let said = fixture.init("sweep", "");
    assert_eq!(said.code, 1);
    for part in [
        "line 2: `classes` is 10, but the data has 2",
        "line 4: this is no JSON",
        "line 5: there is no key `depht` of stage 1; did you mean `depth`?",
        "line 6: `input` is of 8 x 16 pixels",
    ] {
        assert!(said.stderr.contains(part), "`{part}` is not in: {}", said.stderr);
    }
    assert!(!Path::new(&fixture.dir("sweep")).exists());
    fs::write(&specs, "\n").unwrap();
    assert!(fixture.init("sweep", "").stderr.contains("the population is empty"));
}

#[test]
fn nothing_is_written_over() {
    let fixture = Fixture::new(1);
    let dir = fixture.made("sweep", "");
    let said = fixture.init("sweep", "");
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("a sweep is never written over"), "{}", said.stderr);
    assert_fails("sweep run /nowhere/at/all", 1, &["/nowhere/at/all holds no sweep"]);
    let manifest = Path::new(&dir).join("sweep.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    assert_fails(&format!("sweep status {dir}"), 1, &["the folder's format is 2"]);
}

/// Undisturbed by one process, and by three processes of other thread counts, two of which share a shard.
#[test]
fn results_do_not_depend_on_who_trains() {
    let fixture = Fixture::new(6);
    let alone = fixture.made("alone", "--epochs 2 --keep-weights");
    let shared = fixture.made("shared", "--epochs 2 --keep-weights");
    runs(&format!("sweep run {alone} --threads 1"));
    let line = |shard: &str, threads| format!("sweep run {shared} --shard {shard} --threads {threads}");
    let processes = [start(&line("1/2", 1)), start(&line("1/2", 2)), start(&line("2/2", 3))];
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(results(&alone), results(&shared));
    assert!(weights(&alone, 6) == weights(&shared, 6));
}

/// Two processes on one folder never train the same network: no epoch is trained twice, which a second training of a
/// network would show in the lines that say it started.
#[test]
fn no_network_is_trained_twice() {
    let fixture = Fixture::new(8);
    let dir = fixture.made("sweep", "--epochs 1");
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
        command.args(["sweep", "run", &dir, "--jobs", "2", "--threads", "1"]);
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let said = [run(), run()].map(|process| {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    });
    for index in 0..8 {
        let starts: usize =
            said.iter().map(|said| said.matches(&format!("network {index}: started")).count()).sum();
        assert_eq!(starts, 1, "network {index} was started {starts} times");
    }
    assert_eq!(results(&dir).len(), 8);
}

/// A few kills of children and of the process that started them, while two networks at a time are trained. The full
/// form is `twenty_kills`.
#[test]
fn kills_change_nothing() {
    let fixture = Fixture::new(5);
    assert_kills_change_nothing(&fixture, 5, 6, 5);
}

/// `cargo test -p regnet-cli --test sweep --release -- --ignored`
#[test]
#[ignore = "takes a minute"]
fn twenty_kills() {
    let fixture = Fixture::new(12);
    assert_kills_change_nothing(&fixture, 12, 60, 20);
}

#[track_caller]
fn assert_kills_change_nothing(fixture: &Fixture, networks: usize, epochs: usize, kills: u32) {
    let options = format!("--epochs {epochs} --keep-weights");
    let (calm, wild) = (fixture.made("calm", &options), fixture.made("wild", &options));
    let started = Instant::now();
    runs(&format!("sweep run {calm} --jobs 2 --threads 1"));
    let pause = started.elapsed() / (kills + 2);

    let line = format!("sweep run {wild} --jobs 2 --threads 1 --retries 100");
    let mut run = start(&line);
    let mut killed = 0;
    while killed < kills {
        sleep(pause);
        let workers = children(run.id());
        if run.try_wait().unwrap().is_some() {
            break;
        }
        // Each third time the process that watches over the others.
        if killed % 3 == 2 {
            signal(run.id(), "-KILL");
            run.wait().unwrap();
            run = start(&line);
        } else if let Some(&worker) = workers.get(killed as usize % workers.len().max(1)) {
            signal(worker, "-KILL");
        }
        killed += 1;
    }
    assert!(run.wait().unwrap().success());
    assert!(killed >= kills / 2, "the sweep was over after {killed} kills");
    // One whose parent was killed may have been the last to work on a network.
    runs(&format!("sweep run {wild} --retries 100"));
    assert_eq!(results(&wild).len(), networks);
    assert_eq!(results(&calm), results(&wild));
    assert!(weights(&calm, networks) == weights(&wild, networks));
    let crashes =
        |index| fs::read_to_string(format!("{wild}/trials/{index:04}/crashes.jsonl")).unwrap_or_default();
    let hit: usize = (0..networks).map(|index| crashes(index).lines().count()).sum();
    assert!(hit > 0, "no kill hit a network in training");
    eprintln!("{killed} kills, of which {hit} hit a network in training");
}

#[test]
fn an_interrupt_stops_cleanly() {
    let fixture = Fixture::new(2);
    let dir = fixture.made("sweep", "--epochs 100000");
    for name in ["-INT", "-TERM"] {
        let mut run = start(&format!("sweep run {dir} --jobs 2 --threads 1"));
        let (started, trial) = (Instant::now(), Path::new(&dir).join("trials/0000"));
        while !trial.join("attempt.json").exists() {
            assert!(started.elapsed() < Duration::from_secs(20), "nothing began");
            sleep(Duration::from_millis(20));
        }
        sleep(Duration::from_millis(100));
        signal(run.id(), name);
        assert_eq!(run.wait().unwrap().code(), Some(130));
        assert!(!trial.join("attempt.json").exists() && !trial.join("crashes.jsonl").exists());
    }
    let said = runs(&format!("sweep status {dir}"));
    assert!(said.stdout.contains("0 finished, 0 running, 2 waiting"), "{}", said.stdout);
}

#[test]
fn a_diverged_network_is_a_result() {
    let fixture = Fixture::new(2);
    let dir = fixture.made("sweep", "--epochs 3 --lr 1e30 --warmup 0");
    runs(&format!("sweep run {dir}"));
    for (_, result) in results(&dir) {
        assert_eq!((&result["outcome"], &result["epoch"]), (&"diverged".into(), &1.into()));
    }
    assert!(runs(&format!("sweep status {dir}")).stdout.contains("2 diverged"));
    assert_fails(&format!("sweep best {dir}"), 1, &["no network"]);
}

#[test]
fn the_best_go_on_and_the_others_are_given_up() {
    let fixture = Fixture::new(7);
    let options = "--epochs 4 --halving 2";
    let alone = fixture.made("alone", options);
    let shared = fixture.made("shared", options);
    let full = fixture.made("full", "--epochs 4");
    runs(&format!("sweep run {alone}"));
    let line = |shard: &str| format!("sweep run {shared} --shard {shard} --threads 1");
    for mut process in [start(&line("1/2")), start(&line("2/2"))] {
        assert!(process.wait().unwrap().success());
    }
    runs(&format!("sweep run {full}"));
    let (alone, full) = (results(&alone), results(&full));
    assert_eq!(alone, results(&shared));
    let epochs = |(_, result): &(usize, Value)| result["epochs"].as_array().unwrap().clone();
    let mut lengths: Vec<usize> = alone.iter().map(|result| epochs(result).len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [1, 1, 1, 2, 2, 4, 4], "7, then 4, then 2");
    for (halved, full) in alone.iter().zip(&full) {
        let there = epochs(halved);
        assert_eq!(halved.1["outcome"], if there.len() == 4 { "finished" } else { "stopped" });
        assert_eq!(there, epochs(full)[..there.len()], "what was trained is as without halving");
    }
    let error = |result: &(usize, Value)| 1.0 - epochs(result)[0]["test_accuracy"].as_f64().unwrap();
    let worst_kept = alone.iter().filter(|r| epochs(r).len() > 1).map(error).fold(0.0, f64::max);
    let best_given_up = alone.iter().filter(|r| epochs(r).len() == 1).map(error).fold(1.0, f64::min);
    assert!(worst_kept <= best_given_up);
}

/// A limit on the size of files stands for a full disk: the system refuses to write in the middle of a file.
#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let fixture = Fixture::new(3);
    let (calm, full) = (fixture.made("calm", "--epochs 2"), fixture.made("full", "--epochs 2"));
    runs(&format!("sweep run {calm}"));
    runs(&format!("sweep run {full} --shard 1/3"));
    let finished = results(&full);
    assert_eq!(finished.len(), 1);
    let program = env!("CARGO_BIN_EXE_regnet");
    let limited = format!("trap '' XFSZ; ulimit -f 4; exec {program} sweep run {full} --jobs 2 --threads 1");
    let output = Command::new("bash").args(["-c", &limited]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write") && said.contains("checkpoint.safetensors"), "{said}");
    assert!(said.contains("run the sweep again to go on"), "{said}");
    assert_eq!(results(&full), finished);
    runs(&format!("sweep run {full}"));
    assert_eq!(results(&full), results(&calm));
    assert!(!Path::new(&full).join("trials/0001/crashes.jsonl").exists(), "a full disk is no crash");
}

/// Where no file can be made, whatever the user's permissions: a file is where the trials' folder should be.
#[test]
fn a_folder_that_cannot_be_written_to_is_an_error() {
    let fixture = Fixture::new(1);
    let dir = fixture.made("sweep", "--epochs 1");
    let trials = Path::new(&dir).join("trials");
    fs::remove_dir(&trials).unwrap();
    fs::write(&trials, "in the way").unwrap();
    assert_fails(&format!("sweep run {dir}"), 1, &["cannot make the folder", "trials/0000"]);
}

#[test]
fn a_network_that_crashes_again_and_again_is_given_up() {
    let fixture = Fixture::new(2);
    let dir = fixture.made("sweep", "--epochs 1");
    // What four processes leave that were killed in the first epoch.
    let trial = Path::new(&dir).join("trials/0000");
    fs::create_dir_all(&trial).unwrap();
    let attempt = r#"{"host":"a","pid":1,"started":0,"epochs":0}"#;
    let crash = attempt.replace('}', r#","reason":"killed"}"#) + "\n";
    fs::write(trial.join("crashes.jsonl"), crash.repeat(3)).unwrap();
    fs::write(trial.join("attempt.json"), attempt).unwrap();
    assert_fails_with_network_0(&format!("sweep run {dir}"));
    assert_eq!(fs::read_to_string(trial.join("crashes.jsonl")).unwrap().lines().count(), 4);
    assert!(
        runs(&format!("sweep status {dir}")).stdout.contains("1 finished, 0 running, 0 waiting, 1 failed")
    );
    runs(&format!("sweep run {dir} --retries 4"));
    assert_eq!(results(&dir).len(), 2);
}

#[track_caller]
fn assert_fails_with_network_0(line: &str) {
    let said = regnet(line);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let last = said.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("error: 1 trial crashed 4 times without getting an epoch further: 0;"),
        "{last}"
    );
}
