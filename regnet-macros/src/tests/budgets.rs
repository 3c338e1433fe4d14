//! Budgets, and the note on networks that are almost published ones.

use super::{errors, file, network, unspaced};

/// `errors(declaration)` are exactly these.
#[track_caller]
fn wrong(declaration: &str, expected: &[(&str, &str)]) {
    let found = errors(declaration);
    let found: Vec<(&str, &str)> = found.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    assert_eq!(found, expected, "{declaration}");
}

/// One wrong limit, in both positions.
#[track_caller]
fn wrong_limit(limit: &str, at: &str, text: &str) {
    wrong(&format!("RegNetX-200MF, budget = acts <= 1G, {limit}, classes = 10"), &[(at, text)]);
    wrong(&format!("struct Net = RegNetX-200MF; budget = {limit}; classes = 10;"), &[(at, text)]);
}

#[test]
fn a_budget_that_is_kept_changes_nothing() {
    let plain = network("RegNetX-400MF, classes = 10");
    for budget in [
        "budget = flops <= 400M",
        "budget = flops <= 0.4G, params <= 6_000K, acts <= 4000000,",
        "budget = memory <= 512M",
        "budget = memory(batch = 8) <= 512M, flops <= 1e9",
        "budget = memory(training, batch = 2) <= 1G",
    ] {
        assert_eq!(network(&format!("RegNetX-400MF, {budget}, classes = 10").replace(",,", ",")), plain);
        assert_eq!(network(&format!("< RegNetX-400MF, classes = 10 >, {budget}")), plain);
        assert_eq!(errors(&format!("struct Net = RegNetX-400MF; {budget}; classes = 10;")), []);
    }
}

#[test]
fn limits_that_are_exceeded() {
    wrong(
        "RegNetX-600MF, budget = flops <= 400M, params <= 7M, acts <= 3M, input = 3 x 224 x 224",
        &[
            (
                "400M",
                "flops: 600.9M is over the budget of 400M; stage s4 costs most (41 %); \
                 the nearest smaller preset that fits is RegNetX-200MF (199M)",
            ),
            (
                "3M",
                "acts: 3.975M is over the budget of 3M; stage s1 costs most (27 %); \
                 the nearest smaller preset that fits is RegNetX-200MF (2.164M)",
            ),
        ],
    );
    // Checked at the declaration's input.
    wrong("RegNetX-600MF, budget = flops <= 200M, input = 3 x 64 x 64", &[]);
    let memory = errors("struct Net = RegNetX-200MF; budget = memory(training, batch = 128) <= 2G;");
    assert_eq!(memory.len(), 1);
    assert_eq!(memory[0].0, "2G");
    assert!(memory[0].1.starts_with("memory (training, batch = 128): "), "{memory:?}");
}

#[test]
fn every_limit_is_read_before_any_is_reported() {
    wrong(
        "RegNetX-400MF, budget = flop <= 1G, params 3M, acts <= 0, memory(batch = 0) <= 1G, classes = 0",
        &[
            ("flop", "there is no `flop` to limit; did you mean `flops`?"),
            ("3M", "expected `<=` after `params`; write it as in `params <= 6M`"),
            ("0", "acts <= 0 fits no network; raise it, as in `acts <= 4M`, or leave it out"),
            ("(batch = 0)", "batch = 0 is out of range: a batch has at least 1 image; the nearest is 1"),
            ("0", "classes = 0 is out of range: a head tells 1 to 1048576 classes apart; the nearest is 1"),
        ],
    );
}

#[test]
fn a_wrong_limit_leaves_the_others_checked() {
    let found = errors("RegNetX-400MF, budget = flop <= 1M, params <= 3M");
    assert_eq!(found.iter().map(|(at, _)| at.as_str()).collect::<Vec<_>>(), ["flop", "3M"]);
}

#[test]
fn a_network_that_is_not_sound_is_not_held_to_its_budget() {
    assert_eq!(errors("< d=0, w0=48, wa=36.97, wm=2.24, g=24 >, budget = flops <= 1K").len(), 1);
    assert_eq!(errors("< d=16 >, budget = flops <= 1K").len(), 1);
    assert_eq!(errors("RegNetZ-600MF, budget = flops <= 1K").len(), 1);
}

