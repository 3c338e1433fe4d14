//! What can be wrong with a file of a sweep. It concerns the trial that the file is of, and no other.

use std::fmt;
use std::path::PathBuf;

use regnet_space::text::printable;

/// A file of a sweep that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", printable(&path.display().to_string()), printable(&problem.to_string()))]
pub struct BadFile {
    /// The file, from the sweep's folder on.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

impl BadFile {
    /// Whether its trial is left out because of it. Other files are in nobody's way.
    pub fn leaves_out(&self) -> bool {
        let harmless = matches!(
            self.problem,
            Problem::Foreign
                | Problem::OtherWeights
                | Problem::Temporary
                | Problem::Abandoned(_)
                | Problem::Needless
        );
        !harmless
    }
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file system does not give it.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Cut short, or never what it should be.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Copied from another place.
    #[error("it belongs to {0}")]
    Misplaced(Owner),
    /// Made before `sweep.json` was changed, or copied from another sweep.
    #[error("it was made with another {0} than `sweep.json` says")]
    Stale(Part),
    /// A number that cannot be.
    #[error("{0}")]
    OutOfRange(String),
    /// Its checksum is another.
    #[error("it was changed after it was written")]
    Changed,
    /// A line of the population is gone or was changed.
    #[error(
        "no line of it is network {0} as the sweep was made with; restore the file, or make another sweep"
    )]
    NoNetwork(usize),
    /// Nothing of the sweep.
    #[error("it is of no network of this sweep")]
    Foreign,
    /// The weights that a result is of are not there.
    #[error("they are not the weights that `result.json` is of")]
    OtherWeights,
    /// A write that was killed left it.
    #[error("a write that was killed left it")]
    Temporary,
    /// A process that was killed left it.
    #[error("the process that trained the network, {0}, is gone")]
    Abandoned(String),
    /// Only training further needed it.
    #[error("the network has ended, so that it is of no use any more")]
    Needless,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A trial, by its index.
    Network(usize),
    /// The rung after so many epochs.
    Rung(usize),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(index) => write!(f, "network {index}"),
            Self::Rung(epochs) => write!(f, "the rung after epoch {epochs}"),
        }
    }
}

/// What a trial is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The network, or a rung's networks.
    Network,
    /// How it is trained, its seed and the rungs included.
    Recipe,
    /// What it is trained on.
    Data,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Recipe => "recipe",
            Self::Data => "data set",
        })
    }
}
