//! A run that is broken off and gone on with comes to the same bits as one that never was.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use dfdx::prelude::*;
use regnet_core::state::{self, Entry};
use regnet_core::{DynRegNet, weights};
use regnet_space::{AnyNet, Block, Regulator, Stage, Stem, StemKind};
use regnet_train::data::{DataSet, builtin_sized};
use regnet_train::{
    CheckpointEvery, EarlierRun, EpochMetrics, EpochStep, Options, Recipe, TrainError, Training, train,
};

type Net = DynRegNet<f32, Cpu>;

/// Squeeze-and-excitation, and a regulator whose tensors have more dimensions in dfdx than in files.
fn tiny() -> AnyNet {
    let regulator: Regulator = "lstm".parse().unwrap();
    AnyNet {
        input_channels: 3,
        stem: Stem { kind: StemKind::Simple, width: 8 },
        block: Block::Bottleneck,
        stages: vec![Stage::plain(1, 8, 2), Stage::plain(1, 16, 2)],
        se: Some(0.25),
        regulator: Some(regulator),
        classes: 10,
    }
}

fn recipe() -> Recipe {
    Recipe { epochs: 3, batch: 10, seed: 7, ..Recipe::default() }
}

fn data() -> DataSet {
    builtin_sized(40, 10, Some(16), 0).unwrap()
}

fn net() -> (Cpu, Net) {
    let device = Cpu::seed_from_u64(7);
    let net = Net::try_new(&device, &tiny()).unwrap();
    (device, net)
}

/// The checkpoint's name.
const FILE: &str = "checkpoint.safetensors";

fn resume() -> Options<'static> {
    Options { earlier: EarlierRun::Resume, ..Options::default() }
}

/// Figures without times.
fn figures(history: &[EpochMetrics]) -> Vec<EpochMetrics> {
    let timeless =
        |epoch: &EpochMetrics| EpochMetrics { seconds: 0.0, images_per_second: 0.0, ..epoch.clone() };
    history.iter().map(timeless).collect()
}

/// Trains until in the middle of the epoch after `epochs`, with a checkpoint after each as `train` leaves it.
fn break_off(epochs: usize, out: &Path) {
    let (device, mut net) = net();
    fs::create_dir_all(out).unwrap();
    let mut training = Training::new(&device, &mut net, &tiny(), &data(), &recipe()).unwrap();
    for _ in 0..epochs {
        assert!(training.epoch(|_| ControlFlow::Continue(())).unwrap().is_some());
        fs::write(out.join("checkpoint.safetensors"), training.checkpoint().unwrap()).unwrap();
    }
    let broken = training.epoch(|_| ControlFlow::Break(())).unwrap();
    assert!(broken.is_none());
}

#[test]
fn a_resumed_run_comes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (device, mut undisturbed) = net();
    let (out, options) = (folder.path().join("a"), Options::default());
    let expected = train(&device, &mut undisturbed, &tiny(), &data(), &recipe(), &out, options).unwrap();
    for epochs in 0..3 {
        let out = folder.path().join(format!("broken-{epochs}"));
        break_off(epochs, &out);
        let (device, mut net) = net();
        let history = train(&device, &mut net, &tiny(), &data(), &recipe(), &out, resume()).unwrap();
        assert_eq!(figures(&history), figures(&expected), "after {epochs} epochs");
        assert!(weights::to_bytes(&net) == weights::to_bytes(&undisturbed), "after {epochs} epochs");
        assert!(!out.join("checkpoint.safetensors").exists());
        let file = |out: &Path| fs::read(out.join("model.safetensors")).unwrap();
        assert!(file(&out) == file(&folder.path().join("a")), "after {epochs} epochs");
    }
}

#[test]
fn a_run_that_ended_is_not_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let (device, mut net) = net();
        let history = train(&device, &mut net, &tiny(), &data(), &recipe(), folder.path(), resume()).unwrap();
        (history, weights::to_bytes(&net))
    };
    // Times, too: it is the history that was read back.
    let first = run();
    assert!(first == run());
}

#[test]
fn velocity_is_part_of_a_checkpoint() {
    let (device, mut net) = net();
    let mut training = Training::new(&device, &mut net, &tiny(), &data(), &recipe()).unwrap();
    training.epoch(|_| ControlFlow::Continue(())).unwrap();
    let bytes = training.checkpoint().unwrap();
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let velocity = file.tensor("velocity.s1.b1.f.a.weight").unwrap();
    assert!(velocity.data().iter().any(|&byte| byte != 0));
    assert!(file.tensor("s1.b1.f.a_bn.running_mean").is_ok());
    assert!(file.tensor("velocity.s1.b1.f.a_bn.running_mean").is_err());
}

