//! What can go wrong while training.

use std::io;
use std::path::PathBuf;

use regnet_core::weights::WeightsError;

use crate::data::DataError;
use crate::difference::Difference;
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
    /// The gradient of a batch is not finite, though its loss is; nothing was learnt from the batch.
    #[error("the gradient is infinite or not a number at a loss of {loss}; lower the learning rate")]
    Gradient {
        /// The loss.
        loss: f64,
    },
    /// The loss or its gradient is no longer finite.
    #[error(
        "training diverged: {} in epoch {epoch}, step {step}, at a learning rate of {rate:.3e}; \
         lower the learning rate (try a third of it) or lengthen the warm-up",
        if loss.is_finite() { "the gradient overflowed".to_owned() } else { format!("the loss became {loss}") }
    )]
    Diverged {
        /// The loss: infinite or not a number, unless it is the gradient or a weight that is.
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
    /// Another process trains into the folder.
    #[error("another process is training into {}; choose another folder, or wait for it to end", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds an earlier run, which is not written over unasked.
    #[error(
        "{} holds {} overwrite it, or choose another folder",
        path.display(),
        if *finished { "a finished run;" } else { "an interrupted run; resume it," },
    )]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// Whether that run came to its end.
        finished: bool,
    },
    /// The training was told to stop; a checkpoint was written before.
    #[error("stopped in epoch {epoch} after step {step} of {steps}; to go on, resume the run in {}", path.display())]
    Stopped {
        /// The run's folder.
        path: PathBuf,
        /// The epoch, from 1.
        epoch: usize,
        /// Steps of the epoch that are done.
        step: usize,
        /// Steps of an epoch.
        steps: usize,
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
    #[error("{} is of another run: {difference}; give the same to resume it, or choose another folder", path.display())]
    OtherRun {
        /// The checkpoint or card.
        path: PathBuf,
        /// The first thing that is not the same.
        difference: Box<Difference>,
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
