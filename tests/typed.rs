//! The typed half of the library: shapes in types, the same network with shapes at run time, and dfdx's own
//! tools on both.
#![allow(clippy::unwrap_used)]

use dfdx::prelude::*;
use regnet::builders::{
    BasicNext, BasicStage, Bottleneck, Carry, CifarStem, EfficientRegulator, FullRegulator, Gru, Head,
    Identity, Lent, Lstm, NoCarry, NoExcite, Pair, PerBlock, Projection, RegNet, Regulated, RegulatedStage,
    ResBlock, SimpleStem, SqueezeExcite, Stage, VanillaStage, XNext, XStage,
};
use regnet::model::Step;
use regnet::regulator::Carries;
use regnet::space::{Block, Parameter, presets};
use regnet::tensors::Map;
use regnet::{Built, Declared, DynRegNet, Run, regnet, weights};

type Net = regnet!(< d=7, w0=24, wa=24.5, wm=2.5, g=8, b=1, se=true >, classes = 10);
type NetX = regnet!(< d=5, w0=16, wa=20, wm=2.2, g=8, b=2 >, classes = 10, stem = cifar(16));

// The other blocks, and stages that begin with the identity.
type Basic = RegNet<
    CifarStem<3, 8>,
    (Stage<BasicNext<8>, BasicNext<8>, 2>, BasicStage<2, 8, 12, 2>, BasicStage<1, 12, 12, 2>),
    Head<12, 10>,
>;
type Vanilla = RegNet<
    SimpleStem<3, 8>,
    (Stage<Pair<8, 8, 1, NoExcite>, Pair<8, 8, 1, NoExcite>, 2>, VanillaStage<2, 8, 12, 2>),
    Head<12, 10>,
>;
type IdentityFirst = RegNet<
    SimpleStem<3, 16>,
    (Stage<XNext<16, 16, 8>, XNext<16, 16, 8>, 2>, XStage<2, 16, 24, 12, 4, 1>),
    Head<24, 10>,
>;

// Self-regulated stages: one regulator a stage and a state that passes on, and one regulator a block.
type RegulatedBasic<S, const IN: usize, const STRIDE: usize> =
    ResBlock<S, Regulated<2, 8, Pair<IN, 8, STRIDE, NoExcite>, Lent, SqueezeExcite<8, 2>>>;
type RegulatedNext = RegulatedBasic<Identity, 8, 1>;
type BasicMemory<Y, S, const STRIDE: usize> =
    RegulatedStage<FullRegulator<Lstm, 8>, Y, RegulatedBasic<S, 8, STRIDE>, RegulatedNext, 2>;
type Memory = RegNet<
    CifarStem<3, 8>,
    (BasicMemory<NoCarry, Identity, 1>, BasicMemory<Carry<2, 8, 8, 2>, Projection<8, 8, 2>, 2>),
    Head<8, 10>,
>;
type OwnX<S, const IN: usize, const STRIDE: usize> = ResBlock<
    S,
    Regulated<1, 8, Bottleneck<IN, 8, 16, 4, STRIDE, NoExcite>, EfficientRegulator<Gru, 8>, NoExcite>,
>;
type MemoryX = RegNet<
    SimpleStem<3, 8>,
    (RegulatedStage<PerBlock, NoCarry, OwnX<Projection<8, 16, 2>, 8, 2>, OwnX<Identity, 16, 1>, 3>,),
    Head<16, 10>,
>;

fn images<S: Shape>(dev: &Cpu, shape: S) -> Tensor<S, f32, Cpu> {
    let numbers = (0..shape.num_elements()).map(|i| ((i * 2654435761) % 1009) as f32 / 504.5 - 1.0);
    dev.tensor_from_vec(numbers.collect(), shape)
}

/// One training step's logits, gradient of the input, and weights after it.
fn step<M: Run<f32, Cpu, Out = (usize, usize)> + TensorCollection<f32, Cpu>>(
    net: &mut M,
) -> (Vec<f32>, Vec<f32>, Vec<u8>) {
    let dev = Cpu::default();
    let x = images(&dev, (2, 3, 64, 64));
    let logits = net.try_run_mut(x.leaky_trace()).unwrap();
    let values = logits.as_vec();
    let labels = dev.tensor((vec![3, 7], (2,)));
    let gradients = regnet::cross_entropy(logits, &labels, 0.1).unwrap().backward();
    let mut sgd = dfdx::optim::Sgd::new(net, SgdConfig { lr: 0.1, ..Default::default() });
    sgd.update(net, &gradients).unwrap();
    (values, gradients.get(&x).as_vec(), weights::to_bytes(net))
}