/// Trains with these options; the weights and the figures without times.
fn run(
    data: &DataSet,
    recipe: &Recipe,
    out: &Path,
    options: Options<'_>,
) -> Result<(Vec<u8>, Vec<EpochMetrics>), TrainError> {
    let (device, mut net) = net();
    let history = train(&device, &mut net, &tiny(), data, recipe, out, options)?;
    Ok((weights::to_bytes(&net), figures(&history)))
}

/// Twelve steps, each broken off at, put down in a file and taken up by a network that knows nothing.
#[test]
fn a_run_can_be_taken_up_behind_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let expected = run(&data(), &recipe(), folder.path(), Options::default()).unwrap();
    let file = folder.path().join("put-down");
    let (mut breaks, mut tests) = (0, 0);
    loop {
        let (device, mut net) = net();
        let training = Training::new(&device, &mut net, &tiny(), &data(), &recipe()).unwrap();
        // Every second time, a step is not read when it is broken off at.
        let mut training = training.read_every(NonZeroUsize::new(1 + breaks % 2).unwrap());
        training.resume(&file).unwrap();
        if training.is_done() {
            assert_eq!(figures(training.history()), expected.1);
            assert!(weights::to_bytes(training.model()) == expected.0);
            break;
        }
        let begun = training.begun().0;
        let ended = training.epoch(|step| match step {
            EpochStep::Train(_) => ControlFlow::Break(()),
            // The first time, so that it is begun anew.
            EpochStep::Test if tests % 2 == 0 => ControlFlow::Break(()),
            EpochStep::Test => ControlFlow::Continue(()),
        });
        let ended = ended.unwrap().is_some();
        tests += usize::from(begun == training.steps());
        assert_eq!(training.begun().0, if ended { 0 } else { training.steps().min(begun + 1) });
        fs::write(&file, training.checkpoint().unwrap()).unwrap();
        breaks += 1;
    }
    assert_eq!((breaks, tests), (18, 6));
}

#[test]
fn checkpoints_within_epochs_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let every = |name: &str, checkpoint_every| {
        let options = Options { checkpoint_every, ..Options::default() };
        run(&data(), &recipe(), &folder.path().join(name), options).unwrap()
    };
    let steps = |steps| CheckpointEvery::Steps(NonZeroUsize::new(steps).unwrap());
    let expected = every("never", steps(1000));
    assert!(every("each", steps(1)) == expected);
    assert!(every("third", steps(3)) == expected);
    assert!(every("always", CheckpointEvery::Time(std::time::Duration::ZERO)) == expected);
}

#[test]
fn a_run_that_is_told_to_stop_is_resumed_at_that_step() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, out) = (folder.path().join("calm"), folder.path().join("stopped"));
    let expected = run(&data(), &recipe(), &calm, Options::default()).unwrap();
    let stop = AtomicBool::new(true);
    // Raised from the start on: it stops after one step more each time, and then before it tests.
    for steps in [1, 2, 3, 4, 4] {
        let options = Options { stop: Some(&stop), ..resume() };
        match run(&data(), &recipe(), &out, options) {
            Err(TrainError::Stopped { path, epoch, step, steps: 4 }) => {
                assert_eq!((path, 4 * (epoch - 1) + step), (out.clone(), steps));
            }
            other => panic!("after {steps} steps: {other:?}"),
        }
        assert!(out.join(FILE).exists() && !out.join("lock").exists());
    }
    stop.store(false, Ordering::Relaxed);
    assert!(run(&data(), &recipe(), &out, resume()).unwrap() == expected);
}

#[test]
fn a_resumed_run_has_to_be_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (interrupted, finished) = (folder.path().join("interrupted"), folder.path().join("finished"));
    break_off(1, &interrupted);
    run(&data(), &recipe(), &finished, Options::default()).unwrap();
    let other_tests = builtin_sized(40, 11, Some(16), 0).unwrap();
    for (out, file) in [(&interrupted, FILE), (&finished, "model.json")] {
        let before = contents(out);
        for (recipe, spec, data, said) in [
            (Recipe { lr: 0.01, ..recipe() }, tiny(), data(), "`recipe.lr` was 0.1 and is 0.01 now"),
            (Recipe { epochs: 4, ..recipe() }, tiny(), data(), "`recipe.epochs` was 3 and is 4 now"),
            (recipe(), AnyNet { se: None, ..tiny() }, data(), "`network."),
            (recipe(), tiny(), other_tests.clone(), "`fingerprint` was"),
        ] {
            let (device, _) = net();
            let mut net = Net::try_new(&device, &spec).unwrap();
            let as_built = weights::to_bytes(&net);
            let error = train(&device, &mut net, &spec, &data, &recipe, out, resume()).unwrap_err();
            assert!(
                matches!(&error, TrainError::OtherRun { path, .. } if *path == out.join(file)),
                "{error}"
            );
            assert!(error.to_string().contains(said), "{error}");
            assert!(weights::to_bytes(&net) == as_built, "a refused run changed the network");
        }
        assert!(contents(out) == before, "a refused run changed the folder");
    }
}

