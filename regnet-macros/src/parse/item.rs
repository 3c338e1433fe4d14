//! The item form: `pub struct NAME = ..; key = value; ..`.

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{Attribute, Ident, Visibility};

use super::{Body, Entry, Head, Kind, is_punct, is_word, no_equals, stream};
use crate::code::Code;
use crate::key::{Form, Key};
use crate::report::{Mistake, Report};

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
            None => {
                let help = "write `pub struct NAME = ..;` before this line";
                report.at(stream(line), Mistake::new(Code::NoStruct, "this line belongs to no struct", help));
            }
        }
    }
    if let Some(last) = tokens.last().filter(|last| !is_punct(last, ';')) {
        report.at(
            last,
            Mistake::new(Code::NoSemicolon, "expected `;` after this", "each line of an item ends with `;`"),
        );
    }
    items.into_iter().flatten().collect()
}

/// Reads `pub struct NAME = network`. `None` when there is not even a name.
fn item(report: &mut Report, form: Form, line: &[TokenTree]) -> Option<Item> {
    let equals = line.iter().position(|token| is_punct(token, '=')).unwrap_or(line.len());
    let (head, network) = line.split_at(equals);
    let Head { attributes, visibility, name, rest } = Head::parse(report, Kind::Struct, form.item(), head)?;
    if let [TokenTree::Ident(_) | TokenTree::Literal(_), ..] = rest.as_slice() {
        report.at(&rest[0], no_equals(&name, format!("write it as in `{}`", form.item())));
    } else if !rest.is_empty() {
        let what = format!(
            "`{name}` has something after its name: a declared network has no generics and no fields"
        );
        let help = format!("leave it out, as in `{}`", form.item());
        report.at(stream(&rest), Mistake::new(Code::Generics, what, help));
    }
    let body = Body::parse(report, form, network.get(1..).unwrap_or_default(), name.to_token_stream());
    Some(Item { attributes, visibility, name, body })
}

/// Reads a line after the first, which may not set the network's parameters.
fn options(report: &mut Report, form: Form, line: &[TokenTree]) -> Vec<Entry> {
    let options = Entry::parse_all(report, form.keys(), line);
    for Entry { key, .. } in &options {
        if form.find(&key.to_string()).is_some_and(Key::is_parameter) {
            let what = format!("`{key}` is one of the network's parameters, not an option");
            let help = "write it before the first `;`, in `< .. >`";
            report.at(key, Mistake::new(Code::ParameterLine, what, help));
        }
    }
    options
}
