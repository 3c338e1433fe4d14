//! Figures over several runs, similarity of blocks, and their pictures.
#![allow(clippy::unwrap_used)]

use dfdx::prelude::*;
use regnet_core::DynRegNet;
use regnet_space::{AnyNet, Cell};
use regnet_train::data::builtin_sized;
use regnet_train::{EpochMetrics, Spread, Trials, comparison, similarity};

fn run(accuracies: &[f64]) -> Vec<EpochMetrics> {
    let epoch = |(i, &test_accuracy): (usize, &f64)| EpochMetrics {
        epoch: i + 1,
        train_loss: 1.0,
        train_accuracy: 0.5,
        test_loss: 1.0,
        test_accuracy,
        lr: 0.1,
        images_per_second: 100.0,
        seconds: (i + 1) as f64,
    };
    accuracies.iter().enumerate().map(epoch).collect()
}

#[test]
fn a_spread_is_the_mean_and_the_deviation_of_a_sample() {
    // By hand: deviations -2, 0 and 2 from the mean of 4; 8 / 2 = 4.
    let spread: Spread = [2.0, 4.0, 6.0].into_iter().collect();
    assert_eq!(spread, Spread { mean: 4.0, deviation: 2.0 });
    assert_eq!([0.25].into_iter().collect::<Spread>(), Spread { mean: 0.25, deviation: 0.0 });
    assert_eq!(Spread { mean: 0.8124, deviation: 0.0053 }.to_string(), "81.24 ± 0.53");
}

#[test]
fn the_last_epoch_of_each_run_counts() {
    let trials = Trials { name: "N".into(), runs: vec![run(&[0.9, 0.25, 0.5]), run(&[0.0, 0.75, 0.5])] };
    assert_eq!(trials.accuracy(), Spread { mean: 0.5, deviation: 0.0 });
    let means: Vec<f64> = trials.accuracies().iter().map(|spread| spread.mean).collect();
    assert_eq!(means, [0.45, 0.5, 0.5]);
    assert_eq!(trials.seconds(), Some(2.0));
}

#[test]
fn curves_show_each_network_and_its_band() {
    let trials = |name: &str| Trials { name: name.into(), runs: vec![run(&[0.1, 0.2]), run(&[0.2, 0.4])] };
    let svg = comparison::draw(&[("some", &[trials("A"), trials("B")]), ("others", &[trials("C")])]);
    for text in ["some: test accuracy (%)", "others: test accuracy (%)", "A", "B", "C", "epoch"] {
        assert!(svg.lines().any(|line| line == text), "the picture does not say {text}");
    }
    assert_eq!(svg.matches("<polygon").count(), 3);
}

/// A block whose branch ends in zeros puts out what it took in.
#[test]
fn blocks_that_add_nothing_are_the_same() {
    let device = Cpu::seed_from_u64(1);
    let spec = AnyNet { regulator: None, ..AnyNet::self_regulated(20, Cell::Rnn.into(), 10).unwrap() };
    let mut net = DynRegNet::<f32, Cpu>::try_new(&device, &spec).unwrap();
    let images = builtin_sized(1, 5, None, 0).unwrap().test_batches(2).unwrap();
    let at_first = similarity::of_blocks(&device, &net, &images).unwrap();
    assert_eq!(at_first.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
    assert!(at_first.iter().flatten().all(|&value| (-1.0..0.99).contains(&value)), "{at_first:?}");

    regnet_core::init::zero_last_gammas(&mut net);
    let idle = similarity::of_blocks(&device, &net, &images).unwrap();
    assert!(idle.iter().flatten().all(|&value| (value - 1.0).abs() < 1e-6), "{idle:?}");
}

#[test]
fn similarities_are_drawn_a_bar_a_pair() {
    let networks = [("A".to_owned(), vec![vec![0.5, 0.25], vec![-0.5]]), ("B".to_owned(), vec![vec![1.0]])];
    let svg = similarity::draw(&networks, 2);
    for text in ["A: 0.08", "B: 1.00", "s1 b1-2", "s1 b2-3", "s2 b1-2"] {
        assert!(svg.lines().any(|line| line == text), "the picture does not say {text}");
    }
}