#[test]
fn a_declared_network_has_its_shapes_in_its_types() {
    let dev = Cpu::default();
    let net = dev.build_module::<Net, f32>();
    let logits: Tensor<Rank2<2, 10>, f32, _> = net.forward(images(&dev, Rank4::<2, 3, 64, 64>::default()));
    assert!(logits.as_vec().iter().all(|v| v.is_finite()));
}

#[test]
fn static_and_run_time_shapes_give_identical_bits() {
    let dev = Cpu::default();
    let net = dev.build_module::<Net, f32>();
    let fixed: Tensor<Rank2<2, 10>, f32, _> = net.forward(images(&dev, Rank4::<2, 3, 64, 64>::default()));
    let free: Tensor<(usize, Const<10>), f32, _> =
        net.forward(images(&dev, (2usize, Const::<3>, 64usize, 64usize)));
    assert_eq!(fixed.as_vec(), free.as_vec());
}

/// The run-time-shaped network starts, trains and ends as the declared one, bit by bit.
#[test]
fn a_declared_network_and_its_run_time_form_are_the_same_network() {
    fn same<N: Declared + BuildOnDevice<Cpu, f32>>()
    where
        N::Built: Run<f32, Cpu, Out = (usize, usize)>,
    {
        let mut declared = Cpu::seed_from_u64(7).build_module::<N, f32>();
        let mut free = DynRegNet::<f32, _>::try_new(&Cpu::seed_from_u64(7), &N::spec()).unwrap();
        assert_eq!(weights::to_bytes(&declared), weights::to_bytes(&free), "initial weights");
        assert_eq!(step(&mut declared), step(&mut free));
    }
    same::<Net>();
    same::<NetX>();
    same::<Basic>();
    same::<Vanilla>();
    same::<IdentityFirst>();
    same::<Memory>();
    same::<MemoryX>();
}

/// The typed modules and the layer graph are two views of one spec.
#[test]
fn tensor_names_and_shapes_are_the_graphs() {
    fn same<M: TensorCollection<f32, Cpu>>(net: &M, spec: &regnet::space::AnyNet) {
        let bytes = weights::to_bytes(net);
        let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut found: Vec<_> =
            file.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
        let graph = spec.graph(64, 64).unwrap();
        let mut expected: Vec<_> =
            graph.parameters().map(|Parameter { name, shape, .. }| (name, shape)).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        let trainable = spec.complexity(64, 64).unwrap().params;
        assert_eq!(net.num_trainable_params() as u64, trainable);
    }
    let dev = Cpu::default();
    same(&dev.build_module::<Net, f32>(), &Net::spec());
    same(&dev.build_module::<NetX, f32>(), &NetX::spec());
    same(&dev.build_module::<Basic, f32>(), &Basic::spec());
    same(&dev.build_module::<Vanilla, f32>(), &Vanilla::spec());
    same(&dev.build_module::<IdentityFirst, f32>(), &IdentityFirst::spec());
    same(&dev.build_module::<Memory, f32>(), &Memory::spec());
    same(&dev.build_module::<MemoryX, f32>(), &MemoryX::spec());
    assert_eq!((Basic::spec().block, Vanilla::spec().block), (Block::Basic, Block::Vanilla));
    for preset in presets().iter().filter(|preset| preset.megaflops <= 600) {
        let spec = preset.declaration().to_anynet().unwrap();
        same(&DynRegNet::<f32, _>::try_new(&dev, &spec).unwrap(), &spec);
    }
}

#[test]
fn initial_values_follow_the_published_recipe() {
    let net = Cpu::seed_from_u64(1).build_module::<Net, f64>();
    let deviation = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let near =
        |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 0.1, "{found} {expected}");
    let weight = &net.stem.conv.weight;
    near(deviation(weight.as_vec()), (2.0 / (9.0 * 32.0f64)).sqrt());
    near(deviation(net.head.weight.as_vec()), 0.01);
    assert!(net.head.bias.as_vec().iter().all(|&b| b == 0.0));
    assert!(net.stem.bn.weight.as_vec().iter().all(|&g| g == 1.0));
}

