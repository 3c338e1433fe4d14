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
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use regnet_core::weights;
use serde::{Deserialize, Serialize};

use super::error::SweepError;
use super::folder::Sweep;

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
pub struct Claim {
    dir: PathBuf,
    _lock: File,
}

impl Sweep {
    /// Takes a trial; `None` where another process has it.
    pub(crate) fn claim(&self, index: usize) -> Result<Option<Claim>, SweepError> {
        let dir = self.trial_dir(index);
        self.make_dir(&dir)?;
        let path = dir.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|source| SweepError::Io { action: "open", path: path.clone(), source })?;
        for _ in 0..TRIES {
            match lock.try_lock() {
                Ok(()) => return Ok(Some(Claim { dir, _lock: lock })),
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)),
                Err(TryLockError::Error(source)) => return Err(SweepError::NoLocks { path, source }),
            }
        }
        Ok(None)
    }

    /// The process that trains a trial now.
    pub(crate) fn running(&self, index: usize) -> Result<Option<Attempt>, SweepError> {
        let dir = self.trial_dir(index);
        let Some(attempt) = self.read_json(&dir.join("attempt.json"))? else { return Ok(None) };
        let held = match File::open(dir.join("lock")) {
            Ok(lock) => matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        };
        Ok(held.then_some(attempt))
    }

    /// How often a trial crashed at `epochs` epochs, where it is now; crashes before it got there do not count.
    pub(crate) fn crashes_at(&self, index: usize, epochs: usize) -> Result<usize, SweepError> {
        let crashes = read_crashes(&self.trial_dir(index).join("crashes.jsonl"))?;
        Ok(crashes.iter().filter(|crash| crash.attempt.epochs == epochs).count())
    }
}

impl Claim {
    /// The trial's folder.
    pub(crate) fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// Writes down a crash, if the process that had the trial before left without a word.
    pub(crate) fn look_back(&self) -> Result<(), SweepError> {
        let path = self.dir.join("attempt.json");
        let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
        let attempt = serde_json::from_str(&text)
            .map_err(|error| SweepError::Read { path, reason: error.to_string() })?;
        self.crashed(attempt, "its process was killed or crashed")
    }

    /// Begins to train, at so many epochs.
    pub(crate) fn begin(&self, epochs: usize) -> Result<Attempt, SweepError> {
        let attempt = Attempt::now(epochs);
        let json = serde_json::to_vec(&attempt).expect("an attempt is JSON");
        weights::write_whole(&self.dir.join("attempt.json"), &json)?;
        Ok(attempt)
    }

    /// Writes down that an attempt crashed, and ends it.
    pub(crate) fn crashed(&self, attempt: Attempt, reason: &str) -> Result<(), SweepError> {
        let path = self.dir.join("crashes.jsonl");
        let mut crashes = read_crashes(&path)?;
        crashes.push(Crash { attempt, reason: reason.to_owned() });
        let line = |crash| serde_json::to_string(crash).expect("a crash is JSON") + "\n";
        let lines: String = crashes.iter().map(line).collect();
        weights::write_whole(&path, lines.as_bytes())?;
        self.end()
    }

    /// Ends an attempt in good order. Removing a file works on a full disk, too.
    pub(crate) fn end(&self) -> Result<(), SweepError> {
        self.remove("attempt.json")
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

fn read_crashes(path: &std::path::Path) -> Result<Vec<Crash>, SweepError> {
    let unreadable = |reason: String| SweepError::Read { path: path.to_owned(), reason };
    match fs::read_to_string(path) {
        Ok(text) => text
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|e| unreadable(e.to_string())))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(unreadable(error.to_string())),
    }
}
