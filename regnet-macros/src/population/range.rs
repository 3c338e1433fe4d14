//! `80M..=100M` and `..=100M`.

use std::ops::RangeInclusive;

use proc_macro2::TokenTree;
use syn::Lit;

use crate::parse::is_punct;
use crate::value::{literal, text};

/// Reads the range of `what`. An error is the text to show under the tokens.
pub fn range(what: &str, example: &str, tokens: &[TokenTree]) -> Result<RangeInclusive<u64>, String> {
    let written = text(tokens);
    let dots = tokens.windows(2).position(|pair| pair.iter().all(|token| is_punct(token, '.')));
    let Some(dots) = dots else {
        return Err(format!(
            "{what} = {written} is not a range: write the least and the most, as in `{example}`"
        ));
    };
    let (low, high) = (&tokens[..dots], &tokens[dots + 2..]);
    let (low_text, high_text) = (text(low), text(high));
    let Some(high) = high.split_first().filter(|(equals, _)| is_punct(equals, '=')).map(|(_, high)| high)
    else {
        let remedy = match high_text.as_str() {
            "" => format!("a range needs an end, as in `{example}`"),
            end => format!("write `{what} = {low_text}..={end}`, which includes its end"),
        };
        return Err(format!("{what} = {written} is not closed: {remedy}"));
    };
    let low = if low.is_empty() { Ok(0) } else { magnitude(what, low) };
    match (low, magnitude(what, high)) {
        (Ok(low), Ok(high)) if low <= high => Ok(low..=high),
        (Ok(_), Ok(_)) => {
            let high_text = high_text.trim_start_matches('=');
            Err(format!("{what} = {written} runs backwards: write `{what} = {high_text}..={low_text}`"))
        }
        (Err(one), Err(other)) if one != other => Err(format!("{one}; {other}")),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Reads a count with a unit: `100M`, `1.5G`, `2_000_000`.
fn magnitude(what: &str, tokens: &[TokenTree]) -> Result<u64, String> {
    let written = text(tokens);
    let (digits, unit) = match literal(tokens) {
        Some((false, Lit::Int(n))) => (n.base10_digits().to_owned(), n.suffix().to_owned()),
        Some((false, Lit::Float(x))) => (x.base10_digits().to_owned(), x.suffix().to_owned()),
        Some((true, _)) => return Err(format!("{what}: {written} is negative, and counts start at 0")),
        _ if written.is_empty() => return Err(format!("{what}: a range needs an end, such as 100M")),
        _ => return Err(format!("{what}: {written} is not a number; write one such as 100M")),
    };
    let scale = match unit.as_str() {
        "" => 1,
        "K" | "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000_u64,
        _ => {
            return Err(format!(
                "{what}: {written} has an unknown unit; K, M and G are known, as in {digits}M"
            ));
        }
    };
    let whole = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
    // Written with a point or an exponent, or too large: the nearest whole number, up to 2^64.
    let rounded = || digits.parse::<f64>().ok().map(|x| (x * scale as f64).round() as u64);
    whole.or_else(rounded).ok_or_else(|| format!("{what}: {written} is not a number; write one such as 100M"))
}
