//! A sweep's folder.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use regnet_core::weights;
use serde::de::DeserializeOwned;

use super::bad_file::{BadFile, Owner, Problem};
use super::error::SweepError;
use super::manifest::{FORMAT, Manifest};
use super::record::{Contents, Fingerprint, Record, digest};
use super::trial::{Ended, Outcome, Population, Progress, Trial, TrialResult};
use crate::data::rng::Rng;
use crate::digest::Digest;
use crate::metrics::EpochMetrics;
use crate::recipe::Recipe;

const MANIFEST: &str = "sweep.json";
pub(super) const TRIALS: &str = "trials";
pub(super) const POPULATION: &str = "population.jsonl";
pub(super) const RESULT: &str = "result.json";
pub(super) const PROGRESS: &str = "progress.json";

/// The most bytes of a file of text. A result of 100,000 epochs has 25 MB.
const MOST_BYTES: u64 = 1 << 28;

/// A population and how it is trained, in a folder; see the [module](super) for its files.
#[derive(Clone, Debug)]
pub struct Sweep {
    dir: PathBuf,
    manifest: Manifest,
    /// By index; `None` where the population's file no longer holds it.
    trials: Vec<Option<Trial>>,
}

impl Sweep {
    /// Writes a new sweep into a folder that is empty or not there.
    ///
    /// # Errors
    ///
    /// [`SweepError::Exists`], a recipe or a halving that does not work, and the file system's errors.
    pub fn create(dir: &Path, manifest: Manifest, trials: Vec<Trial>) -> Result<Self, SweepError> {
        let manifest = Manifest { networks: trials.iter().map(Trial::digest).collect(), ..manifest };
        manifest.check()?;
        Self::check_free(dir)?;
        let path = dir.join(TRIALS);
        let made = fs::create_dir_all(&path);
        made.map_err(|source| SweepError::Io { action: "make the folder", path, source })?;
        let line = |trial| serde_json::to_string(trial).expect("a network is JSON") + "\n";
        let lines: String = trials.iter().map(line).collect();
        weights::write_whole(&dir.join(POPULATION), lines.as_bytes())?;
        // Last, because it makes the folder a sweep.
        let json = serde_json::to_string_pretty(&manifest).expect("a manifest is JSON") + "\n";
        weights::write_whole(&dir.join(MANIFEST), json.as_bytes())?;
        Ok(Self { dir: dir.to_owned(), manifest, trials: trials.into_iter().map(Some).collect() })
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

    /// Reads the sweep in a folder. A network whose line of the population is gone or was changed concerns that trial only.
    ///
    /// # Errors
    ///
    /// [`SweepError::NoSweep`], and a population that cannot be read at all.
    pub fn open(dir: &Path) -> Result<Self, SweepError> {
        let no_sweep = |reason: String| SweepError::NoSweep { dir: dir.to_owned(), reason };
        let read = |name: &str| match text(dir, name.as_ref()) {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(no_sweep(format!("there is no {name}"))),
            Err(bad) => Err(no_sweep(bad.to_string())),
        };
        let manifest =
            manifest(&read(MANIFEST)?).map_err(|reason| no_sweep(format!("{MANIFEST}: {reason}")))?;
        if fs::metadata(dir.join(TRIALS)).is_ok_and(|trials| !trials.is_dir()) {
            return Err(no_sweep(format!("{TRIALS} is no folder")));
        }
        let lines = read(POPULATION)?;
        let trials = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
        let trials: HashMap<Digest, Trial> = trials.map(|trial: Trial| (trial.digest(), trial)).collect();
        let trials = manifest.networks.iter().map(|digest| trials.get(digest).cloned()).collect();
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

    /// How many networks there are.
    pub fn networks(&self) -> usize {
        self.trials.len()
    }

    /// A network, by its index.
    ///
    /// # Errors
    ///
    /// Its line of the population is gone or was changed.
    pub fn trial(&self, index: usize) -> Result<&Trial, BadFile> {
        let gone = || BadFile { path: POPULATION.into(), problem: Problem::NoNetwork(index) };
        self.trials[index].as_ref().ok_or_else(gone)
    }

    /// The networks of the population that are as they were when the sweep was made.
    pub(crate) fn sound_trials(&self) -> impl Iterator<Item = (usize, &Trial)> {
        self.trials.iter().enumerate().filter_map(|(index, trial)| Some((index, trial.as_ref()?)))
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
    /// A file that is not of this trial as the sweep has it now, or not as it was written.
    pub fn result(&self, index: usize) -> Result<Option<TrialResult>, BadFile> {
        Ok(self.ended(index)?.map(|ended| ended.result))
    }

    /// The trials that ended so far. Those with a bad file are [left out](Population::left_out).
    pub fn population(&self) -> Population {
        let (mut results, mut left_out) = (Vec::new(), Vec::new());
        for index in 0..self.networks() {
            match self.trial(index).and_then(|_| self.result(index)) {
                Ok(result) => results.extend(result),
                Err(bad) => left_out.push(bad),
            }
        }
        Population { name: self.manifest.name.clone(), networks: self.networks(), results, left_out }
    }

    /// Writes what became of a trial.
    ///
    /// # Errors
    ///
    /// A folder that cannot be written to.
    pub fn record(&self, result: &TrialResult) -> Result<(), SweepError> {
        let dir = self.trial_dir(result.index);
        self.make_dir(&dir)?;
        let ended = Ended { result: result.clone(), weights: None };
        Ok(weights::write_whole(&dir.join(RESULT), &self.result_bytes(&ended))?)
    }

    /// How a trial ended, without weights.
    pub(super) fn ending(
        &self,
        index: usize,
        outcome: Outcome,
        epochs: Vec<EpochMetrics>,
    ) -> Result<Ended, BadFile> {
        let trial = self.trial(index)?.clone();
        Ok(Ended { result: TrialResult { index, trial, outcome, epochs }, weights: None })
    }

    pub(super) fn result_bytes(&self, ended: &Ended) -> Vec<u8> {
        Record::to_bytes(ended, self.fingerprint(ended.result.index))
    }

    pub(super) fn progress_bytes(&self, progress: &Progress) -> Vec<u8> {
        Record::to_bytes(progress, self.fingerprint(progress.index))
    }

    pub(super) fn ended(&self, index: usize) -> Result<Option<Ended>, BadFile> {
        self.read_record(&self.file(index, RESULT), Owner::Network(index), || self.fingerprint(index))
    }

    /// The epochs of a trial so far: those of its result, or those that it has come to.
    pub(crate) fn history(&self, index: usize) -> Result<Vec<EpochMetrics>, BadFile> {
        match self.result(index)? {
            Some(result) => Ok(result.epochs),
            None => self.progress(index),
        }
    }

    /// The epochs that a trial which has not ended has come to.
    pub(super) fn progress(&self, index: usize) -> Result<Vec<EpochMetrics>, BadFile> {
        let (file, owner) = (self.file(index, PROGRESS), Owner::Network(index));
        let progress: Option<Progress> = self.read_record(&file, owner, || self.fingerprint(index))?;
        Ok(progress.map_or_else(Vec::new, |progress| progress.epochs))
    }

    /// What a trial's files are made of.
    fn fingerprint(&self, index: usize) -> Fingerprint {
        Fingerprint {
            network: self.manifest.networks[index],
            recipe: digest(&self.recipe(index)),
            data: self.manifest.data.digest(),
        }
    }

    /// A file of a trial, from the sweep's folder on.
    pub(super) fn file(&self, index: usize, name: &str) -> PathBuf {
        trial_dir(index).join(name)
    }

    pub(crate) fn trial_dir(&self, index: usize) -> PathBuf {
        self.dir.join(trial_dir(index))
    }

    /// What a file of the folder holds; `None` where there is none.
    pub(super) fn read_record<T: Contents>(
        &self,
        file: &Path,
        owner: Owner,
        expected: impl FnOnce() -> Fingerprint,
    ) -> Result<Option<T>, BadFile> {
        let Some(text) = text(&self.dir, file)? else { return Ok(None) };
        let record = Record::read(&text, owner, &expected(), self);
        record.map(Some).map_err(|problem| BadFile { path: file.to_owned(), problem })
    }

    /// The bytes of a file of tensors; `None` where there is none.
    pub(super) fn bytes(&self, file: &Path) -> Result<Option<Vec<u8>>, BadFile> {
        bytes(&self.dir, file, u64::MAX)
    }

    /// The lines of JSON that a file of the folder holds; none where there is no such file.
    pub(super) fn read_json<T: DeserializeOwned>(&self, file: &Path) -> Result<Vec<T>, BadFile> {
        let Some(text) = text(&self.dir, file)? else { return Ok(Vec::new()) };
        let damaged = |error: serde_json::Error| Problem::Damaged(error.to_string());
        let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        lines.map_err(|error| BadFile { path: file.to_owned(), problem: damaged(error) })
    }

    /// Makes a folder inside the sweep's. The sweep's own is never made anew: where it was moved away, what is trained
    /// would otherwise go where nobody looks.
    pub(crate) fn make_dir(&self, path: &Path) -> Result<(), SweepError> {
        if !self.dir.join(MANIFEST).exists() {
            let reason = "it was moved or removed while it was worked on".to_owned();
            return Err(SweepError::NoSweep { dir: self.dir.clone(), reason });
        }
        let failed = |source| SweepError::Io { action: "make the folder", path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)
    }
}

/// A trial's folder, from the sweep's on.
fn trial_dir(index: usize) -> PathBuf {
    Path::new(TRIALS).join(format!("{index:04}"))
}

/// The text of a file; `None` where there is none.
fn text(dir: &Path, file: &Path) -> Result<Option<String>, BadFile> {
    let Some(bytes) = bytes(dir, file, MOST_BYTES)? else { return Ok(None) };
    let damaged = |error: std::string::FromUtf8Error| Problem::Damaged(error.to_string());
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| BadFile { path: file.to_owned(), problem: damaged(error) })
}

/// The bytes of a file; `None` where there is none. A pipe would be waited for, and a device may have no end.
fn bytes(dir: &Path, file: &Path, most: u64) -> Result<Option<Vec<u8>>, BadFile> {
    let path = dir.join(file);
    let read = || -> io::Result<Result<Vec<u8>, Problem>> {
        if !fs::metadata(&path)?.is_file() {
            return Ok(Err(Problem::Unreadable("it is no file".to_owned())));
        }
        let mut bytes = Vec::new();
        fs::File::open(&path)?.take(most).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == most {
            return Ok(Err(Problem::Damaged(format!("it has {most} bytes or more"))));
        }
        Ok(Ok(bytes))
    };
    let problem = match read() {
        Ok(Ok(bytes)) => return Ok(Some(bytes)),
        Ok(Err(problem)) => problem,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Problem::Unreadable(error.to_string()),
    };
    Err(BadFile { path: file.to_owned(), problem })
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
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| error.to_string())?;
    manifest.check().map_err(|error| error.to_string())?;
    Ok(manifest)
}
