//! `regnet codegen` prints declarations that mean what they were printed from.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{assert_fails, regnet, regnet_reading};
use regnet::space::{Declaration, Preset, SelfRegulated};
use regnet::train::Spec;

fn printed(line: &str) -> String {
    let said = regnet(line);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "regnet {line}");
    said.stdout
}

#[test]
fn a_preset() {
    assert_eq!(
        printed("codegen RegNetY-1.6GF --classes 38"),
        "regnet! {\n    \
             pub struct RegNetY1_6GF = < d=27, w0=48, wa=20.71, wm=2.65, g=24, b=1, se=true >;\n    \
             input   = 3 x 224 x 224;\n    \
             classes = 38;\n    \
             stem    = simple(32);\n\
         }\n"
    );
    let wide = printed("codegen RegNetX-32GF --name Wide");
    assert!(wide.contains("struct Wide =") && wide.contains("    space   = any;\n"), "{wide}");
    let torchvision = printed("codegen RegNetX-400MF-tv");
    assert!(torchvision.contains("RegNetX400MFtv = < RegNetX-400MF-tv, d=22, w0=24,"), "{torchvision}");
}

#[test]
fn parameters() {
    let source =
        printed("codegen --d 8 --w0 24 --wa 20.5 --wm 2.4 --g 8 --b 0.25 --se 0.5 --stem cifar:16 --size 48");
    for part in [
        "struct Net = < d=8, w0=24, wa=20.5, wm=2.4, g=8, b=0.25, se=0.5 >;",
        "input   = 3 x 48 x 48;",
        "classes = 1000;",
        "stem    = cifar(16);",
    ] {
        assert!(source.contains(part), "{source}");
    }
    assert!(printed("codegen RegNetX-200MF --stem cifar").contains("3 x 32 x 32"));
}

/// A `model.json` as `regnet train` writes it, of this network for 32 x 32 images.
fn card(net: &Declaration) -> serde_json::Value {
    serde_json::json!({
        "network": Spec(net.to_anynet().unwrap()),
        "data": "builtin",
        "input": [3, 32, 32],
        "classes": (0..net.classes).map(|i| i.to_string()).collect::<Vec<_>>(),
        "mean": [0.5, 0.5, 0.5],
        "std": [0.2, 0.2, 0.2],
        "recipe": regnet::train::Recipe::default(),
    })
}

#[test]
fn a_trained_network() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.json");
    let net = Declaration { classes: 10, ..Preset::find("RegNetY-400MF").unwrap().declaration() };
    let mut card = card(&net);
    fs::write(&path, card.to_string()).unwrap();
    let expected = net.to_source("Net", [32, 32]);
    assert_eq!(printed(&format!("codegen {}", path.display())), expected);
    assert_eq!(printed(&format!("codegen {}", dir.path().display())), expected);
    let wider = printed(&format!("codegen {} --g 16 --name Wider", path.display()));
    assert!(wider.contains("struct Wider = <") && wider.contains("g=16"), "{wider}");

    card["network"]["stages"][0]["stride"] = 1.into();
    fs::write(&path, card.to_string()).unwrap();
    let stages = printed(&format!("codegen {} --stem cifar:16", path.display()));
    for part in ["anynet! {", "    strides    = [1, 2, 2, 2],", "3 x 32 x 32;", "stem    = cifar(16);"] {
        assert!(stages.contains(part), "{stages}");
    }
}

#[test]
fn a_self_regulated_network() {
    let net = SelfRegulated::find("Self-Regulated-20").unwrap().to_anynet("gru".parse().unwrap());
    let source = printed("codegen self-regulated-20 --cell gru");
    assert_eq!(source, net.to_source("SelfRegulated20", [32, 32]));
    assert!(source.contains("    regulator = gru;\n"), "{source}");
}

/// `tests/printed.rs` of the root package compiles these files.
#[test]
fn files_of_networks_print_what_is_compiled() {
    for name in ["Basic", "Line", "Mixed", "Plain"] {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/printed/");
        let file = format!("{root}{}", name.to_lowercase());
        let expected = fs::read_to_string(format!("{file}.rs")).unwrap();
        assert_eq!(printed(&format!("codegen {file}.json --name {name}")), expected, "{name}");
        let json = fs::read_to_string(format!("{file}.json")).unwrap();
        assert_eq!(regnet_reading(&json, &format!("codegen - --name {name}")).stdout, expected, "{name}");
        // What `show` prints of a file says the same as the file.
        let shown = regnet_reading(&json, "show - --json").stdout;
        assert_eq!(regnet_reading(&shown, &format!("codegen - --name {name}")).stdout, expected, "{name}");
        assert_eq!(regnet_reading(&shown, "show - --json").stdout, shown, "{name}");
    }
}

#[test]
fn what_show_prints_is_read() {
    for line in
        ["RegNetY-400MF", "RegNetX-400MF-tv --classes 7", "self-regulated-50", "RegNetX-200MF --size 64"]
    {
        let expected = printed(&format!("codegen {line} --name Net"));
        let json = printed(&format!("show {line} --json"));
        let said = regnet_reading(&json, "codegen -");
        assert_eq!((said.stdout, said.stderr.as_str()), (expected, ""), "{line}");
    }
}

#[test]
fn files_with_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.json");
    let fails = |text: &str, code, options: &str, parts: &[&str]| {
        fs::write(&path, text).unwrap();
        assert_fails(&format!("codegen {} {options}", path.display()), code, parts);
        assert_fails(&format!("show {} {options}", path.display()), code, parts);
    };
    fails("stem = simple", 1, "", &["net.json: this is no JSON", "line 1 column 1"]);
    fails("{}", 1, "", &["net.json: `stages` is missing", "`classes` is missing"]);
    let basic = include_str!("../../tests/printed/basic.json");
    let spoilt = basic.replace("\"depth\": 3, ", "").replace("\"cifar\"", "4").replace("block", "blocks");
    fails(
        &spoilt,
        1,
        "",
        &[
            "there is no key `blocks`; did you mean `block`?",
            "`depth` of stage 2 is missing; give a whole number",
            "`stem` is 4; give `simple`, `cifar` or `resnet`",
        ],
    );
    fails(
        &basic.replace("\"stride\": 2", "\"stride\": 3"),
        1,
        "",
        &["net.json: stage 2: stride 3", "1 or 2"],
    );
    fails(basic, 2, "--w0 48", &["net.json has no generating parameters: leave out --w0"]);
    fails(basic, 1, "--size 0", &["0 x 0 pixels"]);
    let said = regnet_reading("[1", "codegen -");
    assert!(said.stderr.starts_with("error: standard input: this is no JSON"), "{}", said.stderr);
}

#[test]
fn mistakes() {
    assert_fails("codegen RegNetX-200MG", 1, &["`RegNetX-200MG`", "nearest"]);
    assert_fails("codegen RegNetX-200MF --d 70", 1, &["d < 64", "--space any"]);
    assert_fails("codegen RegNetX-200MF --size 0", 1, &["0 x 0 pixels"]);
    assert_fails("codegen RegNetX-200MF --name struct", 2, &["`struct` cannot name a struct"]);
    assert_fails("codegen RegNetX-200MF --name 2nd", 2, &["letters, digits"]);
    assert_fails("codegen nowhere/model.json", 1, &["nowhere/model.json"]);
    assert_fails("codegen", 2, &["missing: --d, --w0"]);
}
