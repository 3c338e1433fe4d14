//! Whole networks in narrow numbers.

use std::collections::HashMap;

use regnet_space::graph::Graph;
use regnet_space::{AnyNet, Block, Bottleneck, Cell, Preset, Stage, Stem, StemKind};

use super::{Format, numbers, ways};
use crate::frozen::pool::Pool;
use crate::frozen::{Calibration, Engine, FreezeError, Isa, Options, Precision, narrow, step};

/// A graph with random tensors that keep activations near 1, and images.
pub struct Case {
    pub graph: Graph,
    pub tensors: HashMap<String, Vec<f32>>,
    pub images: Vec<f32>,
}

pub const IMAGES: usize = 3;

impl Case {
    pub fn new(net: &AnyNet, side: usize) -> Self {
        let graph = net.graph(side, side + 3).expect("a network");
        let mut next = numbers(1);
        let tensors = graph.parameters().map(|tensor| {
            let len: usize = tensor.shape.iter().product();
            let inputs: usize = tensor.shape[1..].iter().product();
            let value = |next: &mut dyn FnMut() -> f32| match &tensor.name {
                name if name.ends_with("running_var") => 1.0 + 0.5 * next(),
                _ if tensor.shape.len() > 1 => next() * (3.0 / inputs as f32).sqrt(),
                name if name.ends_with("bn.weight") => 1.0 + 0.5 * next(),
                _ => 0.3 * next(),
            };
            let values = (0..len).map(|_| value(&mut next)).collect();
            (tensor.name, values)
        });
        let tensors = tensors.collect();
        let images = (0..IMAGES * graph.nodes()[0].shape.len()).map(|_| next()).collect();
        Self { graph, tensors, images }
    }

    pub fn tensor(&self, name: &str) -> Option<Vec<f32>> {
        self.tensors.get(name).cloned()
    }

    pub fn options(&self, format: Option<Format>, isa: Isa, threads: usize) -> Options {
        let options = Options { threads, isa, ..Options::default() };
        let precision = match format {
            None => Precision::F32,
            Some(Format::Bf16) => Precision::Bf16,
            Some(Format::Int8) => {
                let tensor = |name: &str| self.tensor(name);
                let mut calibration = Calibration::new(&self.graph, tensor, &options).expect("an engine");
                calibration.watch(&self.images).expect("images");
                Precision::Int8(calibration.ranges().expect("of some images"))
            }
        };
        Options { precision, ..options }
    }

    /// An engine whose products are narrow even where only twins compute them.
    pub fn engine(&self, format: Option<Format>, isa: Isa, threads: usize) -> Engine {
        self.engine_with(format, &self.options(format, isa, threads))
    }

    pub fn engine_with(&self, format: Option<Format>, options: &Options) -> Engine {
        let tensor = |name: &str| self.tensor(name);
        let results = |lowered: &_| options.results(&self.graph, lowered);
        // More threads than there may be processors.
        let pool = Pool::new(options.threads, options.spin).expect("threads");
        Engine::build(&self.graph, tensor, options, pool, format, results).expect("an engine")
    }

    pub fn logits(&self, engine: &Engine, batch: usize) -> Vec<f32> {
        let len = engine.input().len() * batch;
        let mut logits = vec![f32::NAN; batch * engine.results()[0].len()];
        engine.run(&self.images[..len], &mut logits).expect("a batch");
        logits
    }
}

/// The root of the mean squared difference from f32, as a share of the logits' own root mean square.
fn difference(found: &[f32], expected: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let differences = &mut found.iter().zip(expected).map(|(a, b)| f64::from(a - b));
    (square(differences) / square(&mut expected.iter().map(|&value| f64::from(value)))).sqrt()
}

pub fn preset(name: &str) -> AnyNet {
    let declaration = Preset::find(name).expect("a preset").declaration();
    AnyNet { classes: 50, ..declaration.to_anynet().expect("a network") }
}

