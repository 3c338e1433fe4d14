//! How an engine is built.

use regnet_space::graph::Graph;

use super::lower::Lowered;
use super::{FreezeError, Isa, Precision, Tuning};

/// How an engine is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Threads, the caller's included.
    pub threads: usize,
    /// The instruction set.
    pub isa: Isa,
    /// Names of nodes whose results are handed out with the logits, such as `s1.b1.af`.
    pub features: Vec<String>,
    /// What convolutions are computed with; see [`Engine::precision`](super::Engine::precision).
    pub precision: Precision,
    /// How convolutions are computed that can be in two ways; estimated where it is not said.
    pub tuning: Option<Tuning>,
}

impl Default for Options {
    /// All processors, the best instructions, no features, f32, estimated.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, isa: Isa::best(), features: Vec::new(), precision: Precision::F32, tuning: None }
    }
}

impl Options {
    /// The values that are handed out: the logits, and the results of the nodes asked for.
    pub(super) fn results(&self, graph: &Graph, lowered: &Lowered) -> Result<Vec<usize>, FreezeError> {
        let values = &lowered.values;
        let mut results = vec![values.last().and_then(|values| values.first().copied()).unwrap_or_default()];
        for name in &self.features {
            let node = graph.nodes().iter().position(|node| node.name == *name);
            match node.map(|node| &values[node][..]) {
                Some(&[value]) if value > 0 => results.push(value),
                _ => return Err(FreezeError::Feature { name: name.clone() }),
            }
        }
        Ok(results)
    }
}
