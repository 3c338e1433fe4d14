//! Any text that lexes as Rust tokens, through parser, checker and expander of each macro: no panic, no hang, and
//! what comes out is Rust again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proc_macro2::TokenStream;
use quote::quote;
use regnet_macros::fuzz::{Form, declare, population};

fuzz_target!(|text: &str| {
    let Ok(tokens) = text.parse::<TokenStream>() else { return };
    let tokens = quote!([regnet] #tokens);
    parses(declare(Form::RegNet, tokens.clone()));
    parses(declare(Form::AnyNet, tokens.clone()));
    parses(declare(Form::SelfRegulated, tokens.clone()));
    parses(population(tokens));
});

fn parses(expanded: TokenStream) {
    let text = expanded.to_string();
    let parses = syn::parse2::<syn::Type>(expanded.clone()).is_ok() || syn::parse2::<syn::File>(expanded).is_ok();
    assert!(parses, "expands to something that is neither a type nor items: {text}");
}