fn nets() -> Vec<(&'static str, AnyNet)> {
    let stage = |depth, width, stride, bottleneck, group_width| Stage {
        depth,
        width,
        stride,
        bottleneck,
        group_width,
    };
    let small = AnyNet {
        input_channels: 3,
        stem: Stem { kind: StemKind::Cifar, width: 12 },
        block: Block::Bottleneck,
        stages: vec![
            stage(2, 20, 1, Bottleneck::ONE, 20),
            stage(1, 36, 2, Bottleneck::ONE, 12),
            // Of groups that are no whole words of int8.
            stage(2, 30, 2, Bottleneck::ONE, 6),
        ],
        se: None,
        regulator: None,
        classes: 50,
    };
    let excited = AnyNet { se: Some(0.25), ..small.clone() };
    let regulated = AnyNet { regulator: Some(Cell::Lstm.into()), ..small.clone() };
    let quarter =
        vec![stage(2, 64, 1, Bottleneck::reduces(4), 16), stage(2, 128, 2, Bottleneck::reduces(4), 32)];
    let residual =
        AnyNet { stages: quarter, stem: Stem { kind: StemKind::ResNet, width: 16 }, ..small.clone() };
    vec![
        ("RegNetX-200MF", preset("RegNetX-200MF")),
        ("RegNetY-200MF", preset("RegNetY-200MF")),
        ("small", small),
        ("small, excited", excited),
        ("small, regulated", regulated),
        ("residual", residual),
    ]
}

#[test]
fn narrow_networks_stay_close_to_f32() {
    for (name, net) in nets() {
        let case = Case::new(&net, 32);
        for (format, isa) in ways() {
            let expected = case.logits(&case.engine(None, isa, 1), IMAGES);
            let found = case.logits(&case.engine(Some(format), isa, 1), IMAGES);
            let difference = difference(&found, &expected);
            // Twice what was measured at most.
            let most = match format {
                Format::Bf16 => 0.006,
                Format::Int8 => 0.016,
            };
            assert!(difference <= most, "{name}, {} by {isa}: {difference}", format.name());
            assert!(difference > 0.0, "{name}, {} by {isa}: nothing was narrow", format.name());
        }
    }
}

#[test]
fn batches_and_threads_give_the_same_bits() {
    let case = Case::new(&nets()[3].1, 17);
    let plain = Isa::available().into_iter().map(|isa| (None, isa));
    for (format, isa) in ways().into_iter().map(|(format, isa)| (Some(format), isa)).chain(plain) {
        let one = case.engine(format, isa, 1);
        let expected = case.logits(&one, IMAGES);
        let classes = one.results()[0].len();
        for threads in 1..4 {
            let engine = case.engine(format, isa, threads);
            for batch in 1..=IMAGES {
                let found = case.logits(&engine, batch);
                assert_eq!(found, expected[..batch * classes], "{format:?} by {isa}, {threads} threads");
            }
        }
    }
}

#[test]
fn features_are_handed_out_in_f32() {
    let case = Case::new(&nets()[3].1, 16);
    let features = |format, isa| {
        let options = case.options(format, isa, 2);
        // A map that only a narrow product reads, one with gates, and a block's result.
        let features = ["s1.b1.f.a_af", "s2.b1.f.se", "s2.b1.af"].map(str::to_owned).to_vec();
        let options = Options { features, ..options };
        let results = |lowered: &_| options.results(&case.graph, lowered);
        let tensor = |name: &str| case.tensor(name);
        let pool = Pool::new(2, true).expect("threads");
        let engine = Engine::build(&case.graph, tensor, &options, pool, format, results).expect("an engine");
        let each = engine.results().iter().map(|shape| vec![f32::NAN; IMAGES * shape.len()]);
        let mut found: Vec<Vec<f32>> = each.collect();
        let mut places: Vec<&mut [f32]> = found.iter_mut().map(Vec::as_mut_slice).collect();
        engine.run_features(&case.images, &mut places).expect("a batch");
        found
    };
    for (format, isa) in ways() {
        let (found, expected) = (features(Some(format), isa), features(None, isa));
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let difference = difference(found, expected);
            assert!(difference < 0.03, "{} by {isa}, result {index}: {difference}", format.name());
        }
    }
}

