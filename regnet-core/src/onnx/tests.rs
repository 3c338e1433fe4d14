//! What a file holds and what it computes. That runtimes read it and agree is checked by
//! `tests/reference/onnx_check.py`.

mod evaluate;

use std::collections::{BTreeMap, BTreeSet};

use regnet_space::{Block, Cell, CellConv, Regulator, Share, Stage, Stem, StemKind};

use super::proto::Model;
use super::*;
use crate::state;
use crate::{DynRegNet, Run};
use evaluate::{Value, evaluate};

const IMAGE: [usize; 2] = [15, 17];

fn net(block: Block, se: Option<f64>, regulator: Option<Regulator>, stem: StemKind) -> AnyNet {
    let plain = [Stage::plain(2, 4, 1), Stage::plain(3, 6, 2)];
    let grouped = |stage| Stage { group_width: 2, ..stage };
    let stages = if block == Block::Bottleneck { plain.map(grouped) } else { plain };
    let stem = Stem { kind: stem, width: 4 };
    AnyNet { input_channels: 3, stem, block, stages: stages.to_vec(), se, regulator, classes: 3 }
}

fn regulators() -> impl Iterator<Item = Regulator> {
    let cells = [Cell::Rnn, Cell::Gru, Cell::Lstm].into_iter();
    let forms = [(CellConv::Full, Share::Stage), (CellConv::Efficient, Share::Block)];
    let all = cells.flat_map(move |cell| forms.map(|(conv, share)| (cell, conv, share)));
    all.flat_map(|(cell, conv, share)| [true, false].map(|carry| Regulator { cell, conv, share, carry }))
}

fn nets() -> Vec<AnyNet> {
    let (basic, bottleneck) = (Block::Basic, Block::Bottleneck);
    let mut nets = vec![
        net(bottleneck, None, None, StemKind::Simple),
        net(bottleneck, Some(0.5), None, StemKind::Cifar),
        net(basic, Some(0.5), None, StemKind::ResNet),
        net(Block::Vanilla, None, None, StemKind::Cifar),
    ];
    for regulator in regulators() {
        nets.push(net(basic, None, Some(regulator), StemKind::Cifar));
        nets.push(net(bottleneck, Some(0.5), Some(regulator), StemKind::Simple));
    }
    nets
}

/// Numbers from -1 to 1.
fn numbers(seed: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i + 7919 * seed + 1) * 2_654_435_761 % 1009) as f32 / 504.0 - 1.0).collect()
}

/// A network whose norms, biases and statistics are not those that training starts from.
fn network(spec: &AnyNet) -> DynRegNet<f32, Cpu> {
    let mut net = DynRegNet::try_new(&Cpu::seed_from_u64(3), spec).unwrap_or_else(|error| panic!("{error}"));
    let mut seed = 0;
    state::write(&mut net, |entry: state::Entry<f32>| {
        seed += 1;
        let numbers = numbers(seed, entry.values.len()).into_iter();
        let scales = entry.name.ends_with("var") || entry.name.ends_with("weight");
        let flat = entry.dims.len() == 1 && !entry.name.ends_with("scale");
        flat.then(|| numbers.map(|x| if scales { 1.0 + 0.5 * x } else { 0.3 * x }).collect())
    });
    net
}

fn written(spec: &AnyNet, options: &Options) -> (DynRegNet<f32, Cpu>, Model) {
    let net = network(spec);
    let bytes = to_bytes(&net, spec, options).unwrap_or_else(|error| panic!("{error}"));
    let model = Model::decode(&bytes[..]).unwrap_or_else(|error| panic!("{error}"));
    (net, model)
}

fn options() -> Options {
    Options::new(IMAGE[0], IMAGE[1])
}

/// Every value is made once, before it is read, and by an operator of a name of its own (ONNX Runtime asks for it).
fn assert_sound(model: &Model) {
    let graph = model.graph.as_ref().expect("a model has a graph");
    let mut made: BTreeSet<&str> = graph.inputs.iter().map(|input| input.name.as_str()).collect();
    for tensor in &graph.initializers {
        assert!(made.insert(&tensor.name), "{} is there twice", tensor.name);
    }
    let names: BTreeSet<_> = graph.nodes.iter().map(|node| &node.name).collect();
    assert_eq!(names.len(), graph.nodes.len(), "two operators have one name");
    for node in &graph.nodes {
        for input in &node.inputs {
            assert!(made.contains(input.as_str()), "{} reads {input} before it is there", node.name);
        }
        for output in &node.outputs {
            assert!(made.insert(output), "{output} is made twice");
        }
    }
    assert!(graph.outputs.iter().all(|output| made.contains(output.name.as_str())));
    assert!(graph.values.iter().all(|value| made.contains(value.name.as_str())));
}

#[test]
fn files_are_sound() {
    for spec in nets() {
        for fold_batch_norm in [false, true] {
            assert_sound(&written(&spec, &Options { fold_batch_norm, ..options() }).1);
        }
    }
}

