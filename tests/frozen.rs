//! Frozen networks give what the typed path gives.
#![allow(clippy::unwrap_used)]

use dfdx::prelude::*;
use regnet::frozen::{Frozen, Isa, Options, Precision, stage_features};
use regnet::space::{
    AnyNet, Block, Bottleneck, DesignSpace, Sampler, Stage, Stem, StemKind, presets, torchvision_presets,
};
use regnet::{Built, Declared, DynRegNet, Features, Run, regnet, self_regulated, state};

type Net = regnet!(< d=7, w0=24, wa=24.5, wm=2.5, g=8, b=1, se=true >, classes = 10);
type Memory = self_regulated!(depth = 14, cell = lstm, classes = 10);

regnet! {
    /// A network with a name.
    pub struct Named = < d=5, w0=16, wa=20, wm=2.2, g=8, b=2 >;
    input = 3 x 40 x 40;
    classes = 7;
    stem = cifar(16);
}

/// Parameters and statistics as of a trained network.
fn randomise<M: TensorCollection<f32, Cpu>>(model: &mut M) {
    let mut seed = 1_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as f32 / (1_u64 << 30) as f32 - 1.0
    };
    state::write(model, |entry| {
        let inputs: usize = entry.dims[1..].iter().product();
        let value = |next: &mut dyn FnMut() -> f32| match &entry.name {
            name if name.ends_with("running_var") => 1.0 + 0.5 * next(),
            _ if entry.dims.len() > 1 => next() * (3.0 / inputs as f32).sqrt(),
            name if name.ends_with("bn.weight") || name.ends_with("_scale") => 1.0 + 0.5 * next(),
            _ => 0.3 * next(),
        };
        Some(entry.values.iter().map(|_| value(&mut next)).collect())
    });
}

fn images(dev: &Cpu, shape: [usize; 4]) -> Tensor<(usize, usize, usize, usize), f32, Cpu> {
    let count = shape.iter().product();
    let numbers = (0..count).map(|i: usize| ((i * 2654435761) % 1009) as f32 / 504.5 - 1.0).collect();
    dev.tensor_from_vec(numbers, (shape[0], shape[1], shape[2], shape[3]))
}

/// Within 1e-5 of the largest; the largest difference, as a part of it.
#[track_caller]
fn assert_close(what: &str, actual: &[f32], expected: &[f32]) -> f32 {
    let scale = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert_eq!(actual.len(), expected.len(), "{what}");
    let worst = actual.iter().zip(expected).fold(0.0_f32, |most, (a, e)| {
        let difference = (a - e).abs() / scale;
        if difference <= most { most } else { difference }
    });
    assert!(worst <= 1e-5, "{what}: {worst:e}");
    worst
}

/// Compares a network shaped at run time with its engine; the largest difference of any batch.
fn compare(what: &str, spec: &AnyNet, height: usize, width: usize, batches: &[usize]) -> f32 {
    let dev = Cpu::default();
    let mut net = DynRegNet::<f32, Cpu>::try_new(&dev, spec).unwrap();
    randomise(&mut net);
    let engine = net.freeze(height, width, &Options { threads: 2, ..Options::default() }).unwrap();
    let differences = batches.iter().map(|&batch| {
        let images = images(&dev, [batch, spec.input_channels, height, width]);
        let expected = net.try_run(images.clone()).unwrap().as_vec();
        let mut logits = vec![0.0; expected.len()];
        engine.run(&images.as_vec(), &mut logits).unwrap();
        assert_close(&format!("{what}, {batch} x {height} x {width}"), &logits, &expected)
    });
    differences.fold(0.0, f32::max)
}

#[test]
fn published_models() {
    for preset in presets().iter().chain(torchvision_presets()) {
        // The large ones differ from the others in their widths alone, and take long.
        if preset.megaflops > 8000 {
            continue;
        }
        let net = AnyNet { classes: 10, ..preset.declaration().to_anynet().unwrap() };
        let side = if preset.megaflops > 1000 { 32 } else { 64 };
        compare(preset.name, &net, side, side + 1, &[1, 3]);
    }
}

#[test]
#[ignore = "takes minutes: every published model, at the published size and an odd one, batches up to 16"]
fn published_models_at_full_size() {
    for preset in presets().iter().chain(torchvision_presets()) {
        let net = preset.declaration().to_anynet().unwrap();
        let each = [224, 193].map(|side| compare(preset.name, &net, side, side, &[1, 3, 16]));
        println!("{}: {:.1e}", preset.name, each[0].max(each[1]));
    }
}

