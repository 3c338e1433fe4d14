//! `80M..=100M` and `..=100M`.

use std::ops::RangeInclusive;

use proc_macro2::TokenTree;

use super::key::Key;
use crate::code::Code;
use crate::figure;
use crate::parse::{is_punct, stream};
use crate::report::{Mistake, Report};
use crate::value::text;

/// Reads the range of a key and reports what is wrong with either end.
pub fn range(report: &mut Report, key: Key, tokens: &[TokenTree]) -> Option<RangeInclusive<u64>> {
    let (low, high) = match ends(key, tokens) {
        Ok(ends) => ends,
        Err(mistake) => {
            report.at(stream(tokens), mistake);
            return None;
        }
    };
    let mut end = |tokens: &[TokenTree]| {
        let read = figure::read(key.name(), key.example(), tokens);
        read.map_err(|mistake| report.at(stream(tokens), mistake)).ok()
    };
    let (least, most) = (if low.is_empty() { Some(0) } else { end(low) }, end(high));
    let (least, most) = (least?, most?);
    if least > most {
        let what = format!("{} = {} runs backwards", key.name(), text(tokens));
        let help = format!("write `{} = {}..={}`", key.name(), text(high), text(low));
        report.at(stream(tokens), Mistake::new(Code::Reversed, what, help));
        return None;
    }
    Some(least..=most)
}

type Tokens<'a> = &'a [TokenTree];

/// What stands before `..=` and after it.
fn ends(key: Key, tokens: Tokens<'_>) -> Result<(Tokens<'_>, Tokens<'_>), Mistake> {
    let (name, written) = (key.name(), text(tokens));
    let not_a_range = |what: String, help: String| Err(Mistake::new(Code::Range, what, help));
    let dots = tokens.windows(2).position(|pair| pair.iter().all(|token| is_punct(token, '.')));
    let Some(dots) = dots else {
        let help = format!("write the least and the most, as in `{}`", key.example());
        return not_a_range(format!("{name} = {written} is not a range"), help);
    };
    let (low, high) = (&tokens[..dots], &tokens[dots + 2..]);
    match high {
        [equals, high @ ..] if is_punct(equals, '=') && !high.is_empty() => Ok((low, high)),
        [first, ..] if !is_punct(first, '=') => not_a_range(
            format!("{name} = {written} does not include its end"),
            format!("write `{name} = {}..={}`", text(low), text(high)),
        ),
        _ => not_a_range(
            format!("{name} = {written} has no end"),
            format!("write it as in `{}`", key.example()),
        ),
    }
}
