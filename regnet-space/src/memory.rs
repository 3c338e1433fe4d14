//! Memory in bytes, folded from the layer graph.
//!
//! Counted are the f32 tensors that `regnet-core` holds at the worst moment on the CPU:
//!
//! | | inference | training |
//! | --- | --- | --- |
//! | parameters, running statistics | once | once |
//! | gradients and momentum of the parameters | | once each |
//! | feature maps | the most that live at once | all of them, with the indices that max pooling keeps |
//! | gradients of feature maps | | the most that live at once |
//!
//! A map lives until the last layer that reads it has run, so a block's input lives as long as its shortcut. ReLU,
//! sigmoid and a block's sum are computed by the layer before them and own no map, and neither does a slice of channels. While a batch's gradients are taken,
//! each takes the place of a map that is no longer needed; that is why all maps and all of their gradients never live
//! at once. A regulator's step keeps its gates beside its state.
//!
//! Not counted are a batch norm's statistics of one batch, the kernels' scratch space, what the allocator wastes, the
//! program itself and the batches that are read ahead. `regnet-train/tests/memory.rs` compares the figures with the
//! bytes that a network allocates.

use std::collections::HashMap;

use crate::error::SpecError;
use crate::graph::{Graph, Node, Op};
use crate::spec::AnyNet;

/// Bytes of an f32.
const ELEMENT: u64 = 4;

/// What a network is held in memory for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Forward passes only.
    #[default]
    Inference,
    /// Forward and backward passes, and steps of SGD with momentum.
    Training,
}

/// The memory a network takes, by part of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    parts: Vec<(String, u64)>,
}

impl Memory {
    /// All of it, in bytes.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// `input`, `stem`, `s1` to `s6` and `head`, with the bytes that belong to each.
    pub fn parts(&self) -> &[(String, u64)] {
        &self.parts
    }
}

impl AnyNet {
    /// The memory for batches of `batch` images of `height` x `width` pixels; see the [module](self) for what counts.
    ///
    /// # Errors
    ///
    /// As [`graph`](Self::graph).
    pub fn memory(&self, height: usize, width: usize, batch: usize, mode: Mode) -> Result<Memory, SpecError> {
        Ok(self.graph(height, width)?.memory(batch, mode))
    }
}

impl Graph {
    /// The memory for batches of `batch` images; see the [module](self) for what counts.
    pub fn memory(&self, batch: usize, mode: Mode) -> Memory {
        let maps = Maps::new(self.nodes());
        let mut memory = Memory { parts: Vec::new() };
        for (i, node) in self.nodes().iter().enumerate() {
            let kept = if mode == Mode::Training { maps.kept(i) } else { 0 };
            let values = maps.live_at_peak(i).saturating_add(kept);
            let bytes = values.saturating_mul(batch as u64).saturating_add(state(node, mode));
            memory.add(node.part(), bytes.saturating_mul(ELEMENT));
        }
        memory
    }
}

impl Memory {
    fn add(&mut self, part: &str, bytes: u64) {
        match self.parts.last_mut() {
            Some((last, sum)) if last == part => *sum = sum.saturating_add(bytes),
            _ => self.parts.push((part.to_owned(), bytes)),
        }
    }
}

/// Values of a layer's tensors and, for training, of their gradients and momentum.
fn state(node: &Node, mode: Mode) -> u64 {
    let values = |trainable: bool, shape: &[usize]| {
        let copies = if trainable && mode == Mode::Training { 3 } else { 1 };
        shape.iter().fold(copies, |product: u64, &side| product.saturating_mul(side as u64))
    };
    let tensors = node.op.tensors();
    tensors.iter().fold(0, |sum: u64, tensor| sum.saturating_add(values(tensor.trainable, &tensor.shape)))
}

/// The feature maps of one image, and when they are needed.
struct Maps<'a> {
    nodes: &'a [Node],
    /// The layer in whose map each layer writes: its own index, or that of the layer it is fused into.
    owners: Vec<usize>,
    /// The last layer that reads each owner's map.
    last_readers: HashMap<usize, usize>,
    /// The moment at which the maps that live are largest: the index of the layer that runs.
    peak: usize,
}

impl<'a> Maps<'a> {
    fn new(nodes: &'a [Node]) -> Self {
        let mut owners: Vec<usize> = Vec::with_capacity(nodes.len());
        let mut last_readers = HashMap::new();
        for (i, node) in nodes.iter().enumerate() {
            for &input in &node.inputs {
                last_readers.insert(owners[input], i);
            }
            owners.push(match node.op {
                Op::Relu | Op::Sigmoid | Op::Slice { .. } => owners[node.inputs[0]],
                Op::Add => owners[node.inputs[1]],
                _ => i,
            });
        }
        let mut maps = Self { nodes, owners, last_readers, peak: 0 };
        maps.peak = maps.find_peak();
        maps
    }

    /// Walks through the layers: each adds its map, and takes away those that nobody reads after it.
    fn find_peak(&self) -> usize {
        let (mut live, mut most, mut peak) = (0u64, 0, 0);
        for (i, node) in self.nodes.iter().enumerate() {
            live = live.saturating_add(self.len(i));
            let running = live.saturating_add(self.gates(i));
            if running > most {
                (most, peak) = (running, i);
            }
            let mut read: Vec<usize> = node.inputs.iter().map(|&input| self.owners[input]).collect();
            read.dedup();
            let done = read.into_iter().filter(|map| self.last_readers.get(map) == Some(&i));
            live = done.fold(live, |live, map| live.saturating_sub(self.len(map)));
        }
        peak
    }

    /// Values of the map that the `i`th layer owns; 0 if it owns none.
    fn len(&self, i: usize) -> u64 {
        let shape = self.nodes[i].shape;
        let values =
            [shape.c, shape.h, shape.w].into_iter().fold(1, |n: u64, side| n.saturating_mul(side as u64));
        if self.owners[i] == i { values } else { 0 }
    }

    /// Values of the gates, if the `i`th layer is a regulator's step.
    fn gates(&self, i: usize) -> u64 {
        let Op::Step(step) = self.nodes[i].op else { return 0 };
        let shape = self.nodes[i].shape;
        [shape.h, shape.w]
            .into_iter()
            .fold(step.cells.gates() as u64, |n, side| n.saturating_mul(side as u64))
    }

    /// Values that the tape keeps of the `i`th layer until its gradient is taken.
    fn kept(&self, i: usize) -> u64 {
        let with_indices = matches!(self.nodes[i].op, Op::MaxPool { .. });
        self.len(i).saturating_mul(if with_indices { 2 } else { 1 }).saturating_add(self.gates(i))
    }

    /// Values of the `i`th layer's map if it lives at the peak, or else 0.
    fn live_at_peak(&self, i: usize) -> u64 {
        let needed = self.last_readers.get(&i).is_none_or(|&last| last >= self.peak);
        let gates = if i == self.peak { self.gates(i) } else { 0 };
        if i <= self.peak && needed { self.len(i).saturating_add(gates) } else { 0 }
    }
}
