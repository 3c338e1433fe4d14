//! Runs that came to their end.

use regnet_core::text_file;

use crate::card::Card;
use crate::error::TrainError;
use crate::limits::RECORDS;
use crate::metrics::{EpochMetrics, from_json_lines};
use crate::run_folder::{self, RunFolder};

/// The epochs of the run that ended in this folder, which has to be the one that `card` describes.
pub(crate) fn finished(card: &Card, folder: &RunFolder) -> Result<Vec<EpochMetrics>, TrainError> {
    let path = folder.path(run_folder::CARD);
    if let Some(difference) = card.difference(&Card::read(&path)?) {
        return Err(TrainError::OtherRun { path, difference: Box::new(difference) });
    }
    let path = folder.path(run_folder::METRICS);
    let unreadable = |reason: String| TrainError::Read { path: path.clone(), reason };
    let lines = text_file::read(&path, RECORDS).map_err(|error| unreadable(error.to_string()))?;
    let history = from_json_lines(&lines).map_err(|error| unreadable(error.to_string()))?;
    let (found, all) = (history.len(), card.recipe.epochs);
    if found != all {
        let reason =
            format!("it has {found} epochs of {all}, and no checkpoint to resume from lies beside it");
        return Err(unreadable(reason));
    }
    Ok(history)
}
