//! `regnet codegen` prints declarations that mean what they were printed from.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{assert_fails, regnet};
use regnet::space::{Declaration, Preset};

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
    let net = net.to_anynet().unwrap();
    let stage = |stage: &regnet::space::Stage| {
        serde_json::json!({
            "depth": stage.depth, "width": stage.width, "stride": stage.stride,
            "bottleneck": stage.bottleneck.ratio(), "group_width": stage.group_width,
        })
    };
    serde_json::json!({
        "network": {
            "input_channels": net.input_channels,
            "stem": net.stem.kind.to_string(),
            "stem_width": net.stem.width,
            "stages": net.stages.iter().map(stage).collect::<Vec<_>>(),
            "se": net.se,
            "classes": net.classes,
        },
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
    assert_fails(&format!("codegen {}", path.display()), 1, &["no RegNet parameters", "model.json"]);
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
