//! Self-regulated networks: what is read and refused, names, layers, and costs derived on paper.
//!
//! The files read are `tests/reference/regulated.py`'s.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use regnet_space::{
    AnyNet, Block, Bottleneck, Cell, CellConv, Declaration, Graph, Mode, Op, ParamError, Preset, Regulator,
    SelfRegulated, Shape, Share, Stage, Stem, nearest_preset, self_regulated_presets,
};
use serde_json::Value;

const CELLS: [Cell; 3] = [Cell::Rnn, Cell::Gru, Cell::Lstm];

fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference").join(file);
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!cases.is_empty());
    cases
}

fn regulator(case: &Value) -> Regulator {
    let word = |key: &str| case[key].as_str().unwrap();
    Regulator {
        cell: word("cell").parse().unwrap(),
        conv: word("conv").parse().unwrap(),
        share: word("share").parse().unwrap(),
        carry: case["carry"].as_bool().unwrap(),
    }
}

fn se(case: &Value) -> Option<f64> {
    case["se_ratio"].as_f64().filter(|&ratio| ratio > 0.0)
}

/// The network of a case of `regulated_networks.json`.
fn network(case: &Value) -> AnyNet {
    let size = |value: &Value| value.as_u64().unwrap() as usize;
    let list = |key: &str| case[key].as_array().unwrap().iter().map(size).collect::<Vec<_>>();
    let (depths, widths, strides) = (list("depths"), list("widths"), list("strides"));
    let (inner, groups) = (list("inner_widths"), list("group_widths"));
    let stage = |i: usize| Stage {
        bottleneck: Bottleneck::reduces(widths[i] / inner[i]),
        group_width: groups[i],
        ..Stage::plain(depths[i], widths[i], strides[i])
    };
    AnyNet {
        input_channels: 3,
        stem: Stem {
            kind: case["stem"].as_str().unwrap().parse().unwrap(),
            width: size(&case["stem_width"]),
        },
        block: if case["block"] == "basic" { Block::Basic } else { Block::Bottleneck },
        stages: (0..depths.len()).map(stage).collect(),
        se: se(case),
        regulator: Some(regulator(case)),
        classes: size(&case["classes"]),
    }
}

fn of(cell: Cell, conv: CellConv, share: Share) -> Regulator {
    Regulator { conv, share, ..cell.into() }
}

fn params(net: &AnyNet) -> u64 {
    net.complexity(32, 32).unwrap().params
}

/// With n blocks a stage of widths w = 16, 32, 64 (their sum 112, the sum of their squares 5376):
///
/// - stem 3 · 16 · 9 + 2 · 16 = 464, head 64 · 10 + 10 = 650;
/// - a block 9w² + 2w² + 9w² in weights and 3 · 2w in norms: n (20 · 5376 + 6 · 112) = 108,192 n in all;
/// - less 4.5w² in the first convolution of stages 2 and 3, which sees w/2 channels, and 0.5w² + 2w more in their
///   projection: -4 · (32² + 64²) + 2 · (32 + 64) = -20,288;
/// - regulators of G gates and m maps, k of them a stage (1 or n): full G (18w² + w) + 2mw, efficient
///   G (2w + 9w + w) + 2mw.
fn on_paper(n: u64, regulator: Regulator) -> u64 {
    let (gates, maps) = match regulator.cell {
        Cell::Rnn => (1, 1),
        Cell::Gru => (3, 1),
        Cell::Lstm => (4, 2),
    };
    let owners = if regulator.share == Share::Stage { 1 } else { n };
    let one = match regulator.conv {
        CellConv::Full => gates * (18 * 5376 + 112),
        CellConv::Efficient => gates * 12 * 112,
    } + 2 * maps * 112;
    // A state's maps come from 16 to 32 channels, and from 32 to 64.
    let carry = if regulator.carry { maps * (16 * 32 + 32 * 64) } else { 0 };
    108_192 * n + 464 + 650 - 20_288 + owners * one + carry
}

