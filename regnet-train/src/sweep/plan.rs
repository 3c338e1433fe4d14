//! What a sweep will cost, before it starts.

use std::time::{Duration, Instant};

use dfdx::prelude::*;
use regnet_core::DynRegNet;
use regnet_space::{Complexity, Mode};

use super::error::SweepError;
use super::folder::Sweep;
use super::trial::Trial;
use crate::data::DataSet;
use crate::error::TrainError;
use crate::learner::Learner;
use crate::train::in_pool;

/// Networks whose speed is measured.
const MEASURED: usize = 5;

/// The least time for which each is.
const LEAST: Duration = Duration::from_millis(400);

/// What a step of training costs in forward passes: one, and twice as much to go back.
const PASSES: f64 = 3.0;

/// What a sweep will cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Networks.
    pub trials: usize,
    /// Epochs of all of them, less what halving saves if no trial ends otherwise.
    pub epochs: f64,
    /// Multiply-adds of all of it: a step of training counts as three forward passes.
    pub flops: f64,
    /// Bytes that the largest trial takes while it trains, by [`regnet_space::memory`].
    pub memory: u64,
    /// Bytes of an average trial.
    pub mean_memory: u64,
    /// How long one process of this machine would take; `None` where that was not measured.
    pub time: Option<Duration>,
}

impl Plan {
    /// Of a sweep; with times where there is data to measure with.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, and networks that cannot be built.
    pub fn new(sweep: &Sweep, measure_with: Option<&DataSet>) -> Result<Self, SweepError> {
        let manifest = sweep.manifest();
        let costs: Vec<Complexity> =
            sweep.sound_trials().filter_map(|(_, trial)| trial.complexity().ok()).collect();
        let memory: Vec<u64> =
            sweep.sound_trials().map(|(_, trial)| memory(trial, manifest.recipe.batch)).collect();
        let trials = sweep.networks();
        let share = share_trained(sweep);
        let [train, test] = manifest.data.images.map(|images| images as f64);
        let passes = (PASSES * train + test) * manifest.recipe.epochs as f64 * share;
        let flops: f64 = costs.iter().map(|cost| cost.flops as f64).sum();
        let time = match measure_with {
            Some(data) => {
                let rates = Rates::measure(sweep, data)?;
                let seconds: f64 = costs.iter().map(|cost| rates.seconds(cost)).sum();
                Duration::try_from_secs_f64(seconds * passes / PASSES).ok()
            }
            None => None,
        };
        Ok(Self {
            trials,
            epochs: (trials * manifest.recipe.epochs) as f64 * share,
            flops: flops * passes,
            memory: memory.iter().copied().max().unwrap_or(0),
            mean_memory: memory.iter().sum::<u64>() / trials.max(1) as u64,
            time,
        })
    }
}

fn memory(trial: &Trial, batch: usize) -> u64 {
    let [_, height, width] = trial.input;
    trial.spec().memory(height, width, batch, Mode::Training).map_or(0, |memory| memory.bytes())
}

/// The part of all epochs that is trained if halving gives up as many trials as it can.
fn share_trained(sweep: &Sweep) -> f64 {
    let (manifest, trials) = (sweep.manifest(), sweep.networks());
    let Some(halving) = manifest.halving else { return 1.0 };
    let (mut epochs, mut left, mut before) = (0, trials, 0);
    for rung in sweep.rungs() {
        epochs += left * (rung - before);
        (left, before) = (halving.kept(left), rung);
    }
    epochs += left * (manifest.recipe.epochs - before);
    epochs as f64 / (trials * manifest.recipe.epochs) as f64
}

/// What an image costs in a step of training: so many seconds a flop and an activation.
struct Rates {
    flop: f64,
    activation: f64,
}

