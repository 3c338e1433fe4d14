//! The published models, to the last digit.
//!
//! Figures: model zoo of facebookresearch/pycls (`configs`, `dev/model_complexity.json`, `dev/model_error.json`).
#![allow(clippy::unwrap_used)]

use regnet_space::{
    AnyNet, Block, Bottleneck, Complexity, Family, Preset, Space, Stage, Stem, StemKind, presets,
    torchvision_presets,
};

/// Name, widths, depths, group width, flops, params and acts at 224 x 224.
type Row = (&'static str, &'static [usize], &'static [usize], usize, u64, u64, u64);

#[rustfmt::skip]
const REGNETS: [Row; 24] = [
    ("RegNetX-200MF", &[24, 56, 152, 368], &[1, 1, 4, 7], 8, 199_040_872, 2_684_792, 2_164_056),
    ("RegNetX-400MF", &[32, 64, 160, 384], &[1, 2, 7, 12], 16, 397_678_568, 5_157_512, 3_143_272),
    ("RegNetX-600MF", &[48, 96, 240, 528], &[1, 3, 5, 7], 24, 600_891_112, 6_196_040, 3_975_096),
    ("RegNetX-800MF", &[64, 128, 288, 672], &[1, 3, 7, 5], 16, 799_700_712, 7_259_656, 5_148_744),
    ("RegNetX-1.6GF", &[72, 168, 408, 912], &[2, 4, 10, 2], 24, 1_602_850_792, 9_190_136, 7_933_512),
    ("RegNetX-3.2GF", &[96, 192, 432, 1008], &[2, 6, 15, 2], 48, 3_176_622_952, 15_296_552, 11_367_432),
    ("RegNetX-4.0GF", &[80, 240, 560, 1360], &[2, 5, 14, 2], 40, 3_964_499_816, 22_118_248, 12_201_608),
    ("RegNetX-6.4GF", &[168, 392, 784, 1624], &[2, 4, 10, 1], 56, 6_460_292_264, 26_209_256, 16_369_744),
    ("RegNetX-8.0GF", &[80, 240, 720, 1920], &[2, 5, 15, 1], 120, 7_995_133_416, 39_572_648, 14_059_688),
    ("RegNetX-12GF", &[224, 448, 896, 2240], &[2, 5, 11, 1], 112, 12_086_679_016, 46_106_056, 21_366_568),
    ("RegNetX-16GF", &[256, 512, 896, 2048], &[2, 6, 13, 1], 128, 15_940_756_456, 54_278_536, 25_515_496),
    ("RegNetX-32GF", &[336, 672, 1344, 2520], &[2, 7, 13, 1], 168, 31_735_930_792, 107_811_560, 36_302_160),
    ("RegNetY-200MF", &[24, 56, 152, 368], &[1, 1, 4, 7], 8, 199_519_076, 3_162_996, 2_168_052),
    ("RegNetY-400MF", &[48, 104, 208, 440], &[1, 3, 6, 6], 8, 401_849_056, 4_344_144, 3_892_496),
    ("RegNetY-600MF", &[48, 112, 256, 608], &[1, 3, 7, 4], 16, 601_227_608, 6_055_160, 4_334_296),
    ("RegNetY-800MF", &[64, 128, 320, 768], &[1, 3, 8, 2], 16, 797_183_328, 6_263_168, 5_249_888),
    ("RegNetY-1.6GF", &[48, 120, 336, 888], &[2, 6, 17, 2], 24, 1_612_087_326, 11_202_430, 8_044_814),
    ("RegNetY-3.2GF", &[72, 216, 576, 1512], &[2, 5, 13, 1], 24, 3_176_496_162, 19_436_338, 11_263_418),
    ("RegNetY-4.0GF", &[128, 192, 512, 1088], &[2, 6, 12, 2], 64, 3_973_301_344, 20_646_656, 12_287_200),
    ("RegNetY-6.4GF", &[144, 288, 576, 1296], &[2, 7, 14, 2], 72, 6_355_221_876, 30_583_252, 16_407_188),
    ("RegNetY-8.0GF", &[168, 448, 896, 2016], &[2, 4, 10, 1], 56, 7_963_074_196, 39_180_068, 17_968_916),
    ("RegNetY-12GF", &[224, 448, 896, 2240], &[2, 5, 11, 1], 112, 12_092_395_504, 51_822_544, 21_384_496),
    ("RegNetY-16GF", &[224, 448, 1232, 3024], &[2, 4, 11, 1], 112, 15_911_534_044, 83_590_140, 23_041_228),
    ("RegNetY-32GF", &[232, 696, 1392, 3712], &[2, 5, 12, 1], 232, 32_279_583_362, 145_046_770, 30_261_570),
];

/// The same three figures for a whole network.
fn figures(flops: u64, params: u64, acts: u64) -> Complexity {
    Complexity { flops, params, acts }
}

fn column(net: &AnyNet, of: impl Fn(&Stage) -> usize) -> Vec<usize> {
    net.stages.iter().map(of).collect()
}

#[test]
fn regnets() {
    assert_eq!(presets().len(), REGNETS.len());
    for (preset, (name, widths, depths, g, flops, params, acts)) in presets().iter().zip(REGNETS) {
        assert_eq!(preset.name, name);
        let net = preset.declaration().to_anynet().unwrap();
        assert_eq!(column(&net, |s| s.width), widths, "{name}");
        assert_eq!(column(&net, |s| s.depth), depths, "{name}");
        let groups: Vec<_> = widths.iter().map(|&w| g.min(w)).collect();
        assert_eq!(column(&net, |s| s.group_width), groups, "{name}");
        assert_eq!(net.complexity(224, 224), Ok(figures(flops, params, acts)), "{name}");
        assert_eq!(net.se.is_some(), preset.family == Family::Y, "{name}");
    }
}

/// Name, stem, block, stages, bottleneck and narrowest group width, input side, classes; then the figures.
#[test]
fn anynets() {
    let cifar = Stem { kind: StemKind::Cifar, width: 16 };
    let resnet = Stem { kind: StemKind::ResNet, width: 64 };
    let plain = |depth| {
        let stages = [(16, 1), (32, 2), (64, 2)].map(|(w, stride)| Stage::plain(depth, w, stride));
        stages.to_vec()
    };
    let bottlenecks = |depths: [usize; 4], b: usize, g: usize| {
        let stage = |i: usize| Stage {
            depth: depths[i],
            width: 256 << i,
            stride: if i == 0 { 1 } else { 2 },
            bottleneck: Bottleneck::reduces(b),
            group_width: g << i,
        };
        (0..4).map(stage).collect::<Vec<_>>()
    };
    #[rustfmt::skip]
    let rows = [
        ("R-56", cifar, Block::Basic, plain(9), 32, 10, figures(125_747_850, 855_770, 544_778)),
        ("R-110", cifar, Block::Basic, plain(18), 32, 10, figures(253_149_834, 1_730_714, 1_060_874)),
        ("V-56", cifar, Block::Vanilla, plain(9), 32, 10, figures(125_485_706, 853_018, 532_490)),
        ("R-50-1x64d", resnet, Block::Bottleneck, bottlenecks([3, 4, 6, 3], 4, 64), 224, 1000,
            figures(4_089_185_256, 25_557_032, 11_315_688)),
        ("R-101-1x64d", resnet, Block::Bottleneck, bottlenecks([3, 4, 23, 3], 4, 64), 224, 1000,
            figures(7_801_406_440, 44_549_160, 16_433_640)),
        ("X-50-32x4d", resnet, Block::Bottleneck, bottlenecks([3, 4, 6, 3], 2, 4), 224, 1000,
            figures(4_230_480_872, 25_028_904, 14_602_216)),
    ];
    for (name, stem, block, stages, side, classes, expected) in rows {
        let net = AnyNet { input_channels: 3, stem, block, stages, se: None, regulator: None, classes };
        assert_eq!(net.complexity(side, side), Ok(expected), "{name}");
    }
}

/// Widths of torchvision's `regnet_x_400mf`, `regnet_y_800mf` and `regnet_y_8gf`.
#[test]
fn torchvision_variants() {
    let expected = [[32, 64, 160, 400], [64, 144, 320, 784], [224, 448, 896, 2016]];
    let ours =
        torchvision_presets().iter().map(|p| column(&p.declaration().to_anynet().unwrap(), |s| s.width));
    assert_eq!(ours.collect::<Vec<_>>(), expected);
}

/// torchvision's rule makes the published widths of its eleven other models.
#[test]
fn torchvision_agrees_on_the_others() {
    const SIZES: [u32; 7] = [400, 800, 1600, 3200, 8000, 16_000, 32_000];
    for preset in presets().iter().filter(|preset| SIZES.contains(&preset.megaflops)) {
        let published = preset.params.stages().unwrap();
        let torchvision = preset.params.stages_fitted(regnet_space::Compatibility::Torchvision).unwrap();
        let varies =
            torchvision_presets().iter().any(|variant| variant.name == format!("{}-tv", preset.name));
        assert_eq!(published != torchvision, varies, "{}", preset.name);
    }
}

#[test]
fn only_one_published_model_leaves_the_box() {
    let outside: Vec<_> = presets().iter().filter(|p| p.space() == Space::Any).map(|p| p.name).collect();
    assert_eq!(outside, ["RegNetX-32GF"]);
}

#[test]
fn names_are_found_however_they_are_spelt() {
    for (spelling, name) in [
        ("RegNetY-400MF", "RegNetY-400MF"),
        ("regnety_400mf", "RegNetY-400MF"),
        ("regnet_y_400mf", "RegNetY-400MF"),
        ("regnety_004", "RegNetY-400MF"),
        ("regnetx-1.6GF", "RegNetX-1.6GF"),
        ("regnet_x_1_6gf", "RegNetX-1.6GF"),
        ("regnetx_016", "RegNetX-1.6GF"),
        ("regnetx_160", "RegNetX-16GF"),
        ("RegNetX-4GF", "RegNetX-4.0GF"),
        ("REGNET Y 32GF", "RegNetY-32GF"),
        ("regnety_008_tv", "RegNetY-800MF-tv"),
        ("RegNetY-8GF-tv", "RegNetY-8.0GF-tv"),
    ] {
        assert_eq!(Preset::find(spelling).unwrap().name, name, "{spelling}");
    }
    for preset in presets().iter().chain(torchvision_presets()) {
        assert_eq!(Preset::find(preset.name), Ok(preset));
    }
}

#[test]
fn unknown_names_get_the_nearest() {
    for (unknown, nearest) in [
        ("RegNetX-500MF", "RegNetX-600MF"),
        ("RegNetX-3.2GF-tv", "RegNetX-3.2GF"),
        ("RegnetY-1TF", "RegNetY-12GF"),
        ("RegNet-400MF", "RegNetX-400MF"),
        ("RegNetZ-16GF", "RegNetX-16GF"),
        ("", "RegNetX-12GF"),
    ] {
        let message = Preset::find(unknown).unwrap_err().to_string();
        assert_eq!(message, format!("no preset is called `{unknown}`; the nearest is `{nearest}`"));
    }
}
