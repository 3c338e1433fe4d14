//! The values that a constraint asks for.

use super::Problem;
use super::axis::Choice;
use super::key::Key;
use super::text::{Part, Relation};

/// What is wrong with a part, before it is known with which text.
pub(super) type Wrong<'a> = (Part<'a>, Problem);

/// The values that a constraint asks for.
pub(super) enum Wanted {
    List(Vec<f64>),
    Range(f64, f64),
    Open(f64, f64),
}

impl Wanted {
    pub(super) fn read<'a>(
        key: Key,
        relation: Relation,
        value: Part<'a>,
        read: &dyn Fn(Part<'a>) -> Result<f64, Wrong<'a>>,
    ) -> Result<Self, Wrong<'a>> {
        // A bound that no network has still says which networks there are.
        let bound = || number(value.text).map_or_else(|| read(value), Ok);
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        Ok(match relation {
            Relation::AtLeast => Self::Range(bound()?, all.1),
            Relation::AtMost => Self::Range(all.0, bound()?),
            Relation::Above => Self::Open(bound()?, all.1),
            Relation::Below => Self::Open(all.0, bound()?),
            Relation::Equals | Relation::Drawn => match (value.inside("{", "}"), range(value)) {
                (Some(list), _) => {
                    let mut values = list.commas().into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
                    values.sort_by(f64::total_cmp);
                    values.dedup();
                    Self::List(values)
                }
                (None, Some((from, to))) => {
                    let end = |part: Part<'a>, open: f64| {
                        if part.text.is_empty() {
                            Ok(open)
                        } else {
                            number(part.text).map_or_else(|| read(part), Ok)
                        }
                    };
                    let (low, high) = (end(from, all.0)?, end(to, all.1)?);
                    if low > high {
                        return Err((value, Problem::Reversed { key }));
                    }
                    Self::Range(low, high)
                }
                (None, None) => Self::List(vec![read(value)?]),
            },
        })
    }

    /// Narrows a choice to them.
    pub(super) fn apply(&self, key: Key, choice: &mut Choice) -> Result<(), Problem> {
        let left: Vec<f64> = match self {
            Self::List(values) => values.clone(),
            &Self::Range(low, high) => {
                choice.values.iter().copied().filter(|x| (low..=high).contains(x)).collect()
            }
            &Self::Open(low, high) => {
                choice.values.iter().copied().filter(|&x| low < x && x < high).collect()
            }
        };
        if left.is_empty() {
            return Err(Problem::Nothing { key, values: choice.describe() });
        }
        choice.values = left;
        Ok(())
    }
}

/// Both ends of `a..b` or `a..=b`; either may be empty, not both.
pub(super) fn range(part: Part<'_>) -> Option<(Part<'_>, Part<'_>)> {
    let (from, to) = part.split_once("..=").or_else(|| part.split_once(".."))?;
    (!from.text.is_empty() || !to.text.is_empty()).then_some((from, to))
}

/// A decimal number, or one over a whole one as in `1/4`.
pub(super) fn number(text: &str) -> Option<f64> {
    let digits = |text: &str| {
        let plain = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        plain.then(|| text.replace('_', "").parse::<f64>().ok()).flatten()
    };
    match text.split_once('/') {
        Some((one, n)) if one.trim() == "1" => Some(digits(n.trim())?.recip()).filter(|x| x.is_finite()),
        _ => digits(text).filter(|x| x.is_finite()),
    }
}