#[test]
fn parameters_are_those_derived_on_paper() {
    for (n, depth) in [(3, 20), (5, 32), (7, 44), (9, 56)] {
        for cell in CELLS {
            for conv in [CellConv::Full, CellConv::Efficient] {
                for share in [Share::Stage, Share::Block] {
                    for carry in [false, true] {
                        let regulator = Regulator { carry, ..of(cell, conv, share) };
                        let net = AnyNet::self_regulated(depth, regulator, 10).unwrap();
                        assert_eq!(params(&net), on_paper(n, regulator), "{depth} {regulator}");
                    }
                }
            }
        }
        // Without a regulator a block has no fusing convolution: 2w² + 2w less.
        let plain =
            AnyNet { regulator: None, ..AnyNet::self_regulated(depth, Cell::Rnn.into(), 10).unwrap() };
        let fusing = n * (2 * 5376 + 2 * 112);
        assert_eq!(params(&plain), 108_192 * n + 464 + 650 - 20_288 - fusing, "ResNet-{depth}");
    }
}

/// At every stage w² channels times pixels are q = 16² · 32² = 262,144, and w times pixels add up to 28,672:
///
/// - stem 27 · 16 · 32² and head 650; a block 20 q, less 4 q in the first ones of stages 2 and 3;
/// - a step of G gates 9 G q for its input and, but at a stage's first block, 9 G q for its state, and the biases.
#[test]
fn flops_are_those_derived_on_paper() {
    let q = 262_144;
    for (n, depth) in [(3, 20), (9, 56)] {
        for (cell, gates) in [(Cell::Rnn, 1), (Cell::Gru, 3), (Cell::Lstm, 4)] {
            let net = AnyNet::self_regulated(depth, cell.into(), 10).unwrap();
            let blocks = (3 * n * 20 - 2 * 4) * q;
            let steps = gates * (3 * 9 * q * (2 * n - 1) + 28_672 * n);
            let flops = 27 * 16 * 1024 + 650 + blocks + steps;
            assert_eq!(net.complexity(32, 32).unwrap().flops, flops, "{depth} {cell}");
        }
    }
}

#[test]
fn parameters_are_those_that_pytorch_counts() {
    for case in cases("regulated_counts.json") {
        let regulator = regulator(&case);
        let net = match case["depth"].as_u64().unwrap() {
            50 => AnyNet::self_regulated_imagenet(regulator, 1000),
            depth => AnyNet::self_regulated(depth as usize, regulator, 10).unwrap(),
        };
        let net = AnyNet { se: se(&case), ..net };
        assert_eq!(params(&net), case["params"].as_u64().unwrap(), "{case}");
    }
}

/// The state dict is that of the PyTorch modules: names, shapes and what of it is trained.
#[test]
fn tensors_are_those_of_the_reference() {
    for case in cases("regulated_networks.json") {
        let net = network(&case);
        let graph = net.graph(11, 13).unwrap();
        assert_eq!(graph.complexity().params, case["params"].as_u64().unwrap(), "{}", case["name"]);
        if case["mode"] == "eval" {
            continue;
        }
        let shape = |value: &Value| serde_json::from_value::<Vec<usize>>(value["shape"].clone()).unwrap();
        let expected: BTreeMap<String, Vec<usize>> = case["tensors"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.contains('.') && *name != "grad.input")
            .map(|(name, tensor)| (name.clone(), shape(tensor)))
            .collect();
        let kind = |trainable| if trainable { "grad" } else { "running" };
        let ours: Vec<_> = graph.parameters().collect();
        let found: BTreeMap<_, _> =
            ours.iter().map(|p| (format!("{}.{}", kind(p.trainable), p.name), p.shape.clone())).collect();
        assert_eq!(found, expected, "{}", case["name"]);
        assert_eq!(found.len(), ours.len(), "a name twice");
    }
}

fn tiny(block: Block, regulator: &str, depth: usize) -> AnyNet {
    AnyNet {
        input_channels: 3,
        stem: Stem { kind: "cifar".parse().unwrap(), width: 4 },
        block,
        stages: vec![Stage::plain(depth, 4, 1), Stage::plain(depth, 8, 2)],
        se: None,
        regulator: Some(regulator.parse().unwrap()),
        classes: 10,
    }
}

fn names<'a>(graph: &'a Graph, part: &'a str) -> Vec<&'a str> {
    graph.part(part).map(|node| node.name.as_str()).collect()
}

fn inputs<'a>(graph: &'a Graph, name: &str) -> Vec<&'a str> {
    let node = graph.node(name).unwrap();
    node.inputs.iter().map(|&i| graph.nodes()[i].name.as_str()).collect()
}

