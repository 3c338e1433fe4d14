//! Folders that were tampered with: what is said of each, that nothing wrong is shown and nobody else is kept from training,
//! and that a repaired sweep comes to what an undisturbed one does.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use regnet_space::{AnyNet, Block, Bottleneck, Stage, Stem, StemKind};
use regnet_train::data::Source;
use regnet_train::sweep::{
    self, BadFile, DataId, Event, FORMAT, Halving, Manifest, Population, SetAside, Shard, Sweep, Trial,
    TrialResult, WorkOptions,
};
use regnet_train::{Recipe, Spec};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const SIZE: usize = 8;

/// Networks that differ in their last width.
fn trials(count: usize) -> Vec<Trial> {
    let bottleneck = Bottleneck::reduces(1);
    let stage = |width| Stage { depth: 1, width, stride: 2, bottleneck, group_width: 8 };
    let net = |i: usize| AnyNet {
        input_channels: 3,
        stem: Stem { kind: StemKind::Simple, width: 8 },
        block: Block::Bottleneck,
        stages: vec![stage(8), stage(8 + 8 * i)],
        se: None,
        regulator: None,
        classes: 10,
    };
    (0..count).map(|i| Trial { network: Spec(net(i)), input: [3, SIZE, SIZE] }).collect()
}

fn make(dir: &Path, seed: u64, networks: usize, epochs: usize, halving: Option<Halving>) {
    let source = Source::BuiltinSized { train: 32, test: 16 };
    let data = source.load(Some(SIZE), seed).unwrap();
    let recipe = Recipe { epochs, batch: 16, seed, crop_padding: 1, ..sweep::low_compute() };
    let manifest = Manifest {
        format: FORMAT,
        name: "Tampered".to_owned(),
        data: DataId::new(&source, &data),
        recipe,
        halving,
        retries: sweep::RETRIES,
        keep_weights: halving.is_none(),
        networks: Vec::new(),
    };
    Sweep::create(dir, manifest, trials(networks)).unwrap();
}

/// Trains until nothing is left to do, or until `stop` says so of an event.
fn work_until(dir: &Path, stop: impl Fn(&Event<'_>) -> bool) {
    let (sweep, stopped) = (Sweep::open(dir).unwrap(), AtomicBool::new(false));
    let options = WorkOptions { shard: Shard::ALL, retries: sweep.manifest().retries };
    let mut say = |event: Event<'_>| stopped.store(stop(&event), Ordering::Relaxed);
    sweep::work(&sweep, options, &stopped, &mut say).unwrap();
}

fn work(dir: &Path) {
    work_until(dir, |_| false);
}

/// Sweeps to tamper with, and what those of a kind come to undisturbed.
struct Sweeps {
    folder: TempDir,
    done: Vec<TrialResult>,
    halved: Vec<TrialResult>,
}

impl Sweeps {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (done, half, seed) in [("done", "half", 0), ("other", "other-half", 1)] {
            make(&path(done), seed, 3, 2, None);
            work(&path(done));
            // Network 0 has ended, network 1 has one epoch of two, and network 2 has not begun.
            make(&path(half), seed, 3, 2, None);
            work_until(&path(half), |event| matches!(event, Event::Epoch { index: 1, .. }));
        }
        make(&path("halved"), 0, 4, 4, Some(Halving { eta: 2, rungs: 2 }));
        work(&path("halved"));
        let results = |name: &str| {
            let Population { results, left_out, .. } = Sweep::open(&path(name)).unwrap().population();
            assert!(left_out.is_empty(), "{left_out:?}");
            timeless(results)
        };
        let (done, halved) = (results("done"), results("halved"));
        assert_eq!((done.len(), halved.len(), results("half").len()), (3, 4, 1));
        Self { folder, done, halved }
    }

    fn undisturbed(&self, name: &str) -> &[TrialResult] {
        if name == "halved" { &self.halved } else { &self.done }
    }
}

