//! What a few small declarations expand to, whole: `snapshots/*.rs`, to be read.
//!
//! After a deliberate change, `SNAPSHOTS=overwrite cargo test -p regnet-macros snapshots` writes them anew.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::expand_as;
use crate::key::Form;
use crate::population;

/// Compares with the snapshot of this name.
#[track_caller]
fn assert_expands(name: &str, call: &str, expanded: TokenStream) {
    let file = syn::parse2(expanded).unwrap_or_else(|error| panic!("{call}: {error}"));
    let call: String = call.lines().map(|line| format!("// {line}\n")).collect();
    let text = format!("{call}\n{}", prettyplease::unparse(&file));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/tests/snapshots/{name}.rs"));
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        std::fs::write(&path, &text).unwrap();
    }
    let pinned = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(pinned == text, "{} is not what is written now:\n{text}", path.display());
}

#[test]
fn a_type() {
    let declaration = "RegNetX-200MF, classes = 10";
    let network = expand_as(Form::RegNet, declaration);
    assert_expands("type", &format!("type Net = regnet!({declaration});"), quote!(type Net = #network;));
}

fn assert_item_expands(name: &str, form: Form, macro_name: &str, item: &str) {
    let lines: String = item.lines().map(|line| format!("    {line}\n")).collect();
    assert_expands(name, &format!("{macro_name}! {{\n{lines}}}"), expand_as(form, item));
}

#[test]
fn an_item() {
    let item = "/// Leaves.\n\
                pub struct Leaf = < d=3, w0=24, wa=24, wm=2.5, g=8, se=true >;\n\
                input = 3 x 32 x 32; classes = 10; stem = cifar(16);\n\
                budget = flops <= 10M, params <= 100K;";
    assert_item_expands("item", Form::RegNet, "regnet", item);
}

#[test]
fn an_item_of_stages() {
    let item = "struct Small = depths = [2, 2], widths = [16, 32], strides = [1, 2], block = basic;\n\
                stem = cifar(16); classes = 10;";
    assert_item_expands("stages", Form::AnyNet, "anynet", item);
}

#[test]
fn a_self_regulated_item() {
    let item = "/// The paper's smallest.\n\
                pub struct Small = < depth = 8, cell = gru, carry = true >;\n\
                classes = 10; budget = flops <= 50M;";
    assert_item_expands("self_regulated", Form::SelfRegulated, "self_regulated", item);
}

/// Without the impls of each network, which are those of an item.
#[test]
fn a_population() {
    let population = "pub mod candidates = RegNetX[2] {\n    \
                      seed = 7; flops = 1M..=5M; stem = cifar(8); classes = 10;\n}";
    let tokens = population::declare(format!("[::regnet] {population}").parse().unwrap());
    let mut module: syn::ItemMod = syn::parse2(tokens).unwrap();
    let (_, items) = module.content.as_mut().unwrap();
    items.retain(|item| !matches!(item, syn::Item::Impl(_)));
    assert_expands("population", &format!("population! {{ {population} }}"), module.into_token_stream());
}