#[test]
fn a_changed_byte_anywhere_in_a_checkpoint_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    break_off(1, folder.path());
    let file = folder.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        let error = run(&data(), &recipe(), folder.path(), resume()).map(drop).unwrap_err();
        assert!(matches!(&error, TrainError::Read { path, .. } if *path == file), "{what}: {error}");
    };
    // All over the header, where names, figures, the card and the digest itself are, and all over the tensors.
    for at in (0..header).step_by(97).chain((header..whole.len()).step_by(9973)).chain([whole.len() - 1]) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        refused(&changed, &format!("byte {at}"));
    }
    refused(&whole[..1000], "cut short");
    refused(&whole[..whole.len() - 4], "one number short");
    fs::write(&file, &whole).unwrap();
    run(&data(), &recipe(), folder.path(), resume()).unwrap();
}

/// The tensors' bytes of a safetensors file, without its header, which may describe the run.
fn elements(file: &[u8]) -> &[u8] {
    let (length, rest) = file.split_first_chunk().unwrap();
    &rest[u64::from_le_bytes(*length) as usize..]
}

#[test]
fn an_earlier_run_is_written_over_only_if_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (interrupted, finished) = (folder.path().join("interrupted"), folder.path().join("finished"));
    break_off(2, &interrupted);
    let first = run(&data(), &recipe(), &finished, Options::default()).unwrap();
    let other = Recipe { seed: 8, epochs: 1, ..recipe() };
    for (out, ended, said) in [(&interrupted, false, "resume it"), (&finished, true, "overwrite it")] {
        let before = contents(out);
        let error = run(&data(), &other, out, Options::default()).unwrap_err();
        assert!(matches!(error, TrainError::Occupied { finished, .. } if finished == ended), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(contents(out) == before);
        let overwrite = Options { earlier: EarlierRun::Overwrite, ..Options::default() };
        let (bytes, history) = run(&data(), &other, out, overwrite).unwrap();
        assert!(bytes != first.0 && history.len() == 1);
        assert!(
            !out.join(FILE).exists()
                && elements(&fs::read(out.join("model.safetensors")).unwrap()) == elements(&bytes)
        );
    }
}

#[test]
fn a_folder_that_is_trained_in_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    for earlier in [EarlierRun::Keep, EarlierRun::Resume, EarlierRun::Overwrite] {
        let options = Options { earlier, ..Options::default() };
        let error = run(&data(), &recipe(), folder.path(), options).unwrap_err();
        assert!(matches!(&error, TrainError::Busy { path } if path == folder.path()), "{error}");
    }
    // A process that is gone leaves the file and no lock.
    drop(lock);
    run(&data(), &recipe(), folder.path(), Options::default()).unwrap();
}

#[test]
fn what_killed_writers_left_goes_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".tmp-regnet-a1B2c3", "a.tmp", ".tmpfile", "tmp-regnet-"] {
        fs::write(folder.path().join(name), "something").unwrap();
    }
    run(&data(), &recipe(), folder.path(), Options::default()).unwrap();
    let names: Vec<String> = contents(folder.path()).into_iter().map(|(name, _)| name).collect();
    let results = ["curves.svg", "metrics.jsonl", "model.json", "model.safetensors"];
    assert_eq!(names, [&[".tmpfile", "a.tmp"], &results[..], &["tmp-regnet-"]].concat());
}

/// A checkpoint from which nothing could go on is not written over one that is sound.
#[test]
fn no_checkpoint_is_made_of_weights_that_are_no_numbers() {
    let (device, mut net) = net();
    let ruin = |entry: Entry<f32>| (entry.name == "head.fc.bias").then(|| vec![f32::NAN; entry.values.len()]);
    state::write(&mut net, ruin);
    let mut training = Training::new(&device, &mut net, &tiny(), &data(), &recipe()).unwrap();
    let error = training.checkpoint().unwrap_err();
    assert!(matches!(error, TrainError::Diverged { epoch: 1, .. }), "{error}");
}

/// Names and bytes of the files in a folder.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(file).collect();
    files.sort();
    files
}

#[test]
fn what_was_not_read_of_an_epoch_that_was_broken_off_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    let first_epoch = |broken: bool| {
        let (device, mut net) = net();
        let training = Training::new(&device, &mut net, &tiny(), &data(), &recipe()).unwrap();
        let mut training = training.read_every(NonZeroUsize::new(3).unwrap());
        if broken {
            fs::write(&file, training.checkpoint().unwrap()).unwrap();
            assert!(training.epoch(|_| ControlFlow::Break(())).unwrap().is_none());
            training.resume(&file).unwrap();
        }
        let epoch = training.epoch(|_| ControlFlow::Continue(())).unwrap().cloned();
        figures(&[epoch.unwrap()])
    };
    assert_eq!(first_epoch(true), first_epoch(false));
}
