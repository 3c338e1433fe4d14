//! Building the graph of a file: the parts that every layer is written with, and the whole.

use std::collections::BTreeMap;

use regnet_space::graph::{Graph, Node, Op};

use super::Options;
use super::proto::{self, Attribute, Dim, Entry, OperatorSet, Value};
use super::tensors::{Tensor, Tensors};

/// The format's version, the first with operators 17.
const IR_VERSION: i64 = 8;

/// The file's name for what the network makes of its input.
const LOGITS: &str = "logits";

/// What was written so far.
pub(super) struct Writer<'a> {
    pub graph: &'a Graph,
    /// What was not written yet.
    pub tensors: Tensors,
    nodes: Vec<proto::Node>,
    initializers: Vec<proto::Tensor>,
    /// For each layer that was written, the name of the value it makes.
    values: Vec<String>,
    /// The norm to fold into a convolution, by the convolution's index.
    norms: BTreeMap<usize, usize>,
}

/// The file's content.
pub(super) fn model(graph: &Graph, tensors: Tensors, options: &Options) -> proto::Model {
    let norms = if options.fold_batch_norm { norms(graph) } else { BTreeMap::new() };
    let (nodes, initializers, values) = (Vec::new(), Vec::new(), Vec::new());
    let mut writer = Writer { graph, tensors, nodes, initializers, values, norms };
    for (index, node) in graph.nodes().iter().enumerate() {
        let value = writer.layer(index, node);
        writer.values.push(value);
    }
    let graph = writer.finish(options);
    let entry = |(key, value): &(String, String)| Entry { key: key.clone(), value: value.clone() };
    proto::Model {
        ir_version: IR_VERSION,
        producer_name: "regnet".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: Some(String::new()), version: options.opset as i64 }],
        metadata: options.metadata.iter().map(entry).collect(),
    }
}

/// The batch norm that alone reads a convolution, for each that has one.
fn norms(graph: &Graph) -> BTreeMap<usize, usize> {
    let nodes = graph.nodes();
    let is_conv = |&(_, conv): &(usize, usize)| matches!(nodes[conv].op, Op::Conv(_));
    let norms = nodes.iter().enumerate().filter(|(_, node)| matches!(node.op, Op::BatchNorm { .. }));
    norms
        .map(|(norm, node)| (norm, node.inputs[0]))
        .filter(is_conv)
        .map(|(norm, conv)| (conv, norm))
        .collect()
}

impl Writer<'_> {
    /// The name of what a layer reads in this place.
    pub fn input(&self, node: &Node, place: usize) -> String {
        self.values[node.inputs[place]].clone()
    }

    /// The batch norm that the convolution at `index` swallows.
    pub fn folded(&self, index: usize) -> Option<&Node> {
        self.norms.get(&index).map(|&norm| &self.graph.nodes()[norm])
    }

    /// Whether the norm at `index` became part of a convolution.
    pub fn is_folded(&self, index: usize) -> bool {
        self.norms.values().any(|&norm| norm == index)
    }

    /// Writes an operator whose only output has its name; returns that name.
    pub fn operator<S: Into<String>>(
        &mut self,
        name: impl Into<String>,
        op: &str,
        inputs: impl IntoIterator<Item = S>,
        attributes: Vec<Attribute>,
    ) -> String {
        let name = name.into();
        self.push(name.clone(), op, inputs, vec![name.clone()], attributes);
        name
    }

    fn push<S: Into<String>>(
        &mut self,
        name: String,
        op: &str,
        inputs: impl IntoIterator<Item = S>,
        outputs: Vec<String>,
        attributes: Vec<Attribute>,
    ) {
        let inputs = inputs.into_iter().map(Into::into).collect();
        self.nodes.push(proto::Node { inputs, outputs, name, op: op.to_owned(), attributes });
    }

    /// Writes a tensor of the state dict; returns its name.
    pub fn constant(&mut self, name: String) -> String {
        let tensor = self.tensors.take(&name);
        self.initializer(name, &tensor)
    }

    pub fn initializer(&mut self, name: String, Tensor { dims, values }: &Tensor) -> String {
        self.initializers.push(proto::Tensor::floats(&name, dims, values));
        name
    }

    /// Writes a vector of whole numbers, once for all who read it; returns its name.
    pub fn numbers(&mut self, values: &[i64]) -> String {
        let words: Vec<String> = values.iter().map(ToString::to_string).collect();
        let name = format!("numbers.{}", words.join("."));
        if !self.initializers.iter().any(|tensor| tensor.name == name) {
            self.initializers.push(proto::Tensor::numbers(&name, values));
        }
        name
    }

    /// Splits `x` along an axis into parts of these sizes; returns the parts' names, which are `name` with a number.
    pub fn split(&mut self, name: &str, x: &str, axis: usize, sizes: &[usize]) -> Vec<String> {
        let parts: Vec<String> = (0..sizes.len()).map(|part| format!("{name}.{part}")).collect();
        let sizes: Vec<i64> = sizes.iter().map(|&size| size as i64).collect();
        let sizes = self.numbers(&sizes);
        let attributes = vec![Attribute::of_int("axis", axis)];
        self.push(format!("{name}.split"), "Split", [x, &sizes], parts.clone(), attributes);
        parts
    }

    fn finish(mut self, options: &Options) -> proto::Graph {
        let dims = |known: Option<usize>, name: &str| known.map_or_else(|| Dim::named(name), Dim::known);
        let batch = || dims(options.batch, "batch");
        let [height, width] = options.image.map_or([None; 2], |image| image.map(Some));
        let (first, last) = (&self.graph.nodes()[0], self.values.len() - 1);
        let images = vec![batch(), Dim::known(first.shape.c), dims(height, "height"), dims(width, "width")];
        let logits = Value::floats(LOGITS, vec![batch(), Dim::known(self.graph.nodes()[last].shape.c)]);
        let inputs = vec![Value::floats(&self.values[0], images)];
        // The last operator makes the last layer's value.
        if let Some(node) = self.nodes.last_mut() {
            node.outputs = vec![LOGITS.to_owned()];
        }
        let values = if options.image.is_some() { self.shapes(options.batch) } else { Vec::new() };
        let Self { nodes, initializers, .. } = self;
        proto::Graph {
            nodes,
            name: options.name.clone(),
            initializers,
            inputs,
            outputs: vec![logits],
            values,
        }
    }

    /// The shapes between input and output, which viewers show.
    ///
    /// A batch of any size has no name here: tract would hold on to it where the input is set to a certain size.
    fn shapes(&self, batch: Option<usize>) -> Vec<Value> {
        let batch = batch.map_or_else(Dim::default, Dim::known);
        let layers = self.graph.nodes().iter().zip(&self.values);
        let written = layers.filter(|(node, value)| node.name == **value && !node.shape.is_empty());
        let last = self.values.len() - 1;
        let between = written.take(last).skip(1).filter(|(node, _)| !matches!(node.op, Op::Linear { .. }));
        between
            .map(|(node, value)| {
                let shape = [node.shape.c, node.shape.h, node.shape.w].map(Dim::known);
                Value::floats(value, [batch.clone()].into_iter().chain(shape).collect())
            })
            .collect()
    }
}
