//! Data sets, augmentation, schedules and the training loop for RegNet models.
//!
//! ```no_run
//! use dfdx::prelude::*;
//! use regnet_core::DynRegNet;
//! use regnet_space::Preset;
//! use regnet_train::{Options, Recipe, data, train};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = Recipe::default();
//! let data = data::builtin(None, recipe.seed)?;
//! let mut declaration = Preset::find("RegNetX-200MF")?.declaration();
//! declaration.classes = data.classes.len();
//! let spec = declaration.to_anynet().map_err(|mut errors| errors.remove(0))?;
//! let device = Cpu::seed_from_u64(recipe.seed);
//! let mut net = DynRegNet::try_new(&device, &spec)?;
//! let out = "runs/first".as_ref();
//! let epochs = train(&device, &mut net, &spec, &data, &recipe, out, Options::default())?;
//! println!("{:.2} %", 100.0 * epochs.last().map_or(0.0, |epoch| epoch.test_accuracy));
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`data`] | data sets, augmentation, batches |
//! | [`recipe`] | everything that decides how a network is trained |
//! | [`optim`], [`schedule`] | SGD and its learning rate |
//! | [`learner`] | one step of training; measuring |
//! | [`training`] | a network on its way through the epochs, put down and taken up again |
//! | [`mod@train`] | the loop over epochs and what it writes |
//! | [`place`] | how training runs on each device |
//! | [`metrics`], [`curves`], [`card`] | an epoch's figures, their picture, what was trained |
//! | [`comparison`], [`similarity`] | several networks' figures, their blocks' features, and pictures of both |
//! | [`predict`] | from image files to what a network makes of them |
//! | [`spec`] | the JSON form of a network |
//! | [`limits`] | what files may cost that are read |
//! | [`report`] | what populations' errors say, as a page, pictures and tables |
//! | `hub` | files of the Hugging Face Hub, with the feature `hub` |
//! | [`sweep`] | populations of networks, and what became of each |

#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(any(test, feature = "cuda"))]
mod ahead;
pub mod card;
mod chart;
mod checkpoint;
pub mod comparison;
pub mod curves;
pub mod data;
mod difference;
mod digest;
mod error;
mod finished;
#[cfg(feature = "hub")]
pub mod hub;
mod interrupt;
pub mod learner;
pub mod limits;
pub mod metrics;
pub mod optim;
mod pause;
pub mod place;
pub mod predict;
mod progress;
pub mod recipe;
pub mod report;
mod run_folder;
pub mod schedule;
pub mod similarity;
pub mod spec;
mod statistics;
pub mod sweep;
pub mod train;
pub mod training;

pub use card::{Card, Origin};
pub use comparison::{Spread, Trials};
pub use difference::Difference;
pub use digest::{Digest, NoDigest};
pub use error::TrainError;
pub use interrupt::Interrupt;
pub use learner::{Learner, Score};
pub use metrics::EpochMetrics;
pub use optim::Sgd;
pub use pause::{CheckpointEvery, UnknownInterval};
pub use place::Place;
pub use progress::note;
pub use recipe::{Recipe, RecipeError};
pub use run_folder::OutFolder;
pub use schedule::Cosine;
pub use spec::{Spec, SpecFile};
pub use train::{EarlierRun, Options, train};
pub use training::{EpochStep, Training};
