//! `anynet!`: what it expands to, and its mistakes.

use super::{errors_in, expand_as, unspaced};
use crate::key::Form;

/// Expands what must be right, in type position; the text has no spaces.
fn network(declaration: &str) -> String {
    let tokens = expand_as(Form::AnyNet, declaration);
    assert_eq!(errors_in(tokens.clone()), [], "{declaration}");
    unspaced(syn::parse2::<syn::Type>(tokens).unwrap()).replace("::regnet::builders::", "")
}

/// The mistakes are exactly these.
#[track_caller]
fn wrong(declaration: &str, expected: &[(&str, &str)]) {
    let tokens = expand_as(Form::AnyNet, declaration);
    let is_type = syn::parse2::<syn::Type>(tokens.clone()).is_ok();
    assert!(
        is_type || syn::parse2::<syn::File>(tokens.clone()).is_ok(),
        "neither a type nor items: {tokens}"
    );
    let found = errors_in(tokens);
    let found: Vec<(&str, &str)> = found.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    assert_eq!(found, expected, "{declaration}");
}

#[test]
fn x_and_y_stages() {
    let declared = network("depths = [1, 3], widths = [48, 96], groups = 24, classes = 10");
    assert_eq!(
        declared,
        "RegNet<SimpleStem<3,32>,(XStage<1,32,48,48,24,2>,XStage<3,48,96,96,24,2>,),Head<96,10>>"
    );
    for same in [
        "< depths = [1, 3,], widths = [48, 96] >, groups = [24, 24], classes = 10",
        "classes = 10, block = x, strides = 2, bottleneck = 1, groups = 24, widths = [48, 96], depths = [1, 3]",
        "depths = [1, 3], widths = [48, 96], groups = 24, block = bottleneck, se = false, space = AnyNetXA, classes = 10",
    ] {
        if same.contains("AnyNetXA") {
            // 24 is not one of that space's group widths.
            assert!(!errors_in(expand_as(Form::AnyNet, same)).is_empty());
        } else {
            assert_eq!(network(same), declared, "{same}");
        }
    }
    assert!(
        network("depths = [1], widths = [48], bottleneck = 0.5, se = true")
            .contains("YStage<1,32,48,96,96,2,8,12>")
    );
}

#[test]
fn stages_that_keep_width_and_resolution() {
    let net = network("depths = [2], widths = [16], strides = [1], stem = cifar(16), se = true");
    assert!(net.contains("(Stage<YNext<16,16,16,4>,YNext<16,16,16,4>,2>,)"), "{net}");
    let net = network(
        "depths = [9, 9, 9], widths = [16, 32, 64], strides = [1, 2, 2], block = basic, stem = cifar(16)",
    );
    assert!(
        net.contains(
            "(Stage<BasicNext<16>,BasicNext<16>,9>,BasicStage<9,16,32,2>,BasicStage<9,32,64,2>,),Head<64,1000>"
        ),
        "{net}"
    );
    let net = network(
        "depths = [2, 1], widths = [16, 32], strides = [1, 2], block = basic, stem = cifar(16), se = true",
    );
    assert!(
        net.contains(
            "(Stage<ResBlock<Identity,Pair<16,16,1,SqueezeExcite<16,4>>>,\
             ResBlock<Identity,Pair<16,16,1,SqueezeExcite<16,4>>>,2>,\
             Stage<ResBlock<Projection<16,32,2>,Pair<16,32,2,SqueezeExcite<32,4>>>,\
             ResBlock<Identity,Pair<32,32,1,SqueezeExcite<32,8>>>,1>,)"
        ),
        "{net}"
    );
    let net = network("depths = [9], widths = [16], strides = 1, block = vanilla, stem = cifar(16)");
    assert!(net.contains("(VanillaStage<9,16,16,1>,)"), "{net}");
}

