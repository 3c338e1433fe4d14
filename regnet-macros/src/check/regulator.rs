//! `lstm`, or `gru(conv = efficient, share = block, carry = true)`.

use proc_macro2::{Delimiter, TokenTree};
use regnet_space::{Cell, Regulator};

use super::keys;
use crate::code::Code;
use crate::key::Key;
use crate::parse::{Entry, flatten, is_group, stream};
use crate::report::{Mistake, Report};
use crate::value::text;

const EXAMPLE: &str = "regulator = gru(conv = efficient, share = block)";

/// Reads a regulator. Each mistake is reported on its own token; `None` where there was one.
pub fn regulator(report: &mut Report, tokens: &[TokenTree]) -> Option<Regulator> {
    let before = report.len();
    let (cell, options) = match tokens {
        [TokenTree::Ident(cell)] => (cell, Vec::new()),
        [TokenTree::Ident(cell), TokenTree::Group(options)]
            if is_group(&tokens[1], Delimiter::Parenthesis) =>
        {
            (cell, flatten(options.stream()))
        }
        [TokenTree::Ident(_), rest @ ..] => {
            report.at(stream(rest), form("the options of a regulator stand in parentheses"));
            return None;
        }
        _ => {
            report.at(stream(tokens), form("a regulator is `rnn`, `gru` or `lstm`"));
            return None;
        }
    };
    let cell = cell.to_string().parse::<Cell>().map_err(|error| report.at(&tokens[0], error));
    let mut regulator = Regulator::from(cell.unwrap_or_default());
    let entries = Entry::parse_all(report, &Key::REGULATOR, &options);
    for (key, entry) in keys(report, &Key::REGULATOR, &entries).known {
        if let Some(value) = &entry.value {
            set(report, &mut regulator, key, value);
        }
    }
    (report.len() == before).then_some(regulator)
}

/// Sets one option, or reports what is wrong with it.
pub fn set(report: &mut Report, regulator: &mut Regulator, option: Key, value: &[TokenTree]) {
    if let Err(error) = regulator.set(option.name(), &text(value)) {
        report.at(stream(value), error);
    }
}

/// What to say of an option that stands where a key should.
pub fn outside(option: Key) -> Mistake {
    Mistake::new(
        Code::OutsideRegulator,
        format!("`{}` is no key: it is an option of the regulator", option.name()),
        format!("write it in parentheses after the cell, as in `regulator = lstm({})`", option.example()),
    )
}

fn form(what: &str) -> Mistake {
    Mistake::new(Code::RegulatorForm, what, format!("write it as in `{EXAMPLE}`"))
}
