//! A network: a preset's name or `< .. >`, and entries `key = value`.

use proc_macro2::{Ident, TokenStream, TokenTree};

use regnet_space::suggest;

use super::{is_punct, stream};
use crate::budget;
use crate::code::Code;
use crate::key::{Form, Key};
use crate::report::{Mistake, Report};

/// A network as it was written.
pub struct Body {
    /// What to point at when something is missing: `< .. >`, or all there is.
    pub whole: TokenStream,
    /// The name of the preset it starts from.
    pub preset: Option<Vec<TokenTree>>,
    pub entries: Vec<Entry>,
}

/// `key = value`. The key may be unknown, and the value anything.
pub struct Entry {
    pub key: Ident,
    /// `None` where the mistake was reported already.
    pub value: Option<Vec<TokenTree>>,
}

impl Body {
    /// Reads a network; `before` is what to point at if there are no tokens.
    pub fn parse(report: &mut Report, form: Form, tokens: &[TokenTree], before: TokenStream) -> Self {
        let (inside, after, whole) = match tokens {
            [] => (tokens, tokens, before),
            [open, ..] if is_punct(open, '<') => brackets(report, tokens),
            _ => (tokens, [].as_slice(), stream(tokens)),
        };
        if inside.is_empty() && after.is_empty() {
            report.at(&whole, Mistake::new(Code::Empty, "nothing is declared", form.start()));
        }
        let mut segments = segments(report, inside);
        let preset = match segments.first() {
            Some(first) if form == Form::RegNet && is_preset(first) => Some(segments.remove(0).to_vec()),
            _ => None,
        };
        segments.extend(self::segments(report, after));
        let entries =
            segments.into_iter().filter_map(|segment| Entry::parse(report, form.keys(), segment)).collect();
        Self { whole, preset, entries }
    }

    /// Whether nothing could be read at all, which was reported.
    pub fn is_empty(&self) -> bool {
        self.preset.is_none() && self.entries.is_empty()
    }
}

impl Entry {
    /// Reads entries of `keys`, separated by commas.
    pub fn parse_all(report: &mut Report, keys: &[Key], tokens: &[TokenTree]) -> Vec<Self> {
        let segments = segments(report, tokens);
        segments.into_iter().filter_map(|segment| Self::parse(report, keys, segment)).collect()
    }

    fn parse(report: &mut Report, keys: &[Key], segment: &[TokenTree]) -> Option<Self> {
        let (TokenTree::Ident(key), rest) = segment.split_first()? else {
            report.at(stream(segment), not_an_entry(keys[0].example()));
            return None;
        };
        if rest.first().is_some_and(|next| is_punct(next, '<')) && budget::is_quantity(&key.to_string()) {
            report.at(key, budget::outside(&key.to_string()));
            return None;
        }
        let example = Key::find(keys, &key.to_string()).map_or("key = value", |key| key.example());
        let value = match rest {
            [other, ..] if !is_punct(other, '=') => {
                report.at(other, no_equals(key, format!("write it as in `{example}`")));
                None
            }
            [] | [_] => {
                report.at(stream(segment), no_value(key, example));
                None
            }
            [_, value @ ..] => Some(value.to_vec()),
        };
        Some(Self { key: key.clone(), value })
    }
}

/// What to say of something else than an entry.
pub fn not_an_entry(example: &str) -> Mistake {
    Mistake::new(Code::NoEntry, "expected `key = value`", format!("write it as in `{example}`"))
}

/// What to say of a key alone.
pub fn no_value(key: &Ident, example: &str) -> Mistake {
    Mistake::new(Code::MissingValue, format!("`{key}` has no value"), format!("write it as in `{example}`"))
}

/// What to say where `=` should come after a name.
pub fn no_equals(name: &Ident, help: String) -> Mistake {
    Mistake::new(Code::NoEquals, format!("expected `=` after `{name}`"), help)
}

/// What to say where two entries or numbers touch.
pub fn no_comma(what: String) -> Mistake {
    Mistake::new(Code::NoComma, what, "write `,` here")
}

/// What to say of a comma too many.
pub fn nothing_before() -> Mistake {
    Mistake::new(Code::NothingBeforeComma, "nothing stands before this `,`", "leave it out")
}

type Tokens<'a> = &'a [TokenTree];

/// Cuts `< inside > , after`, and gives the part from `<` to `>` as well.
fn brackets<'a>(report: &mut Report, tokens: Tokens<'a>) -> (Tokens<'a>, Tokens<'a>, TokenStream) {
    let Some(close) = tokens.iter().position(|token| is_punct(token, '>')) else {
        let help = "write `>` after the last number";
        report.at(&tokens[0], Mistake::new(Code::Unclosed, "this `<` is never closed", help));
        return (&tokens[1..], &[], stream(tokens));
    };
    let after = match &tokens[close + 1..] {
        [comma, after @ ..] if is_punct(comma, ',') => after,
        [] => &[],
        after => {
            report.at(&after[0], no_comma(format!("expected `,` between `>` and `{}`", after[0])));
            after
        }
    };
    (&tokens[1..close], after, stream(&tokens[..=close]))
}

/// Whether this is no attempt at `key = value`.
fn is_preset(segment: &[TokenTree]) -> bool {
    let key = |token: &TokenTree| Form::RegNet.find(&token.to_string()).is_some();
    !key(&segment[0]) && !segment.iter().any(|token| is_punct(token, '='))
}

/// Cuts at commas, and also where an entry begins without one. No segment is empty.
fn segments<'a>(report: &mut Report, tokens: Tokens<'a>) -> Vec<Tokens<'a>> {
    let mut segments = Vec::new();
    let mut start = 0;
    for (i, token) in tokens.iter().enumerate() {
        let semicolon = is_punct(token, ';');
        if semicolon {
            let what = "`;` ends a line only after `struct NAME = ..`";
            report.at(token, Mistake::new(Code::Separator, what, "write `,` here"));
        }
        let within_budget = sets(Key::Budget, &tokens[start..i]) && budget::continues(&tokens[i + 1..]);
        if semicolon || is_punct(token, ',') && !within_budget {
            if i == start && !semicolon {
                report.at(token, nothing_before());
            }
            segments.push(&tokens[start..i]);
            start = i + 1;
        } else if i > start
            && starts_entry(&tokens[i..])
            && !is_punct(&tokens[i - 1], '=')
            && !(sets(Key::Regulator, &tokens[start..i]) && is_option(token))
        {
            report.at(token, no_comma(format!("expected `,` before `{token}`")));
            segments.push(&tokens[start..i]);
            start = i;
        }
    }
    segments.push(&tokens[start..]);
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// Whether these are the first tokens of `key = ..`, also misspelt. A `budget` has commas of its own, and a `regulator`
/// entries of its own, though those should stand in parentheses.
fn sets(key: Key, tokens: Tokens<'_>) -> bool {
    let [TokenTree::Ident(name), equals, ..] = tokens else { return false };
    is_punct(equals, '=') && suggest::nearest(&name.to_string(), [key.name()]).is_some()
}

/// Whether this is an option of a regulator.
fn is_option(token: &TokenTree) -> bool {
    Key::find(&Key::REGULATOR, &token.to_string()).is_some()
}

fn starts_entry(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Ident(_), equals, ..] if is_punct(equals, '='))
}