impl Rates {
    /// Times some networks, from the cheapest to the dearest, and fits a line.
    fn measure(sweep: &Sweep, data: &DataSet) -> Result<Self, SweepError> {
        let size = data.train.size();
        let mut trials: Vec<(Complexity, usize)> = sweep
            .sound_trials()
            .filter(|(_, trial)| trial.input[1] == size)
            .filter_map(|(index, trial)| Some((trial.complexity().ok()?, index)))
            .collect();
        trials.sort_by_key(|(cost, _)| cost.flops);
        let count = trials.len().min(MEASURED);
        let chosen = (0..count).map(|i| trials[i * (trials.len() - 1) / (count - 1).max(1)]);
        let timed = chosen.map(|(cost, index)| Ok((cost, time_image(sweep, index, data)?)));
        Ok(Self::fit(&timed.collect::<Result<Vec<_>, SweepError>>()?))
    }

    /// Least squares of the times' ratios to the line, so that small networks count as much as large ones. Where one
    /// of the rates would be negative, the other explains the times alone.
    fn fit(timed: &[(Complexity, f64)]) -> Self {
        let rows = timed.iter().map(|(cost, time)| (cost.flops as f64 / time, cost.acts as f64 / time));
        let (mut ff, mut fa, mut aa, mut f, mut a) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (flops, acts) in rows {
            ff += flops * flops;
            fa += flops * acts;
            aa += acts * acts;
            f += flops;
            a += acts;
        }
        let determinant = ff * aa - fa * fa;
        // Networks of one ratio tell nothing of the two apart.
        if determinant <= 1e-9 * ff * aa {
            return Self { flop: f / ff, activation: 0.0 };
        }
        let (flop, activation) = ((f * aa - a * fa) / determinant, (a * ff - f * fa) / determinant);
        if flop < 0.0 {
            Self { flop: 0.0, activation: a / aa }
        } else if activation < 0.0 {
            Self { flop: f / ff, activation: 0.0 }
        } else {
            Self { flop, activation }
        }
    }

    fn seconds(&self, cost: &Complexity) -> f64 {
        self.flop * cost.flops as f64 + self.activation * cost.acts as f64
    }
}

/// Seconds an image takes in a step of training.
fn time_image(sweep: &Sweep, index: usize, data: &DataSet) -> Result<f64, SweepError> {
    let recipe = sweep.recipe(index);
    let device = Cpu::seed_from_u64(recipe.seed);
    let spec = sweep.trial(index)?.spec();
    let mut net = DynRegNet::try_new(&device, spec).map_err(TrainError::device)?;
    let batches = data.train_batches(recipe.batch, recipe.augment(), recipe.seed)?;
    device.enable_cache();
    let mut learner = Learner::new(&device, &mut net, &recipe).of(spec);
    let time = in_pool(|| {
        let mut steps = (0..).flat_map(|epoch| batches.epoch(epoch));
        let mut step = || -> Result<(), TrainError> {
            let batch = steps.next().transpose()?;
            // At no rate: the weights of a network that is only timed must not diverge.
            batch.map_or(Ok(()), |batch| learner.step(&batch, 0.0).map(drop))
        };
        // The first step allocates.
        step()?;
        let (started, mut images) = (Instant::now(), 0);
        while started.elapsed() < LEAST || images == 0 {
            step()?;
            images += batches.batch_size();
        }
        Ok::<f64, TrainError>(started.elapsed().as_secs_f64() / images as f64)
    })?;
    drop(learner);
    drop(net);
    device.disable_cache();
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_that_made_the_times() {
        let cost = |flops, acts| Complexity { flops, params: 0, acts };
        let time = |cost: &Complexity| 2e-9 * cost.flops as f64 + 3e-8 * cost.acts as f64;
        let costs = [cost(1_000_000, 90_000), cost(5_000_000, 100_000), cost(9_000_000, 400_000)];
        let timed: Vec<(Complexity, f64)> = costs.iter().map(|cost| (*cost, time(cost))).collect();
        let rates = Rates::fit(&timed);
        assert!((rates.flop - 2e-9).abs() < 1e-13 && (rates.activation - 3e-8).abs() < 1e-12);
        // One network, or several of one cost, give no line but a rate.
        for timed in [&timed[..1], &[timed[1], timed[1]]] {
            let (cost, expected) = timed[0];
            let seconds = Rates::fit(timed).seconds(&cost);
            assert!((seconds / expected - 1.0).abs() < 1e-6, "{seconds} is not {expected}");
        }
    }
}
