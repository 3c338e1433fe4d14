//! Weights away from their folder: what they are is found in the file, beside it, or said to be a guess.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{assert_fails, regnet};
use image::{Rgb, RgbImage};
use regnet::DynRegNet;
use regnet::dfdx::prelude::Cpu;
use regnet::space::{AnyNet, Naming, Preset, StemKind};
use regnet::train::Card;
use regnet::weights::{self, Precision, Style, WeightFile};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const NET: &str = "--d 2 --w0 8 --wa 8 --wm 2 --g 8";

/// A trained run and the images that it is shown.
struct World {
    dir: TempDir,
}

impl World {
    /// Trains on two classes, dark and light, of 16 x 16 pixels.
    fn new(network: &str) -> Self {
        let dir = tempdir().unwrap();
        for (part, count) in [("train", 4), ("test", 2)] {
            for (class, level) in [("dark", 40), ("light", 200)] {
                let class = dir.path().join("data").join(part).join(class);
                fs::create_dir_all(&class).unwrap();
                for i in 0..count {
                    let pixel = |x, y| Rgb([level + i, (9 * x) as u8, (5 * y) as u8]);
                    RgbImage::from_fn(24, 16, pixel).save(class.join(format!("{i}.png"))).unwrap();
                }
            }
        }
        let world = Self { dir };
        let (data, run) = (world.path("data"), world.path("run"));
        let said = regnet(&format!(
            "train {network} --data folder:{} --size 16 --epochs 1 --batch 4 --threads 1 --out {}",
            data.display(),
            run.display()
        ));
        assert_eq!(said.code, 0, "{}", said.stderr);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn card(&self) -> Card {
        Card::read(&self.path("run/model.json")).unwrap()
    }

    /// Copies the run's weights without their metadata.
    fn undescribed(&self, to: &Path) {
        let file = WeightFile::open(&self.path("run/model.safetensors")).unwrap();
        let style = Style::of(self.card().spec(), Naming::Pycls, Precision::F32);
        file.convert(self.card().spec(), style, None, to).unwrap();
    }

    /// Logits and labels of the test images, and what is said on standard error.
    fn predict(&self, weights: &Path, options: &str) -> (Value, String) {
        let images = self.path("data/test/dark/0.png");
        let line =
            format!("predict --weights {} {options} --json --image {}", weights.display(), images.display());
        let said = regnet(&line);
        assert_eq!(said.code, 0, "{line}: {}", said.stderr);
        (serde_json::from_str(&said.stdout).unwrap(), said.stderr)
    }
}

#[test]
fn a_runs_weights_predict_alike_wherever_they_are() {
    let world = World::new(&format!("{NET} --stem cifar:8"));
    let (expected, said) = world.predict(&world.path("run"), "");
    assert!(!said.contains("guessed") && !said.contains("note"), "{said}");
    assert!(expected["topk"][0][0]["label"].is_string(), "{expected}");

    let (inside, alone) = (world.path("run/model.safetensors"), world.path("alone.safetensors"));
    fs::copy(&inside, &alone).unwrap();
    let converted = world.path("converted.safetensors");
    let line = format!("convert {} {} --to pycls", alone.display(), converted.display());
    assert_eq!(regnet(&line).code, 0);
    for weights in [&inside, &alone, &converted] {
        let (found, said) = world.predict(weights, "");
        assert_eq!(found, expected, "{}", weights.display());
        assert!(said.contains("largest square to 16 x 16") && !said.contains("guessed"), "{said}");
    }

    // Without metadata, the model.json beside them tells, and that is said.
    let bare = world.path("run/bare.safetensors");
    world.undescribed(&bare);
    let (found, said) = world.predict(&bare, "");
    assert_eq!(found, expected);
    assert!(said.contains("note: ") && said.contains("model.json, whose network it fits"), "{said}");

    // Without anything, the network must be stated, and what is guessed is said with its options.
    let bare = world.path("bare.safetensors");
    world.undescribed(&bare);
    let image = world.path("data/test/dark/0.png");
    let line = format!("predict --weights {} --image {}", bare.display(), image.display());
    assert_fails(&line, 1, &["no published model", "--model"]);
    let network = format!("{NET} --stem cifar:8");
    let (_, said) = world.predict(&bare, &network);
    for part in ["guessed: ", "--size, --resize, --filter, --mean, --std", "bare.safetensors"] {
        assert!(said.contains(part), "{said}");
    }
    let Card { mean, std, .. } = world.card();
    let numbers = |numbers: [f32; 3]| numbers.map(|number| number.to_string()).join(",");
    let stated = format!("--size 16 --resize square --mean {} --std {}", numbers(mean), numbers(std));
    let (found, said) = world.predict(&bare, &format!("{network} {stated}"));
    assert_eq!(found["logits"], expected["logits"]);
    assert!(!said.contains("guessed"), "{said}");
}

#[test]
fn the_command_line_counts_first() {
    let world = World::new(&format!("{NET} --stem cifar:8"));
    let weights = world.path("run/model.safetensors");
    let (_, said) = world.predict(&weights, "--size 32 --mean 0,0,0 --std 1,1,1");
    assert!(
        said.contains("largest square to 32 x 32, mean [0.0, 0.0, 0.0], deviation [1.0, 1.0, 1.0]"),
        "{said}"
    );
    let (_, said) = world.predict(&weights, "--resize 20 --filter bilinear");
    assert!(said.contains("shorter side to 20 (bilinear), middle 16 x 16"), "{said}");

    let line = format!("predict --weights {} --image x.png", weights.display());
    for (options, says) in [
        ("--std 0,0,0", "a deviation of"),
        ("--mean 0,NaN,0", "a mean of"),
        ("--resize 10", "--size"),
        ("--filter bicubic", "--resize N"),
    ] {
        assert_fails(&format!("{line} {options}"), 1, &[says]);
    }
    assert_fails(&format!("{line} --mean 1,2"), 2, &["three numbers"]);
    assert_fails(&format!("{line} --resize round"), 2, &["`square`"]);

    // A network that is not the weights' own is never loaded, though its tensors may fit.
    for stated in ["--stem simple:8", &format!("{NET} --stem simple:8"), "--se", "--model RegNetX-200MF"] {
        assert_fails(&format!("{line} {stated}"), 1, &["of another network than the one named"]);
    }
    assert_fails(&format!("{line} --stem simple:8"), 1, &["stem: cifar(8), not simple(8)"]);
    world.predict(&weights, &format!("{NET} --stem cifar:8"));
}

#[test]
fn a_preset_is_the_published_network_at_every_size() {
    for (stem, kind, hint) in
        [("", "simple", true), ("--stem cifar", "cifar", false), ("--stem simple", "simple", false)]
    {
        let dir = World::new(&format!("{NET} --stem simple:8")).dir;
        let out = dir.path().join("preset");
        let said = regnet(&format!(
            "train --model RegNetX-200MF {stem} --data folder:{} --size 16 --epochs 1 --batch 4 --threads 2 --out {}",
            dir.path().join("data").display(),
            out.display()
        ));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let card: Value = serde_json::from_slice(&fs::read(out.join("model.json")).unwrap()).unwrap();
        assert_eq!(
            (&card["network"]["stem"], &card["network"]["stem_width"]),
            (&json!(kind), &json!(32)),
            "{stem}"
        );
        assert_eq!(said.stderr.matches("--stem cifar").count(), usize::from(hint), "{}", said.stderr);
    }
}

/// A network of random weights, described by its card or not.
fn weights_of(net: &AnyNet, path: &Path, described: bool) {
    let model = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), net).unwrap();
    let card = json!({
        "network": regnet::train::Spec(net.clone()), "data": "none", "input": [3, 32, 32],
        "classes": (0..net.classes).map(|class| class.to_string()).collect::<Vec<_>>(),
        "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "recipe": regnet::train::Recipe::default(),
    });
    let bytes = match described {
        true => weights::to_bytes_described(&model, &card.to_string()),
        false => weights::to_bytes(&model),
    };
    fs::write(path, bytes).unwrap();
}

