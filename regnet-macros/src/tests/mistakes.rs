//! Every mistake: what is pointed at, and the text.

use super::errors;

/// `errors(declaration)` are exactly these.
#[track_caller]
fn wrong(declaration: &str, expected: &[(&str, &str)]) {
    let found = errors(declaration);
    let found: Vec<(&str, &str)> = found.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    assert_eq!(found, expected, "{declaration}");
}

/// One mistake in an otherwise right list of entries after a preset.
#[track_caller]
fn wrong_entry(entry: &str, at: &str, text: &str) {
    wrong(&format!("RegNetX-200MF, {entry}"), &[(at, text)]);
}

const EMPTY: &str = "nothing is declared; name a preset, such as `RegNetX-200MF`, or give the parameters, such as \
                     `< d=16, w0=48, wa=36.97, wm=2.24, g=24 >`";

#[test]
fn nothing_declared() {
    wrong("", &[("", EMPTY)]);
    wrong("<>", &[("<>", EMPTY)]);
    wrong("struct Net;", &[("Net", EMPTY)]);
    wrong("struct A = ; struct B = <>; ", &[("A", EMPTY), ("<>", EMPTY)]);
}

#[test]
fn all_at_once() {
    wrong(
        "< d=0, w0=50, wa=36.97px, wm=1, h=24 >, classes = 0, classes = 1, stem = big",
        &[
            (
                "h",
                "there is no key `h`; the keys are `d`, `w0`, `wa`, `wm`, `g`, `b`, `se`, `classes`, `stem`, \
                 `regulator`, `input`, `space` and `budget`",
            ),
            ("classes", "`classes` is set twice: `classes = 0` came first; keep one"),
            (
                "< d=0, w0=50, wa=36.97px, wm=1, h=24 >",
                "missing `g`; write it out, as in `g = 24`, or start from a preset, as in `RegNetX-200MF`",
            ),
            ("36.97px", "wa = 36.97px has a unit or type at its end; write the plain number 36.97"),
            ("big", "no stem is called `big`; there are `simple`, `cifar` and `resnet`"),
            ("0", "d = 0 is out of range: a network has 1 to 1024 blocks; the nearest is 1"),
            ("50", "w0 = 50 is not a multiple of 8 between 8 and 65536; the nearest are 48 and 56"),
            (
                "1",
                "wm = 1 is out of range: widths are multiplied by a finite wm > 1 from stage to stage; \
                 published models use 2 to 3",
            ),
            ("0", "classes = 0 is out of range: a head tells 1 to 1048576 classes apart; the nearest is 1"),
        ],
    );
}

#[test]
fn mistakes_of_several_structs() {
    wrong(
        "struct A = RegNetX-200MF; classes = 0; struct B = RegNetX-200MF, g = 0;",
        &[
            ("0", "classes = 0 is out of range: a head tells 1 to 1048576 classes apart; the nearest is 1"),
            ("0", "g = 0 is out of range: a group has at least 1 channel; the nearest is 1"),
        ],
    );
}

#[test]
fn missing_keys() {
    wrong(
        "<d=16, w0=48>, classes = 10",
        &[(
            "<d=16, w0=48>",
            "missing `wa`, `wm` and `g`; write them out, as in `wa = 36.97, wm = 2.24, g = 24`, \
             or start from a preset, as in `RegNetX-200MF`",
        )],
    );
    // A misspelt key is not missing as well.
    wrong(
        "w0=48, wa=36.97, wm=2.24, gg=24, D=16",
        &[("gg", "there is no key `gg`; did you mean `g`?"), ("D", "there is no key `D`; did you mean `d`?")],
    );
}

#[test]
fn presets() {
    wrong(
        "RegNetX-300MF",
        &[("RegNetX-300MF", "no preset is called `RegNetX-300MF`; the nearest is `RegNetX-400MF`")],
    );
    wrong(
        "RegNetZ-400MF, classes = 0",
        &[
            ("RegNetZ-400MF", "no preset is called `RegNetZ-400MF`; the nearest is `RegNetX-400MF`"),
            ("0", "classes = 0 is out of range: a head tells 1 to 1048576 classes apart; the nearest is 1"),
        ],
    );
    wrong(
        "\"RegNetX-400MF\"",
        &[("\"RegNetX-400MF\"", "no preset is called `\"RegNetX-400MF\"`; the nearest is `RegNetX-400MF`")],
    );
    // What an override breaks without being named itself is the preset's.
    wrong(
        "RegNetX-200MF, w0 = 8, wa = 60, d = 60",
        &[(
            "RegNetX-200MF",
            "wm = 2.49 makes 7 stages (widths 8, 48, 120, 304, 768, 1904, 4744), and at most 6 are allowed; \
             raise wm to 3.03, or lower wa or d",
        )],
    );
}

