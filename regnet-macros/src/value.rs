//! One value: tokens to a number. An error is the text to show under the tokens.

use std::str::FromStr;

use proc_macro2::TokenTree;
use syn::Lit;

/// Reads a whole number. `what` names it and `example` shows one in place.
pub fn whole(what: &str, example: &str, tokens: &[TokenTree]) -> Result<usize, String> {
    let text = text(tokens);
    match literal(tokens) {
        Some((true, _)) => {
            Err(format!("{what} = {text} is negative: write a whole number such as `{example}`"))
        }
        Some((false, Lit::Int(n))) => match n.suffix() {
            "" => digits(n.base10_digits()).ok_or_else(|| {
                format!("{what} = {text} is too large: write a whole number such as `{example}`")
            }),
            _ => Err(suffixed(what, &text, n.base10_digits())),
        },
        Some((false, Lit::Float(x))) => Err(fractional(what, example, &text, &x)),
        _ => Err(not_a_number(what, example, "whole number", tokens)),
    }
}

/// Reads any number, whole or not, negative or not.
pub fn number(what: &str, example: &str, tokens: &[TokenTree]) -> Result<f64, String> {
    let plain = match literal(tokens) {
        Some((negative, Lit::Int(n))) => {
            Some((negative, n.base10_digits().to_owned(), n.suffix().to_owned()))
        }
        Some((negative, Lit::Float(x))) => {
            Some((negative, x.base10_digits().to_owned(), x.suffix().to_owned()))
        }
        _ => None,
    };
    match plain {
        Some((negative, digits, suffix)) if suffix.is_empty() => {
            // Beyond f64's range this is infinite, which the arithmetic refuses by name.
            let size: f64 = self::digits(&digits).unwrap_or(f64::INFINITY);
            Ok(if negative { -size } else { size })
        }
        Some((negative, digits, _)) => {
            let sign = if negative { "-" } else { "" };
            Err(suffixed(what, &text(tokens), &format!("{sign}{digits}")))
        }
        None => Err(not_a_number(what, example, "number", tokens)),
    }
}

/// The tokens' text without spaces: Rust's lexer cuts presets and `3 x 224 x 224` as it sees fit.
pub fn text(tokens: &[TokenTree]) -> String {
    let text: String = tokens.iter().map(ToString::to_string).collect();
    text.split_whitespace().collect()
}

/// One literal, and whether a minus stands before it.
pub fn literal(tokens: &[TokenTree]) -> Option<(bool, Lit)> {
    match tokens {
        [TokenTree::Literal(literal)] => {
            // Other macros can make one token of a minus and a number.
            let text = literal.to_string();
            match text.strip_prefix('-') {
                Some(size) => Some((true, syn::parse_str(size).ok()?)),
                None => Some((false, Lit::new(literal.clone()))),
            }
        }
        [TokenTree::Punct(minus), TokenTree::Literal(literal)] if minus.as_char() == '-' => {
            Some((true, Lit::new(literal.clone())))
        }
        _ => None,
    }
}

fn digits<T: FromStr>(digits: &str) -> Option<T> {
    digits.parse().ok()
}

fn suffixed(what: &str, text: &str, plain: &str) -> String {
    format!("{what} = {text} has a unit or type at its end: write the plain number {plain}")
}

fn fractional(what: &str, example: &str, text: &str, x: &syn::LitFloat) -> String {
    let remedy = match digits::<f64>(x.base10_digits()) {
        Some(x) if x.fract() == 0.0 && x < 1e9 => format!("write {x}"),
        Some(x) if x < 1e9 => format!("write {} or {}", x.floor(), x.ceil()),
        _ => format!("write one such as `{example}`"),
    };
    format!("{what} = {text} is not written as a whole number: {remedy}")
}

fn not_a_number(what: &str, example: &str, kind: &str, tokens: &[TokenTree]) -> String {
    match tokens {
        [TokenTree::Ident(name)] if name != "true" && name != "false" => format!(
            "{what} = {name} is a name, and macros run before names have values: \
             write the {kind} itself, as in `{example}`"
        ),
        _ => format!("{what} is one {kind}, as in `{example}`"),
    }
}
