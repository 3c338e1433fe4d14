//! All weights of an engine in one buffer, in the order in which its kernels read them.

use std::sync::Arc;

use super::dense;
use super::fold::Affine;
use super::grouped::Sources;
use super::image;
use super::isa::Isa;
use super::lower::{Convolution, Layer, LayerOp};
use crate::aligned::Aligned;

/// The buffer, and what each layer has in it.
#[derive(Debug)]
pub(super) struct Packed {
    pub values: Aligned<f32>,
    pub places: Vec<Places>,
}

/// What a layer has in the buffer: where each part begins.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of a dense convolution: its inputs' weights, the projection's last. Else the only weights there are.
    pub weights: Vec<usize>,
    pub bias: usize,
    pub affine: Option<[usize; 2]>,
    /// Of a grouped convolution.
    pub sources: Option<Arc<Sources>>,
}

/// Packs the weights of layers; they are taken out of them.
pub(super) fn pack(layers: &mut [Layer], used: &[bool], isa: Isa) -> Packed {
    let mut packing = Packing { isa, values: Vec::new() };
    let shapes: Vec<usize> = layers.iter().map(|layer| layer.shape.c).collect();
    let places = layers.iter_mut().zip(used).map(|(layer, &used)| match &mut layer.op {
        _ if !used => Places::default(),
        LayerOp::Conv(conv) => packing.convolution(conv, &shapes),
        LayerOp::Affine { affine, .. } | LayerOp::Blend { affine, .. } | LayerOp::Expose { affine, .. } => {
            packing.affine(affine)
        }
        _ => Places::default(),
    });
    let places = places.collect();
    let mut values = Aligned::zeros(packing.values.len());
    values.as_mut()[..packing.values.len()].copy_from_slice(&packing.values);
    Packed { values, places }
}

struct Packing {
    isa: Isa,
    values: Vec<f32>,
}

impl Packing {
    /// Adds values, from a multiple of the lanes on.
    fn add(&mut self, values: &[f32]) -> usize {
        let place = self.values.len();
        self.values.extend_from_slice(values);
        self.values.resize(self.values.len().next_multiple_of(self.isa.lanes()), 0.0);
        place
    }

    fn affine(&mut self, affine: &Affine) -> Places {
        let places = [&affine.scale, &affine.shift].map(|values| self.add(values));
        Places { affine: Some(places), ..Places::default() }
    }

    fn convolution(&mut self, layer: &mut Convolution, shapes: &[usize]) -> Places {
        let (conv, lanes) = (layer.conv, self.isa.lanes());
        let weights = std::mem::take(&mut layer.weights);
        let mut places = Places { bias: self.add(&layer.bias), ..Places::default() };
        if layer.inputs == [0] {
            places.weights.push(self.add(&image::pack(&weights, conv.output, lanes)));
        } else if is_grouped(layer) {
            let sources = Sources::new(conv.output, conv.group_width, lanes);
            let packed = sources.pack(&weights, conv.output, conv.group_width, lanes);
            places.weights.push(self.add(&packed));
            places.sources = Some(Arc::new(sources));
        } else {
            let taps = conv.kernel * conv.kernel;
            let weights = expanded(weights, layer);
            // Those of a 1x1 kernel are brought together before.
            let stride = if conv.kernel == 1 { 1 } else { conv.stride };
            // The columns of each input.
            let mut first = 0;
            for &input in &layer.inputs {
                let channels = shapes[input];
                let rows = weights.chunks_exact(conv.input * taps);
                let part: Vec<f32> =
                    rows.flat_map(|row| &row[first * taps..][..channels * taps]).copied().collect();
                places.weights.push(self.add(&dense::pack(
                    &part,
                    [conv.output, channels, taps],
                    stride,
                    lanes,
                )));
                first += channels;
            }
        }
        if let Some(projection) = &mut layer.projection {
            let weights = std::mem::take(&mut projection.weights);
            let input = weights.len() / conv.output;
            places.weights.push(self.add(&dense::pack(&weights, [conv.output, input, 1], 1, lanes)));
        }
        places
    }
}

/// Whether the kernels of grouped convolutions compute it.
pub(super) fn is_grouped(layer: &Convolution) -> bool {
    let conv = &layer.conv;
    conv.groups() > 1 && conv.kernel == 3 && conv.input == conv.output
}

/// The weights with zeros for the channels of other groups.
fn expanded(weights: Vec<f32>, layer: &Convolution) -> Vec<f32> {
    let conv = &layer.conv;
    let (groups, taps) = (conv.groups(), conv.kernel * conv.kernel);
    if groups == 1 {
        return weights;
    }
    let mut dense = vec![0.0; conv.output * conv.input * taps];
    let row = conv.group_width * taps;
    for (output, weights) in weights.chunks_exact(row).enumerate() {
        let group = output / (conv.output / groups);
        dense[output * conv.input * taps + group * row..][..row].copy_from_slice(weights);
    }
    dense
}
