//! What `population!` writes, and what it says.

#![allow(clippy::unwrap_used)]

use regnet_space::{AnyNet, Drawn, Sampler, SpaceName, Stage, Stem, StemKind};
use syn::{Item, ItemMod};

use super::declare;
use crate::tests::{errors_in, unspaced};

const LINES: &str = "seed = 7; flops = 4M..=6M; input = 3 x 32 x 32; classes = 10; stem = cifar(16);";

fn expand(population: &str) -> proc_macro2::TokenStream {
    declare(format!("[::regnet] {population}").parse().unwrap())
}

/// The module a population expands to, right or wrong.
fn module(population: &str) -> ItemMod {
    let tokens = expand(population);
    let file: syn::File = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    match file.items.into_iter().next() {
        Some(Item::Mod(module)) => module,
        other => panic!("{other:?}"),
    }
}

/// Every error: the source it points at and its text.
fn errors(population: &str) -> Vec<(String, String)> {
    let tokens = expand(population);
    let file = syn::parse2::<syn::File>(tokens.clone());
    assert!(file.is_ok(), "no items: {tokens}");
    errors_in(tokens)
}

/// Asserts that there is one error, under `source`, which says `text`.
#[track_caller]
fn assert_error(population: &str, source: &str, text: &str) {
    let errors = errors(population);
    let [(at, said)] = errors.as_slice() else { panic!("{population}: {errors:#?}") };
    assert_eq!(at, source, "{said}");
    assert!(said.contains(text), "`{text}` is not in: {said}");
}

#[track_caller]
fn assert_line_error(line: &str, source: &str, text: &str) {
    assert_error(&format!("mod a = RegNetX[2] {{ seed = 7; {line}; }}"), source, text);
}

