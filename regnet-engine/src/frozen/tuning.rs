//! Which way to compute a convolution is the fastest on a machine.

use std::collections::{BTreeMap, HashMap};

use regnet_space::graph::Graph;

use super::lower::{Layer, LayerOp};
use super::way::{Method, Way};
use super::winograd::Form;
use super::{Engine, FreezeError, Isa, Options, winograd};

/// How the 3x3 convolutions of a network are computed that can be in several ways, as measured on a machine.
///
/// Without one, [`Engine::new`] estimates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// The instruction set it is for; engines for others estimate.
    pub isa: Isa,
    /// The fastest way, by layer. Of layers that are not named it is estimated.
    pub ways: BTreeMap<String, Way>,
}

impl Tuning {
    /// Measures each way of every convolution that has several, in batches of `batch` images, each `repeat` times.
    ///
    /// What the weights are does not matter, so that none are needed.
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn measure(
        graph: &Graph,
        options: &Options,
        batch: usize,
        repeat: usize,
    ) -> Result<Self, FreezeError> {
        let mut fastest: BTreeMap<String, (f64, Way)> = BTreeMap::new();
        for way in Way::ALL {
            for (layer, seconds) in seconds(graph, options, way, batch, repeat)? {
                let best = fastest.entry(layer).or_insert((seconds, way));
                if seconds < best.0 {
                    *best = (seconds, way);
                }
            }
        }
        let ways = fastest.into_iter().map(|(layer, (_, way))| (layer, way)).collect();
        Ok(Self { isa: options.isa, ways })
    }
}

/// Seconds of each layer that can be filtered and has this way, if all of them are computed in it.
fn seconds(
    graph: &Graph,
    options: &Options,
    way: Way,
    batch: usize,
    repeat: usize,
) -> Result<HashMap<String, f64>, FreezeError> {
    let lens: HashMap<_, usize> =
        graph.parameters().map(|tensor| (tensor.name, tensor.shape.iter().product())).collect();
    let ways = graph.nodes().iter().map(|node| (node.name.clone(), way)).collect();
    let tuning = Some(Tuning { isa: options.isa, ways });
    let options = Options { tuning, ..options.clone() };
    // Not so small that activations would fade to denormal numbers, which take longer.
    let tensor = |name: &str| Some(vec![0.01; *lens.get(name)?]);
    let engine = Engine::new(graph, tensor, &options)?;
    let images = vec![0.5; batch * graph.nodes()[0].shape.len()];
    let mut seconds = HashMap::new();
    let possible = |layer: &&Layer| match &layer.op {
        LayerOp::Conv(conv) if winograd::is_possible(conv) => {
            way == Way::Direct || Form::new(way, conv).is_some()
        }
        _ => false,
    };
    let possible: Vec<_> = engine.layers.iter().filter(possible).map(|layer| layer.name.clone()).collect();
    for step in engine.profile(&images, repeat)? {
        if possible.contains(&step.layer) {
            *seconds.entry(step.layer).or_default() += step.seconds;
        }
    }
    Ok(seconds)
}

impl Options {
    /// How a layer is computed, if it is a convolution.
    pub(super) fn method(&self, layer: &Layer) -> Option<Method> {
        let tuning = self.tuning.as_ref().filter(|tuning| tuning.isa == self.isa);
        let measured = tuning.and_then(|tuning| tuning.ways.get(&layer.name));
        Method::new(layer, || measured.copied().unwrap_or_else(|| winograd::likely(layer)))
    }
}