#[test]
fn a_regulated_basic_block_is_wired_as_in_the_paper() {
    let net = AnyNet { se: Some(0.5), ..tiny(Block::Basic, "lstm", 2) };
    let graph = net.graph(9, 8).unwrap();
    let layers = "f.a f.a_bn f.a_af f.r_step f.r_bn f.r_af f.r_h f.cat f.fuse f.fuse_bn f.fuse_af f.b f.b_bn f.se.avg_pool \
                  f.se.f_ex.0 f.se.f_ex.1 f.se.f_ex.2 f.se.f_ex.3 f.se add af";
    let block = |b: usize| layers.split_whitespace().map(move |layer| format!("s1.b{b}.{layer}"));
    let expected: Vec<String> = ["s1.r".to_owned()].into_iter().chain(block(1)).chain(block(2)).collect();
    assert_eq!(names(&graph, "s1"), expected);
    assert_eq!(inputs(&graph, "s1.b1.f.r_step"), ["s1.b1.f.a_af", "s1.r"]);
    assert_eq!(inputs(&graph, "s1.b2.f.r_step"), ["s1.b2.f.a_af", "s1.r", "s1.b1.f.r_af"]);
    assert_eq!(inputs(&graph, "s1.b2.f.r_bn"), ["s1.b2.f.r_step", "s1.r"]);
    assert_eq!(inputs(&graph, "s1.b2.f.cat"), ["s1.b2.f.a_af", "s1.b2.f.r_h"]);
    assert_eq!(inputs(&graph, "s1.b2.add"), ["s1.b1.af", "s1.b2.f.se"]);
    assert_eq!(inputs(&graph, "s2.b1.f.r_step"), ["s2.b1.f.a_af", "s2.r"]);
    assert_eq!(graph.node("s2.b1.f.r_step").unwrap().shape, Shape { c: 16, h: 5, w: 4 });
    assert_eq!(graph.node("s2.b1.f.r_h").unwrap().op, Op::Slice { channels: 8 });
    assert_eq!(graph.node("s2.b1.f.fuse").unwrap().shape, Shape { c: 8, h: 5, w: 4 });
}

#[test]
fn a_regulated_bottleneck_is_wired_as_in_the_paper() {
    let graph = tiny(Block::Bottleneck, "gru(share = block, carry = true)", 1).graph(9, 8).unwrap();
    let layers = "proj bn f.a f.a_bn f.a_af f.r f.r_step f.r_bn f.r_af f.b f.b_bn f.b_af f.cat f.fuse f.fuse_bn f.fuse_af f.c \
                  f.c_bn add af";
    let block = layers.split_whitespace().map(|layer| format!("s2.b1.{layer}"));
    let expected: Vec<String> = ["s2.carry".to_owned()].into_iter().chain(block).collect();
    assert_eq!(names(&graph, "s2"), expected);
    assert_eq!(inputs(&graph, "s2.carry"), ["s1.b1.f.r_af"]);
    assert_eq!(inputs(&graph, "s2.b1.f.r_step"), ["s2.b1.f.a_af", "s2.b1.f.r", "s2.carry"]);
    assert_eq!(inputs(&graph, "s2.b1.f.cat"), ["s2.b1.f.b_af", "s2.b1.f.r_af"]);
    // The step reads the input's resolution and brings its state to the stage's.
    assert_eq!(graph.node("s2.b1.f.a").unwrap().shape, Shape { c: 8, h: 9, w: 8 });
    assert_eq!(graph.node("s2.b1.f.r_step").unwrap().shape, Shape { c: 8, h: 5, w: 4 });

    let lstm = tiny(Block::Basic, "lstm(carry = true)", 1).graph(9, 8).unwrap();
    assert_eq!(inputs(&lstm, "s2.carry"), ["s1.b1.f.r_af"]);
    assert_eq!(inputs(&lstm, "s2.b1.f.r_step"), ["s2.b1.f.a_af", "s2.r", "s2.carry"]);
    assert_eq!(lstm.node("s2.carry").unwrap().shape, Shape { c: 16, h: 5, w: 4 });
}

