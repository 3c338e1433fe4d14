//! The report's figures as text: what a command prints.

use std::fmt;

use regnet_space::statistics::Interval;
use regnet_space::text::Table;

use super::Report;
use super::summary::{Analysed, Comparison, Summary};

/// A table of the populations and, of several, one of their differences; then what is left out. Errors are in per cent.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summaries())?;
        if !self.comparisons.is_empty() {
            write!(f, "\n\n{}", self.differences())?;
        }
        for Analysed { name, left_out, .. } in &self.populations {
            if left_out.sentence().is_some() {
                write!(f, "\n\n{name}: {left_out}")?;
            }
        }
        Ok(())
    }
}

impl Report {
    fn summaries(&self) -> Table {
        let head =
            ["population", "finished", "stopped", "diverged", "min error %", "mean error %", "95 % interval"];
        let mut table = Table::new(head);
        for population in &self.populations {
            let Summary { finished, stopped, diverged, min, mean, interval } = population.summary;
            let counts = [finished, stopped, diverged].map(|count| count.to_string());
            let errors = [min, mean].map(|error| error.map_or(String::new(), |error| per_cent(error, false)));
            let ends = interval.map_or(String::new(), |interval| ends(interval, false));
            table.push([population.name.clone()].into_iter().chain(counts).chain(errors).chain([ends]));
        }
        table
    }

    fn differences(&self) -> Table {
        let mut table = Table::new(["a", "b", "KS distance", "p", "mean a - mean b, %", "95 % interval"]);
        for Comparison { a, b, test, difference, interval } in &self.comparisons {
            let (distance, p) = (format!("{:.3}", test.distance), format!("{:.4}", test.p_value));
            let difference = per_cent(*difference, true);
            table.push([a.clone(), b.clone(), distance, p, difference, ends(*interval, true)]);
        }
        table
    }
}

fn per_cent(part: f64, signed: bool) -> String {
    let part = 100.0 * part;
    if signed { format!("{part:+.2}") } else { format!("{part:.2}") }
}

fn ends(Interval { low, high }: Interval, signed: bool) -> String {
    format!("{} to {}", per_cent(low, signed), per_cent(high, signed))
}
