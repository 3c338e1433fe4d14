//! The item form: `pub struct NAME = ..; key = value; ..`.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, Token, Visibility};

use super::{Body, Entry, is_punct, is_word, stream};
use crate::key::{Form, Key};
use crate::report::Report;

/// A named network as it was written.
pub struct Item {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    /// The network, with the entries of the lines that follow it.
    pub body: Body,
}

/// Whether these tokens begin an item, right or wrong, and not a type.
pub fn starts_here(tokens: &[TokenTree]) -> bool {
    let begins = tokens.first().is_some_and(|first| {
        is_punct(first, '#') || ["pub", "type", "enum"].iter().any(|word| is_word(first, word))
    });
    begins || tokens.iter().any(|token| is_word(token, "struct"))
}

/// Reads any number of items.
pub fn items(report: &mut Report, form: Form, tokens: &[TokenTree]) -> Vec<Item> {
    let mut items: Vec<Option<Item>> = Vec::new();
    for line in tokens.split(|token| is_punct(token, ';')).filter(|line| !line.is_empty()) {
        if starts_here(line) {
            items.push(item(report, form, line));
            continue;
        }
        let options = options(report, form, line);
        match items.last_mut() {
            Some(Some(item)) => item.body.entries.extend(options),
            Some(None) => {}
            None => report.at(stream(line), "expected `pub struct NAME = ..;` before this line"),
        }
    }
    if let Some(last) = tokens.last().filter(|last| !is_punct(last, ';')) {
        report.at(last, "expected `;` after this");
    }
    items.into_iter().flatten().collect()
}

/// Reads `pub struct NAME = network`. `None` when there is not even a name.
fn item(report: &mut Report, form: Form, line: &[TokenTree]) -> Option<Item> {
    let equals = line.iter().position(|token| is_punct(token, '=')).unwrap_or(line.len());
    let (head, network) = line.split_at(equals);
    let Head { attributes, visibility, name, rest } = match syn::parse2(stream(head)) {
        Ok(head) => head,
        Err(error) => {
            report.syntax(error);
            return None;
        }
    };
    if !rest.is_empty() {
        report.at(
            rest,
            format!("expected `=` after `{name}`: a declared network has no generics and no fields"),
        );
    }
    let body = Body::parse(report, form, network.get(1..).unwrap_or_default(), name.to_token_stream());
    Some(Item { attributes, visibility, name, body })
}

/// Reads a line after the first, which may not set the network's parameters.
fn options(report: &mut Report, form: Form, line: &[TokenTree]) -> Vec<Entry> {
    let options = Entry::parse_all(report, form, line);
    for Entry { key, .. } in &options {
        if form.find(&key.to_string()).is_some_and(Key::is_parameter) {
            report.at(
                key,
                format!(
                    "`{key}` is one of the network's parameters: write it before the first `;`, in `< .. >`"
                ),
            );
        }
    }
    options
}

/// What stands before the `=`.
struct Head {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    name: Ident,
    /// What should not be there.
    rest: TokenStream,
}

impl Parse for Head {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let word: Token![struct] = input.parse()?;
        let name = input.parse().map_err(|_| syn::Error::new(word.span, "expected a name after `struct`"))?;
        Ok(Self { attributes, visibility, name, rest: input.parse()? })
    }
}
