//! `regnet sweep` on small networks and data: what it leaves, undisturbed and disturbed. Processes are found in `/proc`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;
mod sweeps;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use common::{assert_fails, regnet};
use serde_json::Value;
use sweeps::{Fixture, children, population, results, runs, signal, start, weights};

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
    fs::write(&manifest, text.replace("\"format\": 2", "\"format\": 1")).unwrap();
    assert_fails(&format!("sweep status {dir}"), 1, &["the folder's format is 1, and this program knows 2"]);
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

/// A few kills, while two runs of two networks at a time share the folder. The full form is `fifty_kills`.
#[test]
fn kills_change_nothing() {
    assert_kills_change_nothing(5, 6, 6);
}

/// `cargo test -p regnet-cli --test sweep --release -- --ignored`
#[test]
#[ignore = "takes a minute"]
fn fifty_kills() {
    assert_kills_change_nothing(12, 16, 50);
}

/// Kills processes at random moments and, between kills, moves the folder, copies it and goes on in the copy, and changes
/// the times of its files; compares with a sweep that nobody disturbed.
#[track_caller]
fn assert_kills_change_nothing(networks: usize, epochs: usize, kills: u32) {
    let fixture = Fixture::new(networks);
    let options = format!("--epochs {epochs} --keep-weights");
    let (calm, mut wild) = (fixture.made("calm", &options), fixture.made("wild", &options));
    let started = Instant::now();
    runs(&format!("sweep run {calm} --jobs 2 --threads 1"));
    // So that the kills are over before the sweep is.
    let longest = started.elapsed() * 2 / kills;

    let line = |dir: &str| format!("sweep run {dir} --jobs 2 --threads 1 --retries 100");
    let mut random = Random(7);
    let mut both = [start(&line(&wild)), start(&line(&wild))];
    let mut killed = 0;
    while killed < kills {
        sleep(longest.mul_f64(random.below(1000) as f64 / 1000.0));
        let which = random.below(2);
        let workers = children(both[which].id());
        match random.below(5) {
            0 => end(&mut both[which]),
            1 => {
                // Moved under the processes, which are to notice.
                let to = fixture.dir(&format!("moved-{killed}"));
                fs::rename(&wild, &to).unwrap();
                for run in &mut both {
                    assert_ne!(run.wait().unwrap().code(), None, "a run was killed by nobody");
                }
                assert!(!Path::new(&wild).exists(), "the folder was made anew where it had been");
                wild = to;
            }
            2 => {
                let to = fixture.dir(&format!("copy-{killed}"));
                // What disappears while it is copied makes cp fail, and is what a careless copy lacks.
                Command::new("cp").args(["-r", &wild, &to]).stderr(Stdio::null()).status().unwrap();
                both.iter_mut().for_each(end);
                wild = to;
                jump_in_time(Path::new(&wild), &mut random);
            }
            _ => {
                if let Some(&worker) = workers.get(random.below(workers.len().max(1))) {
                    signal(worker, "-KILL");
                }
            }
        }
        for run in &mut both {
            if run.try_wait().unwrap().is_some() {
                *run = start(&line(&wild));
            }
        }
        killed += 1;
    }
    for mut run in both {
        assert!(run.wait().unwrap().success());
    }
    // A run whose processes were killed last may have been the only one at a network.
    runs(&line(&wild));
    assert_eq!(results(&wild).len(), networks);
    assert_eq!(results(&calm), results(&wild));
    assert!(weights(&calm, networks) == weights(&wild, networks));
    assert!(runs(&format!("sweep check {wild}")).stdout.contains("no file is bad"));
    let crashes =
        |index| fs::read_to_string(format!("{wild}/trials/{index:04}/crashes.jsonl")).unwrap_or_default();
    let hit: usize = (0..networks).map(|index| crashes(index).lines().count()).sum();
    assert!(hit > 0, "no kill hit a network in training");
    eprintln!("{killed} kills and moves, of which {hit} hit a network in training");
}

fn end(run: &mut Child) {
    let workers = children(run.id());
    signal(run.id(), "-KILL");
    run.wait().unwrap();
    // They stop at the end of a step; without this, they might be at work on a folder that was copied meanwhile.
    workers.into_iter().for_each(|worker| signal(worker, "-KILL"));
}

/// Gives each file a time between 1970 and 2038.
fn jump_in_time(dir: &Path, random: &mut Random) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            jump_in_time(&path, random);
        } else {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(random.below(4_000_000_000) as u64);
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
    }
}

/// Knuth's 64-bit linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }
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

