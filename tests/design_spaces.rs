//! `examples/design_spaces.rs` on a few images.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../examples/design_spaces.rs"]
mod example;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use example::{Args, compare};
use regnet::space::SpaceName;

fn written(folder: &Path, space: &str, trial: usize) -> SystemTime {
    let result = folder.join(space).join(format!("trials/{trial:04}/result.json"));
    fs::metadata(result).unwrap().modified().unwrap()
}

#[test]
fn a_short_comparison_leaves_its_report_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let mut args = Args {
        spaces: vec![SpaceName::AnyNetXE, SpaceName::RegNetX],
        all: false,
        networks: 2,
        flops: "200K..600K".into(),
        epochs: 1,
        images: 64,
        test_images: 20,
        size: 16,
        seed: 0,
        jobs: Some(2),
        out: folder.path().to_owned(),
    };
    let report = compare(&args).unwrap();
    let text = report.to_string();
    for (population, name) in report.populations().iter().zip(["AnyNetXE", "RegNetX"]) {
        let costs: Vec<u64> = population.entries.iter().map(|entry| entry.cost.flops).collect();
        assert!(
            costs.len() == 2 && costs.iter().all(|flops| (200_000..=600_000).contains(flops)),
            "{costs:?}"
        );
        assert!(text.contains(name), "{text}");
    }
    assert_eq!(report.comparisons().len(), 1);
    assert!(fs::read_to_string(args.out.join("report.html")).unwrap().contains("RegNetX: n = 2"));
    assert!(args.out.join("report/edf.svg").is_file());

    let before = written(&args.out, "RegNetX", 1);
    assert_eq!(compare(&args).unwrap(), report, "a comparison that ended was repeated");
    assert_eq!(written(&args.out, "RegNetX", 1), before);
    args.images = 65;
    let error = format!("{:#}", compare(&args).unwrap_err());
    assert!(error.contains("holds networks of another comparison"), "{error}");
}
