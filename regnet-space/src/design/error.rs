//! What can be wrong with a constraint.

use std::fmt;
use std::ops::Range;

use super::distribution::{Distribution, UnknownDistribution};
use super::key::Key;
use crate::error::ParamError;
use crate::membership::{SpaceName, UnknownSpace};
use crate::sample::SampleError;
use crate::words::Words;

/// One thing wrong with the text of a design space.
///
/// Its `Display` says what is wrong, what is allowed, and shows the part at fault in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstraintError {
    /// The whole text.
    pub text: String,
    /// The bytes of the part at fault.
    pub at: Range<usize>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a part of a design space's text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// The text does not begin with a space's name.
    NoSpace,
    /// No design space has this name.
    UnknownSpace(UnknownSpace),
    /// This is no constraint.
    NotAConstraint,
    /// Nothing that can be constrained has this name.
    UnknownKey {
        /// The space.
        base: SpaceName,
        /// The nearest key, if one is near.
        nearest: Option<&'static str>,
    },
    /// One stage's number of a parameter that all stages share.
    Shared {
        /// The space.
        base: SpaceName,
        /// The parameter's key.
        key: Key,
    },
    /// The key was given a value before.
    Twice {
        /// The key.
        key: Key,
    },
    /// A comparison or a distribution of what has only a value.
    OnlyEquals {
        /// The key.
        key: Key,
    },
    /// The value is not of the key's kind, or out of bounds.
    Value {
        /// The space.
        base: SpaceName,
        /// The key.
        key: Key,
    },
    /// A range that ends before it begins.
    Reversed {
        /// The key.
        key: Key,
    },
    /// A range that reaches out of the space.
    Outside {
        /// The space.
        base: SpaceName,
        /// The key.
        key: Key,
        /// The least and the most that the space has.
        bounds: (f64, f64),
    },
    /// No value of the space is left.
    Nothing {
        /// The key.
        key: Key,
        /// What there was before.
        values: String,
    },
    /// No distribution has this name.
    UnknownDistribution(UnknownDistribution),
    /// None of the values can be drawn from the distribution: none is a power of two.
    NoPower {
        /// The key.
        key: Key,
        /// The values there are.
        values: String,
    },
    /// w0 and wa have no value in common.
    NotTied {
        /// The values of w0.
        w0: String,
        /// The values of wa.
        wa: String,
    },
    /// The stem, the images or the classes.
    Network(ParamError),
    /// A window that runs backwards.
    Window(SampleError),
}

impl Problem {
    /// What it says of the part `written`, in parts.
    pub fn words(&self, written: &str) -> Words {
        let no = |what: &str| format!("`{written}` {what}");
        let (what, help) = match self {
            Self::NoSpace => {
                let names = SpaceName::ALL.map(SpaceName::name).join(", ");
                (no("is not a design space's name"), format!("begin with one of {names}"))
            }
            Self::UnknownSpace(error) => return error.words(),
            Self::NotAConstraint => {
                (no("is no constraint"), "write one as in `d = 12..28`, `g >= 8`, `wm = 2`".to_owned())
            }
            Self::UnknownKey { base, nearest } => {
                let help = match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("there are {}", names(*base)),
                };
                (format!("`{written}` cannot be constrained in {base}"), help)
            }
            Self::Shared { base, key } => (
                format!("all stages of {base} share {0}, so `{written}` is not one stage's", key.name()),
                format!("write `{}`, or begin with AnyNetXA", key.name()),
            ),
            Self::Twice { key } => {
                (no("comes twice"), format!("write several values as in `{} = {{.., ..}}`", key.name()))
            }
            Self::OnlyEquals { key } => (no("is nothing to compare"), such_as(*key)),
            Self::Value { base, key } => (
                format!("{} = {written} is not possible", key.name()),
                format!("allowed are {}", key.allowed(*base)),
            ),
            Self::Reversed { key } => (
                format!("{} = {written} runs backwards", key.name()),
                "write the smaller number first".to_owned(),
            ),
            Self::Outside { base, key, bounds: (low, high) } => (
                format!("{} = {written} reaches out of {base}", key.name()),
                format!("there it is {low} to {high}"),
            ),
            Self::Nothing { key, values } => {
                (no("leaves no value"), format!("{} is one of {values}", key.name()))
            }
            Self::UnknownDistribution(UnknownDistribution { name, nearest }) => {
                let help = match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("there are {}", Distribution::ALL.map(Distribution::name).join(", ")),
                };
                (format!("no distribution is called `{name}`"), help)
            }
            Self::NoPower { key, values } => (
                format!("{} is never a power of two: it is one of {values}", key.name()),
                "choose another distribution or other values".to_owned(),
            ),
            Self::NotTied { w0, wa } => (
                format!("w0 = wa is never so: w0 is one of {w0}, and wa of {wa}"),
                "leave a multiple of 8 in both".to_owned(),
            ),
            Self::Network(error) => return error.words(),
            Self::Window(error) => return error.words(),
        };
        Words { what, help }
    }
}

fn such_as(key: Key) -> String {
    format!("write it as in `{}`", key.example())
}

fn names(base: SpaceName) -> String {
    Key::all(base).map(Key::name).collect::<Vec<_>>().join(", ")
}

impl ConstraintError {
    /// The part at fault.
    pub fn written(&self) -> &str {
        self.text.get(self.at.clone()).unwrap_or_default()
    }

    /// What it says, in parts, without the text.
    pub fn words(&self) -> Words {
        self.problem.words(self.written())
    }
}

impl fmt::Display for ConstraintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.text.get(..self.at.start).unwrap_or_default().chars().count();
        let carets = "^".repeat(self.written().chars().count().max(1));
        let line = self.text.replace(|c: char| c.is_control(), " ");
        write!(f, "{}\n  {line}\n  {:before$}{carets}", self.words(), "")
    }
}

impl std::error::Error for ConstraintError {}
