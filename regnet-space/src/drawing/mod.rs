//! Pictures of a network, read from its layer graph: SVG, laid out here, and DOT, for graphviz.
//!
//! ```
//! use regnet_space::{Preset, drawing::Drawing};
//!
//! let preset = Preset::find("RegNetY-400MF")?;
//! let net = preset.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
//! let drawing = Drawing::new(preset.name, &net, 224, 224)?;
//! assert!(drawing.svg(true).starts_with("<svg "));
//! assert!(drawing.dot(false).starts_with("digraph "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The network is a row of stem, stages and head, with the shapes that pass between them and what each part costs. Blocks
//! of a stage that are alike are drawn once. With `blocks`, the layers inside of each are drawn too.

mod canvas;
mod dot;
mod inside;
mod label;
mod outline;
mod overview;
mod svg;
mod units;

use crate::error::SpecError;
use crate::spec::AnyNet;
use outline::Outline;

/// What is drawn of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    title: String,
    outline: Outline,
}

impl Drawing {
    /// Of a network that is called `title`, on images of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// As [`AnyNet::graph`].
    pub fn new(title: &str, net: &AnyNet, height: usize, width: usize) -> Result<Self, SpecError> {
        Ok(Self { title: title.to_owned(), outline: Outline::new(net, height, width)? })
    }

    /// An SVG picture.
    pub fn svg(&self, blocks: bool) -> String {
        svg::picture(&self.title, &self.outline, blocks)
    }

    /// A graph in the DOT language.
    pub fn dot(&self, blocks: bool) -> String {
        dot::text(&self.title, &self.outline, blocks)
    }
}
