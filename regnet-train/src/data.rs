//! Data sets: the built-in one, CIFAR-10/100 and folders of images, and the batches made from them.
//!
//! ```no_run
//! use regnet_train::data::{Augment, Source};
//!
//! # fn main() -> Result<(), regnet_train::data::DataError> {
//! let data = "cifar10:/data/cifar".parse::<Source>()?.load(None, 0)?;
//! let train = data.train_batches(64, Augment::default(), 0)?;
//! for batch in train.epoch(0) {
//!     let batch = batch?; // images: n x 3 x 32 x 32, normalised; labels: n
//!     assert_eq!(batch.labels.len(), 64);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | `source` | `builtin`, `cifar10:DIR`, ... parsed and loaded |
//! | `set` | [`DataSet`], [`Split`] and per-channel [`Normalise`] |
//! | `builtin` | the procedurally drawn set: shapes, paints, scenes |
//! | `cifar`, `folder` | readers of published and of private data |
//! | `image_walk`, `image_file` | the images below a folder; an image decoded, whole or not at all |
//! | `augment`, `batch` | flips, shifted crops, shuffled epochs, prefetching |
//! | `sheet` | a picture of many images |
//!
//! Everything drawn at random comes from a seed given as an argument and is the same on every
//! machine and for every number of threads.

mod augment;
mod batch;
mod builtin;
mod cifar;
mod error;
mod folder;
pub(crate) mod image_file;
pub(crate) mod image_walk;
pub(crate) mod rng;
mod set;
mod sheet;
mod source;

pub use augment::{Augment, Padding};
pub use batch::{Batch, Batches, Epoch};
pub use builtin::{builtin, builtin_sized};
pub use cifar::Cifar;
pub use error::DataError;
pub use folder::load as folder;
pub use image_walk::{Found, PassedOver, images_below};
pub use set::{DataSet, Normalise, Split};
pub use sheet::contact_sheet;
pub use source::Source;
