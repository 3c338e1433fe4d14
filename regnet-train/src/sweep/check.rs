//! Looking for bad files, and setting them aside.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::bad_file::{BadFile, Part, Problem};
use super::claim::{ATTEMPT, CRASHES, LOCK, temporaries};
use super::error::SweepError;
use super::folder::{PROGRESS, RESULT, Sweep, TRIALS};
use super::halving::RUNGS;
use super::run_trial::{CARD, WEIGHTS};
use super::trial::Trial;
use crate::checkpoint;
use crate::digest::Digest;
use crate::spec::Spec;

/// Where bad files go.
const ASIDE: &str = "set-aside";

/// What became of a file that was to be set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetAside {
    /// It is there now, from the sweep's folder on.
    Moved(PathBuf),
    /// A process trains its network.
    InUse,
    /// The sweep cannot do without it: it has to be restored by hand.
    Needed,
}

impl Sweep {
    /// Everything that is wrong with the files of the sweep, trial by trial. What a running process is at is not looked at.
    pub fn check(&self) -> Vec<BadFile> {
        let mut bad: Vec<BadFile> = (0..self.networks()).flat_map(|index| self.check_trial(index)).collect();
        bad.extend(self.foreign_trials());
        bad.extend(self.check_rungs());
        bad.extend(self.slurm_job().err());
        if (0..self.networks()).all(|index| !self.is_claimed(index)) {
            for folder in ["", RUNGS] {
                bad.extend(self.temporaries(folder.as_ref()));
            }
        }
        bad
    }

    /// Everything that is wrong with the files of a trial.
    pub fn check_trial(&self, index: usize) -> Vec<BadFile> {
        let folder = self.trial_dir(index);
        if folder.exists() && !folder.is_dir() {
            let path = self.file(index, "").components().collect();
            return vec![BadFile { path, problem: Problem::Unreadable("it is no folder".to_owned()) }];
        }
        let mut bad: Vec<BadFile> = self.trial(index).err().into_iter().collect();
        bad.extend(self.check_lock(index).err());
        let claimed = self.is_claimed(index);
        match self.ended(index) {
            Ok(Some(ended)) => {
                bad.extend(ended.weights.and_then(|digest| self.check_weights(index, digest).err()));
                bad.extend(self.leftovers(index).into_iter().filter(|_| !claimed));
            }
            ended => {
                bad.extend(ended.err());
                bad.extend(self.progress(index).err());
                bad.extend(self.check_checkpoint(index).err().filter(|_| !claimed));
                match self.attempt(index) {
                    Ok(attempt) => bad.extend(attempt.filter(|_| !claimed).map(|attempt| BadFile {
                        path: self.file(index, ATTEMPT),
                        problem: Problem::Abandoned(format!("{}:{}", attempt.host, attempt.pid)),
                    })),
                    Err(unreadable) => bad.push(unreadable),
                }
                bad.extend(self.temporaries(&self.file(index, "")).into_iter().filter(|_| !claimed));
            }
        }
        bad.extend(self.crashes(index).err());
        bad.extend(self.foreign_files(index));
        bad
    }

    /// Whether a trial can go on from its checkpoint, if it has one.
    pub(super) fn check_checkpoint(&self, index: usize) -> Result<(), BadFile> {
        let file = self.file(index, checkpoint::FILE);
        let Some(bytes) = self.bytes(&file)? else { return Ok(()) };
        let bad = |problem| Err(BadFile { path: file.clone(), problem });
        let card = match checkpoint::card(&bytes) {
            Ok(card) => card,
            Err(reason) => return bad(Problem::Damaged(reason)),
        };
        let data = &self.manifest().data;
        let same_data = card.classes == data.classes && card.fingerprint == Some(data.fingerprint);
        let trial = Trial { network: Spec(card.spec().clone()), input: card.input };
        let parts = [
            (trial.digest() == self.manifest().networks[index], Part::Network),
            (card.recipe == self.recipe(index), Part::Recipe),
            (same_data, Part::Data),
        ];
        parts.into_iter().find(|(same, _)| !same).map_or(Ok(()), |(_, part)| bad(Problem::Stale(part)))
    }

    fn check_weights(&self, index: usize, digest: Digest) -> Result<(), BadFile> {
        let path = self.file(index, WEIGHTS);
        match self.bytes(&path)? {
            Some(bytes) if Digest::of(&bytes) == digest => Ok(()),
            _ => Err(BadFile { path, problem: Problem::OtherWeights }),
        }
    }

