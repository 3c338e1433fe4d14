//! Which layers are computed in narrow numbers.

use regnet_space::graph::Conv;

use super::calibrate::Ranges;
use super::numbers::{Code, Format};
use super::sources::Sources;
use crate::frozen::isa::Isa;
use crate::frozen::lower::{Convolution, Layer, LayerOp};
use crate::frozen::store::Activation;
use crate::frozen::way::is_grouped;

/// Which layers are computed in narrow numbers, and how each value is coded for them.
#[derive(Debug)]
pub(in crate::frozen) struct Choice {
    pub format: Format,
    pub layers: Vec<bool>,
    pub codes: Vec<Code>,
}

impl Choice {
    /// What a format can be used for. Of bf16, values have no ranges.
    pub fn new(layers: &[Layer], format: Format, isa: Isa, ranges: Option<&Ranges>) -> Self {
        let range = |value: usize| ranges.map_or([0.0; 2], |ranges| ranges.0[value]);
        let codes: Vec<Code> = (0..layers.len()).map(|value| Code::new(range(value))).collect();
        let suits = |layer: &Layer| match &layer.op {
            LayerOp::Conv(conv) => suits(layer, conv, format, isa, &codes),
            _ => false,
        };
        Self { format, layers: layers.iter().map(suits).collect(), codes }
    }
}

fn suits(layer: &Layer, conv: &Convolution, format: Format, isa: Isa, codes: &[Code]) -> bool {
    // A single pixel's product is bound by the memory that its weights come from, and small.
    let large = layer.shape.h * layer.shape.w > 1;
    let simple = matches!(conv.activation, Activation::None | Activation::Relu);
    if !large || !simple || conv.inputs.contains(&0) {
        return false;
    }
    if is_grouped(conv) {
        // Borders are zeros, which have to be the code of 0.
        let Conv { output, group_width, .. } = conv.conv;
        return codes[conv.inputs[0]].zero == 0.0
            && Sources::new(format, output, group_width, isa.lanes()).is_some();
    }
    conv.conv.kernel == 1 && conv.conv.groups() == 1
}
