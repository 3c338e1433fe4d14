//! Who trains a trial, and how often it was tried.
//!
//! A process trains a trial while it holds the lock on `trials/NNNN/lock`. The operating system releases the lock when
//! the process ends, in whatever way, so that nothing has to be cleaned up after a kill or a power cut. `attempt.json`
//! is there while the trial is trained; one that is found by the next process tells of a crash.
//!
//! Locks are those of `flock(2)`. Over NFS, Linux asks the server for a lock of the whole file, so they hold between
//! machines, and the server releases a dead machine's when its lease ends (a minute or two). They do not hold between
//! machines where a file system is mounted with `nolock` or `local_lock=flock`: give each machine a shard of its own
//! there. Lustre has to be mounted with `flock`; without, taking a lock is an error.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use regnet_core::weights;
use serde::{Deserialize, Serialize};

use super::bad_file::{BadFile, Problem};
use super::error::SweepError;
use super::folder::Sweep;

pub(super) const LOCK: &str = "lock";
pub(super) const ATTEMPT: &str = "attempt.json";
pub(super) const CRASHES: &str = "crashes.jsonl";

/// How often taking a lock is tried. Who only looks at a trial holds its lock for a moment.
const TRIES: usize = 3;

/// A process on a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// Epochs that were trained before.
    pub epochs: usize,
}

impl Attempt {
    fn now(epochs: usize) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            started: since.map_or(0, |time| time.as_secs()),
            epochs,
        }
    }
}

/// A process that did not get to the end of a trial: a line of `crashes.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// The process.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// What is known of how it ended.
    pub reason: String,
}

/// The right to train a trial, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Claim<'a> {
    sweep: &'a Sweep,
    index: usize,
    dir: PathBuf,
    _lock: File,
}

impl Sweep {
    /// Takes a trial; `None` where another process has it.
    pub(crate) fn claim(&self, index: usize) -> Result<Option<Claim<'_>>, SweepError> {
        let dir = self.trial_dir(index);
        self.make_dir(&dir)?;
        self.check_lock(index)?;
        let path = dir.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|source| SweepError::Io { action: "open", path: path.clone(), source })?;
        for _ in 0..TRIES {
            match lock.try_lock() {
                Ok(()) => return Ok(Some(Claim { sweep: self, index, dir, _lock: lock })),
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)),
                Err(TryLockError::Error(source)) => return Err(SweepError::NoLocks { path, source }),
            }
        }
        Ok(None)
    }

    /// Whether a process trains a trial now.
    pub(super) fn is_claimed(&self, index: usize) -> bool {
        let path = self.trial_dir(index).join(LOCK);
        // To open a pipe would be to wait.
        let lock = path.is_file().then(|| File::open(path));
        matches!(lock, Some(Ok(lock)) if matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Whether the lock of a trial, if it has one, is a file.
    pub(super) fn check_lock(&self, index: usize) -> Result<(), BadFile> {
        let path = self.file(index, LOCK);
        match fs::metadata(self.dir().join(&path)) {
            Ok(lock) if !lock.is_file() => {
                Err(BadFile { path, problem: Problem::Unreadable("it is no file".to_owned()) })
            }
            _ => Ok(()),
        }
    }

    /// The process that was last seen to train a trial; it may be gone.
    pub(super) fn attempt(&self, index: usize) -> Result<Option<Attempt>, BadFile> {
        Ok(self.read_json(&self.file(index, ATTEMPT))?.pop())
    }

    /// The process that trains a trial now.
    pub(crate) fn running(&self, index: usize) -> Result<Option<Attempt>, BadFile> {
        let attempt = self.attempt(index)?;
        Ok(attempt.filter(|_| self.is_claimed(index)))
    }

    /// How often a trial crashed at `epochs` epochs, where it is now; crashes before it got there do not count.
    pub(crate) fn crashes_at(&self, index: usize, epochs: usize) -> Result<usize, BadFile> {
        Ok(self.crashes(index)?.iter().filter(|crash| crash.attempt.epochs == epochs).count())
    }

    pub(super) fn crashes(&self, index: usize) -> Result<Vec<Crash>, BadFile> {
        self.read_json(&self.file(index, CRASHES))
    }
}

impl Claim<'_> {
    /// The trial's folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes what writes that were killed have left.
    pub(crate) fn clean(&self) -> Result<(), SweepError> {
        temporaries(&self.dir).iter().try_for_each(|name| self.remove(name))
    }

    /// Writes down a crash, if the process that had the trial before left without a word.
    pub(crate) fn look_back(&self) -> Result<(), SweepError> {
        match self.sweep.attempt(self.index)? {
            Some(attempt) => self.crashed(attempt, "its process was killed or crashed"),
            None => Ok(()),
        }
    }

    /// Begins to train, at so many epochs.
    pub(crate) fn begin(&self, epochs: usize) -> Result<Attempt, SweepError> {
        let attempt = Attempt::now(epochs);
        let json = serde_json::to_vec(&attempt).expect("an attempt is JSON");
        weights::write_whole(&self.dir.join(ATTEMPT), &json)?;
        Ok(attempt)
    }

    /// Writes down that an attempt crashed, and ends it.
    pub(crate) fn crashed(&self, attempt: Attempt, reason: &str) -> Result<(), SweepError> {
        let mut crashes = self.sweep.crashes(self.index)?;
        crashes.push(Crash { attempt, reason: reason.to_owned() });
        let line = |crash| serde_json::to_string(crash).expect("a crash is JSON") + "\n";
        let lines: String = crashes.iter().map(line).collect();
        self.write(CRASHES, lines.as_bytes())?;
        self.end()
    }

    /// Ends an attempt in good order. Removing a file works on a full disk, too.
    pub(crate) fn end(&self) -> Result<(), SweepError> {
        self.remove(ATTEMPT)
    }

    /// Writes a file of the trial, whole.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), SweepError> {
        Ok(weights::write_whole(&self.dir.join(name), bytes)?)
    }

    /// Removes a file of the trial, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), SweepError> {
        let path = self.dir.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(SweepError::Io { action: "remove", path, source })
            }
            _ => Ok(()),
        }
    }
}

/// The files of a folder that [`weights::write_whole`] had not yet given their names.
pub(super) fn temporaries(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(".tmp")).collect();
    names.sort_unstable();
    names
}
