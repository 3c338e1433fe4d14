//! What commands do with weights that are not finite, have a moving average beside them, or have names made to harm.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{assert_fails, regnet};
use regnet::weights::{WeightFile, save_tensors};
use tempfile::tempdir;

/// The network of `tests/reference/wrapped`.
const NET: &str = "--d 1 --w0 8 --wa 8 --wm 2 --g 8 --stem simple:8 --space any";

fn wrapped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/wrapped").join(name)
}

/// The tensors of a file, with the first element of one replaced.
fn with_first(name: &str, value: f32, path: &Path) {
    let file = WeightFile::open(&wrapped("plain.safetensors")).unwrap();
    let tensors = file.tensors().keys().map(|key| {
        let (dims, mut values) = file.values::<f32>(key).unwrap().unwrap();
        if key == name {
            values[0] = value;
        }
        (key.clone(), dims, values)
    });
    save_tensors(tensors.collect(), path).unwrap();
}

#[test]
fn what_is_not_finite_is_named_and_can_be_allowed() {
    let dir = tempdir().unwrap();
    let (weights, out) = (dir.path().join("x.safetensors"), dir.path().join("y.safetensors"));
    let (onnx, input) = (dir.path().join("y.onnx"), dir.path().join("input.safetensors"));
    save_tensors(vec![("input".to_owned(), vec![1, 3, 16, 16], vec![0.5_f32; 768])], &input).unwrap();
    for (name, value, kind) in [
        ("fc.bias", f32::NAN, "1 NaN of 3 elements"),
        ("stem.0.weight", f32::INFINITY, "1 infinite of 216 elements"),
        ("stem.1.running_var", -5.0, "1 negative variances of 8 elements"),
    ] {
        with_first(name, value, &weights);
        let [weights, out, onnx, input] = [&weights, &out, &onnx, &input].map(|path| path.display());
        let convert = format!("convert {NET} {weights} {out} --to timm");
        let export = format!("export {NET} --classes 3 --weights {weights} --onnx {onnx}");
        let bench = format!("bench {NET} --weights {weights} --size 16 --repeat 1 --threads 1");
        let predict = format!("predict {NET} --weights {weights} --input {input}");
        for command in [&convert, &export, &bench, &predict, &format!("{predict} --dtype f64")] {
            assert_fails(command, 1, &[&format!("`{name}`: {kind}"), "--allow-non-finite"]);
        }
        for command in [convert, export, bench] {
            let said = regnet(&format!("{command} --allow-non-finite"));
            assert_eq!(said.code, 0, "{command}: {}", said.stderr);
        }
    }
}

#[test]
fn a_moving_average_is_taken_and_said() {
    let dir = tempdir().unwrap();
    let out = dir.path().join("y.safetensors");
    let bias = |flags: &str| {
        let line = format!(
            "convert {NET} {} {} --to pycls {flags}",
            wrapped("ema.pth.tar").display(),
            out.display()
        );
        let said = regnet(&line);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stdout.starts_with("wrote 27 tensors"), "{}", said.stdout);
        let bias = WeightFile::open(&out).unwrap().values::<f32>("head.fc.bias").unwrap().unwrap();
        (bias.1, said.stderr)
    };
    let (average, said) = bias("");
    assert_eq!(said, "weights: the moving average in `state_dict_ema`; --no-ema takes those beside it\n");
    let (raw, said) = bias("--no-ema");
    assert_eq!(said, "");
    assert!(average.iter().zip(&raw).all(|(average, raw)| *average == 2.0 * raw));
}

#[test]
fn errors_do_not_control_the_terminal() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let names = ["\x1b]0;title\x07", "\u{202e}gnp", &"n".repeat(300_000)];
    save_tensors(names.map(|name| (name.to_owned(), vec![1], vec![0.0_f32])).to_vec(), &path).unwrap();
    let said = regnet(&format!("convert {NET} {} y --to timm", path.display()));
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.chars().all(|character| character == '\n' || !character.is_control()),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains('\u{202e}') && said.stderr.len() < 10_000, "{}", said.stderr.len());
}
