//! Declarations that `regnet-space` prints are read back as they were.

use proptest::prelude::*;
use regnet_space::{
    AnyNet, Block, Bottleneck, Cell, CellConv, Compatibility, Declaration, RegNetParams, Regulator, Sampler,
    Share, Space, SpaceName, Stage, Stem, StemKind, presets, torchvision_presets,
};

use super::{Model, anynet, draft};
use crate::key::Form;
use crate::parse::{self, Body, Input};
use crate::report::Report;

/// The item that is all of a printed source.
fn body(report: &mut Report, form: Form, source: &str) -> Body {
    let call: syn::ItemMacro = syn::parse_str(source).unwrap_or_else(|error| panic!("{error}: {source}"));
    let name = if form == Form::RegNet { "regnet" } else { "anynet" };
    assert!(call.mac.path.is_ident(name), "{source}");
    let tokens = call.mac.tokens;
    let input = Input::parse(report, form, quote::quote!([::regnet] #tokens));
    let Some(Input { declaration: parse::Declaration::Items(mut items), .. }) = input else {
        panic!("no item: {source}")
    };
    let item = items.pop().filter(|_| items.is_empty());
    let item = item.unwrap_or_else(|| panic!("not one item: {source}"));
    assert_eq!(item.name, "Printed");
    item.body
}

/// What `regnet!` understands of a printed declaration, and everything it has to say about it.
fn read(source: &str) -> (Declaration, [usize; 2], String) {
    let mut report = Report::default();
    let body = body(&mut report, Form::RegNet, source);
    let (draft, _) = draft(&mut report, &body);
    let (height, width) = draft.size();
    (draft.declaration, [height, width], report.into_items().to_string())
}

/// What `anynet!` understands of a printed network, and everything it has to say about it.
fn read_stages(source: &str) -> (Model, String) {
    let mut report = Report::default();
    let body = body(&mut report, Form::AnyNet, source);
    let (model, _) = anynet::model(&mut report, &body);
    (model, report.into_items().to_string())
}

fn bottlenecks() -> impl Strategy<Value = Bottleneck> {
    (1_usize..=64, any::<bool>())
        .prop_map(|(n, inverted)| if inverted { Bottleneck::expands(n) } else { Bottleneck::reduces(n) })
}

fn ratios() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![Just(None), Just(Some(0.25)), (0.001..=1.0).prop_map(Some)]
}

fn stems() -> impl Strategy<Value = Stem> {
    let kind = prop::sample::select(vec![StemKind::Simple, StemKind::Cifar, StemKind::ResNet]);
    (kind, 1_usize..100).prop_map(|(kind, width)| Stem { kind, width })
}

fn regulators() -> impl Strategy<Value = Option<Regulator>> {
    let cell = prop::sample::select(vec![Cell::Rnn, Cell::Gru, Cell::Lstm]);
    let conv = prop::sample::select(vec![CellConv::Full, CellConv::Efficient]);
    let share = prop::sample::select(vec![Share::Stage, Share::Block]);
    let regulator = (cell, conv, share, any::<bool>());
    prop::option::of(regulator.prop_map(|(cell, conv, share, carry)| Regulator { cell, conv, share, carry }))
}

fn declarations() -> impl Strategy<Value = Declaration> {
    let params = (1_usize..100, 1_usize..64, 0.0..300.0, 1.01..8.0, 1_usize..300, bottlenecks(), ratios())
        .prop_map(|(d, w0, wa, wm, g, b, se)| RegNetParams { d, w0: 8 * w0, wa, wm, g, b, se });
    let rule = prop::sample::select(vec![Compatibility::Published, Compatibility::Torchvision]);
    let space = prop::sample::select(vec![Space::RegNet, Space::Any]);
    (params, stems(), regulators(), 1_usize..9, 1_usize..2000, rule, space).prop_map(
        |(params, stem, regulator, input_channels, classes, compatibility, space)| Declaration {
            params,
            space,
            compatibility,
            stem,
            regulator,
            input_channels,
            classes,
        },
    )
}

/// Stages of whole groups, of few values, so that those of neighbours are often the same.
fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let ratio = prop_oneof![Just(Bottleneck::ONE), Just(Bottleneck::expands(3)), bottlenecks()];
    let stage = (1_usize..4, 1_usize..4, 1_usize..4, 1_usize..=2, ratio).prop_map(
        |(depth, group_width, groups, stride, bottleneck)| {
            // Whichever way the ratio goes, the inner width is made of whole groups.
            let width = bottleneck.factor() * group_width * groups;
            Stage { depth, width, stride, bottleneck, group_width }
        },
    );
    prop::collection::vec(stage, 1..=6)
}

