//! The report's numbers as CSV, for other programs: errors from 0 to 1, numbers in full. Names are made harmless for
//! spreadsheets.

use std::error::Error;

use super::Report;
use super::entry::Entry;
use super::statistic::Statistic;

type Rows = Result<Vec<u8>, Box<dyn Error>>;

const TRIAL: [&str; 8] =
    ["population", "index", "outcome", "epochs", "error", "depths", "widths", "group_widths"];

impl Report {
    /// A line for each trial.
    pub(super) fn trials_csv(&self) -> Rows {
        let stages = self.most_stages();
        let statistics = Statistic::all(stages);
        let mut csv = csv::Writer::from_writer(Vec::new());
        let columns = statistics.iter().map(|statistic| statistic.key());
        csv.write_record(
            TRIAL.map(str::to_owned).into_iter().chain(["bottlenecks".to_owned()]).chain(columns),
        )?;
        for population in &self.populations {
            for entry in &population.entries {
                let numbers = statistics.iter().map(|statistic| or_blank(statistic.of(entry)));
                csv.write_record(trial(&population.name, entry).into_iter().chain(numbers))?;
            }
        }
        Ok(csv.into_inner()?)
    }

    /// A line for each population.
    pub(super) fn populations_csv(&self) -> Rows {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "population",
            "networks",
            "finished",
            "stopped",
            "diverged",
            "not_ended",
            "left_out",
            "min",
            "mean",
            "mean_low",
            "mean_high",
        ])?;
        for population in &self.populations {
            let (summary, left_out) = (population.summary, &population.left_out);
            csv.write_record([
                harmless(&population.name),
                left_out.networks.to_string(),
                summary.finished.to_string(),
                summary.stopped.to_string(),
                summary.diverged.to_string(),
                left_out.open.to_string(),
                left_out.bad.len().to_string(),
                or_blank(summary.min),
                or_blank(summary.mean),
                or_blank(summary.interval.map(|interval| interval.low)),
                or_blank(summary.interval.map(|interval| interval.high)),
            ])?;
        }
        Ok(csv.into_inner()?)
    }

    /// A line for every two populations.
    pub(super) fn comparisons_csv(&self) -> Rows {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["a", "b", "ks_distance", "ks_p_value", "difference", "low", "high"])?;
        for comparison in &self.comparisons {
            let (test, interval) = (comparison.test, comparison.interval);
            let numbers = [test.distance, test.p_value, comparison.difference, interval.low, interval.high];
            let names = [&comparison.a, &comparison.b].map(|name| harmless(name));
            csv.write_record(names.into_iter().chain(numbers.map(|number| number.to_string())))?;
        }
        Ok(csv.into_inner()?)
    }
}

fn trial(population: &str, entry: &Entry) -> [String; 9] {
    [
        harmless(population),
        entry.index.to_string(),
        entry.outcome_word().to_owned(),
        entry.epochs.to_string(),
        or_blank(entry.error),
        entry.depths(),
        entry.widths(),
        entry.group_widths(),
        entry.bottlenecks(),
    ]
}

/// A name that no spreadsheet takes for a formula. Those that begin with other characters, and all numbers, are as they are.
fn harmless(name: &str) -> String {
    let is_formula = name.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    format!("{}{name}", if is_formula { "'" } else { "" })
}

fn or_blank(number: Option<f64>) -> String {
    number.map_or(String::new(), |number| number.to_string())
}
