//! Which of two ways to compute a convolution is faster on a machine.

use std::collections::{BTreeMap, HashMap};

use regnet_space::graph::Graph;

use super::lower::Layer;
use super::{Engine, FreezeError, Isa, Options, winograd};

/// Which 3x3 convolutions of a network are computed by Winograd's minimal filtering, as measured on a machine.
///
/// Without one, [`Engine::new`] estimates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// The instruction set it is for; engines for others estimate.
    pub isa: Isa,
    /// Whether filtering is faster, by layer. Of layers that are not named it is estimated.
    pub winograd: BTreeMap<String, bool>,
}

impl Tuning {
    /// Measures both ways of every convolution that has two, in batches of `batch` images, each `repeat` times.
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
        let [plain, filtered] = [false, true].map(|way| seconds(graph, options, way, batch, repeat));
        let (plain, filtered) = (plain?, filtered?);
        let faster = |(layer, seconds): (String, f64)| {
            let other = plain.get(&layer)?;
            Some((layer, seconds < *other))
        };
        Ok(Self { isa: options.isa, winograd: filtered.into_iter().filter_map(faster).collect() })
    }
}

/// Seconds of each layer that can be filtered, if all of them are, or none.
fn seconds(
    graph: &Graph,
    options: &Options,
    way: bool,
    batch: usize,
    repeat: usize,
) -> Result<HashMap<String, f64>, FreezeError> {
    let lens: HashMap<_, usize> =
        graph.parameters().map(|tensor| (tensor.name, tensor.shape.iter().product())).collect();
    let winograd = graph.nodes().iter().map(|node| (node.name.clone(), way)).collect();
    let tuning = Some(Tuning { isa: options.isa, winograd });
    let options = Options { tuning, ..options.clone() };
    // Not so small that activations would fade to denormal numbers, which take longer.
    let tensor = |name: &str| Some(vec![0.01; *lens.get(name)?]);
    let engine = Engine::new(graph, tensor, &options)?;
    let images = vec![0.5; batch * graph.nodes()[0].shape.len()];
    let mut seconds = HashMap::new();
    let possible = engine.layers.iter().filter(|layer| winograd::is_possible(layer));
    let possible: Vec<_> = possible.map(|layer| layer.name.clone()).collect();
    for step in engine.profile(&images, repeat)? {
        if possible.contains(&step.layer) {
            *seconds.entry(step.layer).or_default() += step.seconds;
        }
    }
    Ok(seconds)
}

impl Options {
    /// Whether a layer is computed by Winograd's filtering.
    pub(super) fn filters(&self, layer: &Layer) -> bool {
        let tuning = self.tuning.as_ref().filter(|tuning| tuning.isa == self.isa);
        let measured = tuning.and_then(|tuning| tuning.winograd.get(&layer.name));
        winograd::is_possible(layer) && measured.copied().unwrap_or_else(|| winograd::is_less_work(layer))
    }
}
