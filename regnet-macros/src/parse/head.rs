//! What stands before the `=` of an item: `pub struct NAME` or `pub mod NAME`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Visibility};

use super::{is_word, stream};
use crate::code::Code;
use crate::report::{Mistake, Report};

/// The two kinds of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Struct,
    Mod,
}

impl Kind {
    fn keyword(self) -> &'static str {
        match self {
            Self::Struct => "struct",
            Self::Mod => "mod",
        }
    }

    /// What to say of an item of another kind.
    fn other(self) -> (Code, &'static str) {
        match self {
            Self::Struct => (Code::NotAStruct, "a declared network is a `struct`"),
            Self::Mod => (Code::NotAModule, "a population is a `mod`"),
        }
    }
}

/// The head of an item.
pub struct Head {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    /// What should not be there.
    pub rest: Vec<TokenTree>,
}

impl Head {
    /// Reads a head; `example` is an item to copy. `None` when there is not even a name.
    pub fn parse(report: &mut Report, kind: Kind, example: &str, head: &[TokenTree]) -> Option<Self> {
        let as_in = |what: &str| format!("{what}, as in `{example}`");
        let Front { attributes, visibility, rest } = match syn::parse2(stream(head)) {
            Ok(front) => front,
            Err(error) => {
                let help = as_in("attributes, a visibility and the name stand before the `=`");
                // A span alone is nothing to point at.
                let at = Ident::new("here", error.span());
                report.at(at, Mistake::new(Code::ItemHead, error.to_string(), help));
                return None;
            }
        };
        let rest: Vec<TokenTree> = rest.into_iter().collect();
        let keyword = kind.keyword();
        let (code, what) = kind.other();
        match rest.as_slice() {
            [word, rest @ ..] if is_word(word, keyword) => {
                let Some((name, rest)) = name(rest) else {
                    let (what, help) =
                        (format!("expected a name after `{keyword}`"), as_in("write a name here"));
                    report.at(word, Mistake::new(Code::NoName, what, help));
                    return None;
                };
                Some(Self { attributes, visibility, name, rest: rest.to_vec() })
            }
            other => {
                let at = other.first().or(head.last());
                report.at(at, Mistake::new(code, what, as_in(&format!("write `{keyword}` here"))));
                None
            }
        }
    }
}

/// A name, which no keyword is, and what follows it.
fn name(tokens: &[TokenTree]) -> Option<(Ident, &[TokenTree])> {
    let (name, rest) = tokens.split_first()?;
    Some((syn::parse2(name.clone().into()).ok()?, rest))
}

/// What syn reads of a head.
struct Front {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    rest: TokenStream,
}

impl Parse for Front {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        Ok(Self { attributes, visibility: input.parse()?, rest: input.parse()? })
    }
}
