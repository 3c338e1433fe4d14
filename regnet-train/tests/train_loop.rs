//! Training: that it learns, repeats itself, writes whole files and fails cleanly.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use dfdx::prelude::*;
use regnet_core::{DynRegNet, weights};
use regnet_space::{AnyNet, Declaration, RegNetParams, Space, Stem, StemKind};
use regnet_train::data::{Augment, Batch, DataSet, builtin_sized};
use regnet_train::{Card, EpochMetrics, Learner, Options, Recipe, Score, TrainError, train};

type Net = DynRegNet<f32, Cpu>;

/// Two stages of one block, with squeeze-and-excitation.
fn tiny() -> AnyNet {
    let params = RegNetParams {
        d: 2,
        w0: 16,
        wa: 16.0,
        wm: 2.0,
        g: 8,
        b: regnet_space::Bottleneck::ONE,
        se: Some(0.25),
    };
    let stem = Stem { kind: StemKind::Simple, width: 16 };
    let declaration = Declaration { stem, classes: 10, space: Space::Any, ..Declaration::new(params) };
    declaration.to_anynet().unwrap()
}

fn recipe() -> Recipe {
    Recipe { epochs: 2, batch: 20, lr: 0.1, seed: 7, ..Recipe::default() }
}

fn data() -> DataSet {
    builtin_sized(120, 30, Some(16), 0).unwrap()
}

fn run(recipe: &Recipe, data: &DataSet, out: &Path) -> Result<(Net, Vec<EpochMetrics>), TrainError> {
    let device = Cpu::seed_from_u64(recipe.seed);
    let mut net = Net::try_new(&device, &tiny()).unwrap();
    let history = train(&device, &mut net, &tiny(), data, recipe, out, Options::default())?;
    Ok((net, history))
}

/// Trains and reads scores every `steps` steps: the weights, and the epochs without their times.
fn read_every(steps: usize, recipe: &Recipe) -> Result<(Vec<u8>, Vec<EpochMetrics>), TrainError> {
    let (data, folder) = (data(), tempfile::tempdir().unwrap());
    let device = Cpu::seed_from_u64(recipe.seed);
    let mut net = Net::try_new(&device, &tiny()).unwrap();
    let options = Options { read_every: NonZeroUsize::new(steps), ..Options::default() };
    let history = train(&device, &mut net, &tiny(), &data, recipe, folder.path(), options)?;
    let timeless = |epoch| EpochMetrics { seconds: 0.0, images_per_second: 0.0, ..epoch };
    Ok((weights::to_bytes(&net), history.into_iter().map(timeless).collect()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let (data, folder) = (data(), tempfile::tempdir().unwrap());
    let bytes = |seed, name: &str| {
        let (net, _) = run(&Recipe { seed, ..recipe() }, &data, &folder.path().join(name)).unwrap();
        weights::to_bytes(&net)
    };
    let first = bytes(7, "a");
    assert!(first == bytes(7, "b"), "a second run came out differently");
    assert!(first != bytes(8, "c"), "the seed decides nothing");
}

#[test]
fn a_run_can_be_read_back() {
    let (data, folder) = (data(), tempfile::tempdir().unwrap());
    let out = folder.path().join("deep/er");
    let (net, history) = run(&recipe(), &data, &out).unwrap();
    assert_eq!(names(&out), ["curves.svg", "metrics.jsonl", "model.json", "model.safetensors"]);

    let card = Card::read(&out.join("model.json")).unwrap();
    assert_eq!(card, Card::new(&tiny(), &data, &recipe()));
    let mut again = Net::try_new(&Cpu::default(), card.spec()).unwrap();
    weights::load(&mut again, &out.join("model.safetensors")).unwrap();
    assert!(weights::to_bytes(&again) == weights::to_bytes(&net));

    let lines = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let read: Vec<EpochMetrics> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, history);
    assert_eq!(history.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [1, 2]);

    let svg = fs::read_to_string(out.join("curves.svg")).unwrap();
    for text in ["builtin: loss", "builtin: accuracy (%)", "epoch", "training", "test"] {
        assert!(svg.contains(text), "the curves do not say `{text}`");
    }
}

#[test]
fn a_tiny_batch_is_learnt_by_heart() {
    let data = builtin_sized(10, 10, Some(16), 0).unwrap();
    let batch = data.test_batches(10).unwrap().epoch(0).next().unwrap().unwrap();
    let loss = learn(&recipe(), 60, |_| &batch);
    assert!(loss < 0.02, "the loss is still {loss}");
}

#[test]
fn the_loss_falls_on_drawn_images() {
    let data = builtin_sized(100, 10, Some(16), 0).unwrap();
    let batches = data.train_batches(20, Augment::NONE, 0).unwrap();
    let batches: Vec<Batch> = (0..16).flat_map(|e| batches.epoch(e)).map(Result::unwrap).collect();
    let first = learn(&recipe(), 1, |step| &batches[step]);
    let last = learn(&recipe(), batches.len(), |step| &batches[step]);
    assert!(last < 0.7 * first, "the loss went from {first} to {last}");
}

/// The last loss of so many steps, without label smoothing.
fn learn<'a>(recipe: &Recipe, steps: usize, batch: impl Fn(usize) -> &'a Batch) -> f64 {
    let recipe = Recipe { label_smoothing: 0.0, ..recipe.clone() };
    let device = Cpu::seed_from_u64(1);
    let mut net = Net::try_new(&device, &tiny()).unwrap();
    let mut learner = Learner::new(&device, &mut net, &recipe);
    (0..steps).map(|step| learner.step(batch(step), 0.05).unwrap().loss()).last().unwrap()
}

