//! What can go wrong with a sweep.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use regnet_core::weights::WeightsError;

use super::bad_file::BadFile;
use crate::data::DataError;
use crate::error::TrainError;
use crate::recipe::RecipeError;

/// Why a sweep cannot be made, run or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The folder is taken.
    #[error("{} is not empty: a sweep is never written over; choose another folder, or remove that one", dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder holds no sweep.
    #[error("{} holds no sweep: {reason}; `regnet sweep init` makes one", dir.display())]
    NoSweep {
        /// The folder.
        dir: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// Lines of a population that are no trials of this sweep; all of them.
    #[error("{}", lines(.0))]
    Specs(Vec<LineError>),
    /// A population of nobody.
    #[error("the population is empty: give a network a line")]
    NoSpecs,
    /// A file that is not used; the trials of other files are not concerned.
    #[error(
        "{0}; `regnet sweep check --repair` sets bad files aside, so that their networks are trained again"
    )]
    BadFile(#[from] BadFile),
    /// The file system refused.
    #[error("cannot {action} {}: {source}; what was finished before is safe, run the sweep again to go on", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file system has no locks, so that processes could train the same trial.
    #[error(
        "cannot lock {}: {source}; this file system has no locks, so keep the sweep on another one, such as a local disk",
        path.display()
    )]
    NoLocks {
        /// The lock's file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The data is no longer what the sweep was made for.
    #[error(
        "the data set {data} has {found}, but the sweep was made for {expected}; restore it, or make another sweep"
    )]
    OtherData {
        /// The data set's name.
        data: String,
        /// What it has now.
        found: String,
        /// What it had.
        expected: String,
    },
    /// A halving that halves nothing.
    #[error("{reason}")]
    Halving {
        /// What is wrong with its numbers and what is allowed.
        reason: String,
    },
    /// Trials that crashed again and again.
    #[error("{}", failed(.trials, *.attempts))]
    Failed {
        /// Their indices.
        trials: Vec<usize>,
        /// How often each was tried without getting an epoch further.
        attempts: usize,
    },
    /// A process of the run ended with an error, which it has said itself.
    #[error(
        "a process of the run ended with an error; what was finished before is safe, run the sweep again to go on"
    )]
    Worker,
    /// Processes of the run die before they begin.
    #[error(
        "{count} processes in a row ended ({how}) before they trained anything; is there enough memory for --jobs?"
    )]
    Startup {
        /// How many.
        count: usize,
        /// How the last one ended.
        how: String,
    },
    /// SLURM refused, or is not here.
    #[error("{program} failed: {reason}")]
    Slurm {
        /// The program that was called.
        program: &'static str,
        /// What it said.
        reason: String,
    },
    /// A recipe that nothing can be trained with.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training failed for a reason that is not the network's.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A file could not be written.
    #[error("{0}; what was finished before is safe, run the sweep again to go on")]
    Write(#[from] WeightsError),
}

/// One line of a population that is no trial.
#[derive(Clone, Debug, PartialEq)]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// How many bad lines an error spells out; a file of another kind has as many as it has lines.
const LISTED: usize = 20;

fn lines(errors: &[LineError]) -> String {
    let mut text = String::new();
    for LineError { line, reason } in errors.iter().take(LISTED) {
        let between = if text.is_empty() { "" } else { "\n       " };
        let _ = write!(text, "{between}line {line}: {reason}");
    }
    if errors.len() > LISTED {
        let _ = write!(text, "\n       and {} more", errors.len() - LISTED);
    }
    text
}

fn failed(trials: &[usize], attempts: usize) -> String {
    let list = trials.iter().take(LISTED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if trials.len() > LISTED { ", ..." } else { "" };
    let (what, each) = if trials.len() == 1 { ("trial", "") } else { ("trials", " each") };
    format!(
        "{} {what} crashed {attempts} times{each} without getting an epoch further: {list}{more}; `crashes.jsonl` in a \
         trial's folder says how, and a higher --retries tries again",
        trials.len()
    )
}
