//! How long each step takes.

use std::sync::PoisonError;

use regnet_space::graph::Shape;

use super::run::{Call, Clock};
use super::shared::share;
use super::step::Step;
use super::{Engine, FreezeError};

/// How long a step took. See [`Engine::profile`].
#[derive(Debug, Clone, PartialEq)]
pub struct StepTime {
    /// The layer it is for.
    pub layer: String,
    /// What it does, such as `1x1`.
    pub kind: String,
    /// The layer's result.
    pub shape: Shape,
    /// Multiply-adds of the batch, as the layer is defined: those by Winograd's filtering need fewer.
    pub multiply_adds: usize,
    /// Bytes of activations that the batch reads and writes.
    pub bytes: usize,
    /// Seconds.
    pub seconds: f64,
}

impl Engine {
    /// Runs a batch `repeat` times and says how long each step took, in seconds: the median of the runs, with what the
    /// threads waited for one another.
    ///
    /// # Errors
    /// [`FreezeError::Images`].
    pub fn profile(&self, images: &[f32], repeat: usize) -> Result<Vec<StepTime>, FreezeError> {
        let batch = self.batch(images, [])?;
        let (plan, _) = self.layout(batch);
        let steps = || plan.early.iter().chain(&plan.late);
        let mut results: Vec<Vec<f32>> =
            self.results.iter().map(|shape| vec![0.0; batch * shape.len()]).collect();
        let mut runs = vec![Vec::with_capacity(repeat); steps().count()];
        for _ in 0..repeat {
            let clock = Clock::new(vec![0.0; runs.len()]);
            let results: Vec<_> = results.iter_mut().map(|result| share(result)).collect();
            self.start(Call { images, batch, clock: Some(&clock) }, &results);
            let seconds = clock.into_inner().unwrap_or_else(PoisonError::into_inner);
            runs.iter_mut().zip(seconds).for_each(|(runs, seconds)| runs.push(seconds));
        }
        let time = |(step, seconds): (&Step, Vec<f64>)| {
            let layer = &self.layers[step.layer];
            let multiply_adds = step.multiply_adds();
            StepTime {
                layer: layer.name.clone(),
                kind: step.name(),
                shape: layer.shape,
                multiply_adds: multiply_adds * batch,
                bytes: step.bytes() * batch,
                seconds: median(seconds),
            }
        };
        Ok(steps().zip(runs).map(time).collect())
    }
}

/// The median, 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
