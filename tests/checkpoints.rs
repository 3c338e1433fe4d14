//! Checkpoints as timm, torchvision and pycls leave them, read by name: `tests/reference/checkpoints.py --fixtures` wrote
//! them, of one small network whose weights follow the formula, and says what it makes of an input.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dfdx::prelude::*;
use regnet::frozen::{FreezeError, Options};
use regnet::space::{AnyNet, Block, Layout, Naming, Preset, Stage, Stem, StemKind};
use regnet::tensors::Map;
use regnet::weights::{
    self, FileElement, Head, Mismatch, NonFinite, Precision, ReadOptions, Style, WeightFile, WeightsError,
};
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

/// The network of the files that `tests/reference/wrapped.py` writes.
fn wrapped() -> (AnyNet, PathBuf) {
    let spec = AnyNet {
        input_channels: 3,
        stem: Stem { kind: StemKind::Simple, width: 8 },
        block: Block::Bottleneck,
        stages: vec![Stage::plain(1, 8, 2)],
        se: None,
        regulator: None,
        classes: 3,
    };
    (spec, Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/wrapped"))
}

fn values(net: &DynRegNet<f32, Cpu>) -> Vec<f32> {
    let mut values = Vec::new();
    regnet::state::read(net, |entry| values.extend(entry.values));
    values
}

fn loaded(file: &WeightFile, spec: &AnyNet) -> Result<Vec<f32>, WeightsError> {
    let mut net = DynRegNet::try_new(&Cpu::default(), spec).unwrap();
    file.load_into(&mut net, Head::Refuse)?;
    Ok(values(&net))
}

#[test]
fn weights_are_found_in_whatever_programs_put_around_them() {
    let (spec, folder) = wrapped();
    let open = |name: &str| WeightFile::open(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"));
    let plain = loaded(&open("plain.safetensors"), &spec).unwrap();
    assert!(plain.iter().all(|value| *value > 0.0) && plain.len() > 500);
    for (name, path) in [
        ("plain.safetensors", ""),
        ("hf_timm.safetensors", "timm_model."),
        ("whole_model.pth", "model."),
        ("lightning.ckpt", "state_dict.model._orig_mod."),
        ("averaged_model.pth", "module."),
        ("legacy.pt", "model_state_dict.module.backbone."),
        ("views.pth", "weights."),
    ] {
        let file = open(name);
        assert_eq!((file.state_dict_path(), file.is_ema(), file.takes_bgr()), (path, false, false), "{name}");
        assert!(loaded(&file, &spec).unwrap_or_else(|error| panic!("{error}")) == plain, "{name}");
    }
    let file = open("ema.pth.tar");
    assert_eq!((file.state_dict_path(), file.is_ema()), ("state_dict_ema.", true));
    let twice: Vec<f32> = plain.iter().map(|value| 2.0 * value).collect();
    assert!(loaded(&file, &spec).unwrap() == twice);
    let options = ReadOptions { ema: false, ..ReadOptions::default() };
    let file = WeightFile::open_with(&folder.join("ema.pth.tar"), options).unwrap();
    assert_eq!((file.state_dict_path(), file.is_ema()), ("state_dict.", false));
    assert!(loaded(&file, &spec).unwrap() == plain);
    let message = WeightFile::open(&folder.join("script.pt")).unwrap_err().to_string();
    assert!(message.contains("TorchScript") && message.contains("state_dict"), "{message}");
}

/// Every precision of file and network, every way of reading.
#[test]
fn what_is_not_finite_is_refused_and_named_before_anything_changes() {
    let device = Cpu::default();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let spec = Net::spec();
    let (stem, variance) = ("stem.conv.weight", "s1.b1.f.a_bn.running_var");
    for precision in Precision::ALL {
        let mut net: DynRegNet<f64, Cpu> = DynRegNet::try_new(&device, &spec).unwrap();
        regnet::state::write(&mut net, |mut entry| {
            match entry.name.as_str() {
                name if name == stem => entry.values[3..5].copy_from_slice(&[f64::NAN, f64::NEG_INFINITY]),
                name if name == variance => entry.values[0] = -5.0,
                _ => return None,
            }
            Some(entry.values)
        });
        weights::save_as(&net, Style::of(&spec, Naming::Timm, precision), &path).unwrap();
        let file = WeightFile::open(&path).unwrap();
        let expect = |result: Result<(), WeightsError>, what: &str| {
            let error = result.expect_err(what);
            let message = error.to_string();
            let WeightsError::NonFinite { tensors, .. } = error else { panic!("{what}: {message}") };
            let of = |name: &str, elements, [nan, infinite, negative]: [usize; 3]| NonFinite {
                name: name.to_owned(),
                elements,
                nan,
                infinite,
                negative,
            };
            let mut tensors = tensors;
            tensors.sort_by(|a, b| a.name.cmp(&b.name));
            let width = tensors[0].elements;
            let named = [of("s1.b1.conv1.bn.running_var", width, [0, 0, 1]), of(stem, 216, [1, 1, 0])];
            assert_eq!(tensors, named, "{what} of {precision}");
            for part in ["1 NaN and 1 infinite of 216", "1 negative variances of", "allow_non_finite"] {
                assert!(message.contains(part), "{what}: {message}");
            }
        };
        let mut other: DynRegNet<f32, Cpu> = DynRegNet::try_new(&device, &spec).unwrap();
        let before = values(&other);
        expect(file.load_into(&mut other, Head::Refuse).map(drop), "load_into");
        assert!(values(&other) == before);
        let of_weights = |error| match error {
            FreezeError::Weights(error) => error,
            other => panic!("{other}"),
        };
        let options = Options { threads: 1, ..Options::default() };
        expect(file.freeze(&spec, 32, 32, &options).map(drop).map_err(of_weights), "freeze");
        expect(file.calibration(&spec, 32, 32, &options).map(drop).map_err(of_weights), "calibration");
        let converted = dir.path().join("y.safetensors");
        expect(file.convert(&spec, Style::of(&spec, Naming::Pycls, precision), None, &converted), "convert");
        assert!(!converted.exists());
        let options = ReadOptions { allow_non_finite: true, ..ReadOptions::default() };
        let file = WeightFile::open_with(&path, options).unwrap();
        file.load_into(&mut other, Head::Refuse).unwrap();
        assert!(values(&other).iter().any(|value| value.is_nan()));
        file.convert(&spec, Style::of(&spec, Naming::Pycls, precision), None, &converted).unwrap();
        std::fs::remove_file(&converted).unwrap();
    }
}

/// A number that is finite in the file and too large for what it is read into.
#[test]
fn numbers_that_become_infinite_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let (spec, _) = wrapped();
    let mut net: DynRegNet<f64, Cpu> = DynRegNet::try_new(&Cpu::default(), &spec).unwrap();
    regnet::state::write(&mut net, |entry| Some(vec![1e300; entry.values.len()]));
    weights::save_as(&net, Style::of(&spec, Naming::Timm, Precision::F64), &path).unwrap();
    let file = WeightFile::open(&path).unwrap();
    assert!(matches!(loaded(&file, &spec), Err(WeightsError::NonFinite { .. })));
    file.load_into(&mut net, Head::Refuse).unwrap();
    let half = Style::of(&spec, Naming::Timm, Precision::F16);
    assert!(matches!(file.convert(&spec, half, None, &path), Err(WeightsError::NonFinite { .. })));
}

/// As `cp` over a file in use, or a full disk, leaves it.
#[test]
fn a_file_cut_short_while_it_is_open_is_an_error() {
    let (spec, folder) = wrapped();
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain.safetensors", "ema.pth.tar", "legacy.pt", "views.pth"] {
        let path = dir.path().join(name);
        std::fs::copy(folder.join(name), &path).unwrap();
        let file = WeightFile::open(&path).unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length / 3).unwrap();
        let message = loaded(&file, &spec).unwrap_err().to_string();
        assert!(message.contains("cut short"), "{name}: {message}");
    }
}

