//! Populations: many networks trained by one recipe, and what became of each.

mod trial;

pub use trial::{Outcome, Population, Trial, TrialResult};
