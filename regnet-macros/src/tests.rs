//! What the macro writes: an input is expanded, the output is parsed again, and lines of it are looked at.

#![allow(clippy::unwrap_used)]

mod accepted;
mod anynet;
mod budgets;
mod codes;
mod items;
mod mistakes;
mod recovery;
mod regulators;
mod snapshots;
mod speed;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;

use crate::expand;
use crate::key::Form;

/// Expands a declaration of a crate that knows `regnet` under that name.
fn expand(declaration: &str) -> TokenStream {
    expand_as(Form::RegNet, declaration)
}

fn expand_as(form: Form, declaration: &str) -> TokenStream {
    expand::declare(form, format!("[::regnet] {declaration}").parse().unwrap())
}

/// `regnet!` on tokens that hold its crate's path.
fn declare(tokens: TokenStream) -> TokenStream {
    expand::declare(Form::RegNet, tokens)
}

/// Expands what must be right, in type position; the text has no spaces.
fn network(declaration: &str) -> String {
    let tokens = expand(declaration);
    let ty: syn::Type = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    assert_eq!(errors_in(tokens), [], "{declaration}");
    unspaced(ty)
}

/// Expands in item position, right or wrong.
fn file(declaration: &str) -> syn::File {
    let tokens = expand(declaration);
    syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"))
}

/// Every error, in either position: the source it points at and its text.
fn errors(declaration: &str) -> Vec<(String, String)> {
    let tokens = expand(declaration);
    let is_type = syn::parse2::<syn::Type>(tokens.clone()).is_ok();
    let is_file = syn::parse2::<syn::File>(tokens.clone()).is_ok();
    assert!(is_type || is_file, "neither a type nor items: {tokens}");
    errors_in(tokens)
}

/// Finds each `::core::compile_error! { "what [code]\nhelp: help" }`, and gives `what; help`.
pub(crate) fn errors_in(tokens: TokenStream) -> Vec<(String, String)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut errors = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        if group.delimiter() == Delimiter::Brace && i >= 2 && tokens[i - 2].to_string() == "compile_error" {
            let text: syn::LitStr = syn::parse2(group.stream()).unwrap();
            // The path carries the span's start, the text its end.
            let span = tokens[i - 3].span().join(text.span()).unwrap_or_else(Span::call_site);
            errors.push((span.source_text().unwrap_or_default(), in_one_line(&text.value())));
        } else {
            errors.extend(errors_in(group.stream()));
        }
    }
    errors
}

/// Every message has a short name and a help line.
fn in_one_line(text: &str) -> String {
    let parts = text.split_once("]\nhelp: ").and_then(|(what, help)| Some((what.rsplit_once(" [")?, help)));
    match parts {
        Some(((what, code), help)) if codes::is_code(code) && !what.is_empty() && !help.is_empty() => {
            format!("{what}; {help}")
        }
        _ => panic!("not `what [code]`, `help: help`: {text}"),
    }
}

pub(crate) fn unspaced(tokens: impl ToTokens) -> String {
    tokens.to_token_stream().to_string().split_whitespace().collect()
}