#[test]
fn the_last_gamma_of_each_block_can_start_at_zero() {
    let mut net = Cpu::default().build_module::<Net, f32>();
    regnet::init::zero_last_gammas(&mut net);
    assert!(net.stages.0.first.f.c_bn.weight.as_vec().iter().all(|&g| g == 0.0));
    assert!(net.stages.0.first.f.b_bn.weight.as_vec().iter().all(|&g| g == 1.0));

    let mut net = Cpu::default().build_module::<Basic, f32>();
    regnet::init::zero_last_gammas(&mut net);
    assert!(net.stages.1.first.f.b_bn.weight.as_vec().iter().all(|&g| g == 0.0));
    assert!(net.stages.1.first.f.a_bn.weight.as_vec().iter().all(|&g| g == 1.0));
    let mut net = Cpu::default().build_module::<Vanilla, f32>();
    regnet::init::zero_last_gammas(&mut net);
    assert!(net.stages.0.first.b_bn.weight.as_vec().iter().all(|&g| g == 1.0), "it would give nothing but 0");
}

#[test]
fn dfdx_tools_work_on_declared_and_run_time_networks() {
    fn tools<M>(mut net: M, regulated: bool)
    where
        M: Clone + Run<f32, Cpu, Out = (usize, usize)> + TensorCollection<f32, Cpu, To<f32, Cpu> = M>,
        M::To<f64, Cpu>: TensorCollection<f64, Cpu> + Run<f64, Cpu, Out = (usize, usize)>,
    {
        let original = net.clone();
        let before = weights::to_bytes(&original);
        step(&mut net);
        let after = weights::to_bytes(&net);
        assert_ne!(before, after);

        // Exponential moving average: decay 0 copies, decay 1 keeps.
        let mut average = original.clone();
        average.ema(&net, 1.0);
        assert_eq!(trainable(&average), trainable(&original));

        // Files, ours and dfdx's.
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) =
            (folder.path().join("ours.safetensors"), folder.path().join("theirs.safetensors"));
        weights::save(&net, &ours).unwrap();
        net.save_safetensors(&theirs).unwrap();
        // dfdx writes a regulator's tensors with dimensions for gates and maps, which our files do not have.
        for file in if regulated { vec![&ours] } else { vec![&ours, &theirs] } {
            let mut loaded = original.clone();
            weights::load(&mut loaded, file).unwrap();
            assert_eq!(weights::to_bytes(&loaded), after);
        }

        // Another element type.
        let doubled = net.to_dtype::<f64>();
        let x = images(&Cpu::default(), (1, 3, 33, 31));
        let (y, y64) = (net.try_run(x.clone()).unwrap(), doubled.try_run(x.to_dtype::<f64>()).unwrap());
        for (a, b) in y.as_vec().into_iter().zip(y64.as_vec()) {
            assert!((f64::from(a) - b).abs() <= 1e-4 * (1.0 + b.abs()), "{a} {b}");
        }
    }
    fn trainable<M: TensorCollection<f32, Cpu>>(net: &M) -> usize {
        net.num_trainable_params()
    }
    let dev = Cpu::default();
    tools(dev.build_module::<Net, f32>(), false);
    tools(DynRegNet::try_new(&dev, &NetX::spec()).unwrap(), false);
    tools(DynRegNet::try_new(&dev, &Memory::spec()).unwrap(), true);
    tools(DynRegNet::try_new(&dev, &MemoryX::spec()).unwrap(), true);
}

#[test]
fn a_file_that_does_not_fit_is_refused_whole_and_explained() {
    let dev = Cpu::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    weights::save(&dev.build_module::<NetX, f32>(), &path).unwrap();
    let mut net: Built<Net, f32, Cpu> = dev.build_module::<Net, f32>();
    let before = weights::to_bytes(&net);
    let message = weights::load(&mut net, &path).unwrap_err().to_string();
    assert!(message.contains("missing") && message.contains("shape"), "{message}");
    assert_eq!(weights::to_bytes(&net), before);

    std::fs::write(&path, b"not a safetensors file").unwrap();
    let message = weights::load(&mut net, &path).unwrap_err().to_string();
    assert!(message.contains("not a safetensors file"), "{message}");
    assert!(weights::save(&net, &folder.path().join("no/such/folder")).is_err());
}

#[test]
fn run_time_dimensions_that_do_not_fit_are_errors() {
    let dev = Cpu::default();
    let net = DynRegNet::<f32, _>::try_new(&dev, &Net::spec()).unwrap();
    assert!(net.try_run(images(&dev, (2, 1, 32, 32))).is_err(), "one channel instead of three");
    let built = dev.build_module::<Net, f32>();
    assert!(built.try_run(images(&dev, (2, 4, 32, 32))).is_err(), "four channels instead of three");
}

