//! `examples/self_regulated.rs` on a few images.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../examples/self_regulated.rs"]
mod example;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use example::{Args, compare};
use regnet::DeviceName;
use regnet::space::Cell;

fn written(folder: &Path, run: &str) -> SystemTime {
    fs::metadata(folder.join(run).join("model.safetensors")).unwrap().modified().unwrap()
}

#[test]
fn a_short_comparison_leaves_its_table_and_pictures_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_owned();
    let mut args = Args {
        seeds: 1,
        epochs: 1,
        images: 64,
        test_images: 20,
        size: 16,
        depth: 14,
        cells: vec![Cell::Gru],
        device: DeviceName::Cpu,
        out,
    };
    let table = compare(&args).unwrap();
    let names = ["ResNet-14", "RegNet-14(ConvGRU)", "SE-ResNet-14", "SE-RegNet-14(ConvGRU)"];
    let lines: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(lines.len(), names.len());
    let read = |name: &str| fs::read_to_string(args.out.join(name)).unwrap();
    assert_eq!(read("table.md"), table);
    for (line, name) in lines.iter().zip(names) {
        assert!(line.starts_with(&format!("| {name} | ")), "{line}");
        assert!(read("curves.svg").contains(name), "the curves do not show {name}");
        assert!(read("similarity.svg").contains(name), "the similarities do not show {name}");
    }
    // Two blocks in each of three stages.
    assert!(["s1 b1-2", "s2 b1-2", "s3 b1-2"].iter().all(|pair| read("similarity.svg").contains(pair)));

    let first = "ResNet-14/seed-0";
    let before = written(&args.out, first);
    assert_eq!(compare(&args).unwrap(), table, "a run that ended was repeated");
    assert_eq!(written(&args.out, first), before);
    args.seeds = 2;
    compare(&args).unwrap();
    assert_eq!(written(&args.out, first), before);
    assert!(written(&args.out, "SE-RegNet-14(ConvGRU)/seed-1") > before);
    // Another number of images is another comparison, which takes another folder.
    args.images = 65;
    let error = compare(&args).unwrap_err().to_string();
    assert!(error.contains("is of another run"), "{error}");
    assert_eq!(written(&args.out, first), before);
}
