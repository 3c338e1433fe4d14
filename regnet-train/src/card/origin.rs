//! Whose weights a file holds.

use std::fmt;
use std::path::PathBuf;

use regnet_core::weights::{WeightFile, WeightsError};

use super::{Card, FILE};
use crate::difference::Difference;
use crate::error::TrainError;

/// Where a file of weights comes from, as far as the file and its folder tell.
///
/// The file's own metadata counts first. A `model.json` beside a file without metadata counts where the file holds
/// exactly the tensors of its network.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// What was trained; `None` where nothing tells.
    pub card: Option<Card>,
    /// What is worth telling about where that comes from.
    pub note: Option<Note>,
}

/// Something about a `model.json` beside weights that their user should know.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// It is taken for the weights' own, because they fit its network.
    Taken {
        /// The weights.
        weights: PathBuf,
        /// The `model.json`.
        card: PathBuf,
    },
    /// It is not what the weights' metadata says, which counts.
    Differs {
        /// The weights.
        weights: PathBuf,
        /// The `model.json`.
        card: PathBuf,
        /// The first field that is not the same; what the metadata says is its value now.
        difference: Difference,
    },
    /// It is not used.
    Ignored {
        /// The `model.json`.
        card: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { weights, card } => write!(
                f,
                "{} does not say what it is; {}, whose network it fits, is taken to be of it",
                weights.display(),
                card.display()
            ),
            Self::Differs { weights, card, difference: Difference { field, before, now } } => write!(
                f,
                "{} is not what the metadata of {} says, which counts: its `{field}` is {before}, not {now}",
                card.display(),
                weights.display()
            ),
            Self::Ignored { card, reason } => write!(f, "{} is not used: {reason}", card.display()),
        }
    }
}

impl Origin {
    /// Where a file comes from.
    ///
    /// # Errors
    ///
    /// [`TrainError::Read`] where the file's metadata is no sound card, and [`WeightsError::Mismatch`] where its tensors
    /// are not those of its own card's network.
    pub fn of(file: &WeightFile) -> Result<Self, TrainError> {
        let beside = file.path().with_file_name(FILE);
        match file.description() {
            Some(description) => Self::described(file, description, beside),
            None if beside.is_file() => Ok(Self::beside(file, beside)),
            None => Ok(Self { card: None, note: None }),
        }
    }

    fn described(file: &WeightFile, description: &str, beside: PathBuf) -> Result<Self, TrainError> {
        let weights = file.path().to_owned();
        let card = Card::parse(description).map_err(|reason| TrainError::Read {
            path: weights.clone(),
            reason: format!("in its metadata: {reason}"),
        })?;
        file.check(card.spec())?;
        // Of a `model.json` that cannot be read nothing is needed.
        let other = Card::read(&beside).ok();
        let difference = other.and_then(|other| card.difference(&other));
        let note = difference.map(|difference| Note::Differs { weights, card: beside, difference });
        Ok(Self { note, card: Some(card) })
    }

    fn beside(file: &WeightFile, beside: PathBuf) -> Self {
        let ignored =
            |reason: String| Self { card: None, note: Some(Note::Ignored { card: beside.clone(), reason }) };
        let card = match Card::read(&beside) {
            Ok(card) => card,
            Err(TrainError::Read { reason, .. }) => return ignored(reason),
            Err(error) => return ignored(error.to_string()),
        };
        match file.check(card.spec()) {
            Ok(()) => {
                let note = Note::Taken { weights: file.path().to_owned(), card: beside };
                Self { card: Some(card), note: Some(note) }
            }
            Err(WeightsError::Mismatch { .. }) => {
                ignored(format!("{} holds other tensors than its network's", file.path().display()))
            }
            Err(error) => ignored(error.to_string()),
        }
    }
}
