//! Checkpoints as timm, torchvision and pycls leave them, read by name: `tests/reference/checkpoints.py --fixtures` wrote
//! them, of one small network whose weights follow the formula, and says what it makes of an input.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dfdx::prelude::*;
use regnet::space::{AnyNet, Layout, Naming, Preset, Stem, StemKind};
use regnet::tensors::Map;
use regnet::weights::{self, FileElement, Head, Mismatch, Precision, Style, WeightFile, WeightsError};
use regnet::{Backend, Declared, DynRegNet, Features, Run, regnet};
use serde_json::Value;

#[path = "parity/formula.rs"]
mod formula;

type Net = regnet!(< d=5, w0=8, wa=6, wm=1.6, g=4, se=true >, stem = simple(8), classes = 7);

const FILES: [(&str, Naming); 4] = [
    ("timm.safetensors", Naming::Timm),
    ("torchvision.pth", Naming::Torchvision),
    ("torchvision_legacy.pth", Naming::Torchvision),
    ("pycls.pyth", Naming::Pycls),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints")
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn input<E: FileElement>() -> Map<E, Cpu>
where
    Cpu: Device<E>,
{
    let shape = (2, 3, 33, 31);
    let values = formula::values("input", &[2, 3, 33, 31]);
    Cpu::default().tensor_from_vec(values.into_iter().map(|v| E::from_f64(v).unwrap()).collect(), shape)
}

#[track_caller]
fn assert_close<E: FileElement>(what: &str, found: &[E], expected: &[f64]) {
    let bound = if E::PRECISION == Precision::F64 { 1e-9 } else { 1e-4 };
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let found = found.to_f64().unwrap();
        assert!((found - expected).abs() <= bound * largest, "{what}: {found} instead of {expected}");
    }
}

/// Loads every file into `net`, and compares logits and features.
fn check<E: FileElement, M>(mut net: M)
where
    M: Run<E, Cpu, Out = (usize, usize)> + Features<E, Cpu> + TensorCollection<E, Cpu> + Clone,
    Cpu: Backend<E>,
{
    let expected = expected();
    for (name, naming) in FILES {
        let what = format!("{name} in {}", E::PRECISION);
        // What is there before does not matter.
        weights_of(&mut net, 0.5);
        let loaded =
            WeightFile::open(&folder().join(name)).unwrap().load_into(&mut net, Head::Refuse).unwrap();
        assert_eq!((loaded.naming, loaded.replaced_head), (naming, false), "{what}");
        let logits = net.try_run(input()).unwrap();
        assert_close(&what, &logits.as_vec(), &numbers(&expected["eval"]));
        let logits = net.clone().try_run_mut(input()).unwrap();
        assert_close(&format!("{what}, training"), &logits.as_vec(), &numbers(&expected["train"]));

        let maps = net.try_features(input()).unwrap();
        assert_eq!(maps.len(), 5);
        for (map, part) in maps.iter().zip(["stem", "s1", "s2", "s3", "s4"]) {
            let &(_, channels, height, width) = map.shape();
            let planes = map.as_vec();
            let planes = planes.chunks_exact(height * width).take(channels);
            let sums: Vec<E> =
                planes.map(|plane| plane.iter().copied().fold(E::default(), |a, b| a + b)).collect();
            assert_close(&format!("{what}, {part}"), &sums, &numbers(&expected["features"][part]));
        }
    }
}

fn weights_of<E: FileElement, M: TensorCollection<E, Cpu>>(net: &mut M, value: f64)
where
    Cpu: Device<E>,
{
    regnet::state::write(net, |entry| Some(vec![E::from_f64(value).unwrap(); entry.values.len()]));
}

#[test]
fn every_librarys_checkpoint_gives_its_logits_and_features() {
    let device = Cpu::default();
    check(device.build_module::<Net, f32>());
    check(device.build_module::<Net, f64>());
    check::<f32, _>(DynRegNet::try_new(&device, &Net::spec()).unwrap());
    check::<f64, _>(DynRegNet::try_new(&device, &Net::spec()).unwrap());
}

/// Converted or not, a file keeps what it says of its network, and is the same bytes whenever it is written.
#[test]
fn descriptions_are_kept() {
    let net = Cpu::default().build_module::<Net, f32>();
    let folder = tempfile::tempdir().unwrap();
    let (path, converted) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    let said = "{\"a\": \"ü\\n\"}";
    for _ in 0..8 {
        assert!(weights::to_bytes_described(&net, said) == weights::to_bytes_described(&net, said));
    }
    std::fs::write(&path, weights::to_bytes_described(&net, said)).unwrap();
    let file = WeightFile::open(&path).unwrap();
    assert_eq!(file.description(), Some(said));

    let style = Style::of(&Net::spec(), Naming::Timm, Precision::F16);
    for description in [file.description(), None] {
        file.convert(&Net::spec(), style, description, &converted).unwrap();
        assert_eq!(WeightFile::open(&converted).unwrap().description(), description);
    }
    assert_eq!(WeightFile::open(&self::folder().join("timm.safetensors")).unwrap().description(), None);
}

