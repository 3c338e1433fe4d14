//! How an engine is built.

use regnet_space::graph::Graph;

use super::lower::Lowered;
use super::pool::Pool;
use super::{FreezeError, Isa, Precision, Tuning};

/// How an engine is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Threads, the caller's included; at least one, and of more than this process has processors only as many as those:
    /// see [`Engine::threads`](super::Engine::threads).
    pub threads: usize,
    /// Whether a thread that waits for others, or for work, looks for them for a moment before it goes to sleep. That is
    /// faster where the processors have nothing else to do; without it, an engine that waits leaves its processors to
    /// others at once.
    pub spin: bool,
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
    /// All processors, whose threads spin, the best instructions, no features, f32, estimated.
    fn default() -> Self {
        let (isa, precision) = (Isa::best(), Precision::F32);
        Self { threads: processors(), spin: true, isa, features: Vec::new(), precision, tuning: None }
    }
}

/// Processors that this process may run on.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Options {
    /// The engine's threads. More than there are processors would wait for one another most of the time.
    pub(super) fn pool(&self) -> std::io::Result<Pool> {
        Pool::new(self.threads.clamp(1, processors()), self.spin)
    }

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
