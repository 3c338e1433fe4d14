//! The steps of layers that are computed in narrow numbers, and which form each value is needed in.

use super::{Planning, Source};
use crate::frozen::dense::Operand;
use crate::frozen::lower::{Convolution, LayerOp};
use crate::frozen::map::Map;
use crate::frozen::narrow::{Choice, Convert, Dense, Grouped, Kind, Outlet, Spot, Step};
use crate::frozen::pack::Places;
use crate::frozen::step;
use crate::frozen::store::Activation;
use crate::frozen::way::is_grouped;

/// For each value, whether it is needed in f32, and whether what computes it is to write narrow numbers.
pub(super) struct Needs {
    wide: Vec<bool>,
    narrow: Vec<bool>,
}

impl Needs {
    /// What the layers of a plan need, whose second part begins at layer `late`: between the parts there is f32 only.
    pub fn new(source: &Source<'_>, borders: &[usize], late: usize) -> Self {
        let count = source.layers.len();
        let mut needs = Self { wide: vec![false; count], narrow: vec![false; count] };
        source.results.iter().for_each(|&value| needs.wide[value] = true);
        for (index, layer) in source.layers.iter().enumerate().filter(|&(index, _)| source.used[index]) {
            let conv = match &layer.op {
                LayerOp::Conv(conv) if source.is_narrow(index) => conv,
                _ => {
                    layer.reads().into_iter().for_each(|value| needs.wide[value] = true);
                    continue;
                }
            };
            conv.shortcut.iter().for_each(|&value| needs.wide[value] = true);
            let flat = conv.conv.kernel == 1;
            let stride = if flat { conv.conv.stride } else { 1 };
            let inputs = conv.inputs.iter().map(|&input| (input, stride, flat));
            let projection = conv.projection.as_ref().map(|from| (from.input, from.stride, true));
            for (value, stride, flat) in inputs.chain(projection) {
                let as_written = stride == 1 && (borders[value] == 0 || !flat);
                let direct = as_written && source.writes_narrow(value) && !(value < late && late <= index);
                let needed = if direct { &mut needs.narrow } else { &mut needs.wide };
                needed[value] = true;
            }
        }
        needs
    }
}

impl Source<'_> {
    fn is_narrow(&self, layer: usize) -> bool {
        self.choice.is_some_and(|choice| choice.layers[layer])
    }

    /// Whether a value can be written in narrow numbers by what computes it: a narrow product, or gates and nothing else.
    fn writes_narrow(&self, value: usize) -> bool {
        let op = &self.layers[value].op;
        let gates = matches!(op, LayerOp::Scale { shortcut: None, activation: Activation::None, .. });
        self.is_narrow(value) || gates
    }

    fn choice(&self) -> &Choice {
        self.choice.expect("layers were chosen")
    }
}

