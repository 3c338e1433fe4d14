//! `regnet space`: what is drawn, how many, and lines that other commands read.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::process::Command;

use common::{assert_fails, regnet, regnet_reading};
use regnet::space::{DesignSpace, Sampler, SpaceName};
use regnet::train::Spec;
use regnet::train::sweep::Trial;
use serde_json::{Value, json};

const SMALL: &str = "--stem cifar:16 --classes 10";

fn lines(line: &str) -> Vec<String> {
    let said = regnet(line);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "regnet {line}");
    said.stdout.lines().map(str::to_owned).collect()
}

/// The command with a word that has blanks.
fn quoted(words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_regnet")).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn lines_are_trials_inside_the_window_and_all_different() {
    for space in ["AnyNetXE", "RegNetY"] {
        let drawn = lines(&format!("space sample {space} -n 12 --seed 3 --flops 4M..6M {SMALL}"));
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 12);
        for line in &drawn {
            let trial: Trial = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&trial).unwrap(), *line);
            assert_eq!(trial.input, [3, 32, 32]);
            let flops = trial.complexity().unwrap().flops;
            assert!((4_000_000..=6_000_000).contains(&flops), "{flops}");
            let json: Value = serde_json::from_str(line).unwrap();
            assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["input", "network"]);
        }
    }
}

#[test]
fn the_library_draws_the_same() {
    let mut space = DesignSpace::new(SpaceName::AnyNetXC);
    space.constrain("stem = cifar(16), classes = 10, params <= 2M").unwrap();
    let drawn = Sampler::new(space, 5).draw(3).unwrap();
    let drawn = drawn.into_iter().map(|drawn| Trial { network: Spec(drawn.net), input: [3, 32, 32] });
    let drawn: Vec<String> = drawn.map(|trial| serde_json::to_string(&trial).unwrap()).collect();
    assert_eq!(lines(&format!("space sample AnyNetXC -n 3 --seed 5 --params ..=2M {SMALL}")), drawn);
}

#[test]
fn every_line_can_be_shown_and_declared() {
    for (space, call) in [("AnyNetXA", "anynet!"), ("RegNetX", "regnet!")] {
        let line = lines(&format!("space sample {space} --flops ..10M {SMALL}")).remove(0);
        let trial: Trial = serde_json::from_str(&line).unwrap();
        let shown = regnet_reading(&line, "show - --json");
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        assert_eq!(shown["flops"], trial.complexity().unwrap().flops);
        assert_eq!(shown["input"], json!([3, 32, 32]));
        let source = regnet_reading(&line, "codegen -");
        assert!(
            source.stdout.starts_with(call) && source.stdout.contains("3 x 32 x 32"),
            "{}",
            source.stdout
        );
    }
}

#[test]
fn constraints_and_flags_say_the_same() {
    let text =
        "RegNetX, wm = 2, w0 = wa, d ~ uniform, stem = cifar(8), input = 1x28x28, classes = 7, acts = ..1M";
    let (code, in_one, _) = quoted(&["space", "sample", text, "-n", "4"]);
    let flags = "--distribution d=uniform --stem cifar:8 --input 1x28x28 --classes 7 --acts ..=1M";
    let words = ["space", "sample", "RegNetX", "--where", "wm = 2, w0 = wa", "-n", "4"];
    let (_, in_flags, said) = quoted(&[&words[..], &flags.split(' ').collect::<Vec<_>>()].concat());
    assert_eq!((code, in_one.lines().count(), said.as_str()), (0, 4, ""));
    assert_eq!(in_one, in_flags);
    let uniform = lines(&format!("space sample AnyNetXA -n 4 --distribution uniform {SMALL}"));
    assert_ne!(uniform, lines(&format!("space sample AnyNetXA -n 4 {SMALL}")));
    let small = lines("space sample AnyNetXA --size 64").remove(0);
    assert!(small.ends_with("\"input\":[3,64,64]}"), "{small}");
}

#[test]
fn sizes_are_those_of_the_paper() {
    let rows = lines("space size");
    for (row, parts) in rows[1..].iter().zip([
        "AnyNetXA 16 1,846,757,322,198,614,016 1.8e18 1.8e18",
        "AnyNetXB 13 68,398,419,340,689,408 6.8e16 1/27.0 6.8e16",
        "AnyNetXC 10 316,659,348,799,488 3.2e14 1/216.0 3.2e14",
        "AnyNetXD 10 13,821,510,942,720 1.4e13 1/22.9 1.3e13",
        "AnyNetXE 10 817,446,539,520 8.2e11 1/16.9 5.5e11",
        "RegNetX 6 261,720,123,840 2.6e11 3.0e8",
        "RegNetY 6 261,720,123,840 2.6e11 3.0e8",
    ]) {
        let words: Vec<&str> = row.split_whitespace().collect();
        assert!(words.join(" ").starts_with(parts), "{row}");
    }
    let one = quoted(&["space", "size", "AnyNetXD, d = 1, w1 >= 1000, w4 <= 1008, b = 1, g = 8"]).1;
    let words: Vec<&str> = one.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words[words.len() - 3..], ["5", "5.0e0", "5"], "{one}");
}

#[test]
fn spaces_are_described() {
    let (_, text, _) = quoted(&["space", "describe", "AnyNetXE, b = 1/4, w1 = 32, flops = 1M..2M"]);
    for part in [
        "w1",
        "1/4",
        "8 to 1024 in steps of 8",
        "w does not fall",
        "flops: 1,000,000 to 2,000,000",
        "8 degrees",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    assert!(!text.contains("w5"), "{text}");
    let keys = lines("space constraints RegNetX");
    for key in
        ["d ", "w0", "wa", "wm", "b ", "g ", "stages", "flops", "params", "acts", "se", "stem", "input"]
    {
        assert!(keys.iter().any(|line| line.starts_with(key)), "{key}");
    }
}

#[test]
fn wrong_spaces_are_one_error_that_points_at_them() {
    assert_fails("space sample RegNetQ", 1, &["`RegNetQ`", "did you mean `RegNetX`?", "^^^^^^^"]);
    assert_fails("space sample RegNetX --flops 9M..4M", 1, &["runs backwards", "flops = 9M..4M", "^^^^^^"]);
    assert_fails(
        "space sample RegNetX --where d=99,q=1",
        1,
        &["d = 99 is not possible", "`q` cannot be constrained"],
    );
    assert_fails("space sample RegNetX --distribution unifrm", 1, &["`unifrm`", "did you mean `uniform`?"]);
    assert_fails("space sample RegNetX --stem big", 1, &["no stem is called `big`"]);
    assert_fails("space describe", 2, &["<SPACE>"]);
    assert_fails(
        "space sample RegNetX -n 3 --params ..1K",
        1,
        &["admits too few RegNetX models: 0 found", "widen it"],
    );
}
