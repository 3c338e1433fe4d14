//! Numbers that no trained network has.

use std::fmt;

use half::{bf16, f16};
use regnet_space::text::printable;

use super::element::Precision;

/// How a tensor of a file is not finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonFinite {
    /// Its name in the file.
    pub name: String,
    /// All of its elements.
    pub elements: usize,
    /// Those that are not a number.
    pub nan: usize,
    /// Those that are infinite, or become so in the precision that they are read in.
    pub infinite: usize,
    /// Those below zero, of running variances.
    pub negative: usize,
}

impl NonFinite {
    /// What is wrong with the little-endian elements of a tensor that is read in the precision `into`; `None` if nothing
    /// is.
    pub(super) fn find(
        name: &str,
        from: Precision,
        bytes: &[u8],
        into: Precision,
        variance: bool,
    ) -> Option<Self> {
        let elements = bytes.len() / from.bytes();
        let mut found = Self { name: name.to_owned(), elements, nan: 0, infinite: 0, negative: 0 };
        from.each(bytes, |value| {
            let value = rounded(value, into);
            found.nan += usize::from(value.is_nan());
            found.infinite += usize::from(value.is_infinite());
            found.negative += usize::from(variance && value < 0.0);
        });
        (found.nan + found.infinite + found.negative > 0).then_some(found)
    }
}

fn rounded(value: f64, into: Precision) -> f64 {
    match into {
        Precision::F16 => f16::from_f64(value).to_f64(),
        Precision::Bf16 => bf16::from_f64(value).to_f64(),
        Precision::F32 => f64::from(value as f32),
        Precision::F64 => value,
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [(self.nan, "NaN"), (self.infinite, "infinite"), (self.negative, "negative variances")];
        let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<String> = kinds.map(|(count, what)| format!("{count} {what}")).collect();
        write!(f, "`{}`: {} of {} elements", printable(&self.name), kinds.join(" and "), self.elements)
    }
}
