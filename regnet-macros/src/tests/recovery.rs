//! After a mistake: the name still exists, and no input makes the macro panic.

use proc_macro2::{Group, TokenStream, TokenTree};

use super::declare;
use super::{errors_in, expand, file, unspaced};
use crate::key::Form;

#[test]
fn a_wrong_item_still_has_its_name_and_everything_that_can_be_kept() {
    let text = unspaced(file(
        "pub struct Net = < d=0, w0=50, wa=1, wm=2, g=8 >; classes = 38; input = 1 x 64 x 64;",
    ));
    for part in [
        "pubstructNet;",
        "usize=38;",
        "usize;3]=[1,64,64];",
        "impl::regnet::DeclaredforNet",
        "BuildOnDevice<__Device,__Dtype>forNet",
        "::core::compile_error!",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn unsound_ends_are_replaced_too() {
    for wrong in ["classes = 0", "input = 3 x 0 x 0", "stem = simple(0)", "input = 0 x 1 x 1", "se = 7"] {
        let (key, _) = wrong.split_once(' ').unwrap();
        let tokens = expand(&format!("struct Net = RegNetX-200MF, {wrong};"));
        assert_eq!(errors_in(tokens.clone()).len(), 1, "{key}");
        assert!(unspaced(tokens).contains("structNet;"), "{key}");
    }
}

#[test]
fn without_the_path_there_is_one_error() {
    assert_eq!(errors_in(declare(TokenStream::new())).len(), 1);
    assert_eq!(errors_in(declare("RegNetX-200MF".parse().unwrap())).len(), 1);
}

#[test]
fn what_other_macros_pass_on_is_read_through() {
    // `regnet!(d = $d, ..)` in a `macro_rules!` sends the literal in an invisible group.
    let invisible =
        |text: &str| -> TokenTree { Group::new(proc_macro2::Delimiter::None, text.parse().unwrap()).into() };
    let (sixteen, minus) = (invisible("16"), invisible("-1"));
    let tokens =
        declare(quote::quote!([::regnet] RegNetX-200MF, classes = #sixteen, stem = simple(#sixteen)));
    assert_eq!(errors_in(tokens.clone()), []);
    assert!(unspaced(tokens).contains("SimpleStem<3,16>"));
    let tokens = declare(quote::quote!([::regnet] RegNetX-200MF, classes = #minus));
    assert!(errors_in(tokens)[0].1.contains("negative"));
}

/// Every declaration made by leaving out, doubling or replacing one token of a right one.
#[test]
fn any_damage_is_reported_and_nothing_panics() {
    let declarations = [
        "< d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=true >, stem = simple(32), input = 3 x 224 x 224",
        "< depths = [1, 3], widths = [48, 96], groups = 24 >, strides = [1, 2], bottleneck = 0.5, space = AnyNetXA",
        "struct Net = depths = [2], widths = [16], block = basic; stem = cifar(8);",
        "#[doc = \"x\"] pub(crate) struct Net = RegNetX-400MF, se = 0.25; classes = 10; input = 3x32x32;",
        "RegNetX-400MF, budget = flops <= 400M, memory(training, batch = 2) <= 1G, classes = 10",
        "RegNetX-200MF, regulator = gru(conv = efficient, share = block, carry = true), classes = 10",
        "pub struct Net = depth = 20, cell = lstm; conv = efficient; se = true; classes = 10;",
    ];
    let intruders = "; , < > = - # d x struct pub 0 1e999 18446744073709551616 'c' b\"s\" 'life (a) {} [] ::";
    let intruders: Vec<TokenTree> = intruders.parse::<TokenStream>().unwrap().into_iter().collect();
    for declaration in declarations {
        let tokens: Vec<TokenTree> = declaration.parse::<TokenStream>().unwrap().into_iter().collect();
        for i in 0..tokens.len() {
            check(tokens[..i].iter().chain(&tokens[i + 1..]));
            check(tokens[..=i].iter().chain(&tokens[i..]));
            check(tokens[..i].iter());
            for intruder in &intruders {
                check(tokens[..i].iter().chain([intruder]).chain(&tokens[i + 1..]));
            }
        }
    }
}

fn check<'a>(tokens: impl Iterator<Item = &'a TokenTree>) {
    let tokens: TokenStream = tokens.cloned().collect();
    for form in [Form::RegNet, Form::AnyNet, Form::SelfRegulated] {
        let expanded = expand::declare(form, quote::quote!([::regnet] #tokens));
        let parses = syn::parse2::<syn::Type>(expanded.clone()).is_ok()
            || syn::parse2::<syn::File>(expanded.clone()).is_ok();
        assert!(parses, "{tokens}\ngives\n{expanded}");
        // Each message has its short name and help line, or this panics.
        errors_in(expanded);
    }
}