/// With a `scontrol` that answers for a cluster of small arrays.
#[test]
fn arrays_have_as_many_tasks_as_are_allowed() {
    let fixture = Fixture::new(3);
    let dir = fixture.made("sweep", "--epochs 1");
    assert_fails(
        &format!("sweep slurm {dir} --array 4"),
        1,
        &["at most 3, because the sweep has 3 networks"],
    );
    let scontrol = fixture.folder.path().join("scontrol");
    fs::write(&scontrol, "#!/bin/bash\necho 'MaxArraySize            = 3'\n").unwrap();
    fs::set_permissions(&scontrol, fs::Permissions::from_mode(0o755)).unwrap();
    for (tasks, allowed) in [("3", false), ("2", true)] {
        let path = format!("{}:{}", fixture.folder.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
        let output =
            command.args(["sweep", "slurm", &dir, "--array", tasks]).env("PATH", path).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.success(), allowed, "{said}");
        assert_eq!(said.contains("at most 2, because this cluster's MaxArraySize is 3"), !allowed, "{said}");
    }
}

/// One bad file: everybody names it, nobody counts it, and all else is trained.
#[test]
fn a_bad_file_is_named_and_set_aside() {
    let fixture = Fixture::new(3);
    let (calm, dir) = (fixture.made("calm", "--epochs 1"), fixture.made("sweep", "--epochs 1"));
    runs(&format!("sweep run {calm}"));
    runs(&format!("sweep run {dir} --shard 1/2"));
    let file = Path::new(&dir).join("trials/0000/result.json");
    let mut result: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    result["epochs"][0]["test_accuracy"] = 1.7.into();
    fs::write(&file, result.to_string()).unwrap();

    let bad = "trials/0000/result.json: `test_accuracy` of epoch 1 is 1.7, but must be from 0 to 1";
    let status = runs(&format!("sweep status {dir}")).stdout;
    assert!(
        status.contains("1 finished, 0 running, 1 waiting, 1 left out") && status.contains(bad),
        "{status}"
    );
    let best = runs(&format!("sweep best {dir} -n 3"));
    assert!(best.stdout.lines().count() == 2 && best.stderr.contains(bad), "{}{}", best.stdout, best.stderr);
    assert_eq!(regnet(&format!("sweep check {dir}")).code, 1);
    let run = regnet(&format!("sweep run {dir}"));
    assert!(run.code == 1 && run.stderr.contains(bad) && run.stderr.contains("--repair"), "{}", run.stderr);
    let page = fixture.dir("page.html");
    let report = runs(&format!("sweep report {dir} --out {page}")).stdout;
    assert!(report.contains("1 of 3 networks is left out") && report.contains(bad), "{report}");

    let said = runs(&format!("sweep check {dir} --repair")).stdout;
    assert!(said.contains("moved to set-aside/trials/0000/result.json"), "{said}");
    assert!(Path::new(&dir).join("set-aside/trials/0000/result.json").is_file());
    runs(&format!("sweep run {dir}"));
    assert_eq!(results(&dir), results(&calm));
    assert!(runs(&format!("sweep check {dir}")).stdout.contains("no file is bad; 3 of 3"));
}

/// A name is neither a line of source, nor colours, nor a picture that cannot be read.
#[test]
fn a_name_is_a_name() {
    let fixture = Fixture::new(1);
    let [dir, specs, data] = ["sweep", "specs.jsonl", "data"].map(|name| fixture.dir(name));
    let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
    command.args([
        "sweep",
        "init",
        &dir,
        "--specs",
        &specs,
        "--data",
        &format!("folder:{data}"),
        "--size",
        "8",
    ]);
    command.args(["--batch", "16", "--crop-padding", "1", "--no-calibrate", "--epochs", "1"]);
    let output = command.args(["--name", "a\nfn evil() {}\u{1b}[31m"]).output().unwrap();
    assert!(output.status.success());
    let mut said = String::from_utf8(output.stdout).unwrap();
    runs(&format!("sweep run {dir}"));
    said += &runs(&format!("sweep status {dir}")).stdout;
    said += &runs(&format!("sweep best {dir} --declare")).stdout;
    said += &runs(&format!("sweep report {dir} --out {}", fixture.dir("page.html"))).stdout;
    assert!(!said.contains('\u{1b}') && !said.contains("\nfn evil"), "{said}");
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

/// A file is where the trials' folder should be.
#[test]
fn a_folder_that_cannot_be_written_to_is_an_error() {
    let fixture = Fixture::new(1);
    let dir = fixture.made("sweep", "--epochs 1");
    let trials = Path::new(&dir).join("trials");
    fs::remove_dir(&trials).unwrap();
    fs::write(&trials, "in the way").unwrap();
    assert_fails(&format!("sweep run {dir}"), 1, &["holds no sweep: trials is no folder"]);
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
