//! The weights of convolutions of narrow numbers.

use std::sync::Arc;

use super::{Packing, Places, parts};
use crate::frozen::lower::Convolution;
use crate::frozen::narrow::{Choice, Code, Sources, pack, quantise};
use crate::frozen::way::is_grouped;

impl Packing<'_> {
    /// Adds the weights of a convolution of narrow numbers.
    pub(super) fn narrow(
        &mut self,
        layer: &Convolution,
        choice: &Choice,
        weights: Vec<f32>,
        projected: Option<Vec<f32>>,
        mut bias: Vec<f32>,
        shapes: &[usize],
    ) -> Places {
        let (conv, lanes, format) = (layer.conv, self.isa.lanes(), choice.format);
        let grouped = is_grouped(layer);
        let code = |value: usize| choice.codes[value];
        let mut operands: Vec<(Vec<f32>, Code)> = if grouped {
            vec![(weights, code(layer.inputs[0]))]
        } else {
            let parts = parts(&weights, layer, shapes).map(|(part, _)| part.into_owned());
            parts.zip(layer.inputs.iter().map(|&input| code(input))).collect()
        };
        if let (Some(weights), Some(projection)) = (projected, &layer.projection) {
            operands.push((weights, code(projection.input)));
        }
        let scale = quantise(format, &mut operands, &mut bias);
        let mut places = Places { bias: self.add(&bias), scale: self.add(&scale), ..Places::default() };
        if grouped {
            let sources = Sources::new(format, conv.output, conv.group_width, lanes);
            let sources = sources.expect("chosen where there are some");
            places.weights.push(self.add_words(&sources.pack(format, &operands[0].0, lanes)));
            places.narrow_sources = Some(Arc::new(sources));
            return places;
        }
        for (weights, _) in &operands {
            places.weights.push(self.add_words(&pack(format, weights, conv.output, lanes)));
        }
        places
    }

    /// Adds words as the bits of values.
    fn add_words(&mut self, words: &[u32]) -> usize {
        self.add(pulp::bytemuck::cast_slice(words))
    }
}
