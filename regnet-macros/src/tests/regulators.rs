//! Regulators: as a key of `regnet!` and `anynet!`, and `self_regulated!`.

use super::{errors_in, expand_as, unspaced};
use crate::key::Form;

/// Expands what must be right, in type position; the text has no spaces and no paths.
fn network(form: Form, declaration: &str) -> String {
    let tokens = expand_as(form, declaration);
    assert_eq!(errors_in(tokens.clone()), [], "{declaration}");
    unspaced(syn::parse2::<syn::Type>(tokens).unwrap()).replace("::regnet::builders::", "")
}

/// The mistakes are exactly these.
#[track_caller]
fn wrong(form: Form, declaration: &str, expected: &[(&str, &str)]) {
    let found = errors_in(expand_as(form, declaration));
    let found: Vec<(&str, &str)> = found.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    assert_eq!(found, expected, "{declaration}");
}

/// `regulator` is wrong in this one way, in `regnet!` as in `anynet!`.
#[track_caller]
fn wrong_regulator(regulator: &str, at: &str, text: &str) {
    wrong(Form::RegNet, &format!("RegNetX-200MF, regulator = {regulator}, classes = 10"), &[(at, text)]);
    let stages = "depths = [1, 1], widths = [8, 16]";
    wrong(Form::AnyNet, &format!("{stages}, regulator = {regulator}, classes = 10"), &[(at, text)]);
}

#[test]
fn one_regulator_a_stage() {
    let net = network(
        Form::AnyNet,
        "depths = [2, 1], widths = [16, 32], strides = [1, 2], block = basic, stem = cifar(16), regulator = lstm",
    );
    assert!(
        net.contains(
            "(RegulatedStage<FullRegulator<Lstm,16>,NoCarry,RegulatedBasicNext<2,16,Lent,NoExcite>,\
             RegulatedBasicNext<2,16,Lent,NoExcite>,2>,\
             RegulatedStage<FullRegulator<Lstm,32>,NoCarry,RegulatedBasicBlock<2,16,32,2,Lent,NoExcite>,\
             RegulatedBasicNext<2,32,Lent,NoExcite>,1>,)"
        ),
        "{net}"
    );
}

#[test]
fn every_option() {
    let net = network(
        Form::AnyNet,
        "depths = [1, 2], widths = [16, 32], bottleneck = [1, 2], groups = 8, se = 0.25, \
         regulator = gru(conv = efficient, share = block, carry = true)",
    );
    assert!(
        net.contains(
            "(RegulatedStage<PerBlock,NoCarry,\
             RegulatedXBlock<1,32,16,16,8,2,EfficientRegulator<Gru,16>,SqueezeExcite<16,8>>,\
             RegulatedXNext<1,16,16,8,EfficientRegulator<Gru,16>,SqueezeExcite<16,4>>,1>,\
             RegulatedStage<PerBlock,Carry<1,16,16,2>,\
             RegulatedXBlock<1,16,32,16,8,2,EfficientRegulator<Gru,16>,SqueezeExcite<32,4>>,\
             RegulatedXNext<1,32,16,8,EfficientRegulator<Gru,16>,SqueezeExcite<32,8>>,2>,)"
        ),
        "{net}"
    );
}

#[test]
fn spellings_of_the_same() {
    let declared = network(Form::RegNet, "RegNetX-200MF, regulator = gru(share = block)");
    for same in [
        "RegNetX-200MF, regulator = gru(share = block,), classes = 1000",
        "RegNetX-200MF, regulator = gru(carry = false, share = block, conv = full)",
        "< d=13, w0=24, wa=36.44, wm=2.49, g=8, regulator = gru(share = block) >",
    ] {
        assert_eq!(network(Form::RegNet, same), declared, "{same}");
    }
    let usual = network(Form::RegNet, "RegNetX-200MF, regulator = lstm()");
    assert_eq!(network(Form::RegNet, "RegNetX-200MF, regulator = lstm"), usual);
    assert_ne!(usual, declared);
}

