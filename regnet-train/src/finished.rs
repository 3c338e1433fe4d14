//! Runs that need not be repeated.

use std::path::Path;

use regnet_space::AnyNet;

use crate::card::Card;
use crate::data::DataSet;
use crate::metrics::{EpochMetrics, from_json_lines};
use crate::recipe::Recipe;

/// What [`train`](crate::train()) left in `out`, if it ended there with the same network, data and recipe before.
///
/// The data is taken to be the same if its name, its classes, the images' shape and their normalisation are; the
/// last is measured on the training images, so that another number of them shows.
pub fn finished(spec: &AnyNet, data: &DataSet, recipe: &Recipe, out: &Path) -> Option<Vec<EpochMetrics>> {
    let card = Card::read(&out.join("model.json")).ok()?;
    let history = from_json_lines(&std::fs::read_to_string(out.join("metrics.jsonl")).ok()?).ok()?;
    let same = card == Card::new(spec, data, recipe) && history.len() == recipe.epochs;
    same.then_some(history)
}
