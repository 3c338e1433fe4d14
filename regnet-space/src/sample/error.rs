//! What can be wrong with drawing networks.

use std::ops::RangeInclusive;

use super::Figure;
use crate::error::ParamError;
use crate::membership::SpaceName;
use crate::text::grouped;
use crate::words::{Words, says_its_words};

/// One thing wrong with a [`Sampler`](super::Sampler).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SampleError {
    /// The input, the stem or the head.
    Network(ParamError),
    /// A window whose end comes before its start.
    Reversed {
        /// The figure.
        figure: Figure,
        /// Where it starts.
        low: u64,
        /// Where it ends.
        high: u64,
    },
    /// The windows leave too few networks.
    TooFew {
        /// The space drawn from.
        space: SpaceName,
        /// Different networks found before the search was given up.
        found: usize,
        /// Candidates drawn.
        tries: usize,
        /// Candidates inside every window, the same network as often as it was drawn.
        inside: usize,
        /// The narrowest window; `None` without windows.
        blamed: Option<Blamed>,
    },
}

/// The window that admits the fewest of the networks drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blamed {
    /// Its figure.
    pub figure: Figure,
    /// The window.
    pub window: RangeInclusive<u64>,
    /// How many networks were inside this window, whatever the others say.
    pub admitted: usize,
    /// The least and the most of that figure drawn.
    pub drawn: (u64, u64),
}

impl SampleError {
    /// The declaration's key at fault: `"flops"`, `"params"`, `"acts"`, or one of [`ParamError::key`]'s.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Network(error) => error.key(),
            Self::Reversed { figure, .. } => figure.name(),
            Self::TooFew { blamed, .. } => blamed.as_ref().map_or("space", |blamed| blamed.figure.name()),
        }
    }
}

says_its_words!(SampleError);

impl From<ParamError> for SampleError {
    fn from(error: ParamError) -> Self {
        Self::Network(error)
    }
}

impl SampleError {
    /// What it says, in parts.
    pub fn words(&self) -> Words {
        match self {
            Self::Network(error) => error.words(),
            Self::Reversed { figure, low, high } => Words::new(
                format!("{figure} = {low}..={high} runs backwards"),
                format!("write the smaller number first, {high}..={low}"),
            ),
            Self::TooFew { space, found, tries, inside, blamed } => {
                let rate = 100.0 * *inside as f64 / *tries as f64;
                let admits = blamed.as_ref().map_or_else(
                    || format!("there are too few {space} models"),
                    |blamed| blamed.admits(*space),
                );
                let tries = grouped(*tries as u64);
                let what = format!(
                    "{admits}: {found} found in {tries} draws, of which {rate:.3} % fell inside all windows"
                );
                Words { what, help: remedy(blamed.as_ref(), *found, *inside) }
            }
        }
    }
}

impl Blamed {
    fn admits(&self, space: SpaceName) -> String {
        let [low, high] = [*self.window.start(), *self.window.end()].map(grouped);
        format!("{} from {low} to {high} admits too few {space} models", self.figure)
    }

    /// Where to look instead.
    fn drawn(&self, inside: usize) -> String {
        let &Self { figure, admitted, drawn: (least, most), .. } = self;
        let [least, most] = [least, most].map(grouped);
        let others = if admitted > inside {
            format!(", and {admitted} were inside this window alone")
        } else {
            String::new()
        };
        format!("the models drawn have {least} to {most} {figure}{others}")
    }
}

fn remedy(blamed: Option<&Blamed>, found: usize, inside: usize) -> String {
    match (blamed, found) {
        (Some(blamed), 0) => format!("widen it: {}", blamed.drawn(inside)),
        (Some(blamed), _) => format!("widen it, or ask for {found}: {}", blamed.drawn(inside)),
        (None, _) => format!("ask for {found}"),
    }
}
