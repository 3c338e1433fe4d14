//! An epoch's figures.

use serde::{Deserialize, Serialize};

/// What is known at the end of an epoch; one line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Mean training loss over the epoch, label smoothing included.
    pub train_loss: f64,
    /// Training accuracy over the epoch, on augmented images, from 0 to 1.
    pub train_accuracy: f64,
    /// Loss on the test images at the epoch's end, label smoothing included.
    pub test_loss: f64,
    /// Accuracy on the test images at the epoch's end, from 0 to 1.
    pub test_accuracy: f64,
    /// The learning rate of the epoch's last step.
    pub lr: f64,
    /// Training images processed a second.
    pub images_per_second: f64,
    /// Seconds the epoch took, testing included.
    pub seconds: f64,
}

/// One JSON object a line.
pub(crate) fn to_json_lines(history: &[EpochMetrics]) -> String {
    let line = |epoch| serde_json::to_string(epoch).expect("a struct of numbers is JSON") + "\n";
    history.iter().map(line).collect()
}

/// Reads what [`to_json_lines`] wrote.
pub(crate) fn from_json_lines(lines: &str) -> serde_json::Result<Vec<EpochMetrics>> {
    lines.lines().map(serde_json::from_str).collect()
}