#[test]
fn files_compute_what_the_network_does() {
    let [height, width] = IMAGE;
    let dims = vec![2, 3, height, width];
    let images = numbers(0, dims.iter().product());
    for spec in nets() {
        for fold_batch_norm in [false, true] {
            let (net, model) = written(&spec, &Options { fold_batch_norm, ..options() });
            let x = Cpu::default().tensor_from_vec(images.clone(), (2, 3, height, width));
            let expected = net.try_run(x).unwrap_or_else(|error| panic!("{error:?}")).as_vec();
            let found = evaluate(&model, Value { dims: dims.clone(), data: images.clone() });
            assert_eq!(found.dims, [2, spec.classes]);
            let scale = expected.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
            for (found, expected) in found.data.iter().zip(&expected) {
                let close = (found - expected).abs() <= 1e-4 * scale;
                assert!(close, "{found} is not {expected}: {spec:?}, folded: {fold_batch_norm}");
            }
        }
    }
}

#[test]
fn initialisers_are_the_state_dict() {
    for spec in nets() {
        let (net, model) = written(&spec, &options());
        let tensors = model.graph.into_iter().flat_map(|graph| graph.initializers);
        let floats = tensors.filter(|tensor| tensor.element == proto::FLOAT);
        let found: BTreeMap<_, _> = floats.map(|tensor| (tensor.name, (tensor.dims, tensor.bytes))).collect();
        let mut expected = BTreeMap::new();
        state::read(&net, |entry: state::Entry<f32>| {
            let dims: Vec<i64> = entry.dims.iter().map(|&dim| dim as i64).collect();
            let bytes: Vec<u8> = entry.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            expected.insert(entry.name, (dims, bytes));
        });
        assert!(found == expected, "{spec:?}: {:?} are not {:?}", found.keys(), expected.keys());
    }
}

#[test]
fn only_a_regulators_norm_is_left_after_folding() {
    for spec in nets() {
        let (_, model) = written(&spec, &Options { fold_batch_norm: true, ..options() });
        let nodes = model.graph.into_iter().flat_map(|graph| graph.nodes);
        let norms: Vec<_> = nodes.filter(|node| node.op == "BatchNormalization").collect();
        assert!(norms.iter().all(|node| node.name.ends_with(".r_bn")), "{norms:?}");
        let steps = spec.regulator.map_or(0, |_| spec.stages.iter().map(|stage| stage.depth).sum::<usize>());
        assert_eq!(norms.len(), steps);
    }
}

/// The dimensions of a value: numbers, names, or `?` for what is not said.
fn dims(value: &proto::Value) -> String {
    let kind = value.kind.clone().and_then(|kind| kind.tensor).and_then(|tensor| tensor.shape);
    let dims = kind.map(|shape| shape.dims).unwrap_or_default().into_iter();
    let word = |dim: proto::Dim| dim.name.or(dim.value.map(|value| value.to_string()));
    dims.map(|dim| word(dim).unwrap_or_else(|| "?".to_owned())).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_open_has_a_name() {
    let spec = net(Block::Basic, None, None, StemKind::Cifar);
    let dims = |options: &Options| {
        let graph = written(&spec, options).1.graph.expect("a model has a graph");
        (dims(&graph.inputs[0]), dims(&graph.outputs[0]))
    };
    let said = |input: &str, output: &str| (input.to_owned(), output.to_owned());
    assert_eq!(dims(&options()), said("batch 3 15 17", "batch 3"));
    assert_eq!(dims(&Options { batch: Some(2), ..options() }), said("2 3 15 17", "2 3"));
    assert_eq!(dims(&Options { image: None, ..options() }), said("batch 3 height width", "batch 3"));
}

/// A name in between would contradict an input that is set to a number of images, as tract lets one do.
#[test]
fn no_value_in_between_names_the_batch() {
    let spec = net(Block::Basic, None, None, StemKind::Cifar);
    let first = |options: &Options| {
        let graph = written(&spec, options).1.graph.expect("a model has a graph");
        graph.values.first().map(dims)
    };
    assert_eq!(first(&options()).as_deref(), Some("? 4 15 17"));
    assert_eq!(first(&Options { batch: Some(2), ..options() }).as_deref(), Some("2 4 15 17"));
    assert_eq!(first(&Options { image: None, ..options() }), None);
}

#[test]
fn what_cannot_be_written() {
    let spec = net(Block::Basic, None, None, StemKind::Cifar);
    let net =
        DynRegNet::<f32, Cpu>::try_new(&Cpu::default(), &spec).unwrap_or_else(|error| panic!("{error}"));
    let error = |spec: &AnyNet, options: &Options| match to_bytes(&net, spec, options) {
        Ok(_) => panic!("{options:?} was written"),
        Err(error) => error.to_string(),
    };
    assert!(error(&spec, &Options { opset: 16, ..options() }).contains("choose 17 to 23"));
    assert!(error(&spec, &Options { image: Some([0, 4]), ..options() }).contains("0 x 4"));
    let other = AnyNet { classes: 4, ..spec };
    let text = error(&other, &options());
    assert!(text.contains("[3, 6] as `head.fc.weight` where its spec has [4, 6]"), "{text}");
}
