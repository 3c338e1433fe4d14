//! The layer graph: names, wiring, shapes and the state dict.
#![allow(clippy::unwrap_used)]

use regnet_space::{AnyNet, Block, Bottleneck, Conv, Graph, Op, Preset, Shape, Stage, Stem, StemKind};

fn graph(name: &str, side: usize) -> Graph {
    Preset::find(name).unwrap().declaration().to_anynet().unwrap().graph(side, side).unwrap()
}

fn names(graph: &Graph, part: &str) -> Vec<String> {
    graph.part(part).map(|node| node.name.clone()).collect()
}

/// Names of the nodes that a node reads.
fn inputs<'a>(graph: &'a Graph, name: &str) -> Vec<&'a str> {
    let node = graph.node(name).unwrap();
    node.inputs.iter().map(|&i| graph.nodes()[i].name.as_str()).collect()
}

fn shape(graph: &Graph, name: &str) -> (usize, usize, usize) {
    let Shape { c, h, w } = graph.node(name).unwrap().shape;
    (c, h, w)
}

#[test]
fn a_y_block_is_wired_as_in_pycls() {
    let graph = graph("RegNetY-400MF", 224);
    assert_eq!(
        names(&graph, "s1"),
        [
            "proj",
            "bn",
            "f.a",
            "f.a_bn",
            "f.a_af",
            "f.b",
            "f.b_bn",
            "f.b_af",
            "f.se.avg_pool",
            "f.se.f_ex.0",
            "f.se.f_ex.1",
            "f.se.f_ex.2",
            "f.se.f_ex.3",
            "f.se",
            "f.c",
            "f.c_bn",
            "add",
            "af"
        ]
        .map(|name| format!("s1.b1.{name}"))
    );
    assert_eq!(inputs(&graph, "s1.b1.proj"), ["stem.af"]);
    assert_eq!(inputs(&graph, "s1.b1.f.a"), ["stem.af"]);
    assert_eq!(inputs(&graph, "s1.b1.f.se"), ["s1.b1.f.b_af", "s1.b1.f.se.f_ex.3"]);
    assert_eq!(inputs(&graph, "s1.b1.f.c"), ["s1.b1.f.se"]);
    assert_eq!(inputs(&graph, "s1.b1.add"), ["s1.b1.bn", "s1.b1.f.c_bn"]);
    assert_eq!(inputs(&graph, "s2.b2.add"), ["s2.b1.af", "s2.b2.f.c_bn"]);
    assert_eq!(inputs(&graph, "head.fc"), ["head.avg_pool"]);

    let conv = Conv { group_width: 8, ..Conv::dense(48, 48, 3, 2) };
    assert_eq!(graph.node("s1.b1.f.b").unwrap().op, Op::Conv(conv));
    assert_eq!(conv.groups(), 6);
    assert_eq!(shape(&graph, "s1.b1.f.a"), (48, 112, 112));
    assert_eq!(shape(&graph, "s1.b1.f.b"), (48, 56, 56));
    assert_eq!(shape(&graph, "s1.b1.f.se.f_ex.0"), (8, 1, 1));
    assert_eq!(shape(&graph, "s4.b6.af"), (440, 7, 7));
    assert_eq!(graph.nodes().last().unwrap().shape, Shape { c: 1000, h: 1, w: 1 });
}

#[test]
fn squeeze_widths_round_halves_to_even() {
    // 0.25 times the input widths 10 and 14 is 2.5 and 3.5.
    for (w_in, w_se) in [(10, 2), (14, 4), (1, 0)] {
        let net = AnyNet {
            input_channels: 3,
            stem: Stem { kind: StemKind::Cifar, width: w_in },
            block: Block::Bottleneck,
            stages: vec![Stage::plain(1, 16, 1)],
            se: Some(0.25),
            regulator: None,
            classes: 10,
        };
        let graph = net.graph(8, 8).unwrap();
        let width = graph.node("s1.b1.f.se.f_ex.0").map_or(0, |node| node.shape.c);
        assert_eq!(width, w_se, "{w_in}");
    }
}