    /// What training left of a trial that has ended.
    pub(super) fn leftovers(&self, index: usize) -> Vec<BadFile> {
        let files = [checkpoint::FILE, PROGRESS, ATTEMPT].map(|name| self.file(index, name));
        let there = files.into_iter().filter(|file| self.dir().join(file).exists());
        let needless = there.map(|path| BadFile { path, problem: Problem::Needless });
        needless.chain(self.temporaries(&self.file(index, ""))).collect()
    }

    fn temporaries(&self, folder: &Path) -> Vec<BadFile> {
        let bad = |name| BadFile { path: folder.join(name), problem: Problem::Temporary };
        temporaries(&self.dir().join(folder)).into_iter().map(bad).collect()
    }

    fn check_rungs(&self) -> Vec<BadFile> {
        let mut bad: Vec<BadFile> =
            (1..=self.rungs().len()).filter_map(|rung| self.decision(rung).err()).collect();
        let known = (1..=self.rungs().len()).map(|rung| format!("{rung}.json")).collect();
        bad.extend(self.foreign(RUNGS.as_ref(), &known));
        bad
    }

    fn foreign_trials(&self) -> Vec<BadFile> {
        let known = (0..self.networks()).map(|index| format!("{index:04}")).collect();
        self.foreign(TRIALS.as_ref(), &known)
    }

    fn foreign_files(&self, index: usize) -> Vec<BadFile> {
        let known = [LOCK, ATTEMPT, CRASHES, PROGRESS, RESULT, checkpoint::FILE, CARD, WEIGHTS];
        self.foreign(&self.file(index, ""), &known.map(str::to_owned).into())
    }

    /// What a folder holds that is not known there. Names that begin with a dot are temporary files, or a file system's.
    fn foreign(&self, folder: &Path, known: &HashSet<String>) -> Vec<BadFile> {
        let entries = fs::read_dir(self.dir().join(folder)).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name());
        let is_foreign = |name: &str| !known.contains(name) && !name.starts_with('.');
        let mut foreign: Vec<PathBuf> =
            names.filter(|name| name.to_str().is_none_or(is_foreign)).map(|name| folder.join(name)).collect();
        foreign.sort_unstable();
        foreign.into_iter().map(|path| BadFile { path, problem: Problem::Foreign }).collect()
    }

    /// Moves a bad file into the folder `set-aside`, under its own path; with a result go its weights. Nothing is ever
    /// deleted or written over.
    ///
    /// # Errors
    ///
    /// A folder that cannot be written to.
    pub fn set_aside(&self, bad: &BadFile) -> Result<SetAside, SweepError> {
        if matches!(bad.problem, Problem::NoNetwork(_)) {
            return Ok(SetAside::Needed);
        }
        // Held until the end. A lock that is no file cannot be held.
        let claim = match self.trial_of(&bad.path).filter(|_| !bad.path.ends_with(LOCK)) {
            Some(index) => Some(self.claim(index)?),
            None => None,
        };
        if claim.as_ref().is_some_and(Option::is_none) {
            return Ok(SetAside::InUse);
        }
        let with_result = [RESULT, WEIGHTS].iter().any(|name| bad.path.ends_with(name));
        let with: &[&str] = if with_result { &[RESULT, WEIGHTS, CARD] } else { &[] };
        for name in with {
            let path = bad.path.with_file_name(name);
            if path != bad.path && self.dir().join(&path).exists() {
                self.move_aside(&path)?;
            }
        }
        // Weights that are not there leave only their result to move.
        if fs::symlink_metadata(self.dir().join(&bad.path)).is_err() {
            return Ok(SetAside::Moved(Path::new(ASIDE).join(bad.path.with_file_name(RESULT))));
        }
        Ok(SetAside::Moved(self.move_aside(&bad.path)?))
    }

    /// The trial whose folder a file lies in.
    fn trial_of(&self, path: &Path) -> Option<usize> {
        let folder = path.strip_prefix(TRIALS).ok()?.parent()?;
        (0..self.networks()).find(|index| folder == Path::new(&format!("{index:04}")))
    }

    fn move_aside(&self, path: &Path) -> Result<PathBuf, SweepError> {
        let free = |path: &PathBuf| fs::symlink_metadata(self.dir().join(path)).is_err();
        let numbered = |i: usize| match i {
            1 => Path::new(ASIDE).join(path),
            i => Path::new(ASIDE).join(format!("{}.{i}", path.display())),
        };
        let to = (1..).map(numbered).find(free).unwrap_or_default();
        if let Some(folder) = to.parent() {
            self.make_dir(&self.dir().join(folder))?;
        }
        let from = self.dir().join(path);
        match fs::rename(&from, self.dir().join(&to)) {
            Ok(()) => Ok(to),
            Err(source) => Err(SweepError::Io { action: "set aside", path: from, source }),
        }
    }
}
