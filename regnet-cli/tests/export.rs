//! `regnet export` writes files, from the weights it is told to.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
#[cfg(feature = "hub")]
use std::process::Command;

use common::{assert_fails, regnet};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Two classes, dark and light.
fn images(folder: &Path) {
    for (part, count) in [("train", 4), ("test", 1)] {
        for (class, level) in [("dark", 40), ("light", 200)] {
            let class = folder.join("images").join(part).join(class);
            std::fs::create_dir_all(&class).unwrap();
            for i in 0..count {
                let image = image::RgbImage::from_pixel(16, 16, image::Rgb([level, 9 * i, 7]));
                image.save(class.join(format!("{i}.png"))).unwrap();
            }
        }
    }
}

#[test]
fn a_run_is_exported_with_its_classes() {
    let folder = tempfile::tempdir().unwrap();
    let (run, file) = (folder.path().join("run"), folder.path().join("net.onnx"));
    let (run, file) = (run.display(), file.display());
    images(folder.path());
    let data = format!("folder:{} --size 16", folder.path().join("images").display());
    let network = "--d 2 --w0 8 --wa 8 --wm 2 --g 8 --space any";
    let trained =
        regnet(&format!("train {network} --data {data} --epochs 1 --batch 4 --out {run} --threads 1"));
    assert_eq!(trained.code, 0, "{}", trained.stderr);
    for line in [format!("export --onnx {file} {run}"), format!("export --onnx {file} --weights {run}")] {
        let said = regnet(&line);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{line}");
        assert!(said.stdout.contains("opset 17"), "{}", said.stdout);
        let bytes = std::fs::read(folder.path().join("net.onnx")).unwrap();
        for text in ["s1.b1.f.a.weight", "BatchNormalization", "logits", r#"["dark","light"]"#, "mean", "std"]
        {
            assert!(contains(&bytes, text), "{line}: {text}");
        }
        let trained = std::fs::read(folder.path().join("run/model.safetensors")).unwrap();
        assert!(bytes.len() > trained.len() / 2);
    }
    let folded = regnet(&format!("export --onnx {file} {run} --fold-batch-norm --opset 18 --static-batch 2"));
    assert_eq!(folded.code, 0, "{}", folded.stderr);
    let bytes = std::fs::read(folder.path().join("net.onnx")).unwrap();
    assert!(!contains(&bytes, "BatchNormalization") && contains(&bytes, "stem.conv.bias"));
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.onnx");
    let export = format!("export --onnx {}", file.display());
    assert_fails(&format!("{export} RegNetX-200MF"), 2, &["no weights", "--weights", "--seed"]);
    assert_fails(&format!("{export} RegNetX-200MF --seed 1 --opset 11"), 1, &["opset 11", "17 to 23"]);
    assert_fails(&format!("{export} RegNetX-200MF --weights /no/such"), 1, &["/no/such"]);
    assert_fails(&format!("{export} RegNetX-200MF --seed 1 --static-batch 0"), 2, &["static-batch"]);
    assert!(!file.exists());
}

/// `regnet` with the hub's cache at `home`, and no hub.
#[cfg(feature = "hub")]
fn offline(home: &Path, line: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
    let command = command.args(line.split_whitespace()).env("HF_HOME", home).env("HF_HUB_OFFLINE", "1");
    let output = command.env_remove("HF_HUB_CACHE").output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
#[cfg(feature = "hub")]
fn weights_of_the_hub_come_from_its_cache() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.onnx");
    let line =
        format!("export --onnx {} RegNetX-200MF --weights hf:timm/regnetx_002.pycls_in1k", file.display());
    let (code, stderr) = offline(folder.path(), &line);
    assert_eq!(code, 1);
    for text in ["hf:timm/regnetx_002.pycls_in1k", "model.safetensors", "HF_HUB_OFFLINE"] {
        assert!(stderr.contains(text), "{stderr}");
    }
    // A file that is there is read: this one is no file of weights.
    let place = folder.path().join("hub/models--timm--regnetx_002.pycls_in1k");
    std::fs::create_dir_all(place.join("refs")).unwrap();
    std::fs::create_dir_all(place.join("snapshots/0a")).unwrap();
    std::fs::write(place.join("refs/main"), "0a").unwrap();
    std::fs::write(place.join("snapshots/0a/model.safetensors"), "nothing").unwrap();
    let (code, stderr) = offline(folder.path(), &line);
    assert_eq!(code, 1);
    assert!(stderr.contains("snapshots/0a/model.safetensors"), "{stderr}");
}