#[test]
fn whole_numbers() {
    let name = "d = N is a name, and macros run before names have values; \
                write the whole number itself, as in `d = 16`";
    wrong_entry("d = N", "N", name);
    wrong_entry("d = 16px", "16px", "d = 16px has a unit or type at its end; write the plain number 16");
    wrong_entry(
        "d = 16usize",
        "16usize",
        "d = 16usize has a unit or type at its end; write the plain number 16",
    );
    wrong_entry("d = 16.5", "16.5", "d = 16.5 is not written as a whole number; write 16 or 17");
    wrong_entry("d = 16.0", "16.0", "d = 16.0 is not written as a whole number; write 16");
    wrong_entry("d = 1e99", "1e99", "d = 1e99 is not written as a whole number; write one such as `d = 16`");
    wrong_entry("d = -3", "-3", "d = -3 is negative; write a whole number such as `d = 16`");
    wrong_entry("d = 8 * 2", "8 * 2", "d is one whole number; write it as in `d = 16`");
    wrong_entry("d = true", "true", "d is one whole number; write it as in `d = 16`");
    wrong_entry("d = \"16\"", "\"16\"", "d is one whole number; write it as in `d = 16`");
    wrong_entry(
        "d = 18446744073709551616",
        "18446744073709551616",
        "d = 18446744073709551616 is too large; write a whole number such as `d = 16`",
    );
    let billion = "d = 1000000000 is out of range: a network has 1 to 1024 blocks; the nearest is 1024";
    wrong_entry("d = 1000000000", "1000000000", billion);
}

#[test]
fn any_numbers() {
    let name = "wa = SLOPE is a name, and macros run before names have values; \
                write the number itself, as in `wa = 36.97`";
    wrong_entry("wa = SLOPE", "SLOPE", name);
    wrong_entry(
        "wa = 36.97f32",
        "36.97f32",
        "wa = 36.97f32 has a unit or type at its end; write the plain number 36.97",
    );
    wrong_entry("wa = -1%", "-1%", "wa is one number; write it as in `wa = 36.97`");
    let slope = "is out of range: the slope is a finite number of at least 0; the nearest is 0";
    wrong_entry("wa = -1", "-1", &format!("wa = -1 {slope}"));
    wrong_entry("wa = 1e999", "1e999", &format!("wa = inf {slope}"));
    wrong_entry(
        "b = 1.5",
        "1.5",
        "a bottleneck ratio of 1.5 is neither a whole number nor one over a whole number up to 64; the nearest are 1 and 2",
    );
    wrong_entry(
        "se = 2.0",
        "2.0",
        "se = 2 is out of range: the ratio is above 0 and at most 1; RegNetY uses 0.25",
    );
    wrong_entry(
        "se = maybe",
        "maybe",
        "se = maybe is neither `true` nor `false` nor a ratio; write `se = true` for the usual ratio, or the ratio itself, as in `se = 0.25`",
    );
}

