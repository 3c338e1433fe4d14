//! A sweep's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regnet_core::weights;
use serde::de::DeserializeOwned;

use super::error::SweepError;
use super::manifest::{FORMAT, Manifest};
use super::trial::{Population, Trial, TrialResult};
use crate::data::rng::Rng;
use crate::metrics::{EpochMetrics, from_json_lines};
use crate::recipe::Recipe;

const MANIFEST: &str = "sweep.json";
const POPULATION: &str = "population.jsonl";

/// A population and how it is trained, in a folder; see the [module](super) for its files.
#[derive(Clone, Debug)]
pub struct Sweep {
    dir: PathBuf,
    manifest: Manifest,
    trials: Vec<Trial>,
}

impl Sweep {
    /// Writes a new sweep into a folder that is empty or not there.
    ///
    /// # Errors
    ///
    /// [`SweepError::Exists`], a recipe or a halving that does not work, and the file system's errors.
    pub fn create(dir: &Path, manifest: Manifest, trials: Vec<Trial>) -> Result<Self, SweepError> {
        manifest.recipe.check()?;
        manifest.halving.map_or(Ok(()), |halving| halving.check(manifest.recipe.epochs))?;
        Self::check_free(dir)?;
        let sweep = Self { dir: dir.to_owned(), manifest, trials };
        sweep.make_dir(&dir.join("trials"))?;
        let line = |trial| serde_json::to_string(trial).expect("a network is JSON") + "\n";
        let lines: String = sweep.trials.iter().map(line).collect();
        weights::write_whole(&dir.join(POPULATION), lines.as_bytes())?;
        // Last, because it makes the folder a sweep.
        let json = serde_json::to_string_pretty(&sweep.manifest).expect("a manifest is JSON") + "\n";
        weights::write_whole(&dir.join(MANIFEST), json.as_bytes())?;
        Ok(sweep)
    }

    /// Whether a sweep could be written into this folder.
    ///
    /// # Errors
    ///
    /// [`SweepError::Exists`].
    pub fn check_free(dir: &Path) -> Result<(), SweepError> {
        let free = match fs::read_dir(dir) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if free { Ok(()) } else { Err(SweepError::Exists { dir: dir.to_owned() }) }
    }

    /// Reads the sweep in a folder.
    ///
    /// # Errors
    ///
    /// [`SweepError::NoSweep`], and files that cannot be read.
    pub fn open(dir: &Path) -> Result<Self, SweepError> {
        let no_sweep = |reason: String| SweepError::NoSweep { dir: dir.to_owned(), reason };
        let text = fs::read_to_string(dir.join(MANIFEST))
            .map_err(|error| no_sweep(format!("cannot read {MANIFEST}: {error}")))?;
        let manifest = manifest(&text).map_err(|reason| no_sweep(format!("{MANIFEST}: {reason}")))?;
        let path = dir.join(POPULATION);
        let unreadable = |reason: String| SweepError::Read { path: path.clone(), reason };
        let lines = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        let read = |(i, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| unreadable(format!("line {}: {error}", i + 1)))
        };
        let trials = lines.lines().enumerate().map(read).collect::<Result<Vec<Trial>, _>>()?;
        if trials.len() != manifest.trials {
            let (found, expected) = (trials.len(), manifest.trials);
            return Err(unreadable(format!("it has {found} lines, and {MANIFEST} says {expected}")));
        }
        Ok(Self { dir: dir.to_owned(), manifest, trials })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What all trials have in common.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The networks, by index.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// How a trial is trained: as all are, from a seed of its own.
    pub fn recipe(&self, index: usize) -> Recipe {
        let recipe = &self.manifest.recipe;
        Recipe { seed: Rng::new(&[recipe.seed, index as u64]).next_u64(), ..recipe.clone() }
    }

    /// What became of a trial; `None` while that is open.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn result(&self, index: usize) -> Result<Option<TrialResult>, SweepError> {
        self.read_json(&self.trial_dir(index).join("result.json"))
    }

    /// The trials that ended so far.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn population(&self) -> Result<Population, SweepError> {
        let results = (0..self.trials.len()).filter_map(|index| self.result(index).transpose());
        Ok(Population { name: self.manifest.name.clone(), results: results.collect::<Result<_, _>>()? })
    }

    /// The epochs of a trial that has not ended.
    pub(crate) fn metrics(&self, index: usize) -> Result<Vec<EpochMetrics>, SweepError> {
        let path = self.trial_dir(index).join("metrics.jsonl");
        let unreadable = |reason: String| SweepError::Read { path: path.clone(), reason };
        match fs::read_to_string(&path) {
            Ok(lines) => from_json_lines(&lines).map_err(|error| unreadable(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    pub(crate) fn trial_dir(&self, index: usize) -> PathBuf {
        self.dir.join("trials").join(format!("{index:04}"))
    }

    /// What a JSON file holds; `None` where there is none.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, SweepError> {
        let unreadable = |reason: String| SweepError::Read { path: path.to_owned(), reason };
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| unreadable(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    pub(crate) fn make_dir(&self, path: &Path) -> Result<(), SweepError> {
        let failed = |source| SweepError::Io { action: "make the folder", path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)
    }
}

fn manifest(text: &str) -> Result<Manifest, String> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if format != FORMAT {
        return Err(format!("the folder's format is {format}, and this program knows {FORMAT}"));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}
