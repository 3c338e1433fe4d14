//! `budget = flops <= 400M, memory(training, batch = 32) <= 2G`: limits on what a network may cost.
//!
//! Any declaration with a `budget` entry can use this: [`read`] takes the entry's value apart and [`check`] holds the
//! network to it. Limits are separated by commas; [`continues`] tells a further limit from the next entry.

mod figure;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use regnet_space::{AnyNet, Budget, Limit, Mode, Quantity, suggest};

use crate::parse::{flatten, is_group, is_punct, stream};
use crate::report::Report;
use crate::value::{self, text};

const EXAMPLE: &str = "budget = flops <= 400M, params <= 6M";

/// A limit, and the token to point at when it is exceeded.
pub struct Written {
    pub limit: Limit,
    at: TokenStream,
}

/// Whether what follows a comma after `budget = ..` is one more limit, and not the next entry, `key = value`.
pub fn continues(after: &[TokenTree]) -> bool {
    let Some((TokenTree::Ident(name), rest)) = after.split_first() else { return false };
    match rest.first() {
        Some(next) if is_punct(next, '=') => false,
        Some(next) if !is_punct(next, ',') => true,
        _ => is_quantity(&name.to_string()),
    }
}

/// Whether `name` is something to limit, which is no key of its own.
pub fn is_quantity(name: &str) -> bool {
    Quantity::NAMES.contains(&name)
}

/// What to say of a limit that stands where a key should.
pub fn outside(name: &str) -> String {
    format!("`{name}` is limited by a budget, as in `budget = {name} <= 400M`")
}

/// Reads all limits; what is wrong with one is reported and the others are still read.
pub fn read(report: &mut Report, value: &[TokenTree]) -> Vec<Written> {
    let mut limits: Vec<Written> = Vec::new();
    let mut names: Vec<(&'static str, String)> = Vec::new();
    for tokens in value.split(|token| is_punct(token, ',')).filter(|tokens| !tokens.is_empty()) {
        let Some((name, quantity, rest)) = quantity(report, tokens) else { continue };
        if let Some((_, first)) = names.iter().find(|(other, _)| *other == quantity.name()) {
            report.at(name, format!("`{name}` is limited twice: `{first}` came first; keep one"));
            continue;
        }
        names.push((quantity.name(), text(tokens).replace("<=", " <= ")));
        if let Some((most, at)) = most(report, &quantity, rest, name) {
            limits.push(Written { limit: Limit { quantity, most }, at });
        }
    }
    limits
}

/// Reports every limit that the network exceeds.
pub fn check(report: &mut Report, limits: &[Written], net: &AnyNet, [_, height, width]: [usize; 3]) {
    let budget = Budget { limits: limits.iter().map(|written| written.limit).collect() };
    for error in budget.check(net, height, width).unwrap_or_default() {
        let at = limits.iter().find(|written| written.limit == error.limit).map(|written| &written.at);
        report.at(at, error);
    }
}

/// Reads `flops`, or `memory(training, batch = 32)`; returns its name and what comes after.
fn quantity<'a>(
    report: &mut Report,
    tokens: &'a [TokenTree],
) -> Option<(&'a TokenTree, Quantity, &'a [TokenTree])> {
    let (name, rest) = tokens.split_first()?;
    let quantity = match name.to_string().as_str() {
        "flops" => Quantity::Flops,
        "params" => Quantity::Params,
        "acts" => Quantity::Acts,
        "memory" => Quantity::Memory { batch: 1, mode: Mode::Inference },
        other => {
            report.at(name, unknown(name, other));
            return None;
        }
    };
    match rest.split_first() {
        Some((TokenTree::Group(group), after)) if is_group(&rest[0], Delimiter::Parenthesis) => {
            let inside = flatten(group.stream());
            match workload(&quantity, &inside) {
                Ok(quantity) => Some((name, quantity, after)),
                Err(text) => {
                    report.at(&rest[0], text);
                    None
                }
            }
        }
        _ => Some((name, quantity, rest)),
    }
}

fn unknown(name: &TokenTree, word: &str) -> String {
    match (name, suggest::nearest(word, Quantity::NAMES)) {
        (TokenTree::Ident(_), Some(nearest)) => {
            format!("there is no `{word}` to limit; did you mean `{nearest}`?")
        }
        (TokenTree::Ident(_), None) => {
            format!("there is no `{word}` to limit; a budget limits `flops`, `params`, `acts` and `memory`")
        }
        _ => format!("expected `flops`, `params`, `acts` or `memory`, as in `{EXAMPLE}`"),
    }
}

/// Reads what stands in parentheses after `memory`: the mode, the batch, or both.
fn workload(quantity: &Quantity, inside: &[TokenTree]) -> Result<Quantity, String> {
    let &Quantity::Memory { mut batch, mut mode } = quantity else {
        return Err(format!(
            "{quantity} is counted for one image: nothing stands in parentheses after it, as in `{quantity} <= 400M`"
        ));
    };
    for tokens in inside.split(|token| is_punct(token, ',')).filter(|tokens| !tokens.is_empty()) {
        match tokens {
            [TokenTree::Ident(word)] if word == "training" => mode = Mode::Training,
            [TokenTree::Ident(word)] if word == "inference" => mode = Mode::Inference,
            [TokenTree::Ident(word), equals, value @ ..] if word == "batch" && is_punct(equals, '=') => {
                batch = value::whole("batch", "batch = 32", value)?;
            }
            other => {
                return Err(format!(
                    "memory is for `inference` or `training` at a batch, as in \
                     `memory(training, batch = 32) <= 2G`, not for `{}`",
                    text(other)
                ));
            }
        }
    }
    if batch == 0 {
        Err("batch = 0 is out of range: a batch has at least 1 image".to_owned())
    } else {
        Ok(Quantity::Memory { batch, mode })
    }
}

/// Reads `<= 400M`.
fn most(
    report: &mut Report,
    quantity: &Quantity,
    rest: &[TokenTree],
    name: &TokenTree,
) -> Option<(u64, TokenStream)> {
    let example = figure::example(quantity);
    let value = match rest {
        [less, equals, value @ ..] if is_punct(less, '<') && is_punct(equals, '=') => value,
        [other, ..] => {
            let all = rest.iter().take_while(|token| matches!(token, TokenTree::Punct(_)));
            let operator: TokenStream = all.cloned().collect();
            let at = if operator.is_empty() { stream(std::slice::from_ref(other)) } else { operator };
            report.at(at, format!("expected `<=` after `{name}`, as in `{example}`"));
            return None;
        }
        [] => {
            report.at(name, format!("`{name}` has no limit: write it as in `{example}`"));
            return None;
        }
    };
    if let [TokenTree::Literal(_), next @ TokenTree::Ident(_), ..] = value {
        report.at(next, format!("expected `,` before `{next}`"));
        return None;
    }
    match figure::read(quantity, value) {
        Ok(most) => Some((most, stream(value))),
        Err(text) => {
            let at = if value.is_empty() { stream(std::slice::from_ref(name)) } else { stream(value) };
            report.at(at, text);
            None
        }
    }
}
