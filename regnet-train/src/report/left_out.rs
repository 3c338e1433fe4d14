//! Trials that a report has no figures of.

use std::fmt;

use crate::sweep::{BadFile, Population};

/// How many bad files a text lists.
const LISTED: usize = 20;

/// The trials of a population that are not in a report. As text, what is left out and why; nothing if all are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeftOut {
    /// Networks of the population.
    pub networks: usize,
    /// How many of them have not ended.
    pub open: usize,
    /// The files that are bad, one of each other network that is left out.
    pub bad: Vec<BadFile>,
}

impl LeftOut {
    pub(super) fn of(population: &Population) -> Self {
        let Population { networks, results, left_out, .. } = population;
        let open = networks.saturating_sub(results.len() + left_out.len());
        Self { networks: *networks, open, bad: left_out.clone() }
    }

    /// What is left out, in a sentence; `None` if nothing is.
    pub(super) fn sentence(&self) -> Option<String> {
        let have = |count: usize| if count == 1 { "has" } else { "have" };
        let are = |count: usize| if count == 1 { "is" } else { "are" };
        let (open, bad, networks) = (self.open, self.bad.len(), self.networks);
        match (open, bad) {
            (0, 0) => None,
            (open, 0) => Some(format!("{open} of {networks} networks {} not ended.", have(open))),
            (0, bad) => Some(format!(
                "{bad} of {networks} networks {} left out, because files of theirs are bad.",
                are(bad)
            )),
            (open, bad) => Some(format!(
                "{open} of {networks} networks {} not ended, and {bad} {} left out, because files of theirs are bad.",
                have(open),
                are(bad)
            )),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(sentence) = self.sentence() else { return Ok(()) };
        f.write_str(&sentence)?;
        for bad in self.bad.iter().take(LISTED) {
            write!(f, "\n    {bad}")?;
        }
        if self.bad.len() > LISTED { write!(f, "\n    and {} more", self.bad.len() - LISTED) } else { Ok(()) }
    }
}
