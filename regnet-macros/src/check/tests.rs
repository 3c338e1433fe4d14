//! Declarations that `regnet-space` prints are read back as they were.

use proptest::prelude::*;
use regnet_space::{
    Bottleneck, Cell, CellConv, Compatibility, Declaration, RegNetParams, Regulator, SampledSpace, Sampler,
    Share, Space, Stem, StemKind, presets, torchvision_presets,
};

use super::draft;
use crate::parse::{self, Input};
use crate::report::Report;

/// What `regnet!` understands of a printed declaration, and everything it has to say about it.
fn read(source: &str) -> (Declaration, [usize; 2], String) {
    let call: syn::ItemMacro = syn::parse_str(source).unwrap_or_else(|error| panic!("{error}: {source}"));
    let tokens = call.mac.tokens;
    let mut report = Report::default();
    let input = Input::parse(&mut report, crate::key::Form::RegNet, quote::quote!([::regnet] #tokens));
    let Some(Input { declaration: parse::Declaration::Items(items), .. }) = input else {
        panic!("no item: {source}")
    };
    let [item] = items.as_slice() else { panic!("not one item: {source}") };
    assert_eq!(item.name, "Printed");
    let (draft, _) = draft(&mut report, &item.body);
    let (height, width) = draft.size();
    (draft.declaration, [height, width], report.into_items().to_string())
}

fn regulators() -> impl Strategy<Value = Regulator> {
    let cell = prop::sample::select(vec![Cell::Rnn, Cell::Gru, Cell::Lstm]);
    let conv = prop::sample::select(vec![CellConv::Full, CellConv::Efficient]);
    let share = prop::sample::select(vec![Share::Stage, Share::Block]);
    (cell, conv, share, any::<bool>()).prop_map(|(cell, conv, share, carry)| Regulator {
        cell,
        conv,
        share,
        carry,
    })
}

fn declarations() -> impl Strategy<Value = Declaration> {
    let b = (1_usize..=64, any::<bool>())
        .prop_map(|(n, inverted)| if inverted { Bottleneck::expands(n) } else { Bottleneck::reduces(n) });
    let se = prop_oneof![Just(None), Just(Some(0.25)), (0.001..=1.0).prop_map(Some)];
    let params = (1_usize..100, 1_usize..64, 0.0..300.0, 1.01..8.0, 1_usize..300, b, se)
        .prop_map(|(d, w0, wa, wm, g, b, se)| RegNetParams { d, w0: 8 * w0, wa, wm, g, b, se });
    let kind = prop::sample::select(vec![StemKind::Simple, StemKind::Cifar, StemKind::ResNet]);
    let rule = prop::sample::select(vec![Compatibility::Published, Compatibility::Torchvision]);
    let space = prop::sample::select(vec![Space::RegNet, Space::Any]);
    let regulator = prop::option::of(regulators());
    (params, kind, 1_usize..100, 1_usize..9, 1_usize..2000, rule, space, regulator).prop_map(
        |(params, kind, width, input_channels, classes, compatibility, space, regulator)| {
            let stem = Stem { kind, width };
            Declaration { params, space, compatibility, stem, regulator, input_channels, classes }
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
    let drawn = Sampler::new(SampledSpace::RegNetY, 3).draw(50).unwrap_or_else(|errors| panic!("{errors:?}"));
    for declared in drawn {
        let (read, _, said) = read(&declared.to_source("Printed", [32, 32]));
        assert_eq!((read, said.as_str()), (declared, ""));
    }
}
