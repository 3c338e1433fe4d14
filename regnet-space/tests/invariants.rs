//! What holds for all parameters.

use proptest::prelude::*;
use regnet_space::{AnyNet, Bottleneck, ParamError, RegNetParams, Space, Stem};

fn params() -> impl Strategy<Value = RegNetParams> {
    let b = (1_usize..5, any::<bool>())
        .prop_map(|(n, inverted)| if inverted { Bottleneck::expands(n) } else { Bottleneck::reduces(n) });
    let se = prop_oneof![Just(None), (0.01..=1.0).prop_map(Some)];
    (1_usize..64, 1_usize..32, 0.0..256.0, 1.5..=3.0, 1_usize..300, b, se)
        .prop_map(|(d, w0, wa, wm, g, b, se)| RegNetParams { d, w0: 8 * w0, wa, wm, g, b, se })
}

/// Parameters that make few enough stages, and their network.
fn anynet() -> impl Strategy<Value = AnyNet> {
    params().prop_filter_map("too many stages", |params| params.to_anynet(Stem::default(), 3, 10).ok())
}

proptest! {
    #[test]
    fn stages_share_the_depth_and_are_made_of_whole_groups(params in params()) {
        let stages = params.stages().expect("sound parameters");
        prop_assert_eq!(stages.iter().map(|stage| stage.depth).sum::<usize>(), params.d);
        for stage in &stages {
            prop_assert_eq!(stage.inner_width() % stage.group_width, 0);
            prop_assert_eq!(params.b.outer(stage.inner_width()), stage.width);
            prop_assert!(stage.group_width <= params.g);
        }
        prop_assert!(stages.is_sorted_by_key(|stage| stage.width));
    }

    #[test]
    fn the_multiplier_suggested_is_enough(params in params()) {
        if let Err(errors) = params.to_anynet(Stem::default(), 3, 10) {
            let [ParamError::TooManyStages { enough, .. }] = errors[..] else {
                return Err(TestCaseError::fail(format!("{errors:?}")));
            };
            let more = RegNetParams { wm: enough, ..params };
            prop_assert!(enough > params.wm);
            prop_assert!(more.to_anynet(Stem::default(), 3, 10).is_ok());
        }
    }

    #[test]
    fn complexity_counts_the_trained_parameters(net in anynet(), height in 1_usize..80, width in 1_usize..80) {
        let graph = net.graph(height, width).expect("a checked spec");
        let trained = graph.parameters().filter(|parameter| parameter.trainable);
        let count: usize = trained.map(|parameter| parameter.shape.iter().product::<usize>()).sum();
        let complexity = graph.complexity();
        prop_assert_eq!(complexity.params, count as u64);
        prop_assert!(complexity.flops > complexity.acts && complexity.acts > 0);
    }

    #[test]
    fn layers_read_only_layers_before_them(net in anynet()) {
        let graph = net.graph(32, 32).expect("a checked spec");
        let mut names = std::collections::HashSet::new();
        for (i, node) in graph.nodes().iter().enumerate() {
            prop_assert!(node.inputs.iter().all(|&input| input < i));
            prop_assert!(names.insert(&node.name), "{} twice", node.name);
            prop_assert!(!node.shape.is_empty());
        }
    }

    /// Nothing, however absurd, makes the checks panic or take long.
    #[test]
    fn any_numbers_are_answered(
        d in any::<usize>(), w0 in any::<usize>(), wa in any::<f64>(), wm in any::<f64>(), g in any::<usize>(),
        b in any::<f64>(), se in any::<Option<f64>>(), small in any::<bool>(),
    ) {
        let (d, w0) = if small { (d % 1025, w0 % 8192 * 8) } else { (d, w0) };
        let b = Bottleneck::from_ratio(b).unwrap_or(Bottleneck::ONE);
        let params = RegNetParams { d, w0, wa, wm, g, b, se };
        let sound = params.check(Space::Any).is_ok();
        prop_assert!(!sound || params.stages().is_ok());
        prop_assert!(params.check(Space::RegNet).is_err() || sound);
    }
}
