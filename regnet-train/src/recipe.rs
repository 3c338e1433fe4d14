//! Everything that decides how a network is trained, apart from the network and the data.

use serde::{Deserialize, Serialize};

use crate::data::{Augment, Padding};

/// How a network is trained. The same recipe on the same machine gives the same weights, bit by bit.
///
/// The default is what the `train` example uses for the built-in data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Passes over the training images: 1 to 1,000,000.
    pub epochs: usize,
    /// Images a step: 1 to 65,536.
    pub batch: usize,
    /// The learning rate that the schedule starts from.
    pub lr: f64,
    /// The part of its velocity that a parameter keeps from step to step.
    pub momentum: f64,
    /// Whether momentum is Nesterov's.
    pub nesterov: bool,
    /// L2 penalty on every trained tensor.
    pub weight_decay: f64,
    /// The part of a label that is spread over all classes.
    pub label_smoothing: f64,
    /// Epochs over which the learning rate rises to the schedule's.
    pub warmup_epochs: f64,
    /// What the order of images, their augmentation and the initial weights are drawn from.
    pub seed: u64,
    /// Whether training images are mirrored half the time.
    pub flip: bool,
    /// Crops of training images are shifted by up to this many pixels.
    pub crop_padding: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            epochs: 12,
            batch: 64,
            lr: 0.1,
            momentum: 0.9,
            nesterov: true,
            weight_decay: 5e-4,
            label_smoothing: 0.1,
            warmup_epochs: 1.0,
            seed: 0,
            flip: true,
            crop_padding: 4,
        }
    }
}

/// A number in a recipe that nothing can be trained with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} = {given} cannot be trained with; it must be {allowed}")]
pub struct RecipeError {
    /// The recipe's field.
    pub field: &'static str,
    /// Its value.
    pub given: f64,
    /// The values allowed.
    pub allowed: &'static str,
}

impl Recipe {
    /// Checks every number.
    ///
    /// # Errors
    ///
    /// The first [`RecipeError`].
    pub fn check(&self) -> Result<(), RecipeError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let epochs = |value: f64| (1.0..=1e6).contains(&value);
        let batch = |value: f64| (1.0..=65_536.0).contains(&value);
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        let at_least_0 = |value: f64| value.is_finite() && value >= 0.0;
        let rules: [(_, _, &dyn Fn(f64) -> bool, _); 7] = [
            ("epochs", self.epochs as f64, &epochs, "from 1 to 1,000,000"),
            ("batch", self.batch as f64, &batch, "from 1 to 65,536"),
            ("lr", self.lr, &positive, "a finite number above 0"),
            ("momentum", self.momentum, &fraction, "at least 0 and below 1"),
            ("weight_decay", self.weight_decay, &at_least_0, "a finite number of at least 0"),
            ("label_smoothing", self.label_smoothing, &fraction, "at least 0 and below 1"),
            ("warmup_epochs", self.warmup_epochs, &at_least_0, "a finite number of at least 0"),
        ];
        match rules.into_iter().find(|(_, given, sound, _)| !sound(*given)) {
            Some((field, given, _, allowed)) => Err(RecipeError { field, given, allowed }),
            None => Ok(()),
        }
    }

    /// What is done to training images.
    pub fn augment(&self) -> Augment {
        Augment { flip: self.flip, pad: self.crop_padding, padding: Padding::Zero }
    }
}
