//! Tokens to a population: `pub mod NAME = SPACE[COUNT] { key = value; .. }`.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::{Attribute, Visibility};

use super::key::Key;
use crate::code::Code;
use crate::parse::{
    Head, Kind, flatten, is_group, is_punct, no_crate, no_equals, no_value, not_an_entry, stream,
};
use crate::report::{Mistake, Report};

/// A population as it was written.
pub struct Population {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    /// The word for the design space.
    pub space: Ident,
    /// The brackets and what stands between them; `None` where the mistake was reported already.
    pub count: Option<(TokenTree, Vec<TokenTree>)>,
    pub entries: Vec<Entry>,
    /// Whether everything between the braces could be read.
    pub complete: bool,
}

/// `key = value`. The key may be unknown, and the value anything.
pub struct Entry {
    pub key: Ident,
    pub value: Vec<TokenTree>,
}

const EXAMPLE: &str = "pub mod candidates = RegNetX[8] { seed = 7; flops = 80M..=100M; }";

impl Population {
    /// Reads `[path] population` and returns the path, too. `None` when there is not even a name or a space.
    pub fn parse(report: &mut Report, tokens: TokenStream) -> Option<(TokenStream, Self)> {
        let mut tokens = tokens.into_iter();
        let Some(TokenTree::Group(path)) = tokens.next().filter(|first| is_group(first, Delimiter::Bracket))
        else {
            report.at(TokenStream::new(), no_crate("`population!`"));
            return None;
        };
        let tokens = flatten(tokens.collect());
        if tokens.is_empty() {
            let help = format!("write a population, as in `{EXAMPLE}`");
            report.at(TokenStream::new(), Mistake::new(Code::Empty, "nothing is declared", help));
            return None;
        }
        let equals = tokens.iter().position(|token| is_punct(token, '=')).unwrap_or(tokens.len());
        let (head, body) = tokens.split_at(equals);
        let head = Head::parse(report, Kind::Mod, EXAMPLE, head)?;
        if let Some(first) = head.rest.first() {
            report.at(first, no_equals(&head.name, format!("write it as in `{EXAMPLE}`")));
            return None;
        }
        Some((path.stream(), Self::body(report, head, body.get(1..).unwrap_or_default())?))
    }

    /// Reads `SPACE[COUNT] { .. }`.
    fn body(report: &mut Report, head: Head, tokens: &[TokenTree]) -> Option<Self> {
        let Head { attributes, visibility, name, .. } = head;
        let Some((TokenTree::Ident(space), rest)) = tokens.split_first() else {
            let what = format!("expected a design space and a number of models after `{name} =`");
            report.at(&name, Mistake::new(Code::DrawnSpace, what, format!("write them as in `{EXAMPLE}`")));
            return None;
        };
        let (count, rest) = match rest {
            [TokenTree::Group(group), rest @ ..] if group.delimiter() == Delimiter::Bracket => {
                (Some((group.clone().into(), flatten(group.stream()))), rest)
            }
            _ => {
                let help = format!("write the number in brackets, as in `{space}[8]`");
                report.at(space, Mistake::new(Code::NoCount, format!("how many models of {space}?"), help));
                (None, rest)
            }
        };
        let (lines, rest) = match rest {
            [TokenTree::Group(group), rest @ ..] if group.delimiter() == Delimiter::Brace => {
                (Some(flatten(group.stream())), rest)
            }
            _ => {
                let help = format!("write them as in `{EXAMPLE}`");
                report.at(
                    space,
                    Mistake::new(Code::NoBraces, "expected braces with at least a seed after this", help),
                );
                (None, &[][..])
            }
        };
        let after = rest.iter().find(|token| !is_punct(token, ';'));
        if let Some(after) = after {
            let help = "write another `population!` for the next one";
            report.at(after, Mistake::new(Code::AfterBraces, "a population ends at its `}`", help));
        }
        let mut complete = lines.is_some();
        let entries = entries(report, &lines.unwrap_or_default(), &mut complete);
        Some(Self { attributes, visibility, name, space: space.clone(), count, entries, complete })
    }
}

/// Reads `key = value; ..`; the last `;` may be missing.
fn entries(report: &mut Report, tokens: &[TokenTree], complete: &mut bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    for line in lines(report, tokens) {
        match entry(line) {
            Ok(entry) => entries.push(entry),
            Err(mistake) => {
                report.at(stream(line), mistake);
                *complete = false;
            }
        }
    }
    entries
}

/// Cuts at `;`, and also where an entry begins without one. No line is empty.
fn lines<'a>(report: &mut Report, tokens: &'a [TokenTree]) -> Vec<&'a [TokenTree]> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (i, token) in tokens.iter().enumerate() {
        let comma = is_punct(token, ',');
        if comma {
            let what = "the lines of a population end with `;`";
            report.at(token, Mistake::new(Code::Separator, what, "write `;` here"));
        }
        if comma || is_punct(token, ';') {
            lines.push(&tokens[start..i]);
            start = i + 1;
        } else if i > start && starts_entry(&tokens[i..]) {
            let what = format!("expected `;` before `{token}`");
            report.at(token, Mistake::new(Code::NoSemicolon, what, "write `;` here"));
            lines.push(&tokens[start..i]);
            start = i;
        }
    }
    lines.push(&tokens[start..]);
    lines.retain(|line| !line.is_empty());
    lines
}

/// A name and `=`.
fn starts_entry(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Ident(_), equals, ..] if is_punct(equals, '='))
}

fn entry(line: &[TokenTree]) -> Result<Entry, Mistake> {
    let (TokenTree::Ident(key), rest) = (&line[0], &line[1..]) else {
        return Err(not_an_entry(Key::Seed.example()));
    };
    let example = Key::find(&key.to_string()).map_or("key = value", Key::example);
    match rest {
        [equals, value @ ..] if is_punct(equals, '=') && !value.is_empty() => {
            Ok(Entry { key: key.clone(), value: value.to_vec() })
        }
        _ => Err(no_value(key, example)),
    }
}
