//! Figures with decimal units: `400M`, `1.5G`, `6_000_000`.

/// What K, M and G stand for: a thousand, a million and a billion. No unit is 1.
pub fn scale(unit: &str) -> Option<u64> {
    match unit {
        "" => Some(1),
        "K" => Some(1_000),
        "M" => Some(1_000_000),
        "G" => Some(1_000_000_000),
        _ => None,
    }
}

/// The nearest whole number to `digits` times `scale`, at most 2^64 - 1; `None` for what is no number of at least 0.
///
/// Whole digits are exact; a point or an exponent makes them an `f64`.
pub fn scaled(digits: &str, scale: u64) -> Option<u64> {
    let exact = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
    let rounded = || {
        let x = digits.parse::<f64>().ok()? * scale as f64;
        (x >= 0.0).then_some(x.round() as u64)
    };
    exact.or_else(rounded)
}

/// Reads a figure as text: digits, perhaps with `_` between them, and a unit.
///
/// ```
/// use regnet_space::units::figure;
///
/// assert_eq!(figure("400M"), Some(400_000_000));
/// assert_eq!(figure("1_500.5K"), Some(1_500_500));
/// assert_eq!(figure("4 apples"), None);
/// ```
pub fn figure(text: &str) -> Option<u64> {
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.')? + 1;
    let (digits, unit) = text.split_at(end);
    let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts {
        return None;
    }
    scaled(&digits.replace('_', ""), scale(unit)?)
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1.5G", Some(1_500_000_000)),
            (".5K", Some(500)),
            ("4e6", Some(4_000_000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616G", Some(u64::MAX)),
            ("4m", None),
            ("4 M", None),
            ("-4", None),
            ("_4", None),
            ("inf", None),
            ("M", None),
            ("", None),
            ("4..5", None),
        ] {
            assert_eq!(figure(text), expected, "{text}");
        }
    }
}
