//! `regnet show` and `regnet models` print the published figures.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Stdio};

use common::{assert_fails, regnet};
use serde_json::{Value, json};

fn json_of(line: &str) -> Value {
    let said = regnet(line);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "regnet {line}");
    serde_json::from_str(&said.stdout).unwrap()
}

/// Figures of the model zoo of pycls.
#[test]
fn json_has_the_published_figures() {
    let shown = json_of("show RegNetX-600MF --json");
    for (key, value) in [
        ("stage_widths", json!([48, 96, 240, 528])),
        ("stage_depths", json!([1, 3, 5, 7])),
        ("group_widths", json!([24, 24, 24, 24])),
        ("flops", json!(600_891_112)),
        ("params", json!(6_196_040)),
        ("acts", json!(3_975_096)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
}

#[test]
fn parameters_show_what_their_name_shows() {
    let name = json_of("show RegNetY-400MF --json");
    assert_eq!(name, json_of("show --d 16 --w0 48 --wa 27.89 --wm 2.09 --g 8 --b 1 --se --json"));
    assert_eq!(name, json_of("show regnet_y_400mf --se 0.25 --stem simple:32 --size 224 --json"));
    assert_eq!(name["params"], 4_344_144);
}

#[test]
fn a_network_that_is_almost_published_is_noted() {
    let near = regnet("show --d 16 --w0 48 --wa 37 --wm 2.2 --g 24");
    let note = "note: close to RegNetX-600MF, but not equal: widths 48, 96, 240, 504 where it has 48, 96, 240, 528; \
                depths 1, 2, 6, 7 where it has 1, 3, 5, 7";
    assert_eq!(near.stdout.lines().last(), Some(note));
    assert!(!regnet("show RegNetX-600MF --classes 10").stdout.contains("note"));
}

#[test]
fn size_stem_and_classes_change_what_they_should() {
    let published = json_of("show RegNetX-200MF --json");
    let small = json_of("show RegNetX-200MF --size 112 --json");
    assert_eq!(small["params"], published["params"]);
    assert!(small["flops"].as_u64() < published["flops"].as_u64());
    let ten = json_of("show RegNetX-200MF --classes 10 --json");
    assert_eq!(published["params"].as_u64().unwrap() - ten["params"].as_u64().unwrap(), 990 * 369);
    let cifar = json_of("show RegNetX-200MF --stem cifar:16 --json");
    assert_eq!((&cifar["input"], &cifar["stem_width"]), (&json!([3, 32, 32]), &json!(16)));
}

#[test]
fn the_table_has_a_row_for_each_stage_and_a_total() {
    let said = regnet("show RegNetX-200MF");
    let firsts: Vec<_> = said.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(firsts[..8], ["stage", "stem", "s1", "s2", "s3", "s4", "head", "total"]);
    assert!(said.stdout.contains("199,040,872 flops"), "{}", said.stdout);
}

#[test]
fn models_lists_every_preset() {
    let said = regnet("models");
    assert_eq!(said.stdout.lines().count(), 1 + 24 + 3 + 2 + 5 * 3);
    let row = said.stdout.lines().find(|line| line.starts_with("RegNetY-400MF ")).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    let expected = "RegNetY-400MF 16 48 27.89 2.09 8 1 0.25 401,849,056 4,344,144 3,892,496 25.898";
    assert_eq!(cells, expected.split(' ').collect::<Vec<_>>());

    let models = json_of("models --json");
    assert_eq!(models.as_array().unwrap().len(), 27 + 15);
    for model in models.as_array().unwrap() {
        let cell = model["cell"].as_str().map(|cell| format!("--cell {cell}")).unwrap_or_default();
        let shown = json_of(&format!("show {} {cell} --json", model["name"].as_str().unwrap()));
        assert_eq!([&model["flops"], &model["params"]], [&shown["flops"], &shown["params"]]);
    }
}

/// Parameters as `tests/reference/regulated_counts.json` has them.
#[test]
fn self_regulated_models_take_a_cell() {
    let lstm = json_of("show self-regulated-20 --json");
    assert_eq!(lstm, json_of("show Self-Regulated-20 --cell lstm --classes 10 --json"));
    assert_eq!(
        (&lstm["input"], &lstm["block"], &lstm["classes"]),
        (&json!([3, 32, 32]), &json!("basic"), &json!(10))
    );
    for (options, regulator, params) in [
        ("--cell rnn", "rnn", 402_506),
        ("--cell gru --se", "gru", 603_458),
        (
            "--cell rnn --cell-conv efficient --cell-share block",
            "rnn(conv = efficient, share = block)",
            310_106,
        ),
    ] {
        let shown = json_of(&format!("show self-regulated-20 {options} --json"));
        assert_eq!((&shown["regulator"], &shown["params"]), (&json!(regulator), &json!(params)), "{options}");
    }
    let said = regnet("show self-regulated-20 --cell gru --cell-carry");
    assert!(said.stdout.contains("gru of 64"), "{}", said.stdout);
    assert_eq!(said.stdout.lines().last(), Some("regulator: gru(carry = true)"));

    let plain = json_of("show RegNetY-400MF --json");
    let regulated = json_of("show RegNetY-400MF --cell lstm --json");
    assert_eq!((&plain["regulator"], &regulated["regulator"]), (&Value::Null, &json!("lstm")));
    assert!(regulated["params"].as_u64() > plain["params"].as_u64());
}

#[test]
fn regulators_that_mean_nothing_are_refused() {
    assert_fails("show self-regulated-20 --cell lstn", 2, &["`lstn`", "`rnn`, `gru` and `lstm`"]);
    assert_fails("show self-regulated-21", 1, &["`self-regulated-21`", "`Self-Regulated-20`"]);
    assert_fails("show self-regulated-20 --w0 48", 2, &["no generating parameters", "--w0"]);
    assert_fails("show RegNetX-200MF --cell-carry", 2, &["--cell-carry", "--cell"]);
}

#[test]
fn wrong_numbers_are_one_error_that_says_them_all() {
    assert_fails("show --d 0 --w0 13 --wa 3 --wm 0.5 --g 8", 1, &["d = 0", "w0 = 13", "wm = 0.5"]);
    assert_fails("show RegNetX-200MF --d 70", 1, &["d < 64", "--space any"]);
    assert_fails("show RegNetX-200MF --b 1.5", 1, &["ratio of 1.5", "1 and 2"]);
    assert_fails("show RegNetX-200MG", 1, &["`RegNetX-200MG`", "nearest"]);
    assert_fails("show RegNetX-200MF --size 0", 1, &["0 x 0 pixels"]);
    assert_eq!(regnet("show RegNetX-200MF --d 70 --space any").code, 0);
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    assert_fails("show --d 16 --w0 48", 2, &["--wa, --wm, --g", "regnet models"]);
    assert_fails("show RegNetX-200MF --stem dense", 2, &["`simple`, `cifar` and `resnet`"]);
    assert_fails("show RegNetX-200MF --d many", 2, &["many"]);
    assert_fails("sho", 2, &["sho"]);
}

/// Standard output is a pipe nobody reads: `regnet models | true`.
#[test]
fn a_closed_pipe_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
    let output = command.args(["models", "--json"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