/// Without what depends on the machine's speed.
fn timeless(mut results: Vec<TrialResult>) -> Vec<TrialResult> {
    for epoch in results.iter_mut().flat_map(|result| &mut result.epochs) {
        (epoch.seconds, epoch.images_per_second) = (0.0, 0.0);
    }
    results
}

/// A way to tamper with one of the sweeps.
struct Case {
    of: &'static str,
    /// What is done to a folder; the second one holds all sweeps.
    tamper: Box<dyn Fn(&Path, &Path)>,
    /// A part of what is found; nothing where no harm was done.
    found: &'static str,
    /// How many networks are left out.
    left_out: usize,
    /// The file that has to be restored by hand.
    restore: Option<&'static str>,
}

fn case(
    of: &'static str,
    found: &'static str,
    left_out: usize,
    tamper: impl Fn(&Path, &Path) + 'static,
) -> Case {
    Case { of, tamper: Box::new(tamper), found, left_out, restore: None }
}

const RESULT: &str = "trials/0001/result.json";

/// Changes the JSON of a file.
fn edit(dir: &Path, file: &str, change: impl Fn(&mut Value)) {
    let path = dir.join(file);
    let mut value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(&path, serde_json::to_string(&value).unwrap()).unwrap();
}

fn cut(dir: &Path, file: &str, part: f64) {
    let bytes = fs::read(dir.join(file)).unwrap();
    fs::write(dir.join(file), &bytes[..(bytes.len() as f64 * part) as usize]).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => assert!(fs::copy(path, to).is_ok()),
        }
    }
}

/// Puts NaN into the last four bytes of a file.
fn spoil(dir: &Path, file: &str) {
    let mut bytes = fs::read(dir.join(file)).unwrap();
    let end = bytes.len() - 4;
    bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(dir.join(file), bytes).unwrap();
}

fn pipe(dir: &Path, file: &str) {
    fs::remove_file(dir.join(file)).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join(file)).status().unwrap().success());
}

