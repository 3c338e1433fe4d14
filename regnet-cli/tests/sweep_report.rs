//! `regnet sweep report`, of sweeps whose results are made up.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{assert_fails, regnet};
use regnet::space::{Preset, SpaceName};
use regnet::train::sweep::{DataId, FORMAT, Manifest, Outcome, Sweep, Trial, TrialResult, low_compute};
use regnet::train::{Digest, EpochMetrics, Recipe, Spec};

/// A sweep of networks that are the same but for their errors; the last one has not ended.
fn sweep(dir: &Path, name: &str, errors: &[f64]) {
    let mut declared = Preset::find("RegNetX-200MF").unwrap().declaration();
    declared.classes = 2;
    let trial = Trial { network: Spec(declared.to_anynet().unwrap()), input: [3, 32, 32] };
    let manifest = Manifest {
        format: FORMAT,
        name: name.to_owned(),
        data: DataId {
            source: "builtin".into(),
            classes: vec!["a".into(), "b".into()],
            images: [2, 2],
            fingerprint: Digest::of(b""),
        },
        recipe: Recipe { epochs: 1, ..low_compute() },
        halving: None,
        retries: 0,
        keep_weights: false,
        networks: Vec::new(),
    };
    let sweep = Sweep::create(dir, manifest, vec![trial.clone(); errors.len() + 1]).unwrap();
    for (index, error) in errors.iter().enumerate() {
        let epoch = EpochMetrics {
            epoch: 1,
            train_loss: 1.0,
            train_accuracy: 0.5,
            test_loss: 1.0,
            test_accuracy: 1.0 - error,
            lr: 0.0,
            images_per_second: 1.0,
            seconds: 1.0,
        };
        let result =
            TrialResult { index, trial: trial.clone(), outcome: Outcome::Finished, epochs: vec![epoch] };
        sweep.record(&result).unwrap();
    }
}

#[test]
fn sweeps_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    sweep(&path("a"), SpaceName::AnyNetXA.name(), &[0.5, 0.75, 0.625]);
    sweep(&path("e"), "AnyNetXE", &[0.25, 0.5]);
    let (a, e, out) = (path("a"), path("e"), path("pages/spaces.html"));
    let said = regnet(&format!("sweep report {} {} --out {}", a.display(), e.display(), out.display()));
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    for text in
        ["AnyNetXA           3        0         0        50.00         62.50", "+25.00", "spaces.html"]
    {
        assert!(said.stdout.contains(text), "{text} is not in:\n{}", said.stdout);
    }
    assert!(fs::read_to_string(&out).unwrap().contains("AnyNetXE: n = 2, min 25.0, mean 37.5"));
    for file in ["edf.svg", "edf.png", "trials.csv", "comparisons.csv"] {
        assert!(path("pages/spaces").join(file).is_file(), "there is no {file}");
    }

    assert!(said.stdout.contains("AnyNetXA: 1 of 4 networks has not ended."), "{}", said.stdout);

    // A torn result is left out, and named wherever there are figures.
    let torn = a.join("trials/0001/result.json");
    let text = fs::read_to_string(&torn).unwrap();
    fs::write(&torn, &text[..text.len() / 2]).unwrap();
    let said = regnet(&format!("sweep report {} --out {}", a.display(), out.display()));
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let html = fs::read_to_string(&out).unwrap();
    for text in [
        "AnyNetXA: 1 of 4 networks has not ended, and 1 is left out, because files of theirs are bad.",
        "trials/0001/result.json: it is damaged",
    ] {
        assert!(said.stdout.contains(text) && html.contains(text), "{text} is not in:\n{}", said.stdout);
    }
    let csv = fs::read_to_string(path("pages/spaces/populations.csv")).unwrap();
    assert!(csv.contains("AnyNetXA,4,2,0,0,1,1,0.5,0.5625"), "{csv}");
}

#[test]
fn folders_without_results_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    assert_fails(
        &format!("sweep report {}", empty.display()),
        1,
        &[&empty.display().to_string(), "sweep.json"],
    );
    sweep(&empty, "new", &[]);
    assert_fails(&format!("sweep report {}", empty.display()), 1, &["no trial of new has ended yet"]);
}
