//! All weights of an engine in one buffer, in the order in which its kernels read them.

mod narrow;

use std::borrow::Cow;
use std::sync::Arc;

use regnet_space::graph::Conv;

use super::FreezeError;
use super::dense;
use super::fold::{Affine, Norm, fold};
use super::grouped::Sources;
use super::image;
use super::isa::Isa;
use super::lower::{Convolution, Layer, LayerOp, Take, Weights, taken};
use super::narrow::{Choice, Sources as NarrowSources};
use super::way::Method;
use super::winograd::{self, Form};
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
    /// Of a convolution of narrow numbers: the factors of its sums.
    pub scale: usize,
    pub affine: Option<[usize; 2]>,
    /// Of a grouped convolution.
    pub sources: Option<Arc<Sources>>,
    /// Of a grouped convolution of narrow numbers.
    pub narrow_sources: Option<Arc<NarrowSources>>,
}

/// Packs the weights of layers, of which it takes one after another.
pub(super) fn pack(
    layers: &mut [Layer],
    used: &[bool],
    methods: &[Option<Method>],
    isa: Isa,
    choice: Option<&Choice>,
    take: Take<'_>,
) -> Result<Packed, FreezeError> {
    let shapes: Vec<usize> = layers.iter().map(|layer| layer.shape.c).collect();
    let affines = layers.iter().map(|layer| 2 * layer.shape.c.next_multiple_of(isa.lanes()));
    let lens = layers.iter().zip(methods).map(|(layer, &method)| len(layer, method, isa.lanes()));
    let capacity = lens.sum::<usize>() + affines.sum::<usize>();
    let mut packing = Packing { isa, take, values: Aligned::with_capacity(capacity) };
    let mut places = Vec::new();
    for (index, (layer, &used)) in layers.iter_mut().zip(used).enumerate() {
        let choice = choice.filter(|choice| choice.layers[index]);
        places.push(match &mut layer.op {
            _ if !used => Places::default(),
            LayerOp::Conv(conv) => packing.convolution(conv, methods[index], &shapes, choice)?,
            LayerOp::Affine { affine, .. }
            | LayerOp::Blend { affine, .. }
            | LayerOp::Expose { affine, .. } => packing.affine(affine),
            _ => Places::default(),
        });
    }
    debug_assert!(packing.values.as_ref().len() <= capacity, "the buffer has moved");
    Ok(Packed { values: packing.values, places })
}

/// Values that a convolution takes once it is packed.
fn len(layer: &Layer, method: Option<Method>, lanes: usize) -> usize {
    let LayerOp::Conv(layer) = &layer.op else { return 0 };
    let conv = &layer.conv;
    let outputs = conv.output.next_multiple_of(lanes);
    let weights = match method {
        Some(Method::Winograd(form)) => winograd::packed_len(conv.output, conv.group_width, form),
        Some(Method::Grouped) => Sources::new(conv.output, conv.group_width, lanes).packed_len(lanes),
        _ => outputs * conv.input * conv.kernel * conv.kernel,
    };
    let projected = layer.projection.as_ref().map_or(0, |projection| projection.channels);
    let (bias, scale) = (1, 1);
    weights + outputs * (projected + bias + scale)
}

struct Packing<'a> {
    isa: Isa,
    take: Take<'a>,
    values: Aligned<f32>,
}

/// Weights and bias with a norm in them.
fn folded(
    take: Take<'_>,
    weights: &mut Weights,
    len: usize,
    mut bias: Vec<f32>,
    norm: Option<&Norm>,
) -> Result<(Vec<f32>, Vec<f32>), FreezeError> {
    let mut weights = match weights {
        Weights::Tensor(name) => taken(take, name, len)?,
        Weights::Values(values) => std::mem::take(values),
    };
    if let Some(norm) = norm {
        fold(&mut weights, &mut bias, norm);
    }
    Ok((weights, bias))
}

