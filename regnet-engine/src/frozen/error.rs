//! What can go wrong.

/// Why an engine could not be built or run.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// A tensor of the graph is not there.
    #[error("there is no tensor `{name}`")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor has another size than in the graph.
    #[error("the tensor `{name}` has {found} values where the network has {expected}")]
    Length {
        /// Its name.
        name: String,
        /// Its values.
        found: usize,
        /// The graph's.
        expected: usize,
    },
    /// No layer has this name.
    #[error("the network has no layer `{name}` whose result could be handed out")]
    Feature {
        /// The name asked for.
        name: String,
    },
    /// An engine that hands out features was run for its logits alone.
    #[error("this engine hands out {count} features as well: run it with a place for each")]
    Features {
        /// How many.
        count: usize,
    },
    /// Not a whole number of images.
    #[error("{found} values are no whole number of images of {image} values")]
    Images {
        /// Values there are.
        found: usize,
        /// Values of an image.
        image: usize,
    },
    /// A result with no place for what the batch gives.
    #[error("a result of {found} values has no place for {batch} times {image} values")]
    Result {
        /// Values there are.
        found: usize,
        /// Images of the batch.
        batch: usize,
        /// Values for an image.
        image: usize,
    },
    /// No image was watched.
    #[error(
        "the ranges of activations are not known before an image has been watched: give the calibration some"
    )]
    Calibration,
    /// An image to calibrate on has a pixel that is NaN or infinite.
    #[error("image {image} of the batch has a pixel that is not finite: calibrate without it")]
    Pixels {
        /// Its number in the batch, from 0 on.
        image: usize,
    },
    /// A layer makes NaN, infinities, or values too far apart for a range, of an image to calibrate on.
    #[error(
        "the activations of `{layer}` have no range, since not all that it makes of image {image} of the batch is finite: \
         look for tensors that are not finite, or for pixels that are not normalised"
    )]
    Activations {
        /// The layer.
        layer: String,
        /// The image's number in the batch, from 0 on.
        image: usize,
    },
    /// The ranges of another network.
    #[error(
        "the ranges of {found} activations are another network's, since this one has {expected}: calibrate this one"
    )]
    Ranges {
        /// Values they are of.
        found: usize,
        /// Values of the network.
        expected: usize,
    },
    /// The system has no threads left.
    #[error("no thread could be started: {0}")]
    Threads(#[from] std::io::Error),
}