#[test]
fn networks_drawn_at_random() {
    let numbers = "d <= 2, w <= 200, b = {1/2, 1, 2, 4}, g = {1, 2, 4, 8, 12, 16, 24, 40, 64}, stages = 1..4";
    for (seed, ends) in [
        (1, "stem = cifar(24), resolution = 16, classes = 10"),
        (2, "stem = simple(16), resolution = 64, classes = 17, se = 0.25"),
        (3, "stem = resnet(20), resolution = 64, classes = 10, se = 0.5"),
    ] {
        let space = DesignSpace::parse(&format!("AnyNetXA, {numbers}, {ends}")).unwrap();
        let [_, height, width] = space.input();
        for drawn in Sampler::new(space, seed).draw(12).unwrap() {
            let what = format!("{:?}, {:?}", drawn.net.stem, drawn.net.stages);
            compare(&what, &drawn.net, height, width + 1, &[1, 3]);
        }
    }
}

#[test]
fn residual_networks() {
    let stem = Stem { kind: StemKind::ResNet, width: 64 };
    let plain = |depth, width, stride| Stage::plain(depth, width, stride);
    let quarter = |depth, width, stride, group_width| Stage {
        depth,
        width,
        stride,
        bottleneck: Bottleneck::reduces(4),
        group_width,
    };
    let net = |block, stages| AnyNet {
        input_channels: 3,
        stem,
        block,
        stages,
        se: None,
        regulator: None,
        classes: 10,
    };
    let resnet18 =
        net(Block::Basic, vec![plain(2, 64, 1), plain(2, 128, 2), plain(2, 256, 2), plain(2, 512, 2)]);
    let stages = vec![quarter(3, 256, 1, 64), quarter(4, 512, 2, 128), quarter(6, 1024, 2, 256)];
    let resnet50 = net(Block::Bottleneck, stages);
    let groups = vec![quarter(3, 256, 1, 4), quarter(4, 512, 2, 8), quarter(2, 1024, 2, 16)];
    let resnext = net(Block::Bottleneck, groups);
    for (name, net) in [("ResNet-18", resnet18), ("ResNet-50", resnet50), ("ResNeXt-50", resnext)] {
        compare(name, &net, 65, 64, &[1, 2]);
    }
}

fn typed<const C: usize, const H: usize, const W: usize, const CLASSES: usize, M>(
    net: &M,
    engine: &Frozen<Rank3<C, H, W>, CLASSES>,
) where
    M: Module<Tensor<Rank4<2, C, H, W>, f32, Cpu>, Output = Tensor<Rank2<2, CLASSES>, f32, Cpu>>,
{
    let dev = Cpu::default();
    let values = images(&dev, [2, C, H, W]).as_vec();
    let both: Tensor<Rank4<2, C, H, W>, f32, _> = dev.tensor(values.clone());
    let first: Tensor<Rank3<C, H, W>, f32, _> = dev.tensor(values[..C * H * W].to_vec());
    let expected = net.forward(both.clone()).array();
    let logits: [f32; CLASSES] = engine.run(&first).unwrap();
    assert_close("one image", &logits, &expected[0]);
    let logits: [[f32; CLASSES]; 2] = engine.run_batch(&both).unwrap();
    assert_close("two images", logits.as_flattened(), expected.as_flattened());
}

#[test]
fn declared_networks() {
    let dev = Cpu::default();
    let mut net: Built<Net, f32, Cpu> = dev.build_module::<Net, f32>();
    randomise(&mut net);
    typed(&net, &net.freeze::<Rank3<3, 64, 48>>().unwrap());

    let mut net = dev.build_module::<Named, f32>();
    randomise(&mut net);
    typed(&net, &net.freeze::<Rank3<3, 40, 40>>().unwrap());

    let mut net = dev.build_module::<Memory, f32>();
    randomise(&mut net);
    typed(&net, &net.freeze::<Rank3<3, 16, 16>>().unwrap());
}

