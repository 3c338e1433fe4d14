//! What training does on a GPU and nowhere else; needs one: `cargo test --features cuda --test on_cuda`.
#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used)]

use dfdx::prelude::*;
use regnet::cuda::Staging;
use regnet::space::{AnyNet, Block, Stage, Stem, StemKind};
use regnet::train::data::{Batch, builtin_sized};
use regnet::train::learner::Classifier;
use regnet::train::{Learner, Options, Recipe, train};
use regnet::{Built, DynRegNet, regnet, state};

type Net = DynRegNet<f32, Cuda>;

/// A regulator beside the blocks, and a state that is handed on. Not an LSTM: with these weights six steps of one make a
/// rounding error a hundred thousand times as large.
type Declared = regnet!(< d=3, w0=8, wa=8, wm=2, g=4, b=1, se=true >, classes = 10, space = any,
    regulator = gru(carry = true));

/// Two stages with squeeze-and-excitation.
fn tiny() -> AnyNet {
    AnyNet {
        input_channels: 3,
        stem: Stem { kind: StemKind::Simple, width: 8 },
        block: Block::Bottleneck,
        stages: vec![Stage::plain(1, 8, 2), Stage::plain(2, 16, 2)],
        se: Some(0.25),
        regulator: None,
        classes: 10,
    }
}

fn device() -> Cuda {
    let device = regnet::cuda::device(0, 7).unwrap();
    device.enable_cache();
    device
}

fn net(device: &Cuda) -> Net {
    filled(Net::try_new(device, &tiny()).unwrap())
}

fn declared(device: &Cuda) -> Built<Declared, f32, Cuda> {
    filled(device.build_module::<Declared, f32>())
}

/// A network with weights of its own choice, the same in every call.
fn filled<M: TensorCollection<f32, Cuda>>(mut net: M) -> M {
    let mut number = 0_u32;
    state::write(&mut net, |entry: state::Entry<f32>| {
        let next = |old: &f32| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Norms' scales and running variances stay what they are.
            if *old == 1.0 { 1.0 } else { (number >> 8) as f32 / (1_u32 << 24) as f32 - 0.5 }
        };
        Some(entry.values.iter().map(next).collect())
    });
    net
}

fn batch(seed: usize) -> Batch {
    let pixel = |i: usize| ((i + 7919 * seed).wrapping_mul(2_654_435_761) % 1009) as f32 / 504.5 - 1.0;
    let images = (0..16 * 3 * 32 * 32).map(pixel).collect();
    Batch { images, labels: (0..16).map(|image| (image + seed) % 10).collect() }
}

fn numbers<M: TensorCollection<f32, Cuda>>(net: &M) -> Vec<f32> {
    let mut all = Vec::new();
    state::read(net, |entry: state::Entry<f32>| all.extend(entry.values));
    all
}

fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len());
    for (i, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "number {i}: {a} is not {b}");
    }
}

#[test]
fn steps_at_once_are_those_tensor_by_tensor() {
    fn same<M: Classifier<Cuda>>(new: fn(&Cuda) -> M) {
        assert!(!M::LEAVES_CLONES);
        let (device, recipe) = (device(), Recipe::default());
        let run = |look: bool| {
            let mut net = new(&device);
            let mut learner = Learner::new(&device, &mut net, &recipe);
            for step in 0..6 {
                if look {
                    // Whoever sees the network may have cloned it.
                    learner.model();
                }
                learner.step(&batch(step), 0.02).unwrap();
            }
            numbers(&net)
        };
        let expected = run(true);
        assert_close(&run(false), &expected, 1e-4);
    }
    same(net);
    same(declared);
}

#[test]
fn a_clone_stays_what_it_was() {
    fn stays<M: Classifier<Cuda> + Clone>(new: fn(&Cuda) -> M) {
        let (device, recipe) = (device(), Recipe::default());
        let mut net = new(&device);
        let before = net.clone();
        let at_first = numbers(&before);
        let mut learner = Learner::new(&device, &mut net, &recipe);
        let mut clones = vec![(before, at_first)];
        for step in 0..6 {
            learner.step(&batch(step), 0.02).unwrap();
            if step % 2 == 1 {
                let clone = learner.model().clone();
                let numbers = numbers(&clone);
                assert_ne!(numbers, clones.last().unwrap().1);
                clones.push((clone, numbers));
            }
        }
        for (clone, then) in clones {
            assert_eq!(numbers(&clone), then);
        }
    }
    stays(net);
    stays(declared);
}

#[test]
fn batches_arrive_whole() {
    let device = device();
    let staging = Staging::new(&device).unwrap();
    let send = |seed| {
        let Batch { images, labels } = batch(seed);
        staging.send(&device, staging.load(&images, &labels).unwrap()).unwrap()
    };
    let mut next = send(0);
    for seed in 0..50 {
        let this = std::mem::replace(&mut next, send(seed + 1));
        let (images, labels) = this.arrive().unwrap();
        let sum = (images.clone() + images).as_vec();
        let Batch { images, labels: expected } = batch(seed);
        assert_eq!(sum, images.iter().map(|x| x + x).collect::<Vec<_>>(), "batch {seed}");
        assert_eq!(labels.as_vec(), expected, "batch {seed}");
    }
    // Broken off: the memory of what is not taken is used again.
    for seed in 0..50 {
        drop(send(seed));
        let zeros: Tensor<(usize,), f32, _> = device.zeros_like(&(16 * 3 * 32 * 32,));
        assert!(zeros.as_vec().iter().all(|&x| x == 0.0), "a copy was written to another's memory");
    }
}

#[test]
fn how_often_scores_are_read_changes_nothing() {
    let (device, data) = (device(), builtin_sized(400, 60, Some(16), 0).unwrap());
    let recipe = Recipe { epochs: 1, batch: 50, lr: 0.05, ..Recipe::default() };
    let run = |steps| {
        let (mut net, folder) = (net(&device), tempfile::tempdir().unwrap());
        let options = Options { read_every: std::num::NonZeroUsize::new(steps), ..Options::default() };
        let history = train(&device, &mut net, &tiny(), &data, &recipe, folder.path(), options).unwrap();
        [history[0].train_loss, history[0].train_accuracy, history[0].test_loss].map(|x| x as f32)
    };
    assert_close(&run(1), &run(7), 1e-3);
}
