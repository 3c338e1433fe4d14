//! Populations: many networks trained by one recipe, and what became of each.
//!
//! A sweep is a folder. Every file in it is replaced as a whole or not at all, so that it can be killed at any time:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `sweep.json` | the [`Manifest`]: name, data, recipe |
//! | `population.jsonl` | a line of JSON for each [`Trial`]; trials are counted from 0 |
//! | `trials/NNNN/result.json` | the [`TrialResult`] of one that ended |
//! | `trials/NNNN/checkpoint.safetensors`, `progress.json` | how far one is that has not |
//! | `trials/NNNN/lock`, `attempt.json`, `crashes.jsonl` | who trains it, and who tried; see [`claim`] |
//! | `trials/NNNN/model.safetensors`, `model.json` | the weights, if they are to be kept |
//! | `rungs/N.json` | what halving decided at its `N`th rung |
//! | `slurm/` | the job's script and what its tasks said |
//! | `set-aside/` | bad files, where [`Sweep::set_aside`] moved them |
//!
//! `result.json`, `progress.json` and `rungs/N.json` say what they were made of: SHA-256 of the network, of the recipe with
//! the trial's seed, and of the data, and a checksum of the file. One that was cut short, edited or copied from another
//! place, or made before `sweep.json` was changed, is a [`BadFile`]: its trial is left out and named wherever results
//! are shown, and all others are shown and trained. [`Sweep::check`] finds all that is wrong with a folder.
//!
//! [`work`] trains a sweep's trials in this process, and [`supervise()`] lets several processes do so.
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! use regnet_train::data::Source;
//! use regnet_train::sweep::{self, DataId, Fit, Manifest, Shard, Sweep, WorkOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = Source::Builtin.load(None, 0)?;
//! let fit = Fit { classes: data.classes.len(), size: data.train.size() };
//! let trials = sweep::parse_specs(&std::fs::read_to_string("specs.jsonl")?, fit)?;
//! let manifest = Manifest {
//!     format: sweep::FORMAT,
//!     name: "RegNetX".to_owned(),
//!     data: DataId::new(&Source::Builtin, &data),
//!     recipe: sweep::low_compute(),
//!     halving: None,
//!     retries: sweep::RETRIES,
//!     keep_weights: false,
//!     networks: Vec::new(),
//! };
//! let sweep = Sweep::create(Path::new("sweeps/regnetx"), manifest, trials)?;
//! let options = WorkOptions { shard: Shard::ALL, retries: sweep::RETRIES };
//! sweep::work(&sweep, options, &AtomicBool::new(false), &mut |event| println!("{event:?}"))?;
//! let errors: Vec<f64> = sweep.population().results.iter().filter_map(|result| result.error()).collect();
//! # Ok(())
//! # }
//! ```

mod agenda;
mod bad_file;
mod check;
pub mod claim;
mod error;
mod folder;
mod halving;
mod manifest;
mod plan;
mod record;
mod run_trial;
pub mod slurm;
mod specs;
mod status;
mod supervise;
mod trial;
mod worker;

pub use agenda::Shard;
pub use bad_file::{BadFile, Owner, Part, Problem};
pub use check::SetAside;
pub use error::{LineError, SweepError};
pub use folder::Sweep;
pub use halving::{Decision, Decisions, Halving};
pub use manifest::{DataId, FORMAT, Manifest, RETRIES, low_compute};
pub use plan::Plan;
pub use specs::{Fit, parse as parse_specs};
pub use status::{Counts, State, Status, TrialStatus};
pub use supervise::{STOPPED, stop_with_parent, supervise};
pub use trial::{Outcome, Population, Trial, TrialResult};
pub use worker::{Event, WorkOptions, Worked, work};
