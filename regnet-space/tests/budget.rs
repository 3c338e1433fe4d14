//! Budgets and near presets. Expected flops, params and acts are those of `published.rs`.
#![allow(clippy::unwrap_used)]

use regnet_space::{
    AnyNet, Block, Bottleneck, Budget, Declaration, Limit, Mode, Preset, Quantity, RegNetParams, Space,
    Stage, nearest_preset, presets, torchvision_presets,
};

const M: u64 = 1_000_000;

fn published(name: &str) -> AnyNet {
    Preset::find(name).unwrap().declaration().to_anynet().unwrap()
}

fn budget(limits: &[(Quantity, u64)]) -> Budget {
    Budget { limits: limits.iter().map(|&(quantity, most)| Limit { quantity, most }).collect() }
}

#[track_caller]
fn refuses(net: &AnyNet, limits: &[(Quantity, u64)], messages: &[&str]) {
    let errors = budget(limits).check(net, 224, 224).unwrap();
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), messages);
}

#[test]
fn a_limit_is_kept_up_to_its_last_unit() {
    for preset in presets() {
        let net = published(preset.name);
        let cost = net.complexity(224, 224).unwrap();
        let memory = Quantity::Memory { batch: 7, mode: Mode::Training };
        let bytes = net.memory(224, 224, 7, Mode::Training).unwrap().bytes();
        for (quantity, figure) in [
            (Quantity::Flops, cost.flops),
            (Quantity::Params, cost.params),
            (Quantity::Acts, cost.acts),
            (memory, bytes),
        ] {
            assert_eq!(budget(&[(quantity, figure)]).check(&net, 224, 224), Ok(vec![]), "{quantity}");
            let errors = budget(&[(quantity, figure - 1)]).check(&net, 224, 224).unwrap();
            assert_eq!((errors.len(), errors[0].figure), (1, figure), "{quantity}");
        }
    }
}

#[test]
fn all_limits_are_checked_and_the_preset_keeps_them_all() {
    refuses(
        &published("RegNetX-600MF"),
        &[(Quantity::Flops, 500 * M), (Quantity::Params, 3 * M), (Quantity::Acts, 4 * M)],
        &[
            "flops: 600.9M is over the budget of 500M; stage s4 costs most (41 %); \
             the nearest smaller preset that fits is RegNetX-200MF (199M)",
            "params: 6.196M is over the budget of 3M; stage s4 costs most (76 %); \
             the nearest smaller preset that fits is RegNetX-200MF (2.685M)",
        ],
    );
}

#[test]
fn the_preset_is_of_the_same_family_stem_and_head() {
    // RegNetX-200MF has 2,684,792 parameters with 1,000 classes and 2,319,482 with ten.
    let ten = AnyNet { classes: 10, ..published("RegNetX-400MF") };
    let errors = budget(&[(Quantity::Params, 2_400_000)]).check(&ten, 224, 224).unwrap();
    let (preset, figure) = errors[0].nearest.unwrap();
    assert_eq!((preset.name, figure), ("RegNetX-200MF", 2_684_792 - 990 * 369));
    let y = budget(&[(Quantity::Flops, 410 * M)]).check(&published("RegNetY-800MF"), 224, 224).unwrap();
    assert_eq!(y[0].nearest.map(|(preset, _)| preset.name), Some("RegNetY-400MF"));
}

#[test]
fn without_a_smaller_preset_the_message_says_so() {
    refuses(
        &published("RegNetX-200MF"),
        &[(Quantity::Flops, 100 * M)],
        &["flops: 199M is over the budget of 100M; stage s4 costs most (55 %); \
           no smaller preset fits: raise the limit, or make stage s4 smaller"],
    );
}

#[test]
fn figures_that_look_alike_are_written_out() {
    refuses(
        &published("RegNetX-200MF"),
        &[(Quantity::Flops, 199_040_871)],
        &["flops: 199,040,872 is over the budget of 199,040,871; stage s4 costs most (55 %); \
           no smaller preset fits: raise the limit, or make stage s4 smaller"],
    );
}

#[test]
fn memory_says_what_it_is_for() {
    let net = published("RegNetX-400MF");
    let limits =
        [Mode::Inference, Mode::Training].map(|mode| (Quantity::Memory { batch: 32, mode }, 250 * M));
    let errors = budget(&limits).check(&net, 224, 224).unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let text = errors[0].to_string();
    assert!(text.starts_with("memory (training, batch = 32): "), "{text}");
    assert!(text.contains("GB is over the budget of 250MB; "), "{text}");
}

