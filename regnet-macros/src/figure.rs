//! Figures with decimal units: `400M`, `1.5G`, `6_000_000`.

use proc_macro2::TokenTree;

use crate::code::Code;
use crate::report::Mistake;
use crate::value::{Decimal, decimal, negative, text};

/// Reads the figure of `name`, to the nearest whole number; `example` shows one in place.
pub fn read(name: &str, example: &str, tokens: &[TokenTree]) -> Result<u64, Mistake> {
    let written = text(tokens);
    let Some(Decimal { negative: is_negative, digits, suffix }) = decimal(tokens) else {
        return Err(Mistake::new(
            Code::NotANumber,
            format!("{name}: `{written}` is not one number with or without K, M or G after it"),
            format!("write it as in `{example}`"),
        ));
    };
    if is_negative {
        let help = format!("write a number of at least 0, as in `{example}`");
        return Err(negative(&format!("{name}: {written}"), help));
    }
    let scale = scale(&suffix).ok_or_else(|| wrong_unit(name, &written, &digits, &suffix))?;
    let exact = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
    // Written with a point or an exponent, or too large: up to 2^64.
    let rounded = || (digits.parse().unwrap_or(f64::INFINITY) * scale as f64).round() as u64;
    Ok(exact.unwrap_or_else(rounded))
}

/// Decimal units.
fn scale(unit: &str) -> Option<u64> {
    match unit {
        "" => Some(1),
        "K" => Some(1_000),
        "M" => Some(1_000_000),
        "G" => Some(1_000_000_000),
        _ => None,
    }
}

fn wrong_unit(name: &str, written: &str, digits: &str, unit: &str) -> Mistake {
    let first = unit.chars().next().map_or(String::new(), |letter| letter.to_ascii_uppercase().to_string());
    let help = match scale(&first) {
        Some(_) => format!("write {digits}{first}"),
        None => format!("write {digits}, or one of these after the number"),
    };
    Mistake::new(
        Code::Unit,
        format!(
            "{name}: {written} has the unit `{unit}`, and the units are K, M and G (thousand, million, billion)"
        ),
        help,
    )
}
