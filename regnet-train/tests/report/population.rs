//! Populations whose errors are made up, by a seed.

use regnet_space::{AnyNet, Block, Bottleneck, DesignSpace, Sampler, SpaceName, Stage, Stem, StemKind};
use regnet_train::sweep::{Outcome, Population, Trial, TrialResult};
use regnet_train::{EpochMetrics, Spec};

/// Knuth's 64-bit linear congruential generator; the upper half of the state is used.
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32) % n as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        self.below(1 << 30) as f64 / (1_u64 << 30) as f64
    }
}

const INPUT: [usize; 3] = [3, 32, 32];
const STEM: Stem = Stem { kind: StemKind::Cifar, width: 16 };

/// A network of AnyNetXC.
fn any_net(draws: &mut Draws) -> AnyNet {
    let group_width = 1 << draws.below(4);
    let bottleneck = Bottleneck::reduces(1 << draws.below(3) as u32);
    let stages = (0..4).map(|_| {
        let (depth, width) = (1 + draws.below(8), 32 * (1 + draws.below(10)));
        Stage { depth, width, stride: 2, bottleneck, group_width: group_width.min(bottleneck.inner(width)) }
    });
    AnyNet {
        input_channels: 3,
        stem: STEM,
        block: Block::Bottleneck,
        stages: stages.collect(),
        se: None,
        regulator: None,
        classes: 10,
    }
}

/// A trial that was trained to this error.
pub fn result(index: usize, net: AnyNet, error: f64) -> TrialResult {
    let epoch = EpochMetrics {
        epoch: 1,
        train_loss: 1.0,
        train_accuracy: 0.5,
        test_loss: 1.0,
        test_accuracy: 1.0 - error,
        lr: 0.1,
        images_per_second: 100.0,
        seconds: 1.0,
    };
    let trial = Trial { network: Spec(net), input: INPUT };
    TrialResult { index, trial, outcome: Outcome::Finished, epochs: vec![epoch] }
}

/// A population of which nothing is left out.
pub fn of_results(name: &str, results: Vec<TrialResult>) -> Population {
    Population { name: name.to_owned(), networks: results.len(), results, left_out: Vec::new() }
}

/// Networks whose error is least at a depth of 14, with some noise; one in 20 diverges and one in 20 is stopped.
pub fn any_nets(name: &str, count: usize, seed: u64) -> Population {
    let draws = &mut Draws::new(seed);
    let nets = (0..count).map(|_| any_net(draws)).collect();
    population(name, nets, draws)
}

/// RegNets with such errors.
pub fn reg_nets(name: &str, count: usize, seed: u64) -> Population {
    let mut space = DesignSpace::new(SpaceName::RegNetX);
    (space.stem, space.classes) = (STEM, 10);
    let nets = Sampler::new(space, seed).draw(count).unwrap().into_iter().map(|drawn| drawn.net).collect();
    population(name, nets, &mut Draws::new(seed))
}

fn population(name: &str, nets: Vec<AnyNet>, draws: &mut Draws) -> Population {
    let result = |(index, net): (usize, AnyNet)| {
        let depth: usize = net.stages.iter().map(|stage| stage.depth).sum();
        let error = 0.3 + 0.01 * depth.abs_diff(14) as f64 + 0.1 * draws.unit() + 0.1 * draws.unit();
        let mut result = result(index, net, error.min(0.9));
        result.outcome = match draws.below(20) {
            0 => Outcome::Diverged { epoch: 1, step: 7 },
            1 => Outcome::Stopped,
            _ => Outcome::Finished,
        };
        result
    };
    of_results(name, nets.into_iter().enumerate().map(result).collect())
}
