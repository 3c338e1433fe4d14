//! Networks as [ONNX](https://onnx.ai), for ONNX Runtime and others.
//!
//! ```
//! use dfdx::prelude::*;
//! use regnet_core::{DynRegNet, onnx};
//! use regnet_space::Preset;
//!
//! let preset = Preset::find("RegNetX-200MF")?;
//! let spec = preset.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
//! let net = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), &spec)?;
//! let options = onnx::Options { fold_batch_norm: true, ..onnx::Options::new(224, 224) };
//! let file: Vec<u8> = onnx::to_bytes(&net, &spec, &options)?;
//! # assert!(file.len() > 4 * 2_600_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The input is called `input`, `[batch, channels, height, width]`, normalised as in training; the output `logits`,
//! `[batch, classes]`. Every value in between has the name of the layer that makes it (`s1.b1.f.a`), and what is inside
//! one, such as a regulator's gates, that name and another part. Initialisers are the state dict, under its own names;
//! folding replaces a convolution's weight and its norm by the convolution's `weight` and `bias`. The norm of a
//! regulator's step stays, as no convolution comes before it.

mod layers;
mod proto;
mod step;
mod tensors;
#[cfg(test)]
mod tests;
mod writer;

use dfdx::prelude::*;
use prost::Message;
use regnet_space::{AnyNet, SpecError};

use tensors::Tensors;

/// Versions of ONNX's operators that are written.
pub const OPSETS: std::ops::RangeInclusive<usize> = 17..=23;

/// How a network is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The graph's name.
    pub name: String,
    /// Version of ONNX's operators, one of [`OPSETS`].
    pub opset: usize,
    /// Images in a batch; `None` leaves the number to whoever runs the file.
    pub batch: Option<usize>,
    /// Height and width of the images in pixels; `None` leaves them to whoever runs the file.
    pub image: Option<[usize; 2]>,
    /// Whether batch norms become part of the convolutions before them.
    pub fold_batch_norm: bool,
    /// Keys and values that the file carries along, such as the names of the classes.
    pub metadata: Vec<(String, String)>,
}

impl Options {
    /// Batches of any number of images of this size, opset 17, batch norms as they are.
    pub fn new(height: usize, width: usize) -> Self {
        Self {
            name: "RegNet".to_owned(),
            opset: *OPSETS.start(),
            batch: None,
            image: Some([height, width]),
            fold_batch_norm: false,
            metadata: Vec::new(),
        }
    }
}

/// Why a network could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The spec does not stand for a network on such images.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A version of operators that is not written.
    #[error("opset {opset} is not one of those that are written: choose {} to {}", OPSETS.start(), OPSETS.end())]
    Opset {
        /// The version asked for.
        opset: usize,
    },
    /// The model is not the spec's network.
    #[error(
        "the model has {} `{name}` where its spec has {expected:?}",
        found.as_ref().map_or("no".to_owned(), |shape| format!("{shape:?} as"))
    )]
    Tensor {
        /// The tensor.
        name: String,
        /// Its shape in the spec's network.
        expected: Vec<usize>,
        /// Its shape in the model, if it is there.
        found: Option<Vec<usize>>,
    },
}

/// A side to read the graph at when the file leaves it open.
const ANY_SIDE: usize = 224;

/// The ONNX file of `model`, the network of `spec`, in evaluation mode and f32.
///
/// # Errors
/// Any [`OnnxError`].
pub fn to_bytes<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(
    model: &M,
    spec: &AnyNet,
    options: &Options,
) -> Result<Vec<u8>, OnnxError> {
    if !OPSETS.contains(&options.opset) {
        return Err(OnnxError::Opset { opset: options.opset });
    }
    let [height, width] = options.image.unwrap_or([ANY_SIDE; 2]);
    let graph = spec.graph(height, width)?;
    let tensors = Tensors::read(model, &graph)?;
    Ok(writer::model(&graph, tensors, options).encode_to_vec())
}