/// The published models are declared in `declarations.rs`.
#[test]
fn torchvisions_variants_are_types_as_well() {
    let run_time = |name: &str| Preset::find(name).unwrap().declaration().to_anynet().unwrap();
    assert_eq!(<regnet!(RegNetX - 400MF - tv)>::spec(), run_time("regnet_x_400mf_tv"));
    assert_eq!(<regnet!(RegNetY - 800MF - tv)>::spec(), run_time("regnety_008_tv"));
    assert_eq!(<regnet!(RegNetY - 8.0GF - tv)>::spec(), run_time("regnety_080_tv"));
}

#[test]
fn names_are_the_libraries_own() {
    let expected = expected();
    let graph = Net::spec().graph(32, 32).unwrap();
    for naming in Naming::ALL {
        let theirs =
            expected["keys"][naming.to_string()].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
        let theirs: BTreeSet<_> =
            theirs.filter(|key| !key.ends_with("num_batches_tracked")).map(str::to_owned).collect();
        let ours = graph.parameters().map(|p| naming.name(Layout::RegNet, &p.name).unwrap());
        assert_eq!(ours.collect::<BTreeSet<_>>(), theirs, "{naming}");
    }
    // A ResNet's are torchvision's and timm's alike.
    let net = resnet();
    assert_eq!(Layout::of(&net), Layout::ResNet);
    let names = net.graph(32, 32).unwrap().parameters().map(|p| p.name).collect::<Vec<_>>();
    let theirs: Vec<_> = names.iter().filter_map(|name| Naming::Timm.name(Layout::of(&net), name)).collect();
    assert_eq!(theirs.len(), names.len());
    assert_eq!((theirs[0].as_str(), theirs.last().unwrap().as_str()), ("conv1.weight", "fc.bias"));
    assert!(theirs.contains(&"layer2.0.downsample.1.running_var".to_owned()));
}

fn resnet() -> AnyNet {
    let mut net = AnyNet::self_regulated(20, regnet::space::Cell::Gru.into(), 10).unwrap();
    net.regulator = None;
    net.stem = Stem { kind: StemKind::ResNet, width: 16 };
    net
}

/// Every naming and precision, of a RegNet and of a ResNet, through the API and from file to file.
#[test]
fn what_is_written_is_read_back() {
    let device = Cpu::default();
    let dir = tempfile::tempdir().unwrap();
    let (path, converted) = (dir.path().join("a.safetensors"), dir.path().join("b.safetensors"));
    for spec in [Net::spec(), resnet()] {
        let net: DynRegNet<f64, Cpu> = DynRegNet::try_new(&device, &spec).unwrap();
        for naming in Naming::ALL {
            for (precision, bound) in [
                (Precision::F16, 1e-3),
                (Precision::Bf16, 8e-3),
                (Precision::F32, 1e-7),
                (Precision::F64, 0.0),
            ] {
                weights::save_as(&net, Style::of(&spec, naming, precision), &path).unwrap();
                let file = WeightFile::open(&path).unwrap();
                let mut again: DynRegNet<f64, Cpu> = DynRegNet::try_new(&device, &spec).unwrap();
                file.load_into(&mut again, Head::Refuse).unwrap();
                assert_eq!(file.naming(&spec) == Naming::Pycls, naming == Naming::Pycls);
                assert_near(&net, &again, bound);
                // Through another naming and back, the bits stay.
                for naming in [Naming::Torchvision, naming] {
                    let file =
                        WeightFile::open(if naming == Naming::Torchvision { &path } else { &converted })
                            .unwrap();
                    file.convert(&spec, Style::of(&spec, naming, precision), None, &converted).unwrap();
                }
                assert!(
                    std::fs::read(&path).unwrap() == std::fs::read(&converted).unwrap(),
                    "{naming} {precision}"
                );
            }
        }
    }
}

fn assert_near(a: &DynRegNet<f64, Cpu>, b: &DynRegNet<f64, Cpu>, bound: f64) {
    let values = |net: &DynRegNet<f64, Cpu>| {
        let mut values = Vec::new();
        regnet::state::read(net, |entry| values.extend(entry.values));
        values
    };
    for (a, b) in values(a).into_iter().zip(values(b)) {
        assert!((a - b).abs() <= bound * a.abs().max(1e-4), "{a} {b}");
    }
}

