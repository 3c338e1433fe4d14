//! Figures with decimal units: `400M`, `1.5G`, `6_000_000`.

use proc_macro2::TokenTree;
use regnet_space::units;

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
    let scale = units::scale(&suffix).ok_or_else(|| wrong_unit(name, &written, &digits, &suffix))?;
    // A literal is a number.
    Ok(units::scaled(&digits, scale).unwrap_or(u64::MAX))
}

fn wrong_unit(name: &str, written: &str, digits: &str, unit: &str) -> Mistake {
    let first = unit.chars().next().map_or(String::new(), |letter| letter.to_ascii_uppercase().to_string());
    let help = match units::scale(&first) {
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
