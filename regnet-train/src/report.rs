//! What the errors of populations say: a page for the browser, pictures and tables.
//!
//! ```
//! use regnet_train::report::{Report, ReportError};
//! use regnet_train::sweep::Population;
//!
//! # fn report(populations: &[Population]) -> Result<(), ReportError> {
//! let report = Report::new(populations)?;
//! println!("{report}"); // n, least and mean error of each, and how they differ
//! report.write("runs/spaces.html".as_ref())?; // and runs/spaces/edf.svg, runs/spaces/trials.csv, ...
//! # Ok(())
//! # }
//! # assert!(matches!(report(&[]), Err(ReportError::NoPopulations)));
//! ```
//!
//! What a population has and the report does not, networks that have not ended and those whose files are bad, is said in each
//! of them. Names are [printable](printable()); in the CSV files, one that a spreadsheet would take for a formula
//! (it begins with `=`, `+`, `-` or `@`) has an apostrophe before it, and numbers are as they are.
//!
//! Everything follows from the populations alone: the same ones make the same files, byte by byte. The arithmetic is in
//! [`regnet_space::statistics`].
//!
//! | module | what it holds |
//! | --- | --- |
//! | `entry` | a trial's figures |
//! | `left_out` | trials that there are no figures of |
//! | `summary` | a population's figures, and those of two together |
//! | `statistic` | the numbers of a network that errors are drawn against |
//! | `axes`, `distribution`, `scatter`, `stages` | diagrams |
//! | `page` | the HTML page, with `templates/report.html` |
//! | `text`, `tables` | figures as text and as CSV files |
//! | `files` | what is written, and where |

mod axes;
mod distribution;
mod entry;
mod error;
mod files;
mod left_out;
mod page;
#[cfg(feature = "png")]
mod png;
mod scatter;
mod stages;
mod statistic;
mod summary;
mod tables;
mod text;

use rayon::prelude::*;
use regnet_space::text::printable;

pub use entry::Entry;
pub use error::ReportError;
pub use files::Picture;
pub use left_out::LeftOut;
pub use summary::{Analysed, Comparison, Summary};

use crate::sweep::Population;

/// Several populations, analysed.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    populations: Vec<Analysed>,
    comparisons: Vec<Comparison>,
}

impl Report {
    /// Analyses populations, in their order. Of those of one name all but the first are numbered.
    ///
    /// # Errors
    ///
    /// No population, one without trials, and a network that does not take its images.
    pub fn new(populations: &[Population]) -> Result<Self, ReportError> {
        if populations.is_empty() {
            return Err(ReportError::NoPopulations);
        }
        let mut analysed: Vec<Analysed> = Vec::new();
        for population in populations {
            let name = unused_name(&printable(&population.name), &analysed);
            let left_out = LeftOut::of(population);
            if population.results.is_empty() {
                return Err(ReportError::NoTrials { population: name, left_out });
            }
            // Fitting a network to parameters may take milliseconds.
            let entries = population.results.par_iter().map(|result| Entry::new(&name, result));
            let entries = entries.collect::<Result<_, _>>()?;
            analysed.push(Analysed::new(name, entries, left_out));
        }
        Ok(Self { comparisons: Comparison::all(&analysed), populations: analysed })
    }

    /// The populations.
    pub fn populations(&self) -> &[Analysed] {
        &self.populations
    }

    /// How every two of the populations that have errors differ.
    pub fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }
}

fn unused_name(name: &str, taken: &[Analysed]) -> String {
    let free = |name: &String| taken.iter().all(|other| other.name != *name);
    let numbered = (2..).map(|i| format!("{name} ({i})"));
    [name.to_owned()].into_iter().chain(numbered).find(free).unwrap_or_default()
}