/// Of a step of N = 8 channels on 5 x 4 pixels, on paper.
#[test]
fn a_step_costs_what_its_convolutions_do() {
    let out = |gates: u64| gates * 8 * 5 * 4;
    for (block, regulator, flops, acts) in [
        // 9 · 8 weights an output, and the bias.
        (Block::Basic, "rnn", out(1) * (72 + 1), out(1)),
        (Block::Basic, "lstm(carry = true)", out(4) * (2 * 72 + 1), out(4)),
        (Block::Bottleneck, "gru(carry = true)", out(3) * (2 * 72 + 1), out(3)),
        // One or two weights, then 9.
        (Block::Basic, "gru(conv = efficient)", out(3) * (1 + 9 + 1), 2 * out(3)),
        (Block::Basic, "gru(conv = efficient, carry = true)", out(3) * (2 + 9 + 1), 2 * out(3)),
        // Behind a stride, 9 of each.
        (Block::Bottleneck, "lstm(conv = efficient)", out(4) * (9 + 1), out(4)),
        (Block::Bottleneck, "lstm(conv = efficient, carry = true)", out(4) * (2 * 9 + 1), out(4)),
    ] {
        let graph = tiny(block, regulator, 1).graph(9, 8).unwrap();
        let cost = graph.node("s2.b1.f.r_step").unwrap().complexity();
        assert_eq!((cost.flops, cost.params, cost.acts), (flops, 0, acts), "{block} {regulator}");
    }
}

#[test]
fn a_regulator_takes_memory() {
    let bytes = |regulator: Option<&str>, mode| {
        let regulator = regulator.map(|text| text.parse().unwrap());
        let net = AnyNet { regulator, ..tiny(Block::Basic, "rnn", 3) };
        net.memory(32, 32, 8, mode).unwrap().bytes()
    };
    for mode in [Mode::Inference, Mode::Training] {
        let sizes = [None, Some("rnn"), Some("gru"), Some("lstm")].map(|regulator| bytes(regulator, mode));
        assert!(sizes.is_sorted_by(|a, b| a < b), "{sizes:?}");
    }
    // What a step of lstm keeps for the backward pass: four gates and two maps of 4 channels, their norm's two maps,
    // the 8 channels of the concatenation, 4 of the fusing convolution and as many of its norm, 3 times at 32 x 32; and
    // twice as many channels at 16 x 16.
    let kept = 4 * 8 * 3 * (16 + 8 + 8 + 8 + 4 + 4) * (32 * 32 + 2 * 16 * 16) as u64;
    let more = bytes(Some("lstm"), Mode::Training) - bytes(None, Mode::Training);
    assert!((kept..kept * 5 / 4).contains(&more), "{more} where {kept} are kept");
}

#[test]
fn states_have_the_inner_width() {
    let net = AnyNet::self_regulated_imagenet(Cell::Lstm.into(), 1000);
    assert_eq!(net.state_widths(), [64, 128, 256, 512]);
    assert!(AnyNet { regulator: None, ..net }.state_widths().is_empty());
}

#[test]
fn regulators_are_read_as_they_are_written() {
    for cell in CELLS {
        for conv in [CellConv::Full, CellConv::Efficient] {
            for share in [Share::Stage, Share::Block] {
                for carry in [false, true] {
                    let regulator = Regulator { carry, ..of(cell, conv, share) };
                    assert_eq!(regulator.to_string().parse(), Ok(regulator));
                }
            }
        }
    }
    for (text, read) in [
        ("rnn", Cell::Rnn.into()),
        (" lstm ( ) ", Cell::Lstm.into()),
        ("gru(share=block,conv=efficient)", of(Cell::Gru, CellConv::Efficient, Share::Block)),
        ("gru(conv = full, carry = false,)", Cell::Gru.into()),
    ] {
        assert_eq!(text.parse(), Ok(read), "{text}");
    }
}

