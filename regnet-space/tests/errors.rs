//! What is refused, and in which words.
#![allow(clippy::unwrap_used)]

use regnet_space::{
    AnyNet, Block, Bottleneck, Cell, Declaration, ParamError, Preset, RegNetParams, SE_RATIO, Space,
    SpecError, Stage, Stem, StemKind,
};

const SOUND: RegNetParams =
    RegNetParams { d: 16, w0: 48, wa: 36.97, wm: 2.24, g: 24, b: Bottleneck::ONE, se: Some(SE_RATIO) };

/// Keys and messages of everything `check` finds.
fn found(params: RegNetParams) -> Vec<(&'static str, String)> {
    let errors = params.check(Space::RegNet).err().unwrap_or_default();
    errors.iter().map(|error| (error.key(), error.to_string())).collect()
}

#[track_caller]
fn refuses(params: RegNetParams, key: &str, message: &str) {
    let found = found(params);
    assert_eq!(found.iter().map(|(k, m)| (*k, m.as_str())).collect::<Vec<_>>(), [(key, message)]);
}

#[test]
fn sound_parameters_pass() {
    assert_eq!(SOUND.check(Space::RegNet), Ok(()));
    assert_eq!(SOUND.check(Space::Any), Ok(()));
}

#[test]
fn depth() {
    let text = "is out of range: a network has 1 to 1024 blocks; the nearest is";
    refuses(RegNetParams { d: 0, ..SOUND }, "d", &format!("d = 0 {text} 1"));
    refuses(RegNetParams { d: 1_000_000_000, ..SOUND }, "d", &format!("d = 1000000000 {text} 1024"));
}

#[test]
fn initial_width() {
    let text = "is not a multiple of 8 between 8 and 65536; the nearest";
    refuses(RegNetParams { w0: 50, ..SOUND }, "w0", &format!("w0 = 50 {text} are 48 and 56"));
    refuses(RegNetParams { w0: 0, ..SOUND }, "w0", &format!("w0 = 0 {text} is 8"));
    refuses(RegNetParams { w0: 5, ..SOUND }, "w0", &format!("w0 = 5 {text} is 8"));
    let most = usize::MAX;
    refuses(RegNetParams { w0: most, ..SOUND }, "w0", &format!("w0 = {most} {text} is 65536"));
}