impl Packing<'_> {
    /// Adds values, from a multiple of the lanes on.
    fn add(&mut self, values: &[f32]) -> usize {
        let place = self.values.as_ref().len();
        self.values.extend(values);
        let missing = values.len().next_multiple_of(self.isa.lanes()) - values.len();
        self.values.extend(&[0.0; MOST_LANES][..missing]);
        place
    }

    /// Adds the weights of a dense convolution.
    fn dense(&mut self, weights: &[f32], sizes: [usize; 3], stride: usize) -> usize {
        let lanes = self.isa.lanes();
        let place = self.values.as_ref().len();
        self.values.extend_zeros(dense::packed_len(sizes, lanes));
        dense::pack(weights, sizes, stride, lanes, &mut self.values.as_mut()[place..]);
        place
    }

    /// Adds the weights of a convolution by Winograd's filtering.
    fn points(&mut self, weights: &[f32], conv: Conv, form: Form) -> usize {
        let place = self.values.as_ref().len();
        self.values.extend_zeros(winograd::packed_len(conv.output, conv.group_width, form));
        let group = [conv.group_width, conv.output / conv.groups()];
        let packed = &mut self.values.as_mut()[place..];
        winograd::pack(weights, group, form, self.isa.lanes(), packed);
        place
    }

    fn affine(&mut self, affine: &Affine) -> Places {
        let places = [&affine.scale, &affine.shift].map(|values| self.add(values));
        Places { affine: Some(places), ..Places::default() }
    }

    fn convolution(
        &mut self,
        layer: &mut Convolution,
        method: Option<Method>,
        shapes: &[usize],
        choice: Option<&Choice>,
    ) -> Result<Places, FreezeError> {
        let (conv, lanes) = (layer.conv, self.isa.lanes());
        let len = conv.output * conv.group_width * conv.kernel * conv.kernel;
        let bias = std::mem::take(&mut layer.bias);
        let (weights, mut bias) = folded(self.take, &mut layer.weights, len, bias, layer.norm.as_ref())?;
        let projection = match &mut layer.projection {
            None => None,
            Some(projection) => {
                let len = conv.output * projection.channels;
                let bias = std::mem::take(&mut projection.bias);
                Some(folded(self.take, &mut projection.weights, len, bias, projection.norm.as_ref())?)
            }
        };
        if let Some((_, projected)) = &projection {
            bias.iter_mut().zip(projected).for_each(|(bias, projected)| *bias += projected);
        }
        if let Some(choice) = choice {
            let projected = projection.map(|(weights, _)| weights);
            return Ok(self.narrow(layer, choice, weights, projected, bias, shapes));
        }
        let mut places = Places { bias: self.add(&bias), ..Places::default() };
        match method {
            Some(Method::Image) => places.weights.push(self.add(&image::pack(&weights, conv.output, lanes))),
            Some(Method::Winograd(form)) => places.weights.push(self.points(&weights, conv, form)),
            Some(Method::Grouped) => {
                let sources = Sources::new(conv.output, conv.group_width, lanes);
                let packed = sources.pack(&weights, conv.output, conv.group_width, lanes);
                places.weights.push(self.add(&packed));
                places.sources = Some(Arc::new(sources));
            }
            Some(Method::Dense) | None => {
                let taps = conv.kernel * conv.kernel;
                let weights = expanded(weights, layer);
                // Those of a 1x1 kernel are brought together before.
                let stride = if conv.kernel == 1 { 1 } else { conv.stride };
                for (part, channels) in parts(&weights, layer, shapes) {
                    places.weights.push(self.dense(&part, [conv.output, channels, taps], stride));
                }
            }
        }
        if let Some((weights, _)) = projection {
            let input = weights.len() / conv.output;
            places.weights.push(self.dense(&weights, [conv.output, input, 1], 1));
        }
        Ok(places)
    }
}

/// The weights that each input of a dense convolution has, and its channels.
fn parts<'a>(
    weights: &'a [f32],
    layer: &Convolution,
    shapes: &[usize],
) -> impl Iterator<Item = (Cow<'a, [f32]>, usize)> {
    let taps = layer.conv.kernel * layer.conv.kernel;
    let row = layer.conv.input * taps;
    let mut first = 0;
    layer.inputs.iter().map(move |&input| {
        let channels = shapes[input];
        let part = columns(weights, row, first * taps, channels * taps);
        first += channels;
        (part, channels)
    })
}

/// The lanes of the widest register.
const MOST_LANES: usize = 16;

/// Some columns of a matrix.
fn columns(matrix: &[f32], row: usize, first: usize, count: usize) -> Cow<'_, [f32]> {
    if count == row {
        return Cow::Borrowed(matrix);
    }
    matrix.chunks_exact(row).flat_map(|row| &row[first..][..count]).copied().collect()
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