#[test]
fn a_module_of_structs_a_count_and_a_visitor() {
    let population = format!("/// Small.\n pub mod candidates = RegNetX[3] {{ {LINES} }}");
    assert_eq!(errors(&population), []);
    let module = module(&population);
    assert_eq!(module.ident, "candidates");
    assert!(matches!(module.vis, syn::Visibility::Public(_)));
    assert_eq!(unspaced(&module.attrs[0]), "#[doc=\"Small.\"]");
    let (_, items) = module.content.unwrap();
    let names: Vec<String> = items
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some(item.ident.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["Candidate0", "Candidate1", "Candidate2"]);
    let text: String = items.iter().map(unspaced).collect();
    for part in [
        "pubconstCOUNT:::regnet::__private::core::primitive::usize=3;",
        "pubfnvisit_all<V:::regnet::Visitor>(visitor:&mutV){\
         ::regnet::Visitor::visit::<Candidate0>(visitor);::regnet::Visitor::visit::<Candidate1>(visitor);\
         ::regnet::Visitor::visit::<Candidate2>(visitor);}",
        "#[doc=\"Drawnas`<d=",
        "impl::regnet::DeclaredforCandidate2{",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn the_run_time_sampler_draws_the_same_networks() {
    for space in SpaceName::ALL {
        let mut sampler = Sampler::new(space, 7);
        sampler.space.stem = Stem { kind: StemKind::Cifar, width: 16 };
        sampler.space.classes = 10;
        sampler.space.windows.flops = Some(4_000_000..=6_000_000);
        let text = unspaced(module(&format!("mod a = {space}[4] {{ {LINES} }}")));
        for Drawn { net, declaration } in sampler.draw(4).unwrap() {
            assert_eq!(declaration.is_some(), space.is_regnet());
            let doc = match declaration {
                Some(declaration) => declaration.params.to_source(),
                None => format!("d = {}; w = {}", list(&net, |s| s.depth), list(&net, |s| s.width)),
            };
            let doc: String = doc.split_whitespace().collect();
            assert!(text.contains(&doc), "{doc}\nis not in\n{text}");
        }
    }
}

fn list(net: &AnyNet, number: fn(&Stage) -> usize) -> String {
    net.stages.iter().map(|stage| number(stage).to_string()).collect::<Vec<_>>().join(", ")
}

#[test]
fn spellings() {
    let text = |population: &str| {
        assert_eq!(errors(population), [], "{population}");
        unspaced(module(population))
    };
    let expected = text(&format!("mod a = RegNetX[2] {{ {LINES} }}"));
    for same in [
        "stem = cifar(16); classes = 10; flops = 4000K..=6.0M; seed = 7",
        "seed = 0x7; flops = 4_000_000..=0.006G; input = 3x32x32; classes = 1_0; stem = cifar(16);",
        "seed = 7; flops = 4e6..=6e6; params = ..=9G; acts = 1..=1G; classes = 10; stem = cifar(16);",
    ] {
        assert_eq!(text(&format!("mod a = RegNetX[2] {{ {same} }}")), expected, "{same}");
    }
    assert_eq!(text(&format!("mod a = RegNetX[2] {{ {LINES} }};")), expected);
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let errors =
        errors("mod a = RegNetZ[0] { flops = 6M..=4M; clases = 10; stem = big; d = 3; params = 5; }");
    let at: Vec<&str> = errors.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(at, ["RegNetZ", "0", "clases", "d", "6M..=4M", "big", "5"], "{errors:#?}");
    assert!(errors[0].1.contains("did you mean `RegNetX`?"), "{}", errors[0].1);
    assert!(errors[3].1.contains("the parameters are what is drawn"), "{}", errors[3].1);
}

#[test]
fn a_wrong_population_still_has_its_module() {
    let text = unspaced(module("pub mod a = RegNetX[2] { flops = 6M; }"));
    assert!(
        text.starts_with("#[doc") && text.contains("structCandidate1;") && text.contains("COUNT"),
        "{text}"
    );
}

#[test]
fn heads() {
    let tail = "{ seed = 7; classes = 10; stem = cifar(16); }";
    for (population, at, text) in [
        (format!("mod a = RegNetX {tail}"), "RegNetX", "`RegNetX[8]`"),
        (format!("mod a = ImageNet[2] {tail}"), "ImageNet", "there are `AnyNetXA`, "),
        (format!("mod a = RegNetX[0] {tail}"), "0", "the nearest is 1"),
        (format!("mod a = RegNetX[65] {tail}"), "65", "1 to 64 models"),
        (format!("mod a = RegNetX[-1] {tail}"), "-1", "negative"),
        (format!("mod a = RegNetX[] {tail}"), "[]", "whole number"),
        (format!("mod a = RegNetX[COUNT] {tail}"), "COUNT", "macros run before"),
        (format!("mod a = RegNetX[2] {tail} mod"), "mod", "ends at its `}`"),
        ("mod a = RegNetX[2];".to_owned(), "RegNetX", "braces"),
        ("mod a = RegNetX[2] {}".to_owned(), "RegNetX", "missing `seed`"),
    ] {
        assert_error(&population, at, text);
    }
    for (population, text) in [
        ("", "nothing is declared"),
        ("struct A = RegNetX[2] {}", "a population is a `mod`"),
        ("mod = RegNetX[2] {}", "expected a name after `mod`"),
        ("mod a RegNetX[2] {}", "expected `=` after `a`"),
        ("mod a = ", "expected a design space"),
    ] {
        let errors = errors(population);
        assert!(errors.len() == 1 && errors[0].1.contains(text), "{population}: {errors:?}");
    }
}

#[test]
fn lines() {
    for (line, at, text) in [
        ("seed = 8", "seed", "`seed = 7` came first"),
        ("flop = 4M..=6M", "flop", "did you mean `flops`?"),
        ("flops", "flops", "`flops = 80M..=100M`"),
        ("flops = 100M", "100M", "is not a range"),
        ("flops = 4M..6M", "4M..6M", "write `flops = 4M..=6M`"),
        ("flops = 4M..", "4M..", "has no end; write it as in `flops = 80M..=100M`"),
        ("flops = 4M..=", "4M..=", "has no end; write it as in `flops = 80M..=100M`"),
        ("flops = 6M..=4M", "6M..=4M", "write `flops = 4M..=6M`"),
        ("flops = 4Q..=6M", "4Q", "K, M and G"),
        ("flops = -4M..=6M", "-4M", "negative"),
        ("flops = a..=6M", "a", "`a` is not one number"),
        ("classes = 0", "0", "1 to 1048576 classes"),
        ("input = 32", "32", "channels x height x width"),
        ("input = 3 x 0 x 32", "3 x 0 x 32", "0 x 32 pixels"),
        ("stem = cifar(0)", "cifar(0)", "stem of width 0"),
        ("7", "7", "expected `key = value`"),
    ] {
        assert_line_error(line, at, text);
    }
    assert_error("mod a = RegNetX[2] { seed = 7, classes = 10; }", ",", "write `;` here");
    assert_error("mod a = RegNetX[2] { seed = 7 classes = 10; }", "classes", "expected `;` before `classes`");
}

/// The time is printed, not asserted, because machines differ.
#[test]
fn an_empty_window_is_an_error_on_the_window() {
    let start = std::time::Instant::now();
    assert_line_error(
        "flops = 1..=2; classes = 10",
        "1..=2",
        "flops from 1 to 2 admits too few RegNetX models: 0 found",
    );
    println!("an empty window took {:?}", start.elapsed());
}

#[test]
fn nothing_makes_it_panic() {
    for population in [
        "mod a = RegNetX[99999999999999999999] { seed = 99999999999999999999999; }",
        "mod a = RegNetX[1e9] { seed = 1e99; flops = 1e400G..=1e999G; }",
        "mod a = RegNetX[2] { seed = 7; flops = ..= ..= ..; = ; ; = = }",
        "mod a = [2] { } =",
        "= = =",
        "#",
        "pub pub",
        "mod a = RegNetX[2] { seed = 7; input = 99999999999999999999 x 1 x 1; stem = ; classes = -; }",
    ] {
        assert_ne!(errors(population), [], "{population}");
    }
}