fn lines(dir: &Path, change: impl Fn(&mut Vec<String>)) {
    let path = dir.join("population.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
}

/// A result of network 1 whose JSON is changed.
fn of_result(found: &'static str, change: impl Fn(&mut Value) + 'static) -> Case {
    case("done", found, 1, move |dir, _| edit(dir, RESULT, &change))
}

fn files_that_are_no_results() -> Vec<Case> {
    vec![
        case("done", "trials/0001/result.json: it is damaged", 1, |dir, _| cut(dir, RESULT, 0.5)),
        case("done", "it is damaged", 1, |dir, _| cut(dir, RESULT, 0.99)),
        case("done", "it is damaged", 1, |dir, _| cut(dir, RESULT, 0.0)),
        case("done", "it is damaged: invalid utf-8", 1, |dir, _| {
            fs::write(dir.join(RESULT), [0xff]).unwrap()
        }),
        case("done", "it is damaged", 1, |dir, _| fs::write(dir.join(RESULT), "[".repeat(100_000)).unwrap()),
        case("done", "it cannot be read: it is no file", 1, |dir, _| {
            fs::remove_file(dir.join(RESULT)).unwrap();
            fs::create_dir(dir.join(RESULT)).unwrap();
        }),
        case("done", "it cannot be read: it is no file", 1, |dir, _| {
            fs::remove_file(dir.join(RESULT)).unwrap();
            symlink("/dev/zero", dir.join(RESULT)).unwrap();
        }),
        case("done", "it cannot be read: it is no file", 1, |dir, _| pipe(dir, RESULT)),
        // A result that is written in another way is the same, and one that is gone comes again.
        case("done", "", 0, |dir, _| {
            let value: Value = serde_json::from_str(&fs::read_to_string(dir.join(RESULT)).unwrap()).unwrap();
            fs::write(dir.join(RESULT), serde_json::to_string_pretty(&value).unwrap()).unwrap();
        }),
        case("done", "", 0, |dir, _| fs::remove_file(dir.join(RESULT)).unwrap()),
    ]
}

fn results_of_others() -> Vec<Case> {
    vec![
        case("done", "it belongs to network 0", 1, |dir, _| {
            fs::copy(dir.join("trials/0000/result.json"), dir.join(RESULT)).unwrap();
        }),
        case("done", "it belongs to network 1", 2, |dir, _| {
            let [a, b, c] = ["0000", "0001", "c"].map(|name| dir.join("trials").join(name));
            for (from, to) in [(&a, &c), (&b, &a), (&c, &b)] {
                fs::rename(from, to).unwrap();
            }
        }),
        case("done", "it was made with another network than `sweep.json` says", 1, |dir, _| {
            fs::copy(dir.join("trials/0000/result.json"), dir.join(RESULT)).unwrap();
            edit(dir, RESULT, |result| result["index"] = json!(1));
        }),
        case("done", "it was made with another recipe", 1, |dir, others| {
            fs::copy(others.join("other").join(RESULT), dir.join(RESULT)).unwrap();
        }),
        of_result("it belongs to network 2", |result| result["index"] = json!(2)),
        of_result("it was made with another recipe", |result| {
            result["fingerprint"]["recipe"] = json!("ab".repeat(32))
        }),
    ]
}

fn results_that_lie() -> Vec<Case> {
    vec![
        of_result("`test_accuracy` of epoch 2 is 1.7, but must be from 0 to 1", |result| {
            result["epochs"][1]["test_accuracy"] = json!(1.7);
        }),
        of_result("`train_accuracy` of epoch 1 is -0.1", |result| {
            result["epochs"][0]["train_accuracy"] = json!(-0.1);
        }),
        of_result("it was changed after it was written", |result| {
            result["epochs"][1]["test_accuracy"] = json!(0.123);
        }),
        of_result("it was changed", |result| result["epochs"][1]["test_loss"] = json!(-1e300)),
        of_result("it is damaged", |result| result["epochs"][1]["test_accuracy"] = Value::Null),
        of_result("`seconds` of epoch 1 is -3", |result| result["epochs"][0]["seconds"] = json!(-3.0)),
        of_result("it has 0 epochs", |result| result["epochs"] = json!([])),
        of_result("it has 1 epochs", |result| drop(result["epochs"].as_array_mut().unwrap().pop())),
        of_result("epoch 1 comes where 2 should", |result| result["epochs"][1] = result["epochs"][0].clone()),
        of_result("can have diverged", |result| {
            result["outcome"] = json!("diverged");
            result["epoch"] = json!(2);
            result["step"] = json!(1);
        }),
        of_result("can have stopped", |result| result["outcome"] = json!("stopped")),
        of_result("it is damaged: unknown variant", |result| result["outcome"] = json!("\u{1b}[31m")),
        of_result("it was changed", |result| result["network"]["stages"][0]["width"] = json!(16)),
        of_result("it was changed", |result| result["weights"] = Value::Null),
        of_result("it is damaged: missing field `checksum`", |result| {
            result.as_object_mut().unwrap().remove("checksum");
        }),
        of_result("it is damaged: missing field `fingerprint`", |result| {
            result.as_object_mut().unwrap().remove("fingerprint");
        }),
    ]
}

fn folders_that_changed() -> Vec<Case> {
    let manifest = |found, change: fn(&mut Value)| Case {
        restore: Some("sweep.json"),
        ..case("done", found, 3, move |dir, _| edit(dir, "sweep.json", change))
    };
    let population = |change: fn(&mut Vec<String>)| Case {
        restore: Some("population.jsonl"),
        ..case(
            "done",
            "population.jsonl: no line of it is network 1 as the sweep was made with",
            1,
            move |dir, _| lines(dir, change),
        )
    };
    vec![
        manifest("it was made with another recipe", |sweep| sweep["recipe"]["epochs"] = json!(1)),
        manifest("it was made with another recipe", |sweep| sweep["recipe"]["lr"] = json!(0.2)),
        manifest("it was made with another data set", |sweep| {
            sweep["data"]["fingerprint"] = json!("ab".repeat(32));
        }),
        population(|lines| lines[1] = lines[1].replace("\"width\":16", "\"width\":24")),
        population(|lines| drop(lines.remove(1))),
        population(|lines| lines[1].truncate(20)),
        population(|lines| lines[1] = lines[0].clone()),
        // Networks are found wherever their line is.
        case("done", "", 0, |dir, _| lines(dir, |lines| lines.swap(0, 2))),
        case("done", "", 0, |dir, _| lines(dir, |lines| lines.insert(0, "not JSON".to_owned()))),
        case("done", "trials/0001/model.safetensors: they are not the weights", 0, |dir, _| {
            cut(dir, "trials/0001/model.safetensors", 0.9);
        }),
        case("done", "they are not the weights that `result.json` is of", 0, |dir, _| {
            fs::remove_file(dir.join("trials/0001/model.safetensors")).unwrap();
        }),
        case("done", "they are not the weights that `result.json` is of", 0, |dir, _| {
            spoil(dir, "trials/0001/model.safetensors");
        }),
        case("done", "trials/0007: it is of no network of this sweep", 0, |dir, _| {
            copy(&dir.join("trials/0001"), &dir.join("trials/0007"));
        }),
        case("done", "trials/0001/result (copy).json: it is of no network", 0, |dir, _| {
            fs::copy(dir.join(RESULT), dir.join("trials/0001/result (copy).json")).unwrap();
        }),
        case("done", "trials/0001/result\\u{1b}[31m", 0, |dir, _| {
            fs::write(dir.join("trials/0001/result\u{1b}[31m"), "").unwrap();
        }),
        case("done", "trials/0001/.tmpAbCdEf: a write that was killed left it", 0, |dir, _| {
            fs::write(dir.join("trials/0001/.tmpAbCdEf"), "half").unwrap();
        }),
        case("done", ".tmpAbCdEf: a write that was killed left it", 0, |dir, _| {
            fs::write(dir.join(".tmpAbCdEf"), "half").unwrap();
        }),
        case("done", "checkpoint.safetensors: the network has ended", 0, |dir, _| {
            fs::write(dir.join("trials/0001/checkpoint.safetensors"), "").unwrap();
        }),
    ]
}

const CHECKPOINT: &str = "trials/0001/checkpoint.safetensors";
const PROGRESS: &str = "trials/0001/progress.json";

fn checkpoints() -> Vec<Case> {
    vec![
        case("half", "checkpoint.safetensors: it is damaged", 1, |dir, _| cut(dir, CHECKPOINT, 0.7)),
        case("half", "it is damaged", 1, |dir, _| cut(dir, CHECKPOINT, 0.0)),
        case("half", "it is damaged", 1, |dir, _| fs::write(dir.join(CHECKPOINT), "{}").unwrap()),
        case("half", "it is damaged: its contents are not those that were written", 1, |dir, _| {
            spoil(dir, CHECKPOINT)
        }),
        case("half", "it was made with another recipe", 1, |dir, others| {
            fs::copy(others.join("other-half").join(CHECKPOINT), dir.join(CHECKPOINT)).unwrap();
        }),
        case("half", "it was made with another network", 1, |dir, _| {
            fs::create_dir_all(dir.join("trials/0002")).unwrap();
            fs::copy(dir.join(CHECKPOINT), dir.join("trials/0002/checkpoint.safetensors")).unwrap();
        }),
        case("half", "it cannot be read: it is no file", 1, |dir, _| pipe(dir, CHECKPOINT)),
        // What is missing is trained again.
        case("half", "", 0, |dir, _| fs::remove_file(dir.join(CHECKPOINT)).unwrap()),
        case("half", "", 0, |dir, _| fs::remove_dir_all(dir.join("trials")).unwrap()),
    ]
}

fn trials_that_go_on() -> Vec<Case> {
    vec![
        case("half", "progress.json: it is damaged", 1, |dir, _| cut(dir, PROGRESS, 0.5)),
        case("half", "it was made with another recipe", 1, |dir, others| {
            fs::copy(others.join("other-half").join(PROGRESS), dir.join(PROGRESS)).unwrap();
        }),
        case("half", "it was changed after it was written", 1, |dir, _| {
            edit(dir, PROGRESS, |progress| progress["epochs"][0]["test_accuracy"] = json!(0.123));
        }),
        case("half", "is 7, but must be from 0 to 1", 1, |dir, _| {
            edit(dir, PROGRESS, |progress| progress["epochs"][0]["test_accuracy"] = json!(7.0));
        }),
        case("half", "", 0, |dir, _| fs::remove_file(dir.join(PROGRESS)).unwrap()),
        case("half", "attempt.json: it is damaged", 1, |dir, _| {
            fs::write(dir.join("trials/0001/attempt.json"), "{").unwrap();
        }),
        case("half", "attempt.json: the process that trained the network, a:1, is gone", 0, |dir, _| {
            let attempt = r#"{"host":"a","pid":1,"started":99999999999,"epochs":1}"#;
            fs::write(dir.join("trials/0001/attempt.json"), attempt).unwrap();
        }),
        case("half", "crashes.jsonl: it is damaged", 1, |dir, _| {
            fs::write(dir.join("trials/0001/crashes.jsonl"), "crash\n").unwrap();
        }),
        case("half", "trials/0001/lock: it cannot be read: it is no file", 1, |dir, _| {
            fs::remove_file(dir.join("trials/0001/lock")).unwrap();
            fs::create_dir(dir.join("trials/0001/lock")).unwrap();
        }),
        case("half", "trials/0001/lock: it cannot be read: it is no file", 1, |dir, _| {
            pipe(dir, "trials/0001/lock");
        }),
        case("half", "trials/0002: it cannot be read: it is no folder", 1, |dir, _| {
            fs::write(dir.join("trials/0002"), "in the way").unwrap();
        }),
    ]
}

fn rungs_that_lie() -> Vec<Case> {
    let stopped = |dir: &Path| {
        let is_stopped = |file: &String| fs::read_to_string(dir.join(file)).unwrap().contains("\"stopped\"");
        (0..4).map(|index| format!("trials/{index:04}/result.json")).find(is_stopped).unwrap()
    };
    vec![
        case("halved", "rungs/1.json: it is damaged", 0, |dir, _| cut(dir, "rungs/1.json", 0.5)),
        case("halved", "rungs/1.json: it was changed", 0, |dir, _| {
            edit(dir, "rungs/1.json", |rung| rung["kept"] = json!([0]));
        }),
        case("halved", "rungs/1.json: there is no network 99", 0, |dir, _| {
            edit(dir, "rungs/1.json", |rung| rung["kept"] = json!([0, 99]));
        }),
        case("halved", "rungs/2.json: it belongs to the rung after epoch 1", 0, |dir, _| {
            fs::copy(dir.join("rungs/1.json"), dir.join("rungs/2.json")).unwrap();
        }),
        case("halved", "rungs/9.json: it is of no network of this sweep", 0, |dir, _| {
            fs::copy(dir.join("rungs/1.json"), dir.join("rungs/9.json")).unwrap();
        }),
        case("halved", "", 0, |dir, _| fs::remove_dir_all(dir.join("rungs")).unwrap()),
        case("halved", "it is damaged", 1, move |dir, _| cut(dir, &stopped(dir), 0.5)),
        case("halved", "", 0, move |dir, _| fs::remove_file(dir.join(stopped(dir))).unwrap()),
        Case {
            restore: Some("sweep.json"),
            ..case("halved", "rungs/1.json: it was made with another recipe", 1, |dir, _| {
                edit(dir, "sweep.json", |sweep| sweep["halving"] = json!({ "eta": 4, "rungs": 1 }));
            })
        },
    ]
}

fn assert_case(sweeps: &Sweeps, case: &Case) {
    let undisturbed = sweeps.undisturbed(case.of);
    let (others, dir) = (sweeps.folder.path(), tempdir().unwrap());
    let dir = dir.path().join("sweep");
    copy(&others.join(case.of), &dir);
    (case.tamper)(&dir, others);
    let name = format!("{} with {:?}", case.of, case.found);

    let bad = Sweep::open(&dir).unwrap().check();
    let said: Vec<String> = bad.iter().map(ToString::to_string).collect();
    assert!(said.iter().all(|said| !said.contains('\u{1b}')), "{name}: {said:?}");
    match case.found {
        "" => assert!(said.is_empty(), "{name}: {said:?}"),
        found => assert!(said.iter().any(|said| said.contains(found)), "{name}: {said:?}"),
    }

    // Nobody shows anything wrong, and all others are trained.
    let left_out = || {
        let Population { results, left_out, .. } = Sweep::open(&dir).unwrap().population();
        for result in timeless(results) {
            assert_eq!(result, undisturbed[result.index], "{name}");
        }
        left_out.len()
    };
    match case.restore {
        Some(file) => {
            assert_eq!(left_out(), case.left_out, "{name}");
            fs::copy(others.join(case.of).join(file), dir.join(file)).unwrap();
        }
        None => {
            left_out();
            work(&dir);
            left_out();
            let ended = Sweep::open(&dir).unwrap().population().results.len();
            assert_eq!(ended, undisturbed.len() - case.left_out, "{name}");
        }
    }

    // Repaired, it comes to what the undisturbed one does.
    let sweep = Sweep::open(&dir).unwrap();
    for bad in sweep.check() {
        let moved = sweep.set_aside(&bad).unwrap();
        assert!(matches!(moved, SetAside::Moved(_)), "{name}: {bad}: {moved:?}");
    }
    work(&dir);
    let sweep = Sweep::open(&dir).unwrap();
    assert_eq!(timeless(sweep.population().results), undisturbed, "{name}, repaired");
    let bad: Vec<BadFile> = sweep.check();
    assert!(bad.is_empty(), "{name}, repaired: {bad:?}");
}

#[test]
fn tampered_folders_are_found_out_and_repaired() {
    let sweeps = Sweeps::new();
    let cases = [
        files_that_are_no_results(),
        results_of_others(),
        results_that_lie(),
        folders_that_changed(),
        checkpoints(),
        trials_that_go_on(),
        rungs_that_lie(),
    ];
    cases.iter().flatten().for_each(|case| assert_case(&sweeps, case));
}

/// What cannot be a sweep is refused as a whole.
#[test]
fn a_manifest_that_cannot_be_is_refused() {
    let folder = tempdir().unwrap();
    let dir = folder.path().join("sweep");
    make(&dir, 0, 1, 1, None);
    let text = fs::read_to_string(dir.join("sweep.json")).unwrap();
    for (from, to, said) in [
        ("\"epochs\": 1", "\"epochs\": 0", "epochs = 0 cannot be trained with"),
        ("\"lr\": 0.1", "\"lr\": -1", "lr = -1 cannot be trained with"),
        ("\"epochs\"", "\"epoch\"", "unknown field `epoch`"),
        ("}", "", "EOF"),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(dir.join("sweep.json"), text.replace(from, to)).unwrap();
        let error = Sweep::open(&dir).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// Networks of several sizes share a sweep, and its data.
#[test]
fn data_is_the_same_at_every_size() {
    let source = Source::BuiltinSized { train: 8, test: 4 };
    let id = |size, seed| DataId::new(&source, &source.load(Some(size), seed).unwrap());
    assert_eq!(id(8, 0), id(16, 0));
    assert_ne!(id(8, 0), id(8, 1));
}