/// A stage takes features and a state and gives features and a state, whose shapes are the compiler's to check.
#[test]
fn states_have_their_shapes_in_their_types() {
    type Stage = BasicMemory<NoCarry, Projection<8, 8, 2>, 2>;
    let dev = Cpu::seed_from_u64(3);
    let mut stage: Built<Stage, f64, Cpu> = dev.build_module::<Stage, f64>();
    let x: Tensor<Rank4<2, 8, 7, 5>, f64, _> = dev.sample_normal();
    let zero: Tensor<Rank5<2, 2, 8, 4, 3>, f64, Cpu> = dev.zeros();

    // A state of zero is no state.
    let (y, state) = stage.forward((x.clone(), zero.clone()));
    let alone: Tensor<Rank4<2, 8, 4, 3>, f64, _> = stage.forward(x.clone());
    assert_eq!(y.array(), alone.array());

    // Gradients pass from the last output through states to the first.
    let (y, last) = stage.forward_mut((x.leaky_trace(), state.clone()));
    let (_, tape) = y.split_tape();
    let gradients = last.put_tape(tape).square().mean::<Rank0, _>().backward();
    assert!(gradients.get(&state).as_vec().iter().any(|&d| d != 0.0));
    assert!(gradients.get(&stage.r.conv.h).as_vec().iter().any(|&d| d != 0.0));
    assert!(gradients.get(&x).as_vec().iter().any(|&d| d != 0.0));

    // Sizes that are numbers do as well.
    let (y, state): (Tensor<_, f64, _>, Tensor<(usize, Const<2>, Const<8>, usize, usize), f64, _>) = stage
        .forward((
            images(&dev, (3usize, Const::<8>, 7usize, 5usize)).to_dtype::<f64>(),
            dev.zeros_like(&(3usize, Const::<2>, Const::<8>, 4usize, 3usize)),
        ));
    assert_eq!((y.shape().0, state.shape().3), (3, 4));
}

/// What the typed blocks put out one after the other.
#[test]
fn a_run_time_network_shows_what_its_blocks_put_out() {
    let dev = Cpu::default();
    let x = || images(&dev, (2, 3, 32, 32));
    let values = |stages: &[&[&Map<f32, Cpu>]]| -> Vec<Vec<Vec<f32>>> {
        stages.iter().map(|stage| stage.iter().map(|map| map.as_vec()).collect()).collect()
    };
    fn shown<N: Declared>(x: Map<f32, Cpu>) -> Vec<Vec<Vec<f32>>> {
        let net = DynRegNet::<f32, _>::try_new(&Cpu::seed_from_u64(7), &N::spec()).unwrap();
        let before = net.try_run(x.clone()).unwrap().as_vec();
        let stages = net.try_run_blocks(x.clone()).unwrap();
        assert_eq!(net.try_run(x).unwrap().as_vec(), before, "showing changes nothing");
        stages.into_iter().map(|stage| stage.into_iter().map(|map| map.as_vec()).collect()).collect()
    }

    let net = Cpu::seed_from_u64(7).build_module::<Basic, f32>();
    let (s1, s2, s3) = &net.stages;
    let a = s1.first.try_run(net.stem.try_run(x()).unwrap()).unwrap();
    let b = s1.next[0].try_run(a.clone()).unwrap();
    let c = s2.first.try_run(b.clone()).unwrap();
    let d = s2.next[0].try_run(c.clone()).unwrap();
    let e = s3.first.try_run(d.clone()).unwrap();
    assert_eq!(shown::<Basic>(x()), values(&[&[&a, &b], &[&c, &d], &[&e]]));

    // The second stage starts from the state that the first left.
    let net = Cpu::seed_from_u64(7).build_module::<Memory, f32>();
    let (s1, s2) = &net.stages;
    let (a, state) = s1.first.try_step(net.stem.try_run(x()).unwrap(), None, &s1.r).unwrap();
    let (b, state) = s1.next[0].try_step(a.clone(), Some(state), &s1.r).unwrap();
    let (state, _) = s2.carry.try_carry(Some(state), NoneTape).unwrap();
    let (c, state) = s2.first.try_step(b.clone(), state, &s2.r).unwrap();
    let (d, _) = s2.next[0].try_step(c.clone(), Some(state), &s2.r).unwrap();
    assert_eq!(shown::<Memory>(x()), values(&[&[&a, &b], &[&c, &d]]));
}
