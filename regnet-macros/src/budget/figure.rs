//! The figure of a limit: `400M`, `1.5G`, `6_000_000`.

use proc_macro2::TokenTree;
use regnet_space::Quantity;
use syn::Lit;

use crate::parse::is_punct;
use crate::value::text;

/// Far more than any network costs, and exact in f64.
const MOST: f64 = 1e15;

/// A limit to copy.
pub fn example(quantity: &Quantity) -> &'static str {
    match quantity {
        Quantity::Flops => "flops <= 400M",
        Quantity::Params => "params <= 6M",
        Quantity::Acts => "acts <= 4M",
        Quantity::Memory { .. } => "memory <= 512M",
    }
}

/// Reads a figure. An error is the text to show under it.
pub fn read(quantity: &Quantity, tokens: &[TokenTree]) -> Result<u64, String> {
    let (name, example, text) = (quantity.name(), example(quantity), text(tokens));
    let (digits, unit) = match tokens {
        [] => return Err(format!("`{name}` has no limit: write it as in `{example}`")),
        [TokenTree::Literal(literal)] if !literal.to_string().starts_with('-') => {
            match Lit::new(literal.clone()) {
                Lit::Int(n) => (n.base10_digits().to_owned(), n.suffix().to_owned()),
                Lit::Float(x) => (x.base10_digits().to_owned(), x.suffix().to_owned()),
                _ => return Err(no_number(name, example)),
            }
        }
        [TokenTree::Literal(_)] => return Err(negative(name, &text, example)),
        [minus, ..] if is_punct(minus, '-') => return Err(negative(name, &text, example)),
        _ => return Err(no_number(name, example)),
    };
    let factor = factor(&unit).ok_or_else(|| wrong_unit(name, &text, &digits, &unit))?;
    let most = digits.parse::<f64>().unwrap_or(f64::INFINITY) * factor;
    if most < 1.0 {
        return Err(format!(
            "{name} <= {text} fits no network: raise it, as in `{example}`, or leave it out"
        ));
    }
    if most > MOST {
        return Err(format!("{name} <= {text} limits nothing: lower it, as in `{example}`, or leave it out"));
    }
    Ok(most as u64)
}

/// Decimal units.
fn factor(unit: &str) -> Option<f64> {
    match unit {
        "" => Some(1.0),
        "K" => Some(1e3),
        "M" => Some(1e6),
        "G" => Some(1e9),
        _ => None,
    }
}

fn wrong_unit(name: &str, text: &str, digits: &str, unit: &str) -> String {
    let first = unit.chars().next().map_or(String::new(), |letter| letter.to_ascii_uppercase().to_string());
    let remedy = match factor(&first) {
        Some(_) => format!("write `{name} <= {digits}{first}`"),
        None => format!("write `{name} <= {digits}`, or one of these after the number"),
    };
    format!(
        "{name} <= {text} has the unit `{unit}`, and the units are K, M and G (thousand, million, billion): {remedy}"
    )
}

fn negative(name: &str, text: &str, example: &str) -> String {
    format!("{name} <= {text} is negative: write a number above 0, as in `{example}`")
}

fn no_number(name: &str, example: &str) -> String {
    format!("the limit of `{name}` is one number with or without K, M or G after it, as in `{example}`")
}
