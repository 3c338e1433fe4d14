//! Which networks lie in which design space.
#![allow(clippy::unwrap_used)]

use regnet_space::{
    AnyNet, Block, Bottleneck, Family, Preset, RegNetParams, SpaceName, Stage, Stem, presets,
};

fn net(depths: &[usize], widths: &[usize], b: &[usize], g: &[usize]) -> AnyNet {
    let stages = (0..depths.len()).map(|i| Stage {
        depth: depths[i],
        width: widths[i],
        stride: 2,
        bottleneck: Bottleneck::reduces(b[i]),
        group_width: g[i],
    });
    let net = AnyNet {
        input_channels: 3,
        stem: Stem::default(),
        block: Block::Bottleneck,
        stages: stages.collect(),
        se: None,
        regulator: None,
        classes: 10,
    };
    assert_eq!(net.check(), Ok(()));
    net
}

/// The messages of a check.
fn found(net: &AnyNet, space: SpaceName) -> Vec<String> {
    net.check_space(space).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn published_models_are_members_and_their_neighbours_are_not() {
    for preset in presets() {
        let space = match preset.family {
            Family::X => SpaceName::RegNetX,
            Family::Y => SpaceName::RegNetY,
        };
        let mut net = preset.declaration().to_anynet().unwrap();
        let member = net.check_space(space).is_ok();
        assert_eq!(member, preset.name != "RegNetX-32GF", "{} {:?}", preset.name, net.check_space(space));
        if !member {
            continue;
        }
        net.stages[2].width = net.stages[1].width;
        net.stages[2].depth += 40 / net.stages.len();
        assert!(net.check_space(space).is_err(), "{}", preset.name);
    }
}

#[test]
fn a_perturbed_model_is_told_the_nearest() {
    let mut net = Preset::find("RegNetX-200MF").unwrap().declaration().to_anynet().unwrap();
    net.stages[2].width = 320;
    let errors = found(&net, SpaceName::RegNetX);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with(
            "stage 3: no RegNetX has width 320 and depth 4 after the stages before it: no w0 < 256"
        ),
        "{errors:?}"
    );
    // What the message advises does fit.
    let error = net.check_space(SpaceName::RegNetX).unwrap_err().remove(0);
    let regnet_space::SpaceError::NoFit { remedy, .. } = error else { panic!("{error}") };
    let width = remedy.widths.below.unwrap();
    net.stages.truncate(3);
    net.stages[2].width = width;
    assert_eq!(net.check_space(SpaceName::RegNetX), Ok(()));
}

#[test]
fn whatever_the_box_generates_is_a_member() {
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / (1_u64 << 31) as f64
    };
    let mut tried = 0;
    while tried < 300 {
        let params = RegNetParams {
            d: 1 + (63.0 * random()) as usize,
            w0: 8 * (1 + (31.0 * random()) as usize),
            wa: 256.0 * random(),
            wm: 1.5 + 1.5 * random(),
            g: 8 * (1 + (8.0 * random()) as usize),
            b: Bottleneck::reduces([1, 2, 4][(3.0 * random()) as usize]),
            se: None,
        };
        let Ok(net) = params.to_anynet(Stem::default(), 3, 10) else { continue };
        tried += 1;
        assert_eq!(found(&net, SpaceName::RegNetX), [""; 0], "{params:?}");
    }
}