#[test]
fn training_takes_more_than_inference_and_both_grow_with_the_batch() {
    let net = published("RegNetY-200MF");
    let bytes = |batch, mode| net.memory(224, 224, batch, mode).unwrap().bytes();
    let cost = net.complexity(224, 224).unwrap();
    assert!(bytes(1, Mode::Inference) > 4 * cost.params);
    assert!(bytes(1, Mode::Training) > 12 * cost.params + 4 * cost.acts);
    for mode in [Mode::Inference, Mode::Training] {
        // Maps grow with the batch, parameters do not.
        let step = bytes(2, mode) - bytes(1, mode);
        assert_eq!(bytes(9, mode), bytes(1, mode) + 8 * step);
    }
}

/// One stage of one block, by hand: 4 bytes times what `memory.rs` says.
#[test]
fn memory_of_a_small_network_by_hand() {
    let stage = Stage { depth: 1, width: 8, stride: 2, bottleneck: Bottleneck::ONE, group_width: 8 };
    let net = AnyNet {
        input_channels: 3,
        stem: "simple".parse().map(|kind| regnet_space::Stem { kind, width: 4 }).unwrap(),
        block: Block::Bottleneck,
        stages: vec![stage],
        se: None,
        regulator: None,
        classes: 2,
    };
    let weights = 4 * 27 + 4 * 8 + 4 * 8 + 8 * 8 * 9 + 8 * 8 + 8 * 2;
    let (norms, bias) = (4 + 8 + 8 + 8 + 8, 2);
    let trained = weights + 2 * norms + bias;
    // 8 x 8 images: the stem makes 4 x 4 maps of 4 channels, the block 2 x 2 maps of 8.
    let (image, stem, wide, small) = (3 * 64, 4 * 16, 8 * 16, 8 * 4);
    // The first convolution of the block, at full resolution, beside its batch norm's output and the shortcut.
    let peak = wide + wide + small;
    let maps = image + 2 * stem + 2 * small + 2 * wide + 4 * small + 8 + 2;
    let bytes = |mode| net.memory(8, 8, 5, mode).unwrap().bytes();
    assert_eq!(bytes(Mode::Inference), 4 * (trained + 2 * norms + 5 * peak));
    assert_eq!(bytes(Mode::Training), 4 * (3 * trained + 2 * norms + 5 * (maps + peak)));
}

#[test]
fn absurd_sizes_saturate() {
    let net = published("RegNetY-32GF");
    let bytes = net.memory(16_384, 16_384, usize::MAX, Mode::Training).unwrap().bytes();
    assert_eq!(bytes, u64::MAX);
}

#[test]
fn published_models_are_near_no_other() {
    for preset in presets().iter().chain(torchvision_presets()) {
        let net = preset.declaration().to_anynet().unwrap();
        assert_eq!(nearest_preset(&AnyNet { classes: 10, ..net }), None, "{}", preset.name);
    }
}

#[test]
fn rounded_parameters_are_near_their_model() {
    for (d, w0, wa, wm, g, name) in [
        (13, 24, 36.0, 2.5, 8, "RegNetX-200MF"),
        (22, 24, 24.0, 2.5, 16, "RegNetX-400MF"),
        (16, 48, 37.0, 2.2, 24, "RegNetX-600MF"),
    ] {
        let params = RegNetParams { d, w0, wa, wm, g, b: Bottleneck::ONE, se: None };
        let net = Declaration { space: Space::Any, ..Declaration::new(params) }.to_anynet().unwrap();
        let near = nearest_preset(&net).unwrap_or_else(|| panic!("{name}: {:?}", net.stages));
        assert_eq!(near.preset.name, name);
        assert!(near.to_string().starts_with(&format!("close to {name}, but not equal: ")), "{near}");
    }
}

#[test]
fn other_networks_are_near_none() {
    let net = published("RegNetX-600MF");
    assert_eq!(nearest_preset(&AnyNet { se: Some(0.25), ..net.clone() }), None);
    assert_eq!(nearest_preset(&AnyNet { block: Block::Basic, ..net.clone() }), None);
    let stages = net.stages.iter().map(|stage| Stage { width: 2 * stage.width, ..*stage }).collect();
    assert_eq!(nearest_preset(&AnyNet { stages, ..net.clone() }), None);
    let stages = net.stages.iter().map(|stage| Stage { stride: 1, ..*stage }).collect();
    assert_eq!(nearest_preset(&AnyNet { stages, ..net.clone() }), None);
    assert_eq!(nearest_preset(&AnyNet { stages: net.stages[1..].to_vec(), ..net }), None);
}
