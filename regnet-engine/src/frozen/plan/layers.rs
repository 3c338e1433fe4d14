//! The steps that each kind of layer becomes.

use super::Planning;
use crate::frozen::cell::{Cell, Rule};
use crate::frozen::dense::{Dense, Operand};
use crate::frozen::grouped::Grouped;
use crate::frozen::image::Image;
use crate::frozen::lower::{Convolution, Layer, LayerOp};
use crate::frozen::map::Map;
use crate::frozen::pack::Places;
use crate::frozen::simple::{Add, Average, Compact, MaxPool, Scale};
use crate::frozen::step::Kind;
use crate::frozen::way::Method;
use crate::frozen::winograd::{self, Form, Winograd};

impl<'a> Planning<'a> {
    pub(super) fn layer(&mut self, index: usize, layer: &'a Layer) {
        if self.narrow_layer(index) {
            return;
        }
        let places = &self.source.packed.places[index];
        match &layer.op {
            LayerOp::Input => {}
            LayerOp::Conv(conv) => match self.source.methods[index] {
                Some(Method::Image) => self.image(index, conv, places),
                Some(Method::Winograd(form)) => self.winograd(index, conv, form, places),
                Some(Method::Grouped) => self.grouped(index, conv, places),
                Some(Method::Dense) | None => self.dense(index, conv, places),
            },
            &LayerOp::MaxPool { input, kernel, stride } => {
                let (input, out) = (self.read(input), self.write(index));
                self.push(index, Kind::MaxPool(MaxPool { input, out, kernel, stride }));
            }
            &LayerOp::Average { input } => {
                let (input, out) = (self.read(input), self.write(index));
                self.push(index, Kind::Average(Average { input, out }));
            }
            &LayerOp::Scale { input, gate, shortcut, activation } => {
                let map = self.take_over(index, input);
                let (gate, shortcut) = (self.read(gate), shortcut.map(|value| self.read(value)));
                self.push(index, Kind::Scale(Scale { map, gate, shortcut, activation }));
            }
            &LayerOp::Add { inputs: [input, other], activation } => {
                let map = self.take_over(index, input);
                let other = self.read(other);
                self.push(index, Kind::Add(Add { map, other, activation }));
            }
            LayerOp::Affine { input, .. } => self.cell(index, Rule::Affine, &[*input], places),
            LayerOp::Product { inputs } => self.cell(index, Rule::Product, inputs, places),
            LayerOp::Blend { gates, state: None, .. } => self.cell(index, Rule::Begin, gates, places),
            LayerOp::Blend { gates: [z, c], state: Some(h), .. } => {
                self.cell(index, Rule::Blend, &[*z, *c, *h], places);
            }
            LayerOp::Remember { gates, state: None } => self.cell(index, Rule::Product, gates, places),
            LayerOp::Remember { gates: [i, g], state: Some([f, c]) } => {
                self.cell(index, Rule::Remember, &[*i, *g, *f, *c], places);
            }
            LayerOp::Expose { gate, cell, .. } => self.cell(index, Rule::Expose, &[*gate, *cell], places),
        }
    }

    /// The map of a value that is changed in place; a copy of it where it is read again.
    fn take_over(&mut self, index: usize, value: usize) -> Map {
        let map = self.read(value);
        if let Some(map) = self.replace(value, self.borders[index]) {
            self.maps[index] = Some(map);
            return map;
        }
        let out = self.write(index);
        self.push(index, Kind::Compact(Compact { input: map, out, stride: 1 }));
        out
    }

    fn cell(&mut self, index: usize, rule: Rule, inputs: &[usize], places: &Places) {
        let inputs = inputs.iter().map(|&value| self.read(value)).collect();
        let out = self.write(index);
        self.push(index, Kind::Cell(Cell { rule, inputs, out, affine: places.affine }));
    }

    fn image(&mut self, index: usize, layer: &Convolution, places: &Places) {
        let input = self.source.layers[0].shape;
        let conv = &layer.conv;
        let out = self.write(index);
        let image = |canvas| Image {
            channels: input.c,
            height: input.h,
            width: input.w,
            kernel: conv.kernel,
            stride: conv.stride,
            canvas,
            out,
            taps: Box::default(),
            weights: places.weights[0],
            bias: places.bias,
            activation: layer.activation,
        };
        let canvas = self.buffer(image(0).canvas_len(self.images));
        self.push(index, Kind::Paint(image(canvas)));
        let taps = image(canvas).offsets();
        self.push(index, Kind::Image(Image { taps, ..image(canvas) }));
    }

    fn grouped(&mut self, index: usize, layer: &Convolution, places: &Places) {
        let input = self.read(layer.inputs[0]);
        let shortcut = layer.shortcut.map(|value| self.read(value));
        let out = self.write(index);
        let grouped = Grouped {
            input,
            stride: layer.conv.stride,
            out,
            weights: places.weights[0],
            bias: places.bias,
            shortcut,
            activation: layer.activation,
            sources: places.sources.clone().expect("packed as grouped"),
        };
        self.push(index, Kind::Grouped(grouped));
    }

    fn winograd(&mut self, index: usize, layer: &Convolution, form: Form, places: &Places) {
        let conv = &layer.conv;
        let input = self.read(layer.inputs[0]);
        let shortcut = layer.shortcut.map(|value| self.read(value));
        let out = self.sum(index, layer, [input]);
        self.scratch = self.scratch.max(winograd::scratch_len(conv.group_width, form, out.lanes));
        let winograd = Winograd {
            input,
            form,
            out,
            group: [conv.group_width, conv.output / conv.groups()],
            weights: places.weights[0],
            bias: places.bias,
            shortcut,
            activation: layer.activation,
        };
        self.push(index, Kind::Winograd(winograd));
    }

    /// The map of a convolution's sum, which may take the shortcut's place, unless that is convolved as well.
    fn sum(&mut self, index: usize, layer: &Convolution, inputs: impl IntoIterator<Item = Map>) -> Map {
        let place = layer.shortcut.and_then(|value| self.replace(value, self.borders[index]));
        match place.filter(|place| inputs.into_iter().all(|input| input.offset != place.offset)) {
            Some(map) => {
                self.maps[index] = Some(map);
                map
            }
            None => self.write(index),
        }
    }

    fn dense(&mut self, index: usize, layer: &Convolution, places: &Places) {
        let conv = &layer.conv;
        let mut operands: Vec<Operand> = Vec::new();
        for (&value, &weights) in layer.inputs.iter().zip(&places.weights) {
            let map = if conv.kernel == 1 { self.flat(index, value, conv.stride) } else { self.read(value) };
            operands.push(Operand { map, weights });
        }
        if let Some(projection) = &layer.projection {
            let map = self.flat(index, projection.input, projection.stride);
            let weights = places.weights[layer.inputs.len()];
            operands.push(Operand { map, weights });
        }
        let shortcut = layer.shortcut.map(|value| self.read(value));
        let out = self.sum(index, layer, operands.iter().map(|operand| operand.map));
        let positions = (conv.kernel == 1).then(|| out.positions()).flatten();
        let shortcut_positions =
            (conv.kernel == 1).then(|| shortcut.as_ref().and_then(Map::positions)).flatten();
        let dense = Dense {
            kernel: conv.kernel,
            taps: Dense::taps(conv.kernel, &operands[0].map),
            stride: if conv.kernel == 1 { 1 } else { conv.stride },
            operands,
            bias: places.bias,
            out,
            positions,
            shortcut,
            shortcut_positions,
            activation: layer.activation,
        };
        self.push(index, Kind::Dense(dense));
    }
}
