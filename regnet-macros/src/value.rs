//! One value: tokens to a number.

use std::str::FromStr;

use proc_macro2::TokenTree;
use syn::Lit;

use crate::code::Code;
use crate::report::Mistake;

/// Reads a whole number. `what` names it and `example` shows one in place.
pub fn whole(what: &str, example: &str, tokens: &[TokenTree]) -> Result<usize, Mistake> {
    let text = text(tokens);
    let such_as = || format!("write a whole number such as `{example}`");
    match literal(tokens) {
        Some((true, _)) => Err(negative(&format!("{what} = {text}"), such_as())),
        Some((false, Lit::Int(n))) => match n.suffix() {
            "" => digits(n.base10_digits()).ok_or_else(|| {
                Mistake::new(Code::TooLarge, format!("{what} = {text} is too large"), such_as())
            }),
            _ => Err(suffixed(what, &text, n.base10_digits())),
        },
        Some((false, Lit::Float(x))) => Err(fractional(what, example, &text, &x)),
        _ => Err(not_a_number(what, example, "whole number", tokens)),
    }
}

/// Reads any number, whole or not, negative or not.
pub fn number(what: &str, example: &str, tokens: &[TokenTree]) -> Result<f64, Mistake> {
    match decimal(tokens) {
        Some(Decimal { negative, digits, suffix }) if suffix.is_empty() => {
            // Beyond f64's range this is infinite, which the arithmetic refuses by name.
            let size: f64 = self::digits(&digits).unwrap_or(f64::INFINITY);
            Ok(if negative { -size } else { size })
        }
        Some(Decimal { negative, digits, .. }) => {
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

/// A number in its parts.
pub struct Decimal {
    pub negative: bool,
    /// Without the sign; perhaps with a point or an exponent.
    pub digits: String,
    /// The letters after them.
    pub suffix: String,
}

/// Takes one number apart.
pub fn decimal(tokens: &[TokenTree]) -> Option<Decimal> {
    let (negative, literal) = literal(tokens)?;
    let (digits, suffix) = match &literal {
        Lit::Int(n) => (n.base10_digits(), n.suffix()),
        Lit::Float(x) => (x.base10_digits(), x.suffix()),
        _ => return None,
    };
    Some(Decimal { negative, digits: digits.to_owned(), suffix: suffix.to_owned() })
}

/// One literal, and whether a minus stands before it.
fn literal(tokens: &[TokenTree]) -> Option<(bool, Lit)> {
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

/// `given` is a number below 0.
pub fn negative(given: &str, help: String) -> Mistake {
    Mistake::new(Code::Negative, format!("{given} is negative"), help)
}

fn suffixed(what: &str, text: &str, plain: &str) -> Mistake {
    Mistake::new(
        Code::Suffix,
        format!("{what} = {text} has a unit or type at its end"),
        format!("write the plain number {plain}"),
    )
}

fn fractional(what: &str, example: &str, text: &str, x: &syn::LitFloat) -> Mistake {
    let remedy = match digits::<f64>(x.base10_digits()) {
        Some(x) if x.fract() == 0.0 && x < 1e9 => format!("write {x}"),
        Some(x) if x < 1e9 => format!("write {} or {}", x.floor(), x.ceil()),
        _ => format!("write one such as `{example}`"),
    };
    Mistake::new(Code::NotWhole, format!("{what} = {text} is not written as a whole number"), remedy)
}

fn not_a_number(what: &str, example: &str, kind: &str, tokens: &[TokenTree]) -> Mistake {
    match tokens {
        [TokenTree::Ident(name)] if name != "true" && name != "false" => Mistake::new(
            Code::NotALiteral,
            format!("{what} = {name} is a name, and macros run before names have values"),
            format!("write the {kind} itself, as in `{example}`"),
        ),
        _ => Mistake::new(
            Code::NotANumber,
            format!("{what} is one {kind}"),
            format!("write it as in `{example}`"),
        ),
    }
}
