//! A value for each stage, or one for all: `[1, 3, 5, 7]` or `24`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::code::Code;
use crate::key::Key;
use crate::parse::{flatten, is_group, is_punct, no_comma, nothing_before, stream};
use crate::report::{Mistake, Report};

/// One key's values with their tokens. Unreadable ones were reported and are `None`.
pub struct Values<T> {
    pub key: Key,
    /// Everything after the `=`.
    whole: Vec<TokenTree>,
    /// Each element; only one where there is no list.
    elements: Vec<(Option<T>, TokenStream)>,
    is_list: bool,
}

impl<T: Copy> Values<T> {
    /// Reads a value or a list of them, and reports each that cannot be read.
    pub fn read(
        report: &mut Report,
        key: Key,
        tokens: &[TokenTree],
        read: impl Fn(&[TokenTree]) -> Result<T, Mistake>,
    ) -> Self {
        let list = match tokens {
            [list @ TokenTree::Group(group)] if is_group(list, Delimiter::Bracket) => {
                Some(flatten(group.stream()))
            }
            _ => None,
        };
        let is_list = list.is_some();
        let inside = list.as_deref().map_or_else(|| vec![tokens], |inside| elements(report, inside));
        if inside.is_empty() {
            let what = format!("`{}` is empty", key.name());
            let help = format!("give one number for each stage, as in `{}`", key.example());
            report.at(stream(tokens), Mistake::new(Code::EmptyList, what, help));
        }
        let elements = inside.into_iter().map(|tokens| {
            (read(tokens).map_err(|mistake| report.at(stream(tokens), mistake)).ok(), stream(tokens))
        });
        Self { key, elements: elements.collect(), whole: tokens.to_vec(), is_list }
    }

    /// As [`read`](Self::read), where one value for all stages would make no sense.
    pub fn read_list(
        report: &mut Report,
        key: Key,
        tokens: &[TokenTree],
        read: impl Fn(&[TokenTree]) -> Result<T, Mistake>,
    ) -> Option<Self> {
        if matches!(tokens, [list] if is_group(list, Delimiter::Bracket)) {
            return Some(Self::read(report, key, tokens, read));
        }
        let what = format!("`{}` is a list with one number for each stage", key.name());
        let help = format!("write it as in `{}`", key.example());
        report.at(stream(tokens), Mistake::new(Code::NotAList, what, help));
        None
    }

    /// The number of stages it is for; `None` where it is for any.
    pub fn len(&self) -> Option<usize> {
        self.is_list.then_some(self.elements.len())
    }

    /// The value of a stage, counted from 0, if it could be read.
    pub fn get(&self, stage: usize) -> Option<T> {
        let index = if self.is_list { stage } else { 0 };
        self.elements.get(index)?.0
    }

    /// The tokens of a stage, counted from 1, or of the whole value.
    pub fn at(&self, stage: Option<usize>) -> TokenStream {
        let element = stage.filter(|_| self.is_list).and_then(|stage| self.elements.get(stage - 1));
        element.map_or_else(|| stream(&self.whole), |(_, tokens)| tokens.clone())
    }
}

/// Cuts a list at its commas, and where one is missing between two numbers.
fn elements<'a>(report: &mut Report, tokens: &'a [TokenTree]) -> Vec<&'a [TokenTree]> {
    let mut elements = Vec::new();
    let mut start = 0;
    for (i, token) in tokens.iter().enumerate() {
        if is_punct(token, ',') {
            if i == start {
                report.at(token, nothing_before());
            }
            elements.push(&tokens[start..i]);
            start = i + 1;
        } else if let [TokenTree::Literal(first), TokenTree::Literal(second)] =
            &tokens[i.saturating_sub(1)..=i]
        {
            let what = format!("expected `,` between `{first}` and `{second}`");
            report.at(stream(&tokens[i - 1..=i]), no_comma(what));
            elements.push(&tokens[start..i]);
            start = i;
        }
    }
    elements.push(&tokens[start..]);
    elements.retain(|element| !element.is_empty());
    elements
}