#[test]
fn convert_refuses_what_a_library_would_take_for_another_network() {
    let dir = tempdir().unwrap();
    let (a, b) = (dir.path().join("a.safetensors"), dir.path().join("b.safetensors"));
    let convert = |options: &str| format!("convert {} {} {options}", a.display(), b.display());
    let mut net = Preset::find("RegNetX-200MF").unwrap().declaration().to_anynet().unwrap();
    net.classes = 3;
    let published = net.clone();
    net.stem.kind = StemKind::Cifar;

    weights_of(&net, &a, true);
    for library in ["timm", "torchvision"] {
        let to = convert(&format!("--to {library}"));
        assert_fails(&to, 1, &["has a simple stem", "this network has a cifar stem", "--to pycls"]);
        assert_fails(&format!("{to} --model RegNetX-200MF"), 1, &["stem: cifar(32), not simple(32)"]);
    }
    assert!(!b.exists());
    assert_eq!(regnet(&convert("--to pycls")).code, 0);
    let kept = WeightFile::open(&b).unwrap();
    assert_eq!(Card::parse(kept.description().unwrap()).unwrap().spec(), &net);

    // Without metadata strides cannot be seen.
    weights_of(&net, &a, false);
    let said = regnet(&convert("--to timm"));
    assert_eq!(said.code, 0);
    for part in ["guessed: ", "fits RegNetX-200MF, whose stem and strides are assumed", "--stem"] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
    assert_fails(&convert("--to timm --stem cifar"), 1, &["this network has a cifar stem"]);

    weights_of(&published, &a, true);
    let said = regnet(&convert("--to timm"));
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let said = regnet(&convert("--to torchvision"));
    assert!(
        said.code == 0 && said.stderr.contains("torchvision has no model of this network"),
        "{}",
        said.stderr
    );
}

#[test]
fn weights_are_exported_as_what_they_say() {
    let world = World::new(&format!("{NET} --stem cifar:8"));
    let (alone, onnx) = (world.path("alone.safetensors"), world.path("net.onnx"));
    fs::rename(world.path("run/model.safetensors"), &alone).unwrap();
    let line = format!("export --onnx {} --weights {}", onnx.display(), alone.display());
    let said = regnet(&line);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{}", said.stdout);
    let bytes = fs::read(&onnx).unwrap();
    let names = br#"["dark","light"]"#;
    assert!(bytes.windows(names.len()).any(|window| window == names));
    assert_fails(&format!("{line} {NET} --stem simple:8 --classes 2"), 1, &["stem: cifar(8), not simple(8)"]);
}

/// A text that goes on and on is given up.
#[test]
fn networks_without_end_are_refused() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("net.json");
    fs::write(&file, " ".repeat(5 << 20)).unwrap();
    assert_fails(&format!("show {}", file.display()), 1, &["net.json", "larger than 4096 KiB"]);
}
