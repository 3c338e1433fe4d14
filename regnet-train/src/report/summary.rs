//! A population's figures, and how two of them differ.

use regnet_space::statistics::{Bootstrap, Interval, KolmogorovSmirnov, kolmogorov_smirnov, mean};

use super::entry::Entry;
use super::left_out::LeftOut;
use crate::sweep::Outcome;

/// The trials of a population that ended, with their figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysed {
    /// What to call it; different from every other name in the report.
    pub name: String,
    /// In the order of their index.
    pub entries: Vec<Entry>,
    /// What they come to.
    pub summary: Summary,
    /// Its other trials.
    pub left_out: LeftOut,
}

/// What a population comes to. Errors are those of the trials that were trained to the end, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Trials trained to the end: n.
    pub finished: usize,
    /// Trials given up in favour of better ones.
    pub stopped: usize,
    /// Trials whose loss ceased to be a number.
    pub diverged: usize,
    /// The least error.
    pub min: Option<f64>,
    /// The mean error.
    pub mean: Option<f64>,
    /// The 95 % bootstrap interval of the mean.
    pub interval: Option<Interval>,
}

/// How the errors of two populations differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The first one's name.
    pub a: String,
    /// The second one's name.
    pub b: String,
    /// Their Kolmogorov-Smirnov distance.
    pub test: KolmogorovSmirnov,
    /// The mean of `a` less that of `b`.
    pub difference: f64,
    /// The 95 % bootstrap interval of that difference.
    pub interval: Interval,
}

impl Analysed {
    pub(super) fn new(name: String, entries: Vec<Entry>, left_out: LeftOut) -> Self {
        let count = |is: fn(&Outcome) -> bool| entries.iter().filter(|entry| is(&entry.outcome)).count();
        let errors: Vec<f64> = entries.iter().filter_map(|entry| entry.error).collect();
        let summary = Summary {
            finished: errors.len(),
            stopped: count(|outcome| matches!(outcome, Outcome::Stopped)),
            diverged: count(|outcome| matches!(outcome, Outcome::Diverged { .. })),
            min: errors.iter().copied().reduce(f64::min),
            mean: mean(&errors),
            interval: Bootstrap::default().mean_interval(&errors),
        };
        Self { name, entries, summary, left_out }
    }

    /// The errors of the trials that were trained to the end, in the order of their index.
    pub fn errors(&self) -> Vec<f64> {
        self.entries.iter().filter_map(|entry| entry.error).collect()
    }

    /// The trials that were trained to the end, the best first.
    pub fn ranked(&self) -> Vec<&Entry> {
        let mut ranked: Vec<(f64, &Entry)> =
            self.entries.iter().filter_map(|entry| Some((entry.error?, entry))).collect();
        ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        ranked.into_iter().map(|(_, entry)| entry).collect()
    }
}

impl Comparison {
    /// `None` if one of them has no errors.
    fn new(a: &Analysed, b: &Analysed) -> Option<Self> {
        let (errors, others) = (a.errors(), b.errors());
        Some(Self {
            a: a.name.clone(),
            b: b.name.clone(),
            test: kolmogorov_smirnov(&errors, &others)?,
            difference: a.summary.mean? - b.summary.mean?,
            interval: Bootstrap::default().difference_interval(&errors, &others)?,
        })
    }

    /// Of every two populations.
    pub(super) fn all(populations: &[Analysed]) -> Vec<Self> {
        let after = |i: usize| populations[i + 1..].iter();
        let pairs = populations.iter().enumerate().flat_map(|(i, a)| after(i).map(move |b| (a, b)));
        pairs.filter_map(|(a, b)| Self::new(a, b)).collect()
    }
}