#[test]
fn quantities() {
    let all = "there is no `seconds` to limit; a budget limits `flops`, `params`, `acts` and `memory`, as in `budget = flops <= 400M, params <= 6M`";
    wrong_limit("seconds <= 3", "seconds", all);
    wrong_limit("parms <= 3M", "parms", "there is no `parms` to limit; did you mean `params`?");
    wrong(
        "RegNetX-200MF, flops <= 1G",
        &[("flops", "`flops` is no key: it is limited by a budget; write it as in `budget = flops <= 400M`")],
    );
    wrong(
        "RegNetX-200MF, budget = params <= 9M, flops = 1",
        &[("flops", "`flops` is no key: it is limited by a budget; write it as in `budget = flops <= 400M`")],
    );
    wrong(
        "RegNetX-200MF, budget = 400M",
        &[(
            "400M",
            "there is no `400M` to limit; a budget limits `flops`, `params`, `acts` and `memory`, as in `budget = flops <= 400M, params <= 6M`",
        )],
    );
    wrong_limit(
        "flops <= 1G, memory <= 1G, flops <= 2G",
        "flops",
        "`flops` is limited twice: `flops <= 1G` came first; keep one",
    );
}

#[test]
fn operators() {
    let expected = "expected `<=` after `flops`; write it as in `flops <= 400M`";
    wrong_limit("flops < 4G", "<", expected);
    wrong_limit("flops >= 4G", ">=", expected);
    wrong("struct Net = RegNetX-200MF; budget = flops = 4G;", &[("=", expected)]);
    wrong_limit("flops", "flops", "`flops` has no limit; write it as in `flops <= 400M`");
    wrong_limit("memory <= ", "memory", "`memory` has no limit; write it as in `memory <= 512M`");
}

#[test]
fn figures() {
    let units = "and the units are K, M and G (thousand, million, billion)";
    wrong_limit("flops <= 600MF", "600MF", &format!("flops: 600MF has the unit `MF`, {units}; write 600M"));
    wrong_limit("memory <= 2GiB", "2GiB", &format!("memory: 2GiB has the unit `GiB`, {units}; write 2G"));
    wrong_limit(
        "flops <= 3T",
        "3T",
        &format!("flops: 3T has the unit `T`, {units}; write 3, or one of these after the number"),
    );
    let example = "as in `params <= 6M`";
    wrong_limit(
        "params <= 0",
        "0",
        &format!("params <= 0 fits no network; raise it, {example}, or leave it out"),
    );
    wrong_limit(
        "params <= 1e999",
        "1e999",
        &format!("params <= 1e999 limits nothing; lower it, {example}, or leave it out"),
    );
    wrong_limit(
        "params <= -6M",
        "-6M",
        &format!("params: -6M is negative; write a number of at least 0, {example}"),
    );
    let number = |it| {
        format!("params: `{it}` is not one number with or without K, M or G after it; write it {example}")
    };
    wrong_limit("params <= LIMIT", "LIMIT", &number("LIMIT"));
    wrong_limit("params <= \"6M\"", "\"6M\"", &number("\"6M\""));
    wrong_limit(
        "params <= 6M acts <= 4M",
        "acts",
        "expected `,` before `acts`; limits are separated by `,`: write one here",
    );
}

#[test]
fn workloads() {
    wrong_limit(
        "memory(train) <= 2G",
        "(train)",
        "memory is for `inference` or `training` at a batch, not for `train`; write it as in `memory(training, batch = 32) <= 2G`",
    );
    wrong_limit(
        "memory(batch = 1.5) <= 2G",
        "(batch = 1.5)",
        "batch = 1.5 is not written as a whole number; write 1 or 2",
    );
    wrong_limit(
        "flops(batch = 2) <= 2G",
        "(batch = 2)",
        "flops is counted for one image: nothing stands in parentheses after it; write it as in `flops <= 400M`",
    );
}

#[test]
fn a_near_preset_is_noted_in_the_docs_and_fails_nothing() {
    let rounded = "pub struct Net = < d=16, w0=48, wa=37, wm=2.2, g=24 >;";
    assert_eq!(errors(rounded), []);
    let note = "#[doc=\"Note:closetoRegNetX-600MF,butnotequal:widths48,96,240,504whereithas48,96,240,528;\
                depths1,2,6,7whereithas1,3,5,7.\"]";
    assert!(unspaced(file(rounded)).contains(note));
    assert!(!unspaced(file("pub struct Net = RegNetX-600MF;")).contains("Note:"));
}
