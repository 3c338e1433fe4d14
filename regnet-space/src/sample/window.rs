//! Complexity windows, and what was drawn inside and outside them.

use std::fmt;
use std::ops::RangeInclusive;

use super::{Blamed, SampleError, Sampler};
use crate::complexity::Complexity;

/// One of the three figures of a network's complexity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Multiply-adds for one image.
    Flops,
    /// Trained numbers.
    Params,
    /// Activations for one image.
    Acts,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Flops, Self::Params, Self::Acts];

    /// Its value.
    pub fn of(self, cost: Complexity) -> u64 {
        match self {
            Self::Flops => cost.flops,
            Self::Params => cost.params,
            Self::Acts => cost.acts,
        }
    }

    /// As it is written in declarations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flops => "flops",
            Self::Params => "params",
            Self::Acts => "acts",
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The complexity of the networks kept, each bound included; `None` keeps all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows {
    /// Multiply-adds for one image.
    pub flops: Option<RangeInclusive<u64>>,
    /// Trained numbers.
    pub params: Option<RangeInclusive<u64>>,
    /// Activations for one image.
    pub acts: Option<RangeInclusive<u64>>,
}

impl Windows {
    /// The window of one figure.
    pub fn of(&self, figure: Figure) -> Option<&RangeInclusive<u64>> {
        match figure {
            Figure::Flops => self.flops.as_ref(),
            Figure::Params => self.params.as_ref(),
            Figure::Acts => self.acts.as_ref(),
        }
    }

    pub(crate) fn of_mut(&mut self, figure: Figure) -> &mut Option<RangeInclusive<u64>> {
        match figure {
            Figure::Flops => &mut self.flops,
            Figure::Params => &mut self.params,
            Figure::Acts => &mut self.acts,
        }
    }

    /// Whether a network is kept.
    pub fn contain(&self, cost: Complexity) -> bool {
        Figure::ALL.into_iter().all(|figure| self.admits(figure, cost))
    }

    fn admits(&self, figure: Figure, cost: Complexity) -> bool {
        self.of(figure).is_none_or(|window| window.contains(&figure.of(cost)))
    }

    /// Windows that run backwards.
    pub(super) fn errors(&self) -> impl Iterator<Item = SampleError> {
        Figure::ALL.into_iter().filter_map(|figure| {
            let (&low, &high) = self.of(figure).map(|window| (window.start(), window.end()))?;
            (low > high).then_some(SampleError::Reversed { figure, low, high })
        })
    }
}

/// What was drawn so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// All candidates.
    pub(super) tries: usize,
    /// Those that are networks of the space and inside every window.
    pub(super) inside: usize,
    figures: [Seen; 3],
}

/// What was drawn of one figure.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Networks of the space inside this figure's window.
    admitted: usize,
    /// The least and the most.
    range: Option<(u64, u64)>,
}

impl Tally {
    /// Counts a network of the space and says whether it is inside every window.
    pub(super) fn count(&mut self, windows: &Windows, cost: Complexity) -> bool {
        for (figure, seen) in Figure::ALL.into_iter().zip(&mut self.figures) {
            let value = figure.of(cost);
            let (least, most) = seen.range.unwrap_or((value, value));
            seen.range = Some((least.min(value), most.max(value)));
            seen.admitted += usize::from(windows.admits(figure, cost));
        }
        let inside = windows.contain(cost);
        self.inside += usize::from(inside);
        inside
    }

    /// The error of a search that found `found` networks and then no more: the narrowest window is to blame.
    pub(super) fn too_few(&self, sampler: &Sampler, found: usize) -> SampleError {
        let Self { tries, inside, .. } = *self;
        let seen = Figure::ALL.into_iter().zip(self.figures);
        let blamed = seen
            .filter_map(|(figure, Seen { admitted, range })| {
                let window = sampler.space.windows.of(figure)?.clone();
                Some(Blamed { figure, window, admitted, drawn: range.unwrap_or_default() })
            })
            .min_by_key(|blamed| blamed.admitted);
        SampleError::TooFew { space: sampler.space.base(), found, tries, inside, blamed }
    }
}
