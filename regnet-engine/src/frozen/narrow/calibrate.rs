//! The ranges that activations have, from images like those to come.

use std::sync::Arc;

use regnet_space::graph::Graph;

use crate::frozen::lower::{Layer, LayerOp};
use crate::frozen::{Engine, FreezeError, Options, Precision};

/// The ranges that a network's activations had in a [`Calibration`].
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges(pub(in crate::frozen) Arc<[[f32; 2]]>);

/// Watches a network's activations, in f32, to find the range of each map for [`Precision::Int8`].
///
/// Some tens of images like those to come are enough. The ranges hold for every engine of the same graph.
#[derive(Debug)]
pub struct Calibration {
    engine: Engine,
    /// For each result of the engine, the layer it is of.
    values: Vec<usize>,
    results: Vec<Vec<f32>>,
    /// Least and greatest of every layer.
    seen: Vec<[f32; 2]>,
    images: usize,
}

impl Calibration {
    /// Freezes a network to be watched: `tensor` gives the tensors of the graph by name. Of the options, the precision and
    /// the features have no effect.
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn new(
        graph: &Graph,
        tensor: impl FnMut(&str) -> Option<Vec<f32>>,
        options: &Options,
    ) -> Result<Self, FreezeError> {
        let options = Options { precision: Precision::F32, features: Vec::new(), ..options.clone() };
        let mut values = Vec::new();
        let engine = Engine::build(graph, tensor, &options, options.pool()?, None, |lowered| {
            values = options.results(graph, lowered)?;
            values.extend(convolved(&lowered.layers));
            Ok(values.clone())
        })?;
        let results = engine.results().iter().map(|shape| vec![0.0; shape.len()]).collect();
        let seen = vec![[0.0; 2]; engine.layers.len()];
        Ok(Self { engine, values, results, seen, images: 0 })
    }

    /// Watches a batch: `images` are `[n, c, h, w]`, normalised as in training. Of a batch with an image that is an error,
    /// the images before that one are watched.
    ///
    /// # Errors
    /// [`FreezeError::Images`]; [`FreezeError::Pixels`] and [`FreezeError::Activations`] where there is NaN or an infinity,
    /// which no range has a place for.
    pub fn watch(&mut self, images: &[f32]) -> Result<(), FreezeError> {
        self.engine.batch(images, [])?;
        for (index, image) in images.chunks_exact(self.engine.input().len()).enumerate() {
            if !image.iter().all(|pixel| pixel.is_finite()) {
                return Err(FreezeError::Pixels { image: index });
            }
            let mut results: Vec<&mut [f32]> = self.results.iter_mut().map(Vec::as_mut_slice).collect();
            self.engine.run_features(image, &mut results)?;
            let mut seen = self.seen.clone();
            // The logits, which are the first result, are the last to be made.
            let results = self.values.iter().zip(&self.results);
            for (&value, result) in results.clone().skip(1).chain(results.take(1)) {
                let [least, greatest] = &mut seen[value];
                *least = result.iter().copied().fold(*least, f32::min);
                *greatest = result.iter().copied().fold(*greatest, f32::max);
                // `min` and `max` do not see NaN.
                if result.iter().any(|value| value.is_nan()) || !(*greatest - *least).is_finite() {
                    let layer = self.engine.layers[value].name.clone();
                    return Err(FreezeError::Activations { image: index, layer });
                }
            }
            self.seen = seen;
            self.images += 1;
        }
        Ok(())
    }

    /// The ranges of all images so far.
    ///
    /// # Errors
    /// [`FreezeError::Calibration`] where there were no images.
    pub fn ranges(self) -> Result<Ranges, FreezeError> {
        if self.images == 0 {
            return Err(FreezeError::Calibration);
        }
        Ok(Ranges(self.seen.into()))
    }
}

/// The values that convolutions read, other than the images.
fn convolved(layers: &[Layer]) -> Vec<usize> {
    let mut read = vec![false; layers.len()];
    for layer in layers {
        if let LayerOp::Conv(conv) = &layer.op {
            let projected = conv.projection.as_ref().map(|projection| projection.input);
            conv.inputs.iter().copied().chain(projected).for_each(|value| read[value] = true);
        }
    }
    (1..layers.len()).filter(|&value| read[value]).collect()
}