#[test]
fn pyclss_channels_are_turned_around_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rgb.safetensors");
    let file = WeightFile::open(&folder().join("pycls.pyth")).unwrap();
    assert!(file.takes_bgr());
    file.convert(&Net::spec(), Style::of(&Net::spec(), Naming::Timm, Precision::F32), None, &path).unwrap();
    let converted = WeightFile::open(&path).unwrap();
    assert!(!converted.takes_bgr());
    let other = dir.path().join("other");
    std::fs::write(&other, "").unwrap();
    let permissions = |path: &Path| std::fs::metadata(path).unwrap().permissions();
    assert_eq!(permissions(&path), permissions(&other), "what others may do with it");
    let own = |name| {
        WeightFile::open(&folder().join("timm.safetensors")).unwrap().values::<f32>(name).unwrap().unwrap()
    };
    for name in ["stem.conv.weight", "s1.b1.conv1.conv.weight", "head.fc.bias"] {
        assert_eq!(converted.values::<f32>(name).unwrap().unwrap(), own(name), "{name}");
    }
}

#[test]
fn a_file_of_another_model_is_explained() {
    let device = Cpu::default();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let of = |name: &str| Preset::find(name).unwrap().declaration().to_anynet().unwrap();
    let spec = AnyNet { classes: 10, ..of("RegNetX-200MF") };
    let net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&device, &spec).unwrap();
    weights::save_as(&net, Style::of(&spec, Naming::Timm, Precision::F16), &path).unwrap();

    let file = WeightFile::open(&path).unwrap();
    assert_eq!(file.fits().iter().map(|preset| preset.name).collect::<Vec<_>>(), ["RegNetX-200MF"]);
    assert_eq!(file.classes(), Some(10));
    let mut other: DynRegNet<f32, Cpu> = DynRegNet::try_new(&device, &Net::spec()).unwrap();
    let error = file.load_into(&mut other, Head::Refuse).unwrap_err();
    let message = error.to_string();
    let WeightsError::Mismatch { naming, mismatches, fits, .. } = error else { panic!("{message}") };
    assert_eq!((naming, fits), (Naming::Timm, vec!["RegNetX-200MF"]));
    assert!(mismatches.iter().any(|m| matches!(m, Mismatch::Missing { nearest: Some(_), .. })), "{message}");
    let count = |kind: fn(&Mismatch) -> bool| mismatches.iter().filter(|m| kind(m)).count();
    assert!(
        count(|m| matches!(m, Mismatch::Shape { .. })) > 20
            && count(|m| matches!(m, Mismatch::Extra(_))) > 20
    );
    for part in
        ["`s1.b1.se.fc1.weight` is missing", "more not part of the network", "this file fits RegNetX-200MF"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_head_of_another_size_is_kept_replaced_or_refused() {
    let device = Cpu::default();
    let file = WeightFile::open(&folder().join("torchvision.pth")).unwrap();
    let spec = AnyNet { classes: 12, ..Net::spec() };
    let head = |net: &DynRegNet<f32, Cpu>| {
        let mut head = Vec::new();
        regnet::state::read(net, |entry| {
            head.extend((entry.name == "head.fc.weight").then_some(entry.values))
        });
        head.remove(0)
    };
    let mut net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&device, &spec).unwrap();
    let own = head(&net);
    for refused in [Head::Refuse, Head::Keep] {
        let message = file.load_into(&mut net, refused).unwrap_err().to_string();
        assert!(message.contains("`fc.weight` has shape [7, 32], the network's is [12, 32]"), "{message}");
        assert!(!message.contains("this file fits"), "{message}");
    }
    assert!(file.load_into(&mut net, Head::Replace).unwrap().replaced_head);
    assert_eq!(head(&net), own);

    let kept = file.with_classes(&spec);
    assert_eq!(kept, Net::spec());
    let mut net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&device, &kept).unwrap();
    assert!(!file.load_into(&mut net, Head::Keep).unwrap().replaced_head);
    assert_close("kept", &net.try_run(input()).unwrap().as_vec(), &numbers(&expected()["eval"]));
}

#[test]
fn networks_without_counterparts_have_no_foreign_names() {
    let spec = AnyNet::self_regulated(20, regnet::space::Cell::Rnn.into(), 10).unwrap();
    let net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&Cpu::default(), &spec).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let error = weights::save_as(&net, Style::of(&spec, Naming::Timm, Precision::F32), &path).unwrap_err();
    assert!(matches!(error, WeightsError::NoName { naming: Naming::Timm, .. }), "{error}");
    assert!(!path.exists());
    weights::save_as(&net, Style::of(&spec, Naming::Pycls, Precision::F32), &path).unwrap();
    assert_eq!(WeightFile::open(&path).unwrap().fits(), [] as [&Preset; 0]);
}