#[test]
fn words_that_mean_nothing_are_refused() {
    let example = "write `lstm`, or `gru(conv = efficient, share = block, carry = true)`";
    for (text, message) in [
        ("lstn", "`lstn` is no cell of a regulator; did you mean `lstm`? there are `rnn`, `gru` and `lstm`"),
        ("", "`` is no cell of a regulator; there are `rnn`, `gru` and `lstm`"),
        ("gru(conv = fast)", "`fast` is no convolution of a regulator; there are `full` and `efficient`"),
        ("gru(share = all)", "`all` is no way to share a regulator; there are `stage` and `block`"),
        ("gru(carry = 1)", "`1` is no value of `carry`; there are `true` and `false`"),
        ("gru(kernel = 3)", "`kernel` is no option of a regulator; there are `conv`, `share` and `carry`"),
        ("gru(conv", &format!("`gru(conv` is no regulator; {example}")),
        ("gru(carry)", &format!("`gru(carry)` is no regulator; {example}")),
        (
            "gru(carry = true, carry = true)",
            &format!("`gru(carry = true, carry = true)` is no regulator with each option once; {example}"),
        ),
    ] {
        let error = text.parse::<Regulator>().unwrap_err();
        assert_eq!(
            (error.key(), error.code(), error.to_string().as_str()),
            ("regulator", "unknown-regulator", message)
        );
    }
}

#[test]
fn depths_are_two_more_than_a_multiple_of_six() {
    for (depth, nearest) in [
        (0, "the nearest is 8"),
        (7, "the nearest is 8"),
        (18, "the nearest are 14 and 20"),
        (21, "the nearest are 20 and 26"),
        (usize::MAX, "the nearest is 6146"),
    ] {
        let error = AnyNet::self_regulated(depth, Cell::Rnn.into(), 10).unwrap_err();
        let text = "is not 6n + 2 with n from 1 to 1024, as the paper's networks for CIFAR";
        assert_eq!(error.to_string(), format!("depth = {depth} {text}; {nearest}"));
        assert_eq!((error.key(), error.code()), ("depth", "self-regulated-depth"));
    }
    let net = AnyNet::self_regulated(8, Cell::Rnn.into(), 100).unwrap();
    assert_eq!((net.stages.len(), net.stages[2], net.classes), (3, Stage::plain(1, 64, 2), 100));
}

#[test]
fn presets_are_found_however_they_are_spelt() {
    for (spelling, name) in [
        ("self-regulated-20", "Self-Regulated-20"),
        ("SelfRegulated56", "Self-Regulated-56"),
        ("self_regulated 50", "Self-Regulated-50"),
    ] {
        assert!(SelfRegulated::is_name(spelling));
        assert_eq!(SelfRegulated::find(spelling).unwrap().name, name);
    }
    for (unknown, nearest) in
        [("self-regulated-1000", "56"), ("self-regulated-30", "32"), ("self-regulated", "20")]
    {
        let message = SelfRegulated::find(unknown).unwrap_err().to_string();
        let expected = format!("no preset is called `{unknown}`; the nearest is `Self-Regulated-{nearest}`");
        assert_eq!(message, expected);
    }
    assert!(!SelfRegulated::is_name("RegNetX-400MF"));
    for preset in self_regulated_presets() {
        let net = preset.to_anynet(Cell::Lstm.into());
        assert_eq!(net.check(), Ok(()), "{}", preset.name);
        let convolutions = if net.block == Block::Basic { 2 } else { 3 };
        let blocks: usize = net.stages.iter().map(|stage| stage.depth).sum();
        assert_eq!(convolutions * blocks + 2, preset.depth, "{}", preset.name);
        assert_eq!(net.classes, preset.images.classes());
    }
}

#[test]
fn a_declaration_may_be_regulated() {
    let preset = Preset::find("RegNetY-400MF").unwrap().declaration();
    let regulator = of(Cell::Gru, CellConv::Efficient, Share::Stage);
    let declared = Declaration { regulator: Some(regulator), ..preset };
    let net = declared.to_anynet().unwrap();
    assert_eq!((net.regulator, net.se), (Some(regulator), Some(0.25)));
    assert_eq!(Declaration::from_anynet(&net), Some(declared));
    let source = declared.to_source("Net", [224, 224]);
    assert!(source.contains("    regulator = gru(conv = efficient);\n"), "{source}");
    // Not almost a published network, but another one.
    let near = AnyNet { classes: 10, ..net };
    assert_eq!(nearest_preset(&near), None);
    let error = AnyNet { block: Block::Vanilla, ..tiny(Block::Basic, "rnn", 1) }.check().unwrap_err();
    assert_eq!(
        error.iter().map(|e| (e.key(), e.code())).collect::<Vec<_>>(),
        [("regulator", "plain-regulator")]
    );
    assert!(matches!("x".parse::<Cell>(), Err(ParamError::UnknownRegulator { .. })));
}
