//! The JSON form of a network, in `model.json` and wherever else a network is written down.
//!
//! ```
//! use regnet_space::Block;
//! use regnet_train::Spec;
//!
//! let json = r#"{
//!     "input_channels": 3,
//!     "stem": "cifar", "stem_width": 16,
//!     "block": "basic",
//!     "stages": [
//!         {"depth": 9, "width": 16, "stride": 1, "bottleneck": 1, "group_width": 16},
//!         {"depth": 9, "width": 32, "stride": 2, "bottleneck": 1, "group_width": 32}
//!     ],
//!     "se": null,
//!     "classes": 10
//! }"#;
//! let Spec(net) = serde_json::from_str(json)?;
//! assert_eq!((net.block, net.stages[1].width), (Block::Basic, 32));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! | key | value |
//! | --- | --- |
//! | `input_channels` | channels of the image |
//! | `stem`, `stem_width` | `simple`, `cifar` or `resnet`; its channels |
//! | `block` | `vanilla`, `basic` or `bottleneck`; `bottleneck` where it is left out |
//! | `stages` | a list of objects: `depth`, `width`, `stride`, `bottleneck` (the ratio), `group_width` |
//! | `se` | squeeze-and-excitation ratio of a block's input width; `null` or left out for none |
//! | `regulator` | as [`Regulator`](regnet_space::Regulator) reads it; `null` or left out for none |
//! | `classes` | classes the head tells apart |

mod bounded;
mod error;
mod read;
#[cfg(test)]
mod tests;
mod write;

use regnet_space::AnyNet;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use bounded::Bounded;
pub use error::{At, ReadError};

/// A network that reads and writes itself as JSON. One that is not sound is written as it is, and not read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec(pub AnyNet);

impl Spec {
    /// Reads and checks a network.
    ///
    /// # Errors
    ///
    /// Everything wrong with it: keys that are missing, unknown or of the wrong kind, and numbers that do not make a
    /// network.
    pub fn from_json(json: &Value) -> Result<Self, Vec<ReadError>> {
        read::network(json).map(Self)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bounded(json) = Bounded::deserialize(deserializer)?;
        let in_one = |errors: Vec<ReadError>| {
            de::Error::custom(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        };
        Self::from_json(&json).map_err(in_one)
    }
}

/// A file that holds a network: its JSON form, or an object that has it as `network`, such as `model.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecFile {
    /// The network.
    pub net: AnyNet,
    /// Height and width of its images in pixels, where the file has an `input` of channels, height and width.
    pub image: Option<[usize; 2]>,
}

impl SpecFile {
    /// Reads the text of such a file.
    ///
    /// # Errors
    ///
    /// As [`Spec::from_json`]; [`ReadError::NotJson`]; an `input` that does not fit the network.
    pub fn parse(text: &str) -> Result<Self, Vec<ReadError>> {
        /// What of a file is looked at; the rest, such as the names of classes, takes no memory.
        #[derive(Deserialize)]
        struct Outer {
            network: Option<Bounded>,
            input: Option<Bounded>,
        }
        let not_json = |error: serde_json::Error| vec![ReadError::NotJson { reason: error.to_string() }];
        // What is no object is no network, and said to be none.
        let outer: Outer = match text.trim_start().starts_with('{') {
            true => serde_json::from_str(text).map_err(not_json)?,
            false => Outer { network: None, input: None },
        };
        let Outer { network: Some(Bounded(network)), input } = outer else {
            let Bounded(network) = serde_json::from_str(text).map_err(not_json)?;
            return Ok(Self { net: Spec::from_json(&network)?.0, image: None });
        };
        let Spec(net) = Spec::from_json(&network)?;
        let image =
            input.map(|Bounded(input)| image(&input, &net)).transpose().map_err(|error| vec![error])?;
        Ok(Self { net, image })
    }
}

/// The images that `input` says the network is for.
fn image(input: &Value, net: &AnyNet) -> Result<[usize; 2], ReadError> {
    match <[usize; 3]>::deserialize(input) {
        Ok([channels, height, width]) if channels == net.input_channels => Ok([height, width]),
        _ => Err(ReadError::Input { found: error::brief(input), channels: net.input_channels }),
    }
}
