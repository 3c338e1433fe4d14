//! What can go wrong while training.

use std::io;
use std::path::PathBuf;

use regnet_core::weights::WeightsError;

use crate::data::DataError;
use crate::recipe::RecipeError;

/// Why a network could not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The recipe holds a number that nothing can be trained with.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// An image could not be read, or no batch be made.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network does not fit the data.
    #[error("the network {expected}, but the data set {data} {found}; declare the network for this data")]
    Mismatch {
        /// What the network is made for.
        expected: String,
        /// The data set's name.
        data: String,
        /// What the data set has instead.
        found: String,
    },
    /// The loss is no longer a number.
    #[error(
        "training diverged: the loss became {loss} in epoch {epoch}, step {step}, at a learning rate of {rate:.3e}; \
         lower the learning rate (try a third of it) or lengthen the warm-up"
    )]
    Diverged {
        /// The loss: infinite or not a number.
        loss: f64,
        /// The epoch, from 1.
        epoch: usize,
        /// The step in the epoch, from 1.
        step: usize,
        /// The learning rate at that step.
        rate: f64,
    },
    /// The output folder cannot be written to.
    #[error("cannot write to the output folder {}: {reason}; choose another folder", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        reason: io::Error,
    },
    /// A file of the run could not be written.
    #[error(transparent)]
    Write(#[from] WeightsError),
    /// A file of a run cannot be read back.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A run cannot be gone on with, because it was of another network, other data or another recipe.
    #[error(
        "{} is of a run with another {differs}; give the same one to go on, or start anew in another folder",
        path.display()
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// What is not the same.
        differs: &'static str,
    },
    /// The device failed.
    #[error("the device failed: {reason}; a smaller batch needs less memory")]
    Device {
        /// What it says.
        reason: String,
    },
}

impl TrainError {
    pub(crate) fn device(error: impl std::fmt::Display) -> Self {
        Self::Device { reason: error.to_string() }
    }
}
