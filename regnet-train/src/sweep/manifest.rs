//! `sweep.json`: what all trials of a sweep have in common.

use serde::{Deserialize, Serialize};

use super::error::SweepError;
use super::halving::Halving;
use super::record::digest;
use crate::data::{DataError, DataSet, Source};
use crate::digest::Digest;
use crate::recipe::Recipe;

/// The version of the folder's form that this code reads and writes.
pub const FORMAT: u32 = 2;

/// Retries unless a sweep says otherwise.
pub const RETRIES: usize = 3;

/// What all trials of a sweep have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the folder's form.
    pub format: u32,
    /// What to call the population, such as its space's name.
    pub name: String,
    /// What they are trained on.
    pub data: DataId,
    /// How each is trained; its seed is what the trials' own seeds are drawn from.
    pub recipe: Recipe,
    /// When bad ones are given up; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halving: Option<Halving>,
    /// How often a trial that crashed is tried again without getting an epoch further.
    pub retries: usize,
    /// Whether the weights of finished trials are kept.
    #[serde(default)]
    pub keep_weights: bool,
    /// The [digest](super::Trial::digest) of each network, by index: what the population is, whatever becomes of its file.
    /// [`Sweep::create`](super::Sweep::create) fills it in.
    pub networks: Vec<Digest>,
}

impl Manifest {
    /// Checks the recipe and the halving.
    ///
    /// # Errors
    ///
    /// [`SweepError::Recipe`] and [`SweepError::Halving`].
    pub fn check(&self) -> Result<(), SweepError> {
        self.recipe.check()?;
        self.halving.map_or(Ok(()), |halving| halving.check(self.recipe.epochs))
    }
}

/// A data set, and enough to notice when it has become another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataId {
    /// As [`Source`] reads it.
    pub source: String,
    /// The classes' names.
    pub classes: Vec<String>,
    /// The numbers of training and test images.
    pub images: [usize; 2],
    /// [`DataSet::fingerprint`].
    pub fingerprint: Digest,
}

impl DataId {
    /// Of a data set that was loaded from `source`.
    pub fn new(source: &Source, data: &DataSet) -> Self {
        let images = [data.train.len(), data.test.len()];
        let (classes, fingerprint) = (data.classes.clone(), data.fingerprint());
        Self { source: source.to_string(), classes, images, fingerprint }
    }

    /// Of all but where the data lies, which may be moved.
    pub(super) fn digest(&self) -> Digest {
        digest(&(&self.classes, self.images, &self.fingerprint))
    }

    /// Loads the data with square images of `size` pixels a side; the seed draws the built-in ones.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, and [`SweepError::OtherData`].
    pub fn load(&self, size: usize, seed: u64) -> Result<DataSet, SweepError> {
        let source: Source = self.source.parse().map_err(|error: DataError| error)?;
        let data = source.load(Some(size), seed)?;
        let found = Self::new(&source, &data);
        if found == *self { Ok(data) } else { Err(found.other_than(self, &data.name)) }
    }

    fn other_than(&self, expected: &Self, data: &str) -> SweepError {
        let say = |id: &Self| {
            let [train, test] = id.images;
            format!("{train} training images and {test} test images of {} classes", id.classes.len())
        };
        let (mut found, said) = (say(self), say(expected));
        if found == said {
            let names = self.classes != expected.classes;
            found =
                if names { "classes of other names" } else { "other images, or in other classes" }.to_owned();
        }
        SweepError::OtherData { data: data.to_owned(), found, expected: said }
    }
}

/// The recipe of a sweep unless it says otherwise: ten epochs of the RegNet paper's low-compute regime.
///
/// SGD with Nesterov momentum 0.9 on batches of 128, a half-period cosine from 0.1, and a weight decay of 5e-5: the
/// learning rate and decay that the paper settled on for X and Y networks (0.8 for its batches of 1024), and the batch
/// that it trains on one device. The warm-up takes the published twentieth of all epochs. No label smoothing: the
/// distributions that the paper compares are without.
pub fn low_compute() -> Recipe {
    Recipe {
        epochs: 10,
        batch: 128,
        lr: 0.1,
        weight_decay: 5e-5,
        label_smoothing: 0.0,
        warmup_epochs: 0.5,
        ..Recipe::default()
    }
}