#[test]
fn damage_is_found_by_checksums() {
    let (spec, folder) = wrapped();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.pth");
    for (name, entry) in [("averaged_model.pth", "data/1"), ("views.pth", "data/0")] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let flip = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            WeightFile::open(&path).and_then(|file| loaded(&file, &spec)).map(drop).unwrap_err().to_string()
        };
        let local = bytes.windows(6).position(|window| window == entry.as_bytes()).unwrap();
        // Within the storage: PyTorch begins it at the first or second multiple of 64 after its name.
        let message = flip((local + 6).next_multiple_of(64) + 69);
        assert!(message.contains(&format!("checksum of its entry {entry} is wrong")), "{name}: {message}");
        let word = bytes.windows(7).position(|window| window == b"running").unwrap();
        assert!(flip(word).contains("checksum of its entry data.pkl is wrong"));
    }
}

/// A safetensors file of these tensors, each of `f32`s, whose names are in any order.
fn safetensors(path: &Path, header: &str, data: &[u8]) {
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_header_says_everything_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let tensor = |name: &str, from: usize, to: usize| {
        format!("\"{name}\":{{\"dtype\":\"U8\",\"shape\":[{}],\"data_offsets\":[{from},{to}]}}", to - from)
    };
    let (a, a_escaped, b) = (tensor("a", 0, 4), tensor("\\u0061", 0, 4), tensor("b", 4, 8));
    let refused = |tensors: &[&str], data: usize, part: &str| {
        safetensors(&path, &format!("{{{}}}", tensors.join(",")), &vec![0; data]);
        let message = WeightFile::open(&path).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    refused(&[&a, &a], 4, "`a` is there twice");
    refused(&[&a, &a_escaped], 4, "`a` is there twice");
    refused(&["\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}", &a], 4, "`k` is there twice");
    refused(&["\"__metadata__\":{}", "\"__metadata__\":{}", &a], 4, "is there twice");
    refused(&[&a, &b], 9, "its tensors take 8 bytes, but it holds 9");
    refused(&[&a, &tensor("b", 3, 7)], 7, "offset");
    refused(&[&a, &tensor("b", 5, 9)], 9, "offset");
    safetensors(
        &path,
        &format!("{{\"__metadata__\":{{\"k\":\"{}\"}},{a},{b}}}", "v".repeat(10_000)),
        &[0; 8],
    );
    assert_eq!(WeightFile::open(&path).unwrap().tensors().len(), 2);
}

/// The largest header of a network that this library writes, for its size.
#[test]
fn deep_and_narrow_networks_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let (spec, _) = wrapped();
    let spec = AnyNet { stages: vec![Stage::plain(600, 8, 2)], ..spec };
    let net: DynRegNet<f32, Cpu> = DynRegNet::try_new(&Cpu::default(), &spec).unwrap();
    weights::save_as(&net, Style::of(&spec, Naming::Torchvision, Precision::F16), &path).unwrap();
    let file = WeightFile::open(&path).unwrap();
    assert_eq!(file.tensors().len(), 5 + 5 * (3 * 600 + 1) + 2);
    file.check(&spec).unwrap();
}

#[test]
fn names_out_of_files_do_not_control_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    let names = ["\x1b]0;title\x07".to_owned(), "n".repeat(300_000), "two\nlines".to_owned()];
    let tensors = names.map(|name| (name, vec![1], vec![0.0_f32]));
    weights::save_tensors(tensors.to_vec(), &path).unwrap();
    let message = WeightFile::open(&path).unwrap().check(&Net::spec()).unwrap_err().to_string();
    assert!(message.contains("`\\u{1b}]0;title\\u{7}` is not part of the network"), "{message}");
    assert!(message.contains("`two\\u{a}lines`") && message.contains("(300000 characters)"));
    assert!(message.len() < 4000 && !message.contains('\x1b'), "{}", message.len());
}
