//! What can be wrong with drawing networks.

use std::fmt;
use std::ops::RangeInclusive;

use thiserror::Error;

use super::{Figure, SampledSpace};
use crate::error::ParamError;
use crate::text::grouped;

/// One thing wrong with a [`Sampler`](super::Sampler).
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The input, the stem or the head.
    #[error(transparent)]
    Network(#[from] ParamError),
    /// A window whose end comes before its start.
    #[error("{figure} = {low}..={high} runs backwards: write the smaller number first, {high}..={low}")]
    Reversed {
        /// The figure.
        figure: Figure,
        /// Where it starts.
        low: u64,
        /// Where it ends.
        high: u64,
    },
    /// The windows leave too few networks.
    #[error("{}", TooFew { space, blamed, found: *found, tries: *tries, inside: *inside })]
    TooFew {
        /// The space drawn from.
        space: SampledSpace,
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

struct TooFew<'a> {
    space: &'a SampledSpace,
    blamed: &'a Option<Blamed>,
    found: usize,
    tries: usize,
    inside: usize,
}

impl fmt::Display for TooFew<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { space, blamed, found, tries, inside } = self;
        let rate = 100.0 * inside as f64 / tries as f64;
        match blamed {
            Some(Blamed { figure, window, .. }) => {
                let [low, high] = [*window.start(), *window.end()].map(grouped);
                write!(f, "{figure} from {low} to {high} admits too few {space} models: ")?;
            }
            None => write!(f, "there are too few {space} models: ")?,
        }
        let tries = grouped(tries as u64);
        write!(f, "{found} found in {tries} draws, of which {rate:.3} % fell inside all windows")?;
        let Some(Blamed { figure, admitted, drawn: (least, most), .. }) = blamed else { return Ok(()) };
        write!(f, "; the models drawn have {} to {} {figure}", grouped(*least), grouped(*most))?;
        if *admitted > inside { write!(f, ", and {admitted} were inside this window alone") } else { Ok(()) }
    }
}