#[test]
fn stages_that_do_not_fit() {
    let net = |wm: &str, g: &str| format!("< d=60, w0=8, wa=200, wm={wm}, g={g} >");
    wrong(
        &net("1.5", "8"),
        &[(
            "1.5",
            "wm = 1.5 makes 11 stages (widths 8, 208, 464, 688, 1040, 1560, 2336, 3504, 5256, 7880, 11824), \
             and at most 6 are allowed; raise wm to 3.77, or lower wa or d",
        )],
    );
    wrong(
        "< d=16, w0=48, wa=36.97, wm=2.24, g=1000 >",
        &[(
            "1000",
            "g = 1000 fits no stage: the widest block has 536 inner channels; the largest that fits is 536",
        )],
    );
    // Numbers that are judged together are not judged while one of them is unknown.
    let errors = errors(&net("1.5", "N"));
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn outside_the_published_space() {
    let outside = |key, value, rule, remedy| {
        format!(
            "{key} = {value} is outside the published design space ({rule}); {remedy}, \
             or write `space = any` to allow it"
        )
    };
    let depth = outside("d", "70", "d < 64", "use 63 or less");
    let slope = outside("wa", "300", "wa < 256", "use less than 256");
    wrong("RegNetX-200MF, wa = 300, d = 70", &[("70", &depth), ("300", &slope)]);
    // The preset's own w0 = 320 is outside as well, but published.
    wrong("RegNetX-32GF, d = 70", &[("70", &depth)]);
    wrong_entry(
        "space = foo",
        "foo",
        "space = foo is neither `RegNet`, the published design space, nor `any`; leave it out for the published one, \
         or write `space = any` to allow numbers outside it",
    );
}

#[test]
fn stems() {
    wrong_entry("stem = foo", "foo", "no stem is called `foo`; there are `simple`, `cifar` and `resnet`");
    wrong_entry(
        "stem = 32",
        "32",
        "stem is `simple`, `cifar` or `resnet`; write it as in `stem = simple(32)`",
    );
    wrong_entry(
        "stem = cifar[16]",
        "cifar[16]",
        "a stem has one width in parentheses; write it as in `stem = cifar(32)`",
    );
    let number = "the stem's width is one whole number; write it as in `stem = simple(32)`";
    wrong_entry("stem = simple()", "simple()", number);
    wrong_entry("stem = simple(16, 32)", "simple(16, 32)", number);
    wrong_entry(
        "stem = simple(0)",
        "simple(0)",
        "a stem of width 0 is out of range: stems have 1 to 65536 channels; the usual is 32",
    );
}

#[test]
fn inputs() {
    for input in ["224", "3 * 224 * 224", "(3, 224, 224)", "3 x 224", "3 x 224 x H", "-3 x 2 x 2"] {
        let text: String = input.split_whitespace().collect();
        let text = format!(
            "input = {text} is not channels x height x width; write it as in `input = 3 x 224 x 224`"
        );
        wrong_entry(&format!("input = {input}"), input, &text);
    }
    wrong_entry(
        "input = 0 x 224 x 224",
        "0 x 224 x 224",
        "an input of 0 channels is out of range: images have 1 to 65536 channels; the nearest is 1",
    );
    wrong_entry(
        "input = 3 x 224 x 100000",
        "3 x 224 x 100000",
        "an input of 224 x 100000 pixels is out of range: each side has 1 to 16384; the nearest is 224 x 16384",
    );
}

#[test]
fn malformed_entries() {
    wrong_entry("se", "se", "`se` has no value; write it as in `se = true`");
    wrong_entry("se =", "se =", "`se` has no value; write it as in `se = true`");
    wrong_entry("d: 16", ":", "expected `=` after `d`; write it as in `d = 16`");
    wrong_entry("d == 16", "= 16", "d is one whole number; write it as in `d = 16`");
    wrong_entry("16 = d", "16 = d", "expected `key = value`; write it as in `d = 16`");
    wrong_entry(", d = 16", ",", "nothing stands before this `,`; leave it out");
    wrong("RegNetX-200MF classes = 10", &[("classes", "expected `,` before `classes`; write `,` here")]);
    wrong(
        "<RegNetX-200MF> classes = 10",
        &[("classes", "expected `,` between `>` and `classes`; write `,` here")],
    );
    wrong(
        "<RegNetX-200MF, classes = 10",
        &[("<", "this `<` is never closed; write `>` after the last number")],
    );
    wrong(
        "RegNetX-200MF; classes = 10",
        &[(";", "`;` ends a line only after `struct NAME = ..`; write `,` here")],
    );
}

#[test]
fn malformed_items() {
    let generics = "`Net` has something after its name: a declared network has no generics and no fields; leave it out, as in `pub struct Net = RegNetX-200MF;`";
    wrong("struct Net<T> = RegNetX-200MF;", &[("<T>", generics)]);
    wrong(
        "struct = RegNetX-200MF;",
        &[(
            "struct",
            "expected a name after `struct`; write a name here, as in `pub struct Net = RegNetX-200MF;`",
        )],
    );
    wrong(
        "pub type Net = RegNetX-200MF; classes = 10;",
        &[(
            "type",
            "a declared network is a `struct`; write `struct` here, as in `pub struct Net = RegNetX-200MF;`",
        )],
    );
    wrong(
        "#[derive(Debug)] enum Net;",
        &[(
            "enum",
            "a declared network is a `struct`; write `struct` here, as in `pub struct Net = RegNetX-200MF;`",
        )],
    );
    wrong(
        "struct Net = RegNetX-200MF; classes = 10",
        &[("10", "expected `;` after this; each line of an item ends with `;`")],
    );
    wrong(
        "classes = 10; struct Net = RegNetX-200MF;",
        &[("classes = 10", "this line belongs to no struct; write `pub struct NAME = ..;` before this line")],
    );
    wrong(
        "struct Net = RegNetX-200MF; d = 16;",
        &[(
            "d",
            "`d` is one of the network's parameters, not an option; write it before the first `;`, in `< .. >`",
        )],
    );
    wrong(
        "struct Net = RegNetX-200MF; speed = high;",
        &[(
            "speed",
            "there is no key `speed`; the keys are `d`, `w0`, `wa`, `wm`, `g`, `b`, `se`, `classes`, `stem`, \
             `regulator`, `input`, `space` and `budget`",
        )],
    );
}