#[test]
fn plain_blocks_have_pycls_names() {
    let net = |block, kind| AnyNet {
        input_channels: 1,
        stem: Stem { kind, width: 8 },
        block,
        stages: vec![Stage::plain(1, 8, 1), Stage::plain(2, 16, 2)],
        se: None,
        regulator: None,
        classes: 10,
    };
    let vanilla = net(Block::Vanilla, StemKind::ResNet).graph(33, 20).unwrap();
    assert_eq!(names(&vanilla, "stem"), ["stem.conv", "stem.bn", "stem.af", "stem.pool"]);
    assert_eq!(
        names(&vanilla, "s1"),
        ["a", "a_bn", "a_af", "b", "b_bn", "b_af"].map(|n| format!("s1.b1.{n}"))
    );
    assert_eq!(shape(&vanilla, "stem.conv"), (8, 17, 10));
    assert_eq!(shape(&vanilla, "stem.pool"), (8, 9, 5));
    assert_eq!(shape(&vanilla, "s2.b2.b"), (16, 5, 3));

    let basic = net(Block::Basic, StemKind::Cifar).graph(33, 20).unwrap();
    assert_eq!(
        names(&basic, "s1"),
        ["f.a", "f.a_bn", "f.a_af", "f.b", "f.b_bn", "add", "af"].map(|n| format!("s1.b1.{n}"))
    );
    assert_eq!(inputs(&basic, "s1.b1.add"), ["stem.af", "s1.b1.f.b_bn"]);
    assert_eq!(inputs(&basic, "s2.b1.add"), ["s2.b1.bn", "s2.b1.f.b_bn"]);
    assert_eq!(shape(&basic, "s2.b2.af"), (16, 17, 10));

    let excited = AnyNet { se: Some(0.5), ..net(Block::Basic, StemKind::Cifar) }.graph(33, 20).unwrap();
    assert_eq!(inputs(&excited, "s2.b1.f.se"), ["s2.b1.f.b_bn", "s2.b1.f.se.f_ex.3"]);
    assert_eq!(inputs(&excited, "s2.b1.add"), ["s2.b1.bn", "s2.b1.f.se"]);
    assert_eq!(shape(&excited, "s2.b1.f.se.f_ex.0"), (4, 1, 1));
}

#[test]
fn the_state_dict_has_pycls_names_and_shapes() {
    let parameters: Vec<_> = graph("RegNetY-400MF", 224).parameters().collect();
    let entries: Vec<_> = parameters
        .iter()
        .take_while(|p| !p.name.starts_with("s2"))
        .map(|p| format!("{}{} {:?}", if p.trainable { "" } else { "~" }, p.name, p.shape))
        .collect();
    let bn = |name: &str, w: usize| {
        ["weight", "bias", "~running_mean", "~running_var"].map(|suffix| {
            let mark = if suffix.starts_with('~') { "~" } else { "" };
            format!("{mark}{name}.{} [{w}]", suffix.trim_start_matches('~'))
        })
    };
    let one = |text: &str| vec![text.to_owned()];
    let expected = [
        one("stem.conv.weight [32, 3, 3, 3]"),
        bn("stem.bn", 32).to_vec(),
        one("s1.b1.proj.weight [48, 32, 1, 1]"),
        bn("s1.b1.bn", 48).to_vec(),
        one("s1.b1.f.a.weight [48, 32, 1, 1]"),
        bn("s1.b1.f.a_bn", 48).to_vec(),
        one("s1.b1.f.b.weight [48, 8, 3, 3]"),
        bn("s1.b1.f.b_bn", 48).to_vec(),
        one("s1.b1.f.se.f_ex.0.weight [8, 48, 1, 1]"),
        one("s1.b1.f.se.f_ex.0.bias [8]"),
        one("s1.b1.f.se.f_ex.2.weight [48, 8, 1, 1]"),
        one("s1.b1.f.se.f_ex.2.bias [48]"),
        one("s1.b1.f.c.weight [48, 48, 1, 1]"),
        bn("s1.b1.f.c_bn", 48).to_vec(),
    ];
    assert_eq!(entries, expected.concat());
    let head: Vec<_> = parameters.iter().rev().take(2).map(|p| (p.name.as_str(), p.shape.clone())).collect();
    assert_eq!(head, [("head.fc.bias", vec![1000]), ("head.fc.weight", vec![1000, 440])]);
}

#[test]
fn the_stage_table_adds_up() {
    let net = Preset::find("RegNetX-200MF").unwrap().declaration().to_anynet().unwrap();
    let table = net.stage_table(224, 224).unwrap();
    let rows: Vec<_> =
        table.iter().map(|r| (r.name.as_str(), r.blocks, r.output.c, r.output.h, r.group_width)).collect();
    assert_eq!(
        rows,
        [
            ("stem", 0, 32, 112, None),
            ("s1", 1, 24, 56, Some(8)),
            ("s2", 1, 56, 28, Some(8)),
            ("s3", 4, 152, 14, Some(8)),
            ("s4", 7, 368, 7, Some(8)),
            ("head", 0, 1000, 1, None),
        ]
    );
    let total = table.iter().map(|row| row.complexity).sum();
    assert_eq!(net.complexity(224, 224), Ok(total));
    // 3x3x3x32 weights at 112 x 112; 368x1000 weights and 1000 biases.
    assert_eq!((table[0].complexity.flops, table[5].complexity.params), (10_838_016, 369_000));
}

#[test]
fn absurd_counts_saturate() {
    let stages = vec![Stage { bottleneck: Bottleneck::expands(64), ..Stage::plain(40, 65_536, 1) }; 2];
    let stem = Stem { kind: StemKind::Cifar, width: 65_536 };
    let net = AnyNet {
        input_channels: 3,
        stem,
        block: Block::Bottleneck,
        stages,
        se: None,
        regulator: None,
        classes: 10,
    };
    assert_eq!(net.complexity(16_384, 16_384).unwrap().flops, u64::MAX);
}
