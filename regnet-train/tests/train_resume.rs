//! A run that is broken off and gone on with comes to the same bits as one that never was.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use dfdx::prelude::*;
use regnet_core::{DynRegNet, weights};
use regnet_space::{AnyNet, Block, Regulator, Stage, Stem, StemKind};
use regnet_train::data::{DataSet, builtin_sized};
use regnet_train::{EpochMetrics, Options, Recipe, TrainError, Training, train};

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

const RESUME: Options = Options { resume: true, read_every: None };

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
        let history = train(&device, &mut net, &tiny(), &data(), &recipe(), &out, RESUME).unwrap();
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
        let history = train(&device, &mut net, &tiny(), &data(), &recipe(), folder.path(), RESUME).unwrap();
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

#[test]
fn another_run_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    break_off(1, folder.path());
    let (device, mut net) = net();
    let before = weights::to_bytes(&net);
    let file = folder.path().join("checkpoint.safetensors");
    for (recipe, spec, what) in [
        (Recipe { lr: 0.01, ..recipe() }, tiny(), "recipe"),
        (recipe(), AnyNet { se: None, ..tiny() }, "network"),
    ] {
        let error = train(&device, &mut net, &spec, &data(), &recipe, folder.path(), RESUME).unwrap_err();
        assert!(matches!(&error, TrainError::OtherRun { path, .. } if *path == file), "{error}");
        assert!(error.to_string().contains(&format!("another {what}")), "{error}");
    }
    fs::write(&file, &fs::read(&file).unwrap()[..1000]).unwrap();
    let error = train(&device, &mut net, &tiny(), &data(), &recipe(), folder.path(), RESUME).unwrap_err();
    assert!(matches!(error, TrainError::Read { .. }), "{error}");
    assert!(weights::to_bytes(&net) == before, "a refused checkpoint changed the network");
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
