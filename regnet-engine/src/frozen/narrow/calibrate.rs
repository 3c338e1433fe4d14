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
        let engine = Engine::build(graph, tensor, &options, None, |lowered| {
            values = options.results(graph, lowered)?;
            values.extend(convolved(&lowered.layers));
            Ok(values.clone())
        })?;
        let results = engine.results().iter().map(|shape| vec![0.0; shape.len()]).collect();
        let seen = vec![[0.0; 2]; engine.layers.len()];
        Ok(Self { engine, values, results, seen, images: 0 })
    }

    /// Watches a batch: `images` are `[n, c, h, w]`, normalised as in training.
    ///
    /// # Errors
    /// [`FreezeError::Images`].
    pub fn watch(&mut self, images: &[f32]) -> Result<(), FreezeError> {
        self.images += self.engine.batch(images, [])?;
        for image in images.chunks_exact(self.engine.input().len()) {
            let mut results: Vec<&mut [f32]> = self.results.iter_mut().map(Vec::as_mut_slice).collect();
            self.engine.run_features(image, &mut results)?;
            for (&value, result) in self.values.iter().zip(&self.results) {
                let [least, greatest] = &mut self.seen[value];
                *least = result.iter().copied().fold(*least, f32::min);
                *greatest = result.iter().copied().fold(*greatest, f32::max);
            }
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