#[test]
fn any_net_spaces_are_nested() {
    let base = net(&[1, 2, 3, 4], &[32, 64, 128, 256], &[1; 4], &[16; 4]);
    for space in &SpaceName::ALL[..5] {
        assert_eq!(found(&base, *space), [""; 0]);
    }
    let cases = [
        (
            net(&[1, 2, 3, 17], &[32, 64, 128, 256], &[1; 4], &[16; 4]),
            SpaceName::AnyNetXA,
            "stage 4: depth 17 is not in AnyNetXA: a stage has at most 16 blocks; the nearest is 16",
        ),
        (
            net(&[1, 2], &[32, 1040], &[1; 2], &[16; 2]),
            SpaceName::AnyNetXA,
            "stage 2: width 1040 is not in AnyNetXA: widths are multiples of 8 up to 1024; the nearest is 1024",
        ),
        (
            net(&[1, 2], &[24, 72], &[1, 3], &[8; 2]),
            SpaceName::AnyNetXA,
            "stage 2: bottleneck ratio 3 is not in AnyNetXA, which has 1, 2 and 4; the nearest is 2",
        ),
        (
            net(&[1, 2], &[24, 72], &[1; 2], &[8, 24]),
            SpaceName::AnyNetXA,
            "stage 2: group width 24 is not in AnyNetXA, which has 1, 2, 4, 8, 16 and 32; the nearest is 8",
        ),
        (
            net(&[1, 2, 3], &[32, 64, 128], &[1, 2, 1], &[16; 3]),
            SpaceName::AnyNetXB,
            "stage 2: bottleneck ratio 2 differs from the other stages': in AnyNetXB all share one; use 1",
        ),
        (
            net(&[1, 2, 3], &[32, 64, 128], &[1; 3], &[8, 16, 16]),
            SpaceName::AnyNetXC,
            "stage 1: group width 8 differs from the other stages': in AnyNetXC all share one; use 16",
        ),
        (
            net(&[1, 2, 3], &[32, 128, 64], &[1; 3], &[16; 3]),
            SpaceName::AnyNetXD,
            "stage 3: width 64 is less than the 128 of the stage before it: in AnyNetXD widths do not fall; \
             the nearest is 128",
        ),
        (
            net(&[1, 3, 2], &[32, 64, 128], &[1; 3], &[16; 3]),
            SpaceName::AnyNetXE,
            "stage 3: depth 2 is less than the 3 of the stage before it: in AnyNetXE depths do not fall; \
             the nearest is 3",
        ),
    ];
    for (net, space, message) in cases {
        assert_eq!(found(&net, space), [message]);
        // The space before does not have the rule.
        if let Some(wider) = (space as usize).checked_sub(1) {
            assert_eq!(found(&net, SpaceName::ALL[wider]), [""; 0], "{message}");
        }
    }
}

#[test]
fn regnet_rules_beside_the_line() {
    let mut y = Preset::find("RegNetY-400MF").unwrap().declaration().to_anynet().unwrap();
    assert_eq!(
        found(&y, SpaceName::RegNetX),
        ["RegNetX has no squeeze-and-excitation; leave `se` out, or use RegNetY"]
    );
    y.stages[0].stride = 1;
    y.se = None;
    assert_eq!(
        found(&y, SpaceName::RegNetY),
        [
            "RegNetY has squeeze-and-excitation; write `se = true`, or use RegNetX",
            "stage 1: stride 1 is not RegNetY's, whose stages all have stride 2; use 2, or leave the strides out"
        ]
    );
    let deep = net(&[1, 63], &[24, 48], &[1; 2], &[8; 2]);
    assert_eq!(
        found(&deep, SpaceName::RegNetX),
        ["stage 2: depth 63 makes 64 blocks, and a RegNetX has at most 63; the nearest depth is 62"]
    );
    let mut basic = net(&[1], &[24], &[1], &[24]);
    basic.block = Block::Basic;
    assert_eq!(
        found(&basic, SpaceName::AnyNetXA)[0],
        "AnyNetXA has X blocks only, not basic blocks; write `block = x`"
    );
}

#[test]
fn names() {
    for space in SpaceName::ALL {
        assert_eq!(space.to_string().parse(), Ok(space));
    }
    let message = "AnyNetX".parse::<SpaceName>().unwrap_err().to_string();
    assert!(
        message.starts_with("no design space is called `AnyNetX`; did you mean `AnyNetXA`?"),
        "{message}"
    );
}