/// Learns from `batches`; the weights and running statistics, and what is said of each step.
fn learn_all<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> (Vec<u8>, Vec<Result<Score, TrainError>>) {
    let device = Cpu::seed_from_u64(1);
    let mut net = Net::try_new(&device, &tiny()).unwrap();
    let mut learner = Learner::new(&device, &mut net, &recipe());
    let said = batches.into_iter().map(|batch| learner.step(batch, 0.05)).collect();
    (weights::to_bytes(&net), said)
}

/// Velocity, too: the step behind is that of a learner that never saw the batch.
#[test]
fn nothing_is_learnt_from_a_batch_whose_loss_or_gradient_is_not_finite() {
    let data = data();
    let batches = data.train_batches(20, Augment::NONE, 0).unwrap();
    let good: Vec<Batch> = batches.epoch(0).map(Result::unwrap).take(2).collect();
    let (expected, _) = learn_all(&good);
    for pixel in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38] {
        let mut bad = good[1].clone();
        bad.images[17] = pixel;
        let (found, said) = learn_all([&good[0], &bad, &good[1]]);
        match &said[1] {
            Ok(score) => assert!(!pixel.is_finite() && !score.loss().is_finite(), "{pixel}: {score:?}"),
            // The norm brings it back to where the loss is finite, but not the gradient of the stem.
            Err(TrainError::Gradient { loss }) => assert!(pixel.is_finite() && loss.is_finite(), "{pixel}"),
            Err(error) => panic!("{pixel}: {error}"),
        }
        assert!(found == expected, "something was learnt from {pixel}");
    }
}

#[test]
fn divergence_is_an_error_and_leaves_nothing() {
    let (data, folder) = (data(), tempfile::tempdir().unwrap());
    let wild = Recipe { lr: 1e30, warmup_epochs: 0.0, ..recipe() };
    let error = run(&wild, &data, &folder.path().join("a/b")).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { epoch: 1, .. }), "{error}");
    assert!(error.to_string().contains("lower the learning rate"), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_written() {
    let (data, folder) = (data(), tempfile::tempdir().unwrap());
    let out = folder.path().join("out");
    let device = Cpu::default();
    let spec = AnyNet { classes: 7, ..tiny() };
    let mut net = Net::try_new(&device, &spec).unwrap();
    let error = train(&device, &mut net, &spec, &data, &recipe(), &out, Options::default()).unwrap_err();
    let text = "the network is made for 7 classes, but the data set builtin has 10";
    assert!(error.to_string().starts_with(text), "{error}");

    for (recipe, range) in [
        (
            Recipe { epochs: 0, ..recipe() },
            "epochs = 0 cannot be trained with; it must be from 1 to 1,000,000",
        ),
        (Recipe { epochs: 1_000_001, ..recipe() }, "epochs = 1000001 "),
        (Recipe { epochs: usize::MAX, ..recipe() }, "from 1 to 1,000,000"),
        (Recipe { batch: usize::MAX, ..recipe() }, "from 1 to 65,536"),
    ] {
        let error = run(&recipe, &data, &out).unwrap_err();
        assert!(matches!(error, TrainError::Recipe(_)) && error.to_string().contains(range), "{error}");
    }
    let error = builtin_sized(usize::MAX, 1, None, 0).unwrap_err().to_string();
    assert!(error.contains("choose 1 to 1000000"), "{error}");
    assert!(!out.exists());
}

#[test]
fn an_unwritable_folder_is_refused_at_once() {
    let (data, folder) = (data(), tempfile::tempdir().unwrap());
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    for out in [file.clone(), file.join("below")] {
        // Long enough to be noticed if it were to start.
        let error = run(&Recipe { epochs: 100_000, ..recipe() }, &data, &out).unwrap_err();
        assert!(matches!(&error, TrainError::Folder { path, .. } if *path == out), "{error}");
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn how_often_scores_are_read_changes_nothing() {
    // Twelve steps an epoch: seven are read in its middle, and five at its end.
    let recipe = Recipe { batch: 10, ..recipe() };
    let each = read_every(1, &recipe).unwrap();
    assert!(each.1.iter().all(|epoch| epoch.train_loss > 0.0 && epoch.train_accuracy > 0.0), "{:?}", each.1);
    // The last is more than there is memory for.
    for steps in [7, 100, usize::MAX] {
        assert!(read_every(steps, &recipe).unwrap() == each, "reading every {steps} steps changes the run");
    }
}

#[test]
fn divergence_is_told_of_the_step_it_was_in_whenever_it_is_read() {
    let wild = Recipe { batch: 10, lr: 1e30, warmup_epochs: 0.0, ..recipe() };
    let step = |steps| match read_every(steps, &wild) {
        Err(TrainError::Diverged { epoch: 1, step, rate, .. }) => (step, rate),
        other => panic!("{other:?}"),
    };
    let first = step(1);
    assert!(first.0 > 1, "{first:?}");
    assert_eq!(step(5), first);
    assert_eq!(step(100), first);
}
