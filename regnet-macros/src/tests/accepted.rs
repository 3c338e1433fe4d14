//! Every accepted spelling, in type position.

use super::network;

const LEAF: &str = "d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=true";

#[test]
fn a_declaration_is_one_type() {
    assert_eq!(
        network("< d=16, w0=48, wa=37, wm=2.2, g=24, b=1, se=true >"),
        "::regnet::builders::RegNet<\
         ::regnet::builders::SimpleStem<3,32>,\
         (::regnet::builders::YStage<1,32,48,48,24,2,8,12>,\
         ::regnet::builders::YStage<2,48,96,96,24,2,12,24>,\
         ::regnet::builders::YStage<6,96,240,240,24,2,24,60>,\
         ::regnet::builders::YStage<7,240,504,504,24,2,60,126>,),\
         ::regnet::builders::Head<504,1000>>"
    );
}

#[test]
fn spellings_of_the_same_network() {
    let network_of = |declaration: &str| network(declaration);
    let expected = network_of(&format!("< {LEAF} >"));
    for same in [
        LEAF.to_owned(),
        format!("{LEAF},"),
        format!("< {LEAF}, >"),
        format!("<{LEAF}>,"),
        "se=true, b=1, g=24, wm=2.24, wa=36.97, w0=48, d=16".to_owned(),
        "< d=1_6, w0=0x30, wa=3697e-2, wm=2.240, g=24, b=1.0, se=0.25 >".to_owned(),
        format!("{LEAF}, classes = 1000, stem = simple, input = 3 x 224 x 224"),
        format!("< {LEAF}, stem = simple(32) >, classes = 1000, input = 3x224x224"),
        format!("< {LEAF} >, input = 3 x 224x224, space = any"),
        format!("< {LEAF} >, space = RegNet"),
    ] {
        assert_eq!(network_of(&same), expected, "{same}");
    }
}

#[test]
fn b_is_1_and_se_is_false_unless_set() {
    let plain = network("< d=13, w0=24, wa=36.44, wm=2.49, g=8 >");
    assert_eq!(plain, network("< d=13, w0=24, wa=36.44, wm=2.49, g=8, b=1, se=false >"));
    assert_eq!(plain, network("RegNetX-200MF"));
}

#[test]
fn presets_in_each_spelling() {
    let y400 = network("RegNetY-400MF");
    assert!(y400.contains("YStage<1,32,48,48,8,2,8,12>") && y400.contains("Head<440,1000>"), "{y400}");
    for same in ["<RegNetY-400MF>", "RegNetY-400MF,", "regnety-400mf", "regnety_004", "regnet_y_400mf"] {
        assert_eq!(network(same), y400, "{same}");
    }
    assert!(network("RegNetX-400MF-tv").contains("Head<400,1000>"));
    assert!(network("RegNetX-1.6GF, classes = 10, stem = cifar(16)").contains("CifarStem<3,16>"));
}

#[test]
fn options_change_the_ends() {
    let net = network("RegNetX-200MF, input = 1 x 28 x 28, stem = cifar, classes = 10");
    assert!(net.contains("CifarStem<1,32>") && net.contains("Head<368,10>"), "{net}");
    assert!(network("RegNetX-200MF, stem = resnet(64)").contains("ResNetStem<3,64>"));
}

#[test]
fn overrides_change_the_stages() {
    let overridden = network("RegNetX-200MF, se = true");
    assert_eq!(overridden, network("< d=13, w0=24, wa=36.44, wm=2.49, g=8, se=true >"));
    assert!(!network("RegNetY-200MF, se = false").contains("YStage"));
}

#[test]
fn bottleneck_ratios_narrow_and_widen_the_inner_width() {
    let x200 = |b: &str| network(&format!("RegNetX-200MF, b = {b}"));
    for (b, first) in [
        ("1", "XStage<1,32,24,24,8,2>"),
        ("2", "XStage<1,32,32,16,8,2>"),
        ("4", "XStage<1,32,24,6,6,2>"),
        ("0.5", "XStage<1,32,24,48,8,2>"),
        ("0.25", "XStage<1,32,24,96,8,2>"),
    ] {
        assert!(x200(b).contains(first), "{b}: {}", x200(b));
    }
}

#[test]
fn squeeze_excite_widths_that_round_to_0_stand_for_none() {
    let net = network("RegNetX-200MF, se = 0.02");
    // 0.02 of the stage's 24 input channels rounds to 0, and of its 56 to 1.
    assert!(net.contains("XStage<1,32,24,24,8,2>") || net.contains("YBlock<32,24,24,8,2,1>"), "{net}");
    assert!(
        net.contains(
            "Stage<::regnet::builders::XBlock<24,56,56,8,2>,::regnet::builders::YNext<56,56,8,1>,1>"
        )
    );
}

#[test]
fn numbers_outside_the_published_space() {
    for net in ["RegNetX-32GF", "RegNetX-32GF, classes = 10", "RegNetX-200MF, d = 70, space = any"] {
        network(net);
    }
}

#[test]
fn one_and_six_stages() {
    let one = network("< d=3, w0=24, wa=0, wm=2, g=8 >");
    assert!(one.contains("(::regnet::builders::XStage<3,32,24,24,8,2>,)"), "{one}");
    let six = network("< d=24, w0=8, wa=24, wm=2, g=8 >");
    assert_eq!(six.matches("XStage").count(), 6, "{six}");
}

#[test]
fn the_widest_counts_saturate() {
    network("< d=1024, w0=65536, wa=0, wm=2, g=65536, se=1 >, space = any, input = 3 x 16384 x 16384");
}

#[test]
fn every_path_starts_at_the_crate() {
    let net = network("RegNetY-400MF");
    let words = net
        .split(|c: char| !c.is_alphanumeric() && c != ':')
        .filter(|word| word.contains(char::is_alphabetic));
    for word in words {
        assert!(word.starts_with("::regnet::builders::"), "{word}");
    }
}
