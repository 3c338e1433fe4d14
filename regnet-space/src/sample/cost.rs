//! The complexity of four stages without their layer graph.
//!
//! A search looks at hundreds of candidates for each network it keeps. The graph names every layer and takes a hundred
//! times as long as these sums, which matters most in a macro that was compiled without optimisation; tests hold them
//! equal to the graph's.

use crate::complexity::Complexity;
use crate::spec::{Stage, Stem};

/// What surrounds the stages of a network of X or Y blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) stem: Stem,
    /// Channels, height and width.
    pub(super) input: [usize; 3],
    pub(super) se: Option<f64>,
    pub(super) classes: usize,
}

/// What a network costs.
pub(super) fn complexity(ends: &Ends, stages: &[Stage]) -> Complexity {
    let &Ends { stem, input: [channels, height, width], se, classes } = ends;
    let mut side = halved([height, width], stem.kind.stride());
    let kernel = stem.kind.kernel();
    let mut cost = convolution(kernel * kernel * channels, stem.width, side);
    if stem.kind.pools() {
        side = halved(side, 2);
        cost.acts = cost.acts.saturating_add(product(&[stem.width, side[0], side[1]]));
    }
    let mut input = stem.width;
    for stage in stages {
        let small = halved(side, stage.stride);
        cost = cost + block(input, stage, se, side, small);
        let next = block(stage.width, stage, se, small, small);
        // The first block projects its input, the others need not.
        cost = cost + projection(input, stage, side, small) + times(next, stage.depth - 1);
        (input, side) = (stage.width, small);
    }
    cost + with_bias(input, classes)
}

/// A block's residual function.
fn block(input: usize, stage: &Stage, se: Option<f64>, before: [usize; 2], after: [usize; 2]) -> Complexity {
    let &Stage { width, group_width, .. } = stage;
    let inner = stage.inner_width();
    let hidden = se.map_or(0, |ratio| (input as f64 * ratio).round_ties_even() as usize);
    let excite = match hidden {
        0 => Complexity::default(),
        _ => with_bias(inner, hidden) + with_bias(hidden, inner),
    };
    let grouped = convolution(9 * group_width, inner, after);
    convolution(input, inner, before) + grouped + excite + convolution(inner, width, after)
}

/// The 1x1 convolution of the shortcut, where the block changes width or resolution.
fn projection(input: usize, stage: &Stage, before: [usize; 2], after: [usize; 2]) -> Complexity {
    let same = input == stage.width && stage.stride == 1 && before == after;
    if same { Complexity::default() } else { convolution(input, stage.width, after) }
}

/// A convolution that adds up `terms` products for each output, with its batch norm.
fn convolution(terms: usize, output: usize, [height, width]: [usize; 2]) -> Complexity {
    Complexity {
        flops: product(&[terms, output, height, width]),
        params: product(&[terms, output]).saturating_add(product(&[2, output])),
        acts: product(&[output, height, width]),
    }
}

/// A linear layer, or a 1x1 convolution of one pixel, with a bias and without batch norm.
fn with_bias(input: usize, output: usize) -> Complexity {
    let weights = product(&[input + 1, output]);
    Complexity { flops: weights, params: weights, acts: output as u64 }
}

fn times(cost: Complexity, n: usize) -> Complexity {
    let [flops, params, acts] = [cost.flops, cost.params, cost.acts].map(|x| x.saturating_mul(n as u64));
    Complexity { flops, params, acts }
}

fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1, |product: u64, &factor| product.saturating_mul(factor as u64))
}

fn halved(side: [usize; 2], stride: usize) -> [usize; 2] {
    side.map(|side| side.div_ceil(stride))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::declaration::Declaration;
    use crate::params::RegNetParams;
    use crate::spec::StemKind;
    use crate::{Bottleneck, presets};

    fn declarations() -> impl Strategy<Value = Declaration> {
        let params = (1_usize..40, 1_usize..20, 0.0..99.0, 2.0..3.0, 1_usize..70, 1_usize..4, any::<bool>());
        let params = params.prop_map(|(d, w0, wa, wm, g, b, se)| {
            let (b, se) = (Bottleneck::reduces(b), se.then_some(0.25));
            RegNetParams { d, w0: 8 * w0, wa, wm, g, b, se }
        });
        let kind = prop::sample::select(vec![StemKind::Simple, StemKind::Cifar, StemKind::ResNet]);
        (params, kind, 1_usize..40, 1_usize..5, 1_usize..50).prop_map(
            |(params, kind, width, input_channels, classes)| {
                let stem = Stem { kind, width };
                Declaration { stem, input_channels, classes, ..Declaration::new(params) }
            },
        )
    }

    /// The sums for a declaration.
    fn sums(net: &Declaration, stages: &[Stage], height: usize, width: usize) -> Complexity {
        let &Declaration { stem, input_channels, classes, params, .. } = net;
        complexity(&Ends { stem, input: [input_channels, height, width], se: params.se, classes }, stages)
    }

    proptest! {
        #[test]
        fn agrees_with_the_graph(net in declarations(), height in 1_usize..70, width in 1_usize..70) {
            let Ok(spec) = net.build() else { return Ok(()) };
            let graph = spec.complexity(height, width).expect("a checked spec");
            prop_assert_eq!(sums(&net, &spec.stages, height, width), graph);
        }
    }

    #[test]
    fn agrees_with_the_published_models() {
        for preset in presets() {
            let net = preset.declaration();
            let spec = net.build().unwrap_or_else(|errors| panic!("{errors:?}"));
            let graph = spec.complexity(224, 224).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(sums(&net, &spec.stages, 224, 224), graph, "{}", preset.name);
        }
    }
}