/// Sound networks.
fn networks() -> impl Strategy<Value = AnyNet> {
    let block = prop::sample::select(vec![Block::Vanilla, Block::Basic, Block::Bottleneck]);
    (block, stages(), stems(), ratios(), regulators(), 1_usize..9, 1_usize..2000).prop_map(
        |(block, mut stages, stem, se, regulator, input_channels, classes)| {
            if block != Block::Bottleneck {
                stages = stages.iter().map(|s| Stage::plain(s.depth, s.width, s.stride)).collect();
            }
            let se = se.filter(|_| block.has_shortcut());
            let regulator = regulator.filter(|_| block.has_shortcut());
            AnyNet { input_channels, stem, block, stages, se, regulator, classes }
        },
    )
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(declared in declarations(), height in 1_usize..999, width in 1_usize..999) {
        let source = declared.to_source("Printed", [height, width]);
        let (read, image, said) = read(&source);
        prop_assert_eq!(read, declared, "{}", source);
        prop_assert_eq!(image, [height, width]);
        // The macro has something to say exactly where the declaration is not sound.
        prop_assert_eq!(said.is_empty(), declared.to_anynet().is_ok(), "{}{}", source, said);
    }

    #[test]
    fn what_is_printed_stage_by_stage_is_read_back(net in networks(), height in 1_usize..999, width in 1_usize..999) {
        let source = net.to_source("Printed", [height, width]);
        let (read, said) = read_stages(&source);
        prop_assert_eq!(said, "", "{}", source);
        prop_assert_eq!(read.input, [net.input_channels, height, width]);
        prop_assert_eq!(read.net, net, "{}", source);
    }
}

#[test]
fn networks_that_are_not_sound_are_not_read_as_others() {
    let stages = vec![Stage { group_width: 4, ..Stage::plain(1, 8, 2) }];
    let sound = AnyNet {
        input_channels: 3,
        stem: Stem::default(),
        block: Block::Bottleneck,
        stages,
        se: None,
        regulator: None,
        classes: 10,
    };
    let printed = |net: &AnyNet| read_stages(&net.to_source("Printed", [32, 32])).1;
    assert_eq!(printed(&sound), "");
    for wrong in [
        AnyNet { block: Block::Vanilla, ..sound.clone() },
        AnyNet { stages: Vec::new(), ..sound.clone() },
        AnyNet { stages: sound.stages.repeat(7), ..sound.clone() },
        AnyNet { se: Some(2.0), ..sound.clone() },
        AnyNet { classes: 0, ..sound.clone() },
    ] {
        assert!(wrong.check().is_err());
        assert_ne!(printed(&wrong), "", "{wrong:?}");
    }
}

#[test]
fn published_models_are_read_back() {
    for preset in presets().iter().chain(torchvision_presets()) {
        let declared = preset.declaration();
        let (read, _, said) = read(&declared.to_source("Printed", [224, 224]));
        assert_eq!((read, said.as_str()), (declared, ""), "{}", preset.name);
    }
}

#[test]
fn drawn_networks_are_read_back() {
    let drawn = Sampler::new(SpaceName::RegNetY, 3).draw(50).unwrap_or_else(|errors| panic!("{errors:?}"));
    for declared in drawn.into_iter().filter_map(|drawn| drawn.declaration) {
        let (read, _, said) = read(&declared.to_source("Printed", [32, 32]));
        assert_eq!((read, said.as_str()), (declared, ""));
    }
}
