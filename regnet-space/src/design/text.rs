//! Design spaces as text.

use std::fmt;
use std::ops::Range;

use super::axis::{Axis, Choice, number};
use super::key::Key;
use super::{ConstraintError, DesignSpace, Problem};
use crate::membership::SpaceName;
use crate::sample::Figure;

/// A part of the text of a design space.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    /// The byte that it starts at.
    start: usize,
}

impl<'a> Part<'a> {
    fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Without blanks around it.
    fn trim(self) -> Self {
        let start = self.start + self.text.len() - self.text.trim_start().len();
        Self { text: self.text.trim(), start }
    }

    /// What stands before and after the bytes from `at` on.
    fn split(self, at: usize, skip: usize) -> (Self, Self) {
        let (before, after) = (&self.text[..at], &self.text[at + skip..]);
        (Self { text: before, ..self }.trim(), Self { text: after, start: self.start + at + skip }.trim())
    }

    /// Before and after the first occurrence of a separator.
    pub(super) fn split_once(self, separator: &str) -> Option<(Self, Self)> {
        Some(self.split(self.text.find(separator)?, separator.len()))
    }

    /// Between these two.
    pub(super) fn inside(self, open: &str, close: &str) -> Option<Self> {
        let inner = self.text.strip_prefix(open)?.strip_suffix(close)?;
        Some(Self { text: inner, start: self.start + open.len() }.trim())
    }

    /// Cuts at the commas that stand in no braces or parentheses.
    pub(super) fn commas(self) -> Vec<Self> {
        let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
        let ends = self.text.char_indices().chain([(self.text.len(), ',')]);
        for (i, c) in ends {
            match c {
                '{' | '(' => depth += 1,
                '}' | ')' => depth = depth.saturating_sub(1),
                ',' if depth == 0 || i == self.text.len() => {
                    let part = Self { text: &self.text[start..i], start: self.start + start };
                    parts.push(part.trim());
                    start = i + 1;
                }
                _ => {}
            }
        }
        parts
    }
}

/// A text, and everything wrong with it so far.
pub(super) struct Report<'a> {
    text: &'a str,
    pub(super) errors: Vec<ConstraintError>,
}

impl<'a> Report<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, errors: Vec::new() }
    }

    pub(super) fn at(&mut self, part: Part<'_>, problem: Problem) {
        self.errors.push(ConstraintError { text: self.text.to_owned(), at: part.range(), problem });
    }

    /// The parts between commas; the last may be empty.
    pub(super) fn parts(&self) -> Vec<Part<'a>> {
        let mut parts = Part { text: self.text, start: 0 }.commas();
        if parts.last().is_some_and(|part| part.text.is_empty()) {
            parts.pop();
        }
        parts
    }
}

/// How a key is constrained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equals,
    AtLeast,
    AtMost,
    Above,
    Below,
    Drawn,
}

/// `key = value` in parts.
pub(super) struct Constraint<'a> {
    pub(super) key: Part<'a>,
    pub(super) relation: Relation,
    pub(super) value: Part<'a>,
}

impl<'a> Constraint<'a> {
    /// `None` where there is no relation, nothing before it, or nothing after it.
    pub(super) fn read(part: Part<'a>) -> Option<Self> {
        const RELATIONS: [(&str, Relation); 7] = [
            (">=", Relation::AtLeast),
            ("<=", Relation::AtMost),
            (" in ", Relation::Equals),
            ("=", Relation::Equals),
            (">", Relation::Above),
            ("<", Relation::Below),
            ("~", Relation::Drawn),
        ];
        // The first in the text; of several that start there, the longest, which comes first.
        let found = RELATIONS
            .into_iter()
            .filter_map(|(sign, relation)| Some((part.text.find(sign)?, sign, relation)));
        let (at, sign, relation) = found.min_by_key(|(at, ..)| *at)?;
        let (key, value) = part.split(at, sign.len());
        (!key.text.is_empty() && !value.text.is_empty()).then_some(Self { key, relation, value })
    }
}

impl DesignSpace {
    pub(super) fn write_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.base)?;
        let paper = Self::new(self.base);
        for ((axis, choices), (_, published)) in self.axes.iter().zip(&paper.axes) {
            let alike = choices.iter().all(|choice| *choice == choices[0]);
            let each = choices.iter().zip(published).zip(1..);
            for ((choice, published), stage) in each.take(if alike { 1 } else { choices.len() }) {
                let key = if alike { axis.to_string() } else { format!("{axis}{stage}") };
                write_choice(f, &key, choice, published)?;
            }
        }
        if self.tied {
            write!(f, ", {} = {}", Axis::W0, Axis::Wa)?;
        }
        if self.stages != paper.stages {
            let stages: Vec<String> = self.stages.iter().map(ToString::to_string).collect();
            write!(f, ", stages = {{{}}}", stages.join(", "))?;
        }
        for figure in Figure::ALL {
            if let Some(window) = self.windows.of(figure) {
                write!(f, ", {figure} = {}..={}", window.start(), window.end())?;
            }
        }
        self.write_ends(f, &paper)
    }

    /// What surrounds the stages.
    fn write_ends(&self, f: &mut fmt::Formatter<'_>, paper: &Self) -> fmt::Result {
        match self.se {
            se if se == paper.se => {}
            Some(ratio) => write!(f, ", se = {ratio}")?,
            None => write!(f, ", se = false")?,
        }
        if self.stem != paper.stem {
            write!(f, ", stem = {}", self.stem)?;
        }
        if let Some([channels, height, width]) = self.image {
            write!(f, ", input = {channels}x{height}x{width}")?;
        }
        if self.classes != paper.classes {
            write!(f, ", classes = {}", self.classes)?;
        }
        Ok(())
    }
}

fn write_choice(f: &mut fmt::Formatter<'_>, key: &str, choice: &Choice, published: &Choice) -> fmt::Result {
    let values = &choice.values;
    let from = published.values.iter().position(|x| Some(x) == values.first()).unwrap_or_default();
    let in_a_row = published.values.get(from..from + values.len()) == Some(values);
    match values[..] {
        _ if *values == published.values => {}
        [one] => write!(f, ", {key} = {}", number(one))?,
        [first, .., last] if in_a_row => write!(f, ", {key} = {}..={}", number(first), number(last))?,
        _ => {
            let values: Vec<String> = values.iter().map(|&x| number(x)).collect();
            write!(f, ", {key} = {{{}}}", values.join(", "))?;
        }
    }
    if choice.distribution != published.distribution {
        write!(f, ", {key} ~ {}", choice.distribution)?;
    }
    Ok(())
}

/// The space of this name.
pub(super) fn space_name(part: Part<'_>) -> Result<SpaceName, Problem> {
    let word = part.text.chars().all(char::is_alphanumeric);
    if word { part.text.parse().map_err(Problem::UnknownSpace) } else { Err(Problem::NoSpace) }
}

/// A key, if there is one of this name.
pub(super) fn key(base: SpaceName, name: &str) -> Result<Key, Problem> {
    let nearest = || crate::suggest::nearest(name, Key::all(base).map(Key::name));
    Key::find(base, name).ok_or_else(|| Problem::UnknownKey { base, nearest: nearest() })
}