#[test]
fn all_but_the_ends_of_a_regnet_is_narrow() {
    let case = Case::new(&preset("RegNetY-200MF"), 64);
    for (format, isa) in ways() {
        let engine = case.engine(Some(format), isa, 1);
        let (mut narrow, mut all) = (0, 0);
        for step in engine.single.early.iter().chain(&engine.single.late) {
            all += step.multiply_adds();
            match &step.kind {
                step::Kind::Narrow(step) => narrow += step.multiply_adds(),
                // Gates are brought to activations while those are converted.
                step::Kind::Scale(_) => panic!("{}: a map is gated in f32", format.name()),
                _ => {}
            }
        }
        let share = narrow as f64 / all as f64;
        assert!(share > 0.9, "{} by {isa}: {share}", format.name());
        let converts = |step: &step::Step| {
            matches!(&step.kind, step::Kind::Narrow(narrow::Step { kind: narrow::Kind::Convert(_), .. }))
        };
        let steps = engine.single.early.iter().chain(&engine.single.late).filter(|step| converts(step));
        // One for each block's gates, the stem, and two for each stage's first: the strided projection reads the stem's
        // result or that of the stage before.
        let blocks: usize = preset("RegNetY-200MF").stages.iter().map(|stage| stage.depth).sum();
        assert_eq!(steps.count(), blocks + 1 + 4, "{} by {isa}", format.name());
    }
}

#[test]
fn an_engine_says_what_it_computes_with() {
    let case = Case::new(&nets()[2].1, 9);
    for isa in Isa::available() {
        for format in [Format::Bf16, Format::Int8] {
            let options = case.options(Some(format), isa, 1);
            let engine = Engine::new(&case.graph, |name| case.tensor(name), &options).expect("an engine");
            let available = format.is_available(isa);
            let expected = if available { &options.precision } else { &Precision::F32 };
            assert_eq!(engine.precision(), expected, "{} by {isa}", format.name());
            if !available {
                let plain = case.engine(None, isa, 1);
                assert_eq!(case.logits(&engine, 2), case.logits(&plain, 2));
            }
        }
        assert!(
            isa == Isa::best() || !Format::Bf16.is_available(isa),
            "only the best set has narrow products"
        );
    }
}

#[test]
fn ranges_are_of_finite_values() {
    let case = Case::new(&nets()[2].1, 9);
    let options = Options { threads: 1, ..Options::default() };
    let image = case.images.len() / IMAGES;
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let tensor = |name: &str| case.tensor(name);
        let mut calibration = Calibration::new(&case.graph, tensor, &options).expect("an engine");
        let mut images = case.images.clone();
        images[image + 5] = value;
        let error = calibration.watch(&images).expect_err("a pixel that is not finite");
        assert!(matches!(error, FreezeError::Pixels { image: 1 }), "{error}");
        // What was seen before stays, and is all there is.
        let mut clean = Calibration::new(&case.graph, tensor, &options).expect("an engine");
        clean.watch(&case.images[..image]).expect("an image");
        assert_eq!(calibration.ranges().expect("of the first image"), clean.ranges().expect("of the image"));

        let tensor = |name: &str| {
            let mut tensor = case.tensor(name)?;
            if name == "s1.b2.f.a.weight" {
                tensor[0] = value;
            }
            Some(tensor)
        };
        let mut calibration = Calibration::new(&case.graph, tensor, &options).expect("an engine");
        let found = calibration.watch(&case.images);
        // A weight of minus infinity may only make zeros behind its ReLU.
        if value != f32::NEG_INFINITY {
            let error = found.expect_err("activations that are not finite").to_string();
            assert!(error.contains("`s1.b2.") && error.contains("image 0"), "{value}: {error}");
        }
    }
}

#[test]
fn ranges_are_of_one_network_and_of_images() {
    let case = Case::new(&nets()[2].1, 9);
    let (tensor, options) = (|name: &str| case.tensor(name), Options { threads: 1, ..Options::default() });
    let none =
        Calibration::new(&case.graph, tensor, &options).expect("an engine").ranges().expect_err("no image");
    let expected =
        "the ranges of activations are not known before an image has been watched: give the calibration some";
    assert_eq!(none.to_string(), expected);

    let options = case.options(Some(Format::Int8), Isa::Portable, 1);
    let other = Case::new(&nets()[3].1, 9);
    let error = Engine::new(&other.graph, |name| other.tensor(name), &options).expect_err("other ranges");
    assert!(matches!(error, FreezeError::Ranges { .. }), "{error}");

    let wrong = Calibration::new(&case.graph, tensor, &options)
        .expect("an engine")
        .watch(&[0.0; 5])
        .expect_err("no image");
    assert!(matches!(wrong, FreezeError::Images { .. }), "{wrong}");
}