#[test]
fn items_have_constants_and_docs() {
    let text = unspaced(expand_as(
        Form::AnyNet,
        "/// Mine.\npub struct Net = < depths = [1, 3], widths = [48, 96], block = basic >; classes = 10;",
    ));
    for part in [
        "pubstructNet;",
        "STAGE_WIDTHS:[::regnet::__private::core::primitive::usize;2]=[48,96];",
        "AnAnyNetofbasicblocks(",
        "block:::regnet::__private::space::Block::Basic,",
        "BuildOnDevice<__Device,__Dtype>forNet",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn missing_and_unknown_keys() {
    wrong(
        "",
        &[(
            "",
            "nothing is declared; give the stages, such as `depths = [1, 3, 5, 7], widths = [48, 96, 240, 528]`",
        )],
    );
    wrong(
        "depths = [1]",
        &[("depths = [1]", "missing `widths`; write it out, as in `widths = [48, 96, 240, 528]`")],
    );
    wrong(
        "depths = [1], widths = [8], d = 3",
        &[(
            "d",
            "there is no key `d`; the keys are `depths`, `widths`, `groups`, `bottleneck`, `strides`, `block`, `se`, \
             `classes`, `stem`, `regulator`, `input`, `space` and `budget`",
        )],
    );
}

#[test]
fn lists() {
    wrong(
        "depths = [1, 2], widths = [8, 16, 32], groups = [8], strides = [1, 2]",
        &[
            ("[8, 16, 32]", "`widths` has 3 values, and `depths` has 2; give one for each stage"),
            ("[8]", "`groups` has 1 value, and `depths` has 2; give one for each stage"),
        ],
    );
    wrong(
        "depths = [], widths = [8]",
        &[("[]", "`depths` is empty; give one number for each stage, as in `depths = [1, 3, 5, 7]`")],
    );
    wrong(
        "depths = 4, widths = [8]",
        &[("4", "`depths` is a list with one number for each stage; write it as in `depths = [1, 3, 5, 7]`")],
    );
    wrong(
        "depths = [1, N, 2.5, -1], widths = [8 16, , 32]",
        &[
            (
                "N",
                "depths = N is a name, and macros run before names have values; write the whole number itself, as in \
                 `depths = [1, 3, 5, 7]`",
            ),
            ("2.5", "depths = 2.5 is not written as a whole number; write 2 or 3"),
            ("-1", "depths = -1 is negative; write a whole number such as `depths = [1, 3, 5, 7]`"),
            ("8 16", "expected `,` between `8` and `16`; write `,` here"),
            (",", "nothing stands before this `,`; leave it out"),
            ("[8 16, , 32]", "`widths` has 3 values, and `depths` has 4; give one for each stage"),
        ],
    );
}

#[test]
fn numbers() {
    wrong(
        "depths = [1, 2000], widths = [0, 16], strides = [3, 2], classes = 0",
        &[
            ("0", "classes = 0 is out of range: a head tells 1 to 1048576 classes apart; the nearest is 1"),
            ("3", "stage 1: stride 3 is out of range: a stage has stride 1 or 2; the nearest is 2"),
            ("0", "stage 1: width 0 is out of range: a stage has 1 to 65536 channels; the nearest is 1"),
            (
                "2000",
                "stage 2: depth 2000 is out of range: a stage has 1 to 1024 blocks; the nearest is 1024",
            ),
        ],
    );
    wrong(
        "depths = [1, 2], widths = [48, 96], groups = [24, 20]",
        &[("20", "stage 2: inner width 96 is not made of whole groups of 20; the nearest are 16 and 24")],
    );
    // One number for all stages is reported once.
    wrong(
        "depths = [1, 2], widths = [48, 96], groups = 7",
        &[("7", "stage 1: inner width 48 is not made of whole groups of 7; the nearest are 6 and 8")],
    );
    wrong(
        "depths = [1, 2], widths = [48, 90], bottleneck = 4",
        &[("90", "stage 2: width 90 is not a multiple of the bottleneck ratio 4; the nearest are 88 and 92")],
    );
    wrong(
        "depths = [1], widths = [48], bottleneck = 1.5",
        &[(
            "1.5",
            "a bottleneck ratio of 1.5 is neither a whole number nor one over a whole number up to 64; the nearest are 1 and 2",
        )],
    );
    wrong(
        "depths = [1, 1, 1, 1, 1, 1, 1], widths = [8, 8, 8, 8, 8, 8, 8]",
        &[("[1, 1, 1, 1, 1, 1, 1]", "7 stages are out of range: a network has 1 to 6; the nearest is 6")],
    );
    wrong(
        "depths = [1000000000], widths = [99999999999999999999], bottleneck = 0.015625, groups = [18446744073709551615]",
        &[(
            "99999999999999999999",
            "widths = 99999999999999999999 is too large; write a whole number such as `widths = [48, 96, 240, 528]`",
        )],
    );
}

#[test]
fn blocks() {
    wrong(
        "depths = [1], widths = [48], block = basic, groups = 8, bottleneck = 4, se = true",
        &[
            ("8", "a basic block has no groups; leave `groups` out, or use `block = bottleneck`"),
            ("4", "a basic block has no bottleneck; leave `bottleneck` out, or use `block = bottleneck`"),
        ],
    );
    wrong(
        "depths = [1], widths = [48], block = vanilla, se = true",
        &[(
            "true",
            "a vanilla block has no squeeze-and-excitation; use a basic or bottleneck block or leave se out",
        )],
    );
    wrong(
        "depths = [1], widths = [48], block = y",
        &[("y", "a Y block is an X block with squeeze-and-excitation; write `block = x, se = true`")],
    );
    wrong(
        "depths = [1], widths = [48], block = plain",
        &[(
            "plain",
            "no block is called `plain`; there are `x`, `basic`, `bottleneck` (the same as `x`) and `vanilla`",
        )],
    );
}

#[test]
fn spaces() {
    wrong(
        "depths = [1, 2, 3], widths = [32, 128, 64], groups = [8, 16, 16], space = AnyNetXE",
        &[
            ("8", "stage 1: group width 8 differs from the other stages': in AnyNetXE all share one; use 16"),
            (
                "64",
                "stage 3: width 64 is less than the 128 of the stage before it: in AnyNetXE widths do not fall; \
                 the nearest is 128",
            ),
        ],
    );
    wrong(
        "depths = [1, 2], widths = [32, 64], groups = 16, space = RegNetY",
        &[("RegNetY", "RegNetY has squeeze-and-excitation; write `se = true`, or use RegNetX")],
    );
    wrong(
        "depths = [1, 2], widths = [32, 64], space = AnyNetXF",
        &[(
            "AnyNetXF",
            "no design space is called `AnyNetXF`; did you mean `AnyNetXA`? there are `AnyNetXA`, `AnyNetXB`, \
             `AnyNetXC`, `AnyNetXD`, `AnyNetXE`, `RegNetX` and `RegNetY`",
        )],
    );
}
