//! Any text that lexes as Rust tokens, through parser, checker and expander: no panic, no hang, and what comes out is
//! Rust again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proc_macro2::TokenStream;
use quote::quote;

fuzz_target!(|text: &str| {
    let Ok(tokens) = text.parse::<TokenStream>() else { return };
    let expanded = regnet_macros::declare(quote!([regnet] #tokens));
    let text = expanded.to_string();
    let parses = syn::parse2::<syn::Type>(expanded.clone()).is_ok() || syn::parse2::<syn::File>(expanded).is_ok();
    assert!(parses, "expands to something that is neither a type nor items: {text}");
});
