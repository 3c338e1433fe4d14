//! Learning rates over time.

use std::f64::consts::PI;

use crate::recipe::Recipe;

/// The rate at the start of the warm-up, as a part of the scheduled one (pycls's default).
const WARMUP_FACTOR: f64 = 0.1;

/// A half period of a cosine from a base rate to 0 (Loshchilov and Hutter, "SGDR", 2017, without restarts),
/// times a factor that rises linearly from a tenth to 1 while warming up, as in pycls (`core/optimizer.py`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    /// The learning rate that the cosine starts from.
    pub base: f64,
    /// The epoch at which it reaches 0.
    pub epochs: f64,
    /// The epoch at which the warm-up ends; 0 for none.
    pub warmup_epochs: f64,
}

impl Cosine {
    /// The learning rate at an epoch, which may be fractional.
    pub fn at(&self, epoch: f64) -> f64 {
        let rate = self.base * 0.5 * (1.0 + (PI * epoch / self.epochs).cos());
        if epoch >= self.warmup_epochs {
            return rate;
        }
        let warmed = epoch / self.warmup_epochs;
        rate * (WARMUP_FACTOR * (1.0 - warmed) + warmed)
    }
}

impl From<&Recipe> for Cosine {
    fn from(recipe: &Recipe) -> Self {
        Self { base: recipe.lr, epochs: recipe.epochs as f64, warmup_epochs: recipe.warmup_epochs }
    }
}