#[test]
fn slope() {
    let text = "is out of range: the slope is a finite number of at least 0; the nearest is 0";
    for (wa, written) in [(-0.5, "-0.5"), (-1e300, "-1e300"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        refuses(RegNetParams { wa, ..SOUND }, "wa", &format!("wa = {written} {text}"));
    }
}

#[test]
fn multiplier() {
    let text = "is out of range: widths are multiplied by a finite wm > 1 from stage to stage; published models use 2 to 3";
    for wm in [1.0, 0.0, -2.0, f64::NAN, f64::INFINITY] {
        refuses(RegNetParams { wm, ..SOUND }, "wm", &format!("wm = {wm} {text}"));
    }
}

#[test]
fn group_width() {
    refuses(
        RegNetParams { g: 0, ..SOUND },
        "g",
        "g = 0 is out of range: a group has at least 1 channel; the nearest is 1",
    );
    let text = "g = 537 fits no stage: the widest block has 536 inner channels; the largest that fits is 536";
    refuses(RegNetParams { g: 537, ..SOUND }, "g", text);
    assert_eq!(found(RegNetParams { g: 536, ..SOUND }), []);
    let narrow = RegNetParams { g: 200, b: Bottleneck::reduces(4), ..SOUND };
    let text = "g = 200 fits no stage: the widest block has 134 inner channels; the largest that fits is 134";
    refuses(narrow, "g", text);
    // The published generator narrows the group instead, and so does `stages`.
    assert_eq!(narrow.stages().unwrap()[3].group_width, 134);
}

#[test]
fn squeeze_excitation_ratio() {
    for se in [0.0, -1.0, 1.5, f64::NAN] {
        let message =
            format!("se = {se} is out of range: the ratio is above 0 and at most 1; RegNetY uses 0.25");
        refuses(RegNetParams { se: Some(se), ..SOUND }, "se", &message);
    }
}

#[test]
fn too_many_stages() {
    let params = RegNetParams { d: 20, wm: 1.5, wa: 60.0, ..SOUND };
    let message = "wm = 1.5 makes 8 stages (widths 48, 112, 160, 240, 368, 544, 824, 1232), and at most 6 are allowed; \
                   raise wm to 1.8, or lower wa or d";
    refuses(params, "wm", message);
    let ParamError::TooManyStages { enough, .. } = params.check(Space::Any).unwrap_err()[0] else {
        panic!("the error is not about stages");
    };
    assert_eq!(RegNetParams { wm: enough, ..params }.check(Space::Any), Ok(()));
}

#[test]
fn absurd_growth_is_refused_at_once() {
    for params in [
        RegNetParams { wa: 1e6, ..SOUND },
        RegNetParams { wa: f64::MAX, ..SOUND },
        RegNetParams { d: 1024, wa: 70_000.0, wm: 1.000_000_1, ..SOUND },
    ] {
        let errors = params.stages().unwrap_err();
        assert!(matches!(errors[..], [ParamError::TooWide { .. }]), "{errors:?}");
    }
    let text = "wa = 70000 makes the last block 98304 wide, and at most 65536 is allowed; lower wa or d";
    refuses(RegNetParams { wa: 70_000.0, wm: 2.0, d: 2, ..SOUND }, "wa", text);
    let slow = RegNetParams { d: 1024, wa: 8.0, wm: 1.000_000_1, ..SOUND };
    assert_eq!(slow.stages().unwrap().len(), 1024);
    assert_eq!(found(slow).iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["wm", "d"]);
}

#[test]
fn outside_the_published_space() {
    let text = "or write `space = any` to allow it";
    let outside = |key: &str, value: &str, rule: &str, remedy: &str| {
        format!("{key} = {value} is outside the published design space ({rule}); {remedy}, {text}")
    };
    refuses(RegNetParams { d: 64, ..SOUND }, "d", &outside("d", "64", "d < 64", "use 63 or less"));
    refuses(RegNetParams { w0: 256, ..SOUND }, "w0", &outside("w0", "256", "w0 < 256", "use 248 or less"));
    let wide = RegNetParams { wa: 256.5, wm: 3.0, ..SOUND };
    refuses(wide, "wa", &outside("wa", "256.5", "wa < 256", "use less than 256"));
    let wm = |wm| RegNetParams { wm, ..SOUND };
    refuses(wm(3.01), "wm", &outside("wm", "3.01", "1.5 <= wm <= 3", "use 3 or less"));
    let few = RegNetParams { d: 4, wm: 1.4, ..SOUND };
    refuses(few, "wm", &outside("wm", "1.4", "1.5 <= wm <= 3", "use 1.5 or more"));
    assert_eq!(wide.check(Space::Any), Ok(()));
}

#[test]
fn everything_is_reported_at_once() {
    let params = RegNetParams { d: 0, w0: 50, wa: -1.0, wm: 1.0, g: 0, b: Bottleneck::ONE, se: Some(2.0) };
    let keys: Vec<_> = found(params).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["d", "w0", "wa", "wm", "g", "se"]);

    let stem = Stem { kind: StemKind::Simple, width: 0 };
    let params = RegNetParams { d: 0, w0: 320, ..SOUND };
    let declaration = Declaration { stem, input_channels: 0, classes: 0, ..Declaration::new(params) };
    let keys: Vec<_> = declaration.to_anynet().unwrap_err().iter().map(ParamError::key).collect();
    assert_eq!(keys, ["d", "w0", "input", "stem", "classes"]);
}

#[test]
fn a_preset_that_is_changed_must_still_lie_in_its_space() {
    let mut declaration = Preset::find("RegNetX-400MF").unwrap().declaration();
    declaration.params.d = 70;
    declaration.params.wa = 1.0;
    let keys: Vec<_> = declaration.to_anynet().unwrap_err().iter().map(ParamError::key).collect();
    assert_eq!(keys, ["d"]);
}

