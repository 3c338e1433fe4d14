//! Why there is no report.

use std::io;
use std::path::PathBuf;

use regnet_core::weights::WeightsError;
use regnet_space::SpecError;

use super::left_out::LeftOut;

/// What can be wrong with a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is nothing to report on.
    #[error("there are no populations to report on; name at least one")]
    NoPopulations,
    /// No trial of a population has ended.
    #[error(
        "no trial of {population} has ended{}; run the sweep first, or leave it out",
        if left_out.bad.is_empty() { " yet".to_owned() } else { format!(" with a result that can be used: {left_out}\n") }
    )]
    NoTrials {
        /// The population.
        population: String,
        /// What it has instead.
        left_out: LeftOut,
    },
    /// A network that does not take its images.
    #[error("trial {index} of {population} cannot be read: {reason}")]
    Trial {
        /// The population.
        population: String,
        /// The trial's index.
        index: usize,
        /// What is wrong with it.
        reason: SpecError,
    },
    /// The folder for the pictures and tables cannot be made.
    #[error("cannot make the folder {}: {reason}; choose another place", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        reason: io::Error,
    },
    /// A file of the report could not be written.
    #[error(transparent)]
    Write(#[from] WeightsError),
}
