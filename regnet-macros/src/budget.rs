//! `budget = flops <= 400M, memory(training, batch = 32) <= 2G`: limits on what a network may cost.
//!
//! Any declaration with a `budget` entry can use this: [`read`] takes the entry's value apart and [`check`] holds the
//! network to it. Limits are separated by commas; [`continues`] tells a further limit from the next entry.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use regnet_space::{Budget, Limit, Mode, Quantity, suggest};

use crate::check::Model;
use crate::code::Code;
use crate::figure;
use crate::parse::{flatten, is_group, is_punct, stream};
use crate::report::{Mistake, Report};
use crate::value::{self, text};

const EXAMPLE: &str = "budget = flops <= 400M, params <= 6M";

/// Far more than any network costs, and exact in f64.
const MOST: u64 = 1_000_000_000_000_000;

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
pub fn outside(name: &str) -> Mistake {
    Mistake::new(
        Code::OutsideBudget,
        format!("`{name}` is no key: it is limited by a budget"),
        format!("write it as in `budget = {name} <= 400M`"),
    )
}

/// Reads all limits; what is wrong with one is reported and the others are still read.
pub fn read(report: &mut Report, value: &[TokenTree]) -> Vec<Written> {
    let mut limits: Vec<Written> = Vec::new();
    let mut names: Vec<(&'static str, String)> = Vec::new();
    for tokens in value.split(|token| is_punct(token, ',')).filter(|tokens| !tokens.is_empty()) {
        let Some((name, quantity, rest)) = quantity(report, tokens) else { continue };
        if let Some((_, first)) = names.iter().find(|(other, _)| *other == quantity.name()) {
            let what = format!("`{name}` is limited twice: `{first}` came first");
            report.at(name, Mistake::new(Code::DuplicateLimit, what, "keep one"));
            continue;
        }
        names.push((quantity.name(), text(tokens).replace("<=", " <= ")));
        if let Some((most, at)) = most(report, &quantity, rest, name) {
            limits.push(Written { limit: Limit { quantity, most }, at });
        }
    }
    limits
}

/// Reports every limit that the network exceeds, and notes what it costs of the others.
pub fn check(report: &mut Report, limits: &[Written], model: &mut Model) {
    if limits.is_empty() {
        return;
    }
    let budget = Budget { limits: limits.iter().map(|written| written.limit).collect() };
    let [_, height, width] = model.input;
    for error in budget.check(&model.net, height, width).unwrap_or_default() {
        let at = limits.iter().find(|written| written.limit == error.limit).map(|written| &written.at);
        report.at(at, error);
    }
    model.budget = budget.costs(&model.net, height, width).unwrap_or_default();
}

/// A limit to copy.
fn example(quantity: &Quantity) -> &'static str {
    match quantity {
        Quantity::Flops => "flops <= 400M",
        Quantity::Params => "params <= 6M",
        Quantity::Acts => "acts <= 4M",
        Quantity::Memory { .. } => "memory <= 512M",
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
                Err(mistake) => {
                    report.at(&rest[0], mistake);
                    None
                }
            }
        }
        _ => Some((name, quantity, rest)),
    }
}

fn unknown(name: &TokenTree, word: &str) -> Mistake {
    let help = match (name, suggest::nearest(word, Quantity::NAMES)) {
        (TokenTree::Ident(_), Some(nearest)) => format!("did you mean `{nearest}`?"),
        _ => format!("a budget limits `flops`, `params`, `acts` and `memory`, as in `{EXAMPLE}`"),
    };
    Mistake::new(Code::UnknownQuantity, format!("there is no `{word}` to limit"), help)
}

/// Reads what stands in parentheses after `memory`: the mode, the batch, or both.
fn workload(quantity: &Quantity, inside: &[TokenTree]) -> Result<Quantity, Mistake> {
    let &Quantity::Memory { mut batch, mut mode } = quantity else {
        return Err(Mistake::new(
            Code::Workload,
            format!("{quantity} is counted for one image: nothing stands in parentheses after it"),
            format!("write it as in `{quantity} <= 400M`"),
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
                return Err(Mistake::new(
                    Code::Workload,
                    format!("memory is for `inference` or `training` at a batch, not for `{}`", text(other)),
                    "write it as in `memory(training, batch = 32) <= 2G`",
                ));
            }
        }
    }
    if batch == 0 {
        let what = "batch = 0 is out of range: a batch has at least 1 image";
        Err(Mistake::new(Code::Batch, what, "the nearest is 1"))
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
    let help = format!("write it as in `{}`", example(quantity));
    let value = match rest {
        [less, equals, value @ ..] if is_punct(less, '<') && is_punct(equals, '=') => value,
        [other, ..] => {
            let all = rest.iter().take_while(|token| matches!(token, TokenTree::Punct(_)));
            let operator: TokenStream = all.cloned().collect();
            let at = if operator.is_empty() { stream(std::slice::from_ref(other)) } else { operator };
            report.at(at, Mistake::new(Code::Operator, format!("expected `<=` after `{name}`"), help));
            return None;
        }
        [] => &[],
    };
    if value.is_empty() {
        report.at(name, Mistake::new(Code::MissingLimit, format!("`{name}` has no limit"), help));
        return None;
    }
    if let [TokenTree::Literal(_), next @ TokenTree::Ident(_), ..] = value {
        let what = format!("expected `,` before `{next}`");
        report.at(next, Mistake::new(Code::NoComma, what, "limits are separated by `,`: write one here"));
        return None;
    }
    match limit(quantity, value) {
        Ok(most) => Some((most, stream(value))),
        Err(mistake) => {
            report.at(stream(value), mistake);
            None
        }
    }
}

/// Reads the figure of a limit that some network keeps and some does not.
fn limit(quantity: &Quantity, tokens: &[TokenTree]) -> Result<u64, Mistake> {
    let (name, example, text) = (quantity.name(), example(quantity), text(tokens));
    let most = figure::read(name, example, tokens)?;
    let (code, what, verb) = match most {
        0 => (Code::LimitTooLow, "fits no network", "raise"),
        1..=MOST => return Ok(most),
        _ => (Code::LimitTooHigh, "limits nothing", "lower"),
    };
    Err(Mistake::new(
        code,
        format!("{name} <= {text} {what}"),
        format!("{verb} it, as in `{example}`, or leave it out"),
    ))
}