impl Planning<'_> {
    /// Plans a layer that narrow numbers are computed by, if this is one.
    pub(super) fn narrow_layer(&mut self, index: usize) -> bool {
        let (layer, places) = (&self.source.layers[index], &self.source.packed.places[index]);
        match &layer.op {
            LayerOp::Conv(conv) if self.source.is_narrow(index) && is_grouped(conv) => {
                self.narrow_grouped(index, conv, places);
            }
            LayerOp::Conv(conv) if self.source.is_narrow(index) => self.narrow_dense(index, conv, places),
            // What only narrow products read is gated while it is converted.
            LayerOp::Scale { input, gate, .. } if self.needs.narrow[index] && !self.needs.wide[index] => {
                let (input, gate) = (self.read(*input), self.read(*gate));
                self.convert(index, index, input, [1, self.borders[index]], Some(gate));
            }
            _ => return false,
        }
        true
    }

    fn narrow_dense(&mut self, index: usize, layer: &Convolution, places: &Places) {
        let inputs = layer.inputs.iter().map(|&value| (value, layer.conv.stride));
        let projection = layer.projection.as_ref().map(|from| (from.input, from.stride));
        let values: Vec<_> = inputs.chain(projection).collect();
        let operands = values.iter().zip(&places.weights).map(|(&(value, stride), &weights)| Operand {
            map: self.narrow_input(index, value, [stride, 0]),
            weights,
        });
        let operands = operands.collect();
        let shape = self.source.layers[index].shape;
        let dense = Dense {
            operands,
            inputs: values.iter().map(|&(value, _)| self.source.layers[value].shape.c).sum(),
            outputs: shape.c,
            pixels: shape.h * shape.w,
            outlet: self.outlet(index, layer, places),
        };
        self.push_narrow(index, Kind::Dense(dense));
    }

    fn narrow_grouped(&mut self, index: usize, layer: &Convolution, places: &Places) {
        let input = layer.inputs[0];
        let map = self.narrow_input(index, input, [1, self.borders[input]]);
        let shape = self.source.layers[index].shape;
        let grouped = Grouped {
            input: map,
            stride: layer.conv.stride,
            height: shape.h,
            width: shape.w,
            channels: shape.c,
            weights: places.weights[0],
            sources: places.narrow_sources.clone().expect("packed as grouped"),
            outlet: self.outlet(index, layer, places),
        };
        self.push_narrow(index, Kind::Grouped(grouped));
    }

    /// Where a convolution's results go.
    fn outlet(&mut self, index: usize, layer: &Convolution, places: &Places) -> Outlet {
        let shortcut = layer.shortcut.map(|value| self.read(value));
        let wide = self.needs.wide[index].then(|| {
            // The sum may take the shortcut's place.
            let place = layer.shortcut.and_then(|value| self.replace(value, self.borders[index]));
            self.maps[index] = place;
            place.unwrap_or_else(|| self.write(index))
        });
        let narrow = self.needs.narrow[index].then(|| {
            let map = self.narrow_map(index, [1, self.borders[index]]);
            (Spot::new(map), self.source.choice().codes[index])
        });
        Outlet {
            bias: places.bias,
            scale: places.scale,
            shortcut: shortcut.map(Spot::new),
            activation: layer.activation,
            wide: wide.map(Spot::new),
            narrow,
        }
    }

    /// Where a value lies in narrow numbers, which is read once more: every `stride`th pixel, with such a border.
    fn narrow_input(&mut self, layer: usize, value: usize, form @ [stride, border]: [usize; 2]) -> Map {
        if let Some(&map) = self.narrow.get(&(value, form)) {
            self.reads[value] -= 1;
            return map;
        }
        let input = self.read(value);
        self.convert(layer, value, input, [stride, border], None)
    }

    fn convert(
        &mut self,
        layer: usize,
        value: usize,
        input: Map,
        form: [usize; 2],
        gate: Option<Map>,
    ) -> Map {
        let out = self.narrow_map(value, form);
        let code = self.source.choice().codes[value];
        self.push_narrow(layer, Kind::Convert(Convert { input, stride: form[0], gate, out, code }));
        out
    }

    /// A new map for a value in narrow numbers.
    fn narrow_map(&mut self, value: usize, form @ [stride, border]: [usize; 2]) -> Map {
        let (shape, per_word) = (self.source.layers[value].shape, self.source.choice().format.per_word());
        let mut map = Map {
            offset: 0,
            channels: shape.c.div_ceil(per_word),
            height: shape.h.div_ceil(stride),
            width: shape.w.div_ceil(stride),
            border,
            images: self.images,
            lanes: self.source.isa.lanes() / per_word,
        };
        map.offset = self.buffer(map.len());
        self.narrow.insert((value, form), map);
        map
    }

    fn push_narrow(&mut self, layer: usize, kind: Kind) {
        let format = self.source.choice().format;
        self.push(layer, step::Kind::Narrow(Step { format, kind }));
    }
}
