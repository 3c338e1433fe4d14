//! A trial's figures, as the report shows them.

use regnet_space::{AnyNet, Bottleneck, Complexity, Declaration, RegNetParams, Stage};

use super::error::ReportError;
use crate::sweep::{Outcome, TrialResult};

/// A trial that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its line in the population, from 0.
    pub index: usize,
    /// The network.
    pub net: AnyNet,
    /// Channels, height and width of its images.
    pub input: [usize; 3],
    /// How it ended.
    pub outcome: Outcome,
    /// Epochs that were trained.
    pub epochs: usize,
    /// The part of the test images that it gets wrong, from 0 to 1; `None` unless it was trained to the end.
    pub error: Option<f64>,
    /// What the network costs for one image.
    pub cost: Complexity,
    /// Generating parameters that make the network, not always those that it was drawn with; `None` where no quantised
    /// line makes it.
    pub params: Option<RegNetParams>,
    /// e_fit, how far its widths lie from the nearest quantised line.
    pub line_error: Option<f64>,
}

impl Entry {
    pub(super) fn new(population: &str, result: &TrialResult) -> Result<Self, ReportError> {
        let (trial, net) = (&result.trial, result.trial.spec());
        let cost = trial.complexity().map_err(|reason| ReportError::Trial {
            population: population.to_owned(),
            index: result.index,
            reason,
        })?;
        Ok(Self {
            index: result.index,
            net: net.clone(),
            input: trial.input,
            outcome: result.outcome.clone(),
            epochs: result.epochs.len(),
            error: result.error(),
            cost,
            params: trial.params(),
            line_error: net.line_fit().map(|fit| fit.error),
        })
    }

    /// Blocks in all.
    pub fn depth(&self) -> usize {
        self.net.stages.iter().map(|stage| stage.depth).sum()
    }

    /// The largest group width of a stage, pycls's g of an AnyNet.
    pub fn group_width(&self) -> usize {
        self.net.stages.iter().map(|stage| stage.group_width).max().unwrap_or(0)
    }

    /// The largest bottleneck ratio of a stage, pycls's b of an AnyNet.
    pub fn bottleneck(&self) -> f64 {
        self.net.stages.iter().map(|stage| stage.bottleneck.ratio()).fold(0.0, f64::max)
    }

    /// How it ended, in a word.
    pub fn outcome_word(&self) -> &'static str {
        match self.outcome {
            Outcome::Finished => "finished",
            Outcome::Stopped => "stopped",
            Outcome::Diverged { .. } => "diverged",
        }
    }

    /// How it ended, with where.
    pub(super) fn ending(&self) -> String {
        match self.outcome {
            Outcome::Diverged { epoch, step } => format!("diverged in epoch {epoch}, step {step}"),
            _ => self.outcome_word().to_owned(),
        }
    }

    /// Its declaration as Rust source, `regnet!` where generating parameters make it and else `anynet!`.
    pub fn source(&self, name: &str) -> String {
        let [_, height, width] = self.input;
        match Declaration::from_anynet(&self.net) {
            Some(declaration) => declaration.to_source(name, [height, width]),
            None => self.net.to_source(name, [height, width]),
        }
    }

    /// One number of each stage, with blanks between.
    pub(super) fn each(&self, number: impl Fn(&Stage) -> f64) -> String {
        let numbers: Vec<String> = self.net.stages.iter().map(|stage| number(stage).to_string()).collect();
        numbers.join(" ")
    }

    pub(super) fn depths(&self) -> String {
        self.each(|stage| stage.depth as f64)
    }

    pub(super) fn widths(&self) -> String {
        self.each(|stage| stage.width as f64)
    }

    pub(super) fn group_widths(&self) -> String {
        self.each(|stage| stage.group_width as f64)
    }

    pub(super) fn bottlenecks(&self) -> String {
        self.each(|stage| Bottleneck::ratio(stage.bottleneck))
    }
}