#[test]
fn items_say_what_regulates_them() {
    let tokens = expand_as(
        Form::RegNet,
        "struct Net = RegNetX-200MF; regulator = rnn(carry = true); input = 3 x 64 x 64; classes = 10;",
    );
    let text = unspaced(tokens);
    for part in [
        "ARegNetX([arXiv2003.13678](https://arxiv.org/abs/2003.13678)),regulatedby`rnn(carry=true)`\
         ([arXiv2101.00590](https://arxiv.org/abs/2101.00590)),for3x64x64imagesand10classes.",
        "|stage|blocks|width|groupwidth|regulator|outputsize|params|flops|",
        "|s1|1|24|8|rnnof24|16x16|",
        "|head||10|||1x1|",
        "::Option::Some(::regnet::__private::space::Regulator{\
         cell:::regnet::__private::space::Cell::Rnn,conv:::regnet::__private::space::CellConv::Full,\
         share:::regnet::__private::space::Share::Stage,carry:true,})",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn cells_and_options() {
    wrong_regulator(
        "lstn",
        "lstn",
        "`lstn` is no cell of a regulator; did you mean `lstm`? there are `rnn`, `gru` and `lstm`",
    );
    wrong_regulator(
        "gru(conv = fast)",
        "fast",
        "`fast` is no convolution of a regulator; there are `full` and `efficient`",
    );
    wrong_regulator(
        "gru(share = blocks)",
        "blocks",
        "`blocks` is no way to share a regulator; did you mean `block`? there are `stage` and `block`",
    );
    wrong_regulator("gru(carry = yes)", "yes", "`yes` is no value of `carry`; there are `true` and `false`");
    wrong_regulator(
        "gru(kernel = 3)",
        "kernel",
        "there is no key `kernel`; the keys are `conv`, `share` and `carry`",
    );
    wrong_regulator("gru(cary = true)", "cary", "there is no key `cary`; did you mean `carry`?");
    wrong_regulator(
        "gru(conv = full, conv = full)",
        "conv",
        "`conv` is set twice: `conv = full` came first; keep one",
    );
    wrong_regulator("gru(carry)", "carry", "`carry` has no value; write it as in `carry = true`");
    wrong_regulator(
        "gru(carry(true))",
        "(true)",
        "expected `=` after `carry`; write it as in `carry = true`",
    );
    wrong_regulator("gru(conv = full share = block)", "share", "expected `,` before `share`; write `,` here");
    wrong_regulator("gru(3)", "3", "expected `key = value`; write it as in `conv = efficient`");
}

#[test]
fn parentheses() {
    const FORM: &str = "the options of a regulator stand in parentheses; \
                        write it as in `regulator = gru(conv = efficient, share = block)`";
    wrong_regulator("gru conv = efficient", "conv = efficient", FORM);
    wrong_regulator("gru[conv = efficient]", "[conv = efficient]", FORM);
    wrong_regulator("gru(conv = full)(carry = true)", "(conv = full)(carry = true)", FORM);
    wrong_regulator(
        "3",
        "3",
        "a regulator is `rnn`, `gru` or `lstm`; write it as in `regulator = gru(conv = efficient, share = block)`",
    );
    wrong_regulator(
        "gru, conv = efficient",
        "conv",
        "`conv` is no key: it is an option of the regulator; \
         write it in parentheses after the cell, as in `regulator = lstm(conv = efficient)`",
    );
}

#[test]
fn all_at_once() {
    wrong(
        Form::RegNet,
        "RegNetX-200MF, classes = 0, regulator = ltsm(conv = ful, size = 3, carry = 1)",
        &[
            (
                "ltsm",
                "`ltsm` is no cell of a regulator; did you mean `lstm`? there are `rnn`, `gru` and `lstm`",
            ),
            ("size", "there is no key `size`; the keys are `conv`, `share` and `carry`"),
            (
                "ful",
                "`ful` is no convolution of a regulator; did you mean `full`? there are `full` and `efficient`",
            ),
            ("1", "`1` is no value of `carry`; there are `true` and `false`"),
            ("0", "classes = 0 is out of range: a head tells 1 to 1048576 classes apart; the nearest is 1"),
        ],
    );
}

#[test]
fn vanilla_blocks_have_none() {
    wrong(
        Form::AnyNet,
        "depths = [1], widths = [8], block = vanilla, regulator = gru(conv = efficient)",
        &[(
            "gru(conv = efficient)",
            "a vanilla block has no regulator; use a basic or bottleneck block or leave the regulator out",
        )],
    );
}

#[test]
fn self_regulated() {
    let net = network(Form::SelfRegulated, "depth = 20, cell = lstm, classes = 10");
    assert!(
        net.starts_with("RegNet<CifarStem<3,16>,(RegulatedStage<FullRegulator<Lstm,16>,NoCarry,"),
        "{net}"
    );
    assert!(net.ends_with(",3>,),Head<64,10>>"), "{net}");
    assert_eq!(network(Form::SelfRegulated, "< depth = 20 >"), net);
    let stages =
        "depths = [3, 3, 3], widths = [16, 32, 64], strides = [1, 2, 2], block = basic, stem = cifar(16)";
    assert_eq!(network(Form::AnyNet, &format!("{stages}, classes = 10, regulator = lstm")), net);

    let net = network(Form::SelfRegulated, "depth = 50, cell = gru, conv = efficient, share = block");
    assert!(net.starts_with("RegNet<ResNetStem<3,64>,(RegulatedStage<PerBlock,NoCarry,"), "{net}");
    assert!(net.contains("RegulatedXBlock<1,64,256,64,64,1,EfficientRegulator<Gru,64>,NoExcite>"), "{net}");
    assert!(net.ends_with(",3>,),Head<2048,1000>>"), "{net}");
}

#[test]
fn self_regulated_mistakes() {
    let wrong = |declaration: &str, expected: &[(&str, &str)]| {
        wrong(Form::SelfRegulated, declaration, expected);
    };
    for (depth, nearest) in [
        ("21", "the nearest are 20 and 26"),
        ("0", "the nearest is 8"),
        ("49", "the nearest are 44 and 50"),
        ("99999999999", "the nearest is 6146"),
    ] {
        let text = format!(
            "depth = {depth} is not 6n + 2 with n from 1 to 1024, as the paper's networks for CIFAR; {nearest}"
        );
        wrong(&format!("depth = {depth}, cell = gru"), &[(depth, &text)]);
    }
    wrong(
        "cell = lsm, conv = fast, carry = maybe, share = nobody, se = 2, regulator = gru",
        &[
            (
                "regulator",
                "there is no key `regulator`; the keys are `depth`, `cell`, `conv`, `share`, `carry`, `se`, \
                 `classes`, `input` and `budget`",
            ),
            (
                "cell = lsm, conv = fast, carry = maybe, share = nobody, se = 2, regulator = gru",
                "missing `depth`; write it out, as in `depth = 20`",
            ),
            (
                "lsm",
                "`lsm` is no cell of a regulator; did you mean `lstm`? there are `rnn`, `gru` and `lstm`",
            ),
            ("fast", "`fast` is no convolution of a regulator; there are `full` and `efficient`"),
            ("maybe", "`maybe` is no value of `carry`; there are `true` and `false`"),
            ("nobody", "`nobody` is no way to share a regulator; there are `stage` and `block`"),
            ("2", "se = 2 is out of range: the ratio is above 0 and at most 1; RegNetY uses 0.25"),
        ],
    );
    wrong("", &[("", "nothing is declared; give the depth, such as `depth = 20`")]);
    wrong(
        "struct Net = cell = gru; depth = 20;",
        &[(
            "depth",
            "`depth` is one of the network's parameters, not an option; write it before the first `;`, in `< .. >`",
        )],
    );
    wrong(
        "depth = 20, budget = params <= 100K",
        &[(
            "100K",
            "params: 693.4K is over the budget of 100K; stage s3 costs most (76 %); no smaller preset fits: raise the \
             limit, or make stage s3 smaller",
        )],
    );
}