#[test]
fn to_anynet_checks_structure_but_not_the_space() {
    let far = RegNetParams { d: 70, wm: 3.5, g: 5000, ..SOUND };
    assert!(far.to_anynet(Stem::default(), 3, 10).is_ok());
    assert_eq!(
        SOUND.to_anynet(Stem::default(), 3, 0),
        Err(vec![ParamError::Spec(SpecError::Classes { classes: 0 })])
    );
    let errors = RegNetParams { d: 60, wm: 1.2, ..SOUND }.to_anynet(Stem::default(), 3, 10).unwrap_err();
    assert!(matches!(errors[..], [ParamError::TooManyStages { .. }]), "{errors:?}");
}

#[test]
fn stems_by_name() {
    assert_eq!("cifar".parse(), Ok(StemKind::Cifar));
    assert_eq!(Stem { kind: StemKind::ResNet, width: 64 }.to_string(), "resnet(64)");
    let message = "vgg".parse::<StemKind>().unwrap_err().to_string();
    assert_eq!(message, "no stem is called `vgg`; there are `simple`, `cifar` and `resnet`");
}

fn anynet(block: Block, stages: Vec<Stage>) -> AnyNet {
    AnyNet { input_channels: 3, stem: Stem::default(), block, stages, se: None, regulator: None, classes: 10 }
}

#[test]
fn specs() {
    let grouped = |width, b, group_width| {
        let bottleneck = Bottleneck::reduces(b);
        anynet(Block::Bottleneck, vec![Stage { bottleneck, group_width, ..Stage::plain(1, width, 2) }])
    };
    let plain = AnyNet {
        se: Some(SE_RATIO),
        regulator: Some(Cell::Gru.into()),
        ..anynet(Block::Vanilla, vec![Stage { group_width: 8, ..Stage::plain(1, 16, 1) }])
    };
    for (net, messages) in [
        (
            anynet(Block::Basic, vec![]),
            vec!["0 stages are out of range: a network has 1 to 6; the nearest is 1"],
        ),
        (
            anynet(Block::Basic, vec![Stage::plain(1, 8, 1); 7]),
            vec!["7 stages are out of range: a network has 1 to 6; the nearest is 6"],
        ),
        (
            grouped(30, 4, 1),
            vec!["stage 1: width 30 is not a multiple of the bottleneck ratio 4; the nearest are 28 and 32"],
        ),
        (
            grouped(48, 2, 10),
            vec!["stage 1: inner width 24 is not made of whole groups of 10; the nearest are 8 and 12"],
        ),
        (
            grouped(48, 2, usize::MAX),
            vec![
                "stage 1: inner width 24 is not made of whole groups of 18446744073709551615; the nearest is 24",
            ],
        ),
        (grouped(8, 1, 0), vec!["stage 1: inner width 8 is not made of whole groups of 0; the nearest is 1"]),
        (
            anynet(Block::Vanilla, vec![Stage::plain(0, 0, 3)]),
            vec![
                "stage 1: depth 0 is out of range: a stage has 1 to 1024 blocks; the nearest is 1",
                "stage 1: stride 3 is out of range: a stage has stride 1 or 2; the nearest is 2",
                "stage 1: width 0 is out of range: a stage has 1 to 65536 channels; the nearest is 1",
            ],
        ),
        (
            plain,
            vec![
                "a vanilla block has no squeeze-and-excitation; use a basic or bottleneck block or leave se out",
                "a vanilla block has no regulator; use a basic or bottleneck block or leave the regulator out",
                "stage 1: a vanilla block has no bottleneck and no groups; its ratio must be 1 and its group width \
                 the stage's width, 16",
            ],
        ),
    ] {
        let errors: Vec<_> = net.check().unwrap_err().iter().map(SpecError::to_string).collect();
        assert_eq!(errors, messages);
    }
    let net = anynet(Block::Basic, vec![Stage::plain(1, 8, 1)]);
    assert_eq!(
        AnyNet { se: Some(SE_RATIO), regulator: Some(Cell::Rnn.into()), ..net.clone() }.check(),
        Ok(())
    );
    assert_eq!(
        net.complexity(0, 224).unwrap_err().to_string(),
        "an input of 0 x 224 pixels is out of range: each side has 1 to 16384; the nearest is 1 x 224"
    );
}