#[test]
fn features_of_stages() {
    let spec = Net::spec();
    let dev = Cpu::default();
    let mut net = DynRegNet::<f32, Cpu>::try_new(&dev, &spec).unwrap();
    randomise(&mut net);
    let options = Options { features: stage_features(&spec), ..Options::default() };
    let engine = net.freeze(33, 64, &options).unwrap();
    let images = images(&dev, [3, 3, 33, 64]);
    let mut results: Vec<Vec<f32>> =
        engine.results().iter().map(|shape| vec![0.0; 3 * shape.len()]).collect();
    let mut places: Vec<&mut [f32]> = results.iter_mut().map(Vec::as_mut_slice).collect();
    engine.run_features(&images.as_vec(), &mut places).unwrap();
    let expected = net.try_features(images.clone()).unwrap();
    assert_eq!(results.len(), 1 + expected.len());
    for (result, expected) in results[1..].iter().zip(&expected) {
        assert_close("features", result, &expected.as_vec());
    }
    assert_close("logits", &results[0], &net.try_run(images).unwrap().as_vec());

    let wrong = Options { features: vec!["s9.b1.af".to_owned()], ..Options::default() };
    let error = net.freeze(33, 64, &wrong).unwrap_err();
    assert_eq!(error.to_string(), "the network has no layer `s9.b1.af` whose result could be handed out");
}

/// The root of the mean squared difference, as a share of the expected values' own root mean square.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    let squares = found.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    (squares / expected.iter().map(|value| value.powi(2)).sum::<f32>()).sqrt()
}

#[test]
fn fewer_bits() {
    let dev = Cpu::default();
    let mut net: Built<Net, f32, Cpu> = dev.build_module::<Net, f32>();
    randomise(&mut net);
    let values = images(&dev, [4, 3, 64, 48]).as_vec();
    let batch: Tensor<Rank4<4, 3, 64, 48>, f32, _> = dev.tensor(values.clone());
    let expected = net.forward(batch.clone()).as_vec();

    let mut calibration = net.calibration::<Rank3<3, 64, 48>>().unwrap();
    calibration.watch(&values).unwrap();
    let int8 = Precision::Int8(calibration.ranges().unwrap());
    for precision in [Precision::Bf16, int8.clone()] {
        let options = Options { precision, ..Options::default() };
        let engine = net.freeze_with::<Rank3<3, 64, 48>>(&options).unwrap();
        let found: [[f32; 10]; 4] = engine.run_batch(&batch).unwrap();
        let difference = difference(found.as_flattened(), &expected);
        assert!(difference < 0.03, "{}: {difference}", options.precision);
        // Where it is f32 after all, the engine says so.
        let computed = engine.engine().precision();
        assert!(*computed == options.precision || *computed == Precision::F32 && difference < 1e-5);
    }

    // The ranges are those of one network.
    let other = DynRegNet::<f32, Cpu>::try_new(&dev, &Named::spec()).unwrap();
    let error = other.freeze(40, 40, &Options { precision: int8, ..Options::default() }).unwrap_err();
    assert!(error.to_string().contains("calibrate this one"), "{error}");
}

#[test]
fn wrong_sizes_are_errors() {
    let net = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), &Named::spec()).unwrap();
    let engine = net.freeze(8, 8, &Options::default()).unwrap();
    let error = engine.run(&[0.0; 3 * 64 + 1], &mut [0.0; 7]).unwrap_err();
    assert_eq!(error.to_string(), "193 values are no whole number of images of 192 values");
    let error = engine.run(&[0.0; 2 * 192], &mut [0.0; 7]).unwrap_err();
    assert_eq!(error.to_string(), "a result of 7 values has no place for 2 times 7 values");
    engine.run(&[], &mut []).unwrap();
    assert!(net.freeze(0, 8, &Options::default()).is_err());
}

#[test]
fn calls_from_many_threads_give_the_same() {
    let mut net = DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), &Named::spec()).unwrap();
    randomise(&mut net);
    let engine = net.freeze(16, 16, &Options { threads: 2, ..Options::default() }).unwrap();
    let images = images(&Cpu::default(), [3, 3, 16, 16]).as_vec();
    let run = || {
        let mut logits = vec![0.0; 3 * 7];
        engine.run(&images, &mut logits).unwrap();
        logits.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let expected = run();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..125).for_each(|_| assert_eq!(run(), expected)));
        }
    });
}

#[test]
fn every_instruction_set_is_known_by_its_name() {
    for isa in Isa::available() {
        assert_eq!(isa.to_string().parse(), Ok(isa));
    }
    let error = "sse9".parse::<Isa>().unwrap_err();
    assert!(error.starts_with("`sse9` is no instruction set of this machine: choose "), "{error}");
}
