//! Tokens to a declaration.
//!
//! Reading goes on after a mistake, so that all of them are found; what was reported is left out of the result, or
//! marked, and no later pass reports it again.

mod body;
mod head;
mod item;

pub use body::{Body, Entry, no_comma, no_equals, no_value, not_an_entry, nothing_before};
pub use head::{Head, Kind};
pub use item::Item;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::code::Code;
use crate::key::Form;
use crate::report::{Mistake, Report};

/// What the macro was given.
pub struct Input {
    /// The path of the `regnet` crate, as the caller's crate knows it.
    pub krate: TokenStream,
    pub declaration: Declaration,
}

/// The two positions a declaration can stand in.
pub enum Declaration {
    /// A network as a type.
    Type(Body),
    /// Networks as named items.
    Items(Vec<Item>),
}

impl Input {
    /// Reads `[path] declaration`.
    pub fn parse(report: &mut Report, form: Form, tokens: TokenStream) -> Option<Self> {
        let mut tokens = tokens.into_iter();
        let Some(TokenTree::Group(path)) = tokens.next().filter(|first| is_group(first, Delimiter::Bracket))
        else {
            report.at(TokenStream::new(), no_crate("`regnet!`, `anynet!` or `self_regulated!`"));
            return None;
        };
        let tokens = flatten(tokens.collect());
        let declaration = if item::starts_here(&tokens) {
            Declaration::Items(item::items(report, form, &tokens))
        } else {
            Declaration::Type(Body::parse(report, form, &tokens, TokenStream::new()))
        };
        Some(Self { krate: path.stream(), declaration })
    }
}

/// What to say when the path of the `regnet` crate is missing, which `callers` pass on.
pub fn no_crate(callers: &str) -> Mistake {
    Mistake::new(Code::NoCrate, "this macro is not called by name", format!("call it through {callers}"))
}

/// The tokens without the invisible groups that stand around what other macros pass on.
pub fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => flatten(group.stream()),
            TokenTree::Group(group) => {
                let mut flat = Group::new(group.delimiter(), flatten(group.stream()).into_iter().collect());
                flat.set_span(group.span());
                vec![flat.into()]
            }
            other => vec![other],
        })
        .collect()
}

pub fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

pub fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

pub fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

/// A slice of tokens as a stream, to point at.
pub fn stream(tokens: &[TokenTree]) -> TokenStream {
    tokens.iter().cloned().collect()
}
