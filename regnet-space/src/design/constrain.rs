//! From text to design spaces.

use super::axis::{Axis, Choice};
use super::distribution::Distribution;
use super::key::Key;
use super::text::{Constraint, Part, Relation, Report, key, space_name};
use super::wanted::{Wanted, Wrong, number, range};
use super::{ConstraintError, DesignSpace, Problem};
use crate::limits::MAX_STAGES;
use crate::membership::SpaceName;
use crate::sample::{Figure, SampleError};
use crate::units;

impl DesignSpace {
    /// A space's name and constraints, separated by commas; see the [module](super) for what they are.
    ///
    /// # Errors
    ///
    /// Everything wrong with the text.
    pub fn parse(text: &str) -> Result<Self, Vec<ConstraintError>> {
        let mut report = Report::new(text);
        let parts = report.parts();
        let Some(&first) = parts.first() else {
            report.at(Part::default(), Problem::NoSpace);
            return Err(report.errors);
        };
        match space_name(first) {
            Ok(base) => Self::new(base).constrained(report, &parts[1..]),
            Err(problem) => {
                report.at(first, problem);
                Err(report.errors)
            }
        }
    }

    /// Adds constraints, separated by commas.
    ///
    /// # Errors
    ///
    /// Everything wrong with them; the space is then as it was.
    pub fn constrain(&mut self, text: &str) -> Result<(), Vec<ConstraintError>> {
        let report = Report::new(text);
        let parts = report.parts();
        *self = self.clone().constrained(report, &parts)?;
        Ok(())
    }

    /// Draws every axis from a distribution.
    ///
    /// # Errors
    ///
    /// [`Problem::NoPower`].
    pub fn draw_all_from(&mut self, distribution: Distribution) -> Result<(), Vec<ConstraintError>> {
        let each = Axis::of(self.base).iter().map(|axis| format!("{axis} ~ {distribution}"));
        self.constrain(&each.collect::<Vec<_>>().join(", "))
    }

    fn constrained<'a>(
        mut self,
        mut report: Report<'a>,
        parts: &[Part<'a>],
    ) -> Result<Self, Vec<ConstraintError>> {
        let mut set: Vec<Key> = Vec::new();
        for &part in parts {
            let outcome = self.add(part, &mut set);
            if let Err((part, problem)) = outcome {
                report.at(part, problem);
            }
        }
        if let (Some(&part), Some(problem)) = (parts.last(), self.contradiction()) {
            report.at(part, problem);
        }
        if report.errors.is_empty() { Ok(self) } else { Err(report.errors) }
    }

    fn add<'a>(&mut self, part: Part<'a>, set: &mut Vec<Key>) -> Result<(), Wrong<'a>> {
        let Some(Constraint { key: name, relation, value }) = Constraint::read(part) else {
            return Err((part, Problem::NotAConstraint));
        };
        let key = key(self.base, name.text).map_err(|problem| (name, problem))?;
        if relation == Relation::Equals && !matches!(value.text, "w0" | "wa") {
            if set.contains(&key) {
                return Err((part, Problem::Twice { key }));
            }
            set.push(key);
        }
        match key {
            Key::Axis(axis, stage) => self.constrain_axis(part, axis, stage, relation, value),
            Key::Figure(figure) => {
                self.constrain_figure(figure, relation, value).map_err(|problem| (value, problem))
            }
            Key::Stages => self.constrain_stages(part, relation, value),
            _ if relation != Relation::Equals => Err((part, Problem::OnlyEquals { key })),
            _ => self.constrain_ends(key, value.text).map_err(|problem| (value, problem)),
        }
    }

    fn constrain_axis<'a>(
        &mut self,
        part: Part<'a>,
        axis: Axis,
        stage: Option<usize>,
        relation: Relation,
        value: Part<'a>,
    ) -> Result<(), Wrong<'a>> {
        let (base, key) = (self.base, Key::Axis(axis, stage));
        let tie = matches!((axis, value.text), (Axis::W0, "wa") | (Axis::Wa, "w0"));
        if tie && relation == Relation::Equals {
            self.tied = true;
            return Ok(());
        }
        let Some((_, choices)) = self.axes.iter_mut().find(|(other, _)| *other == axis) else {
            return Ok(());
        };
        let choices = match stage {
            None => &mut choices[..],
            Some(_) if choices.len() == 1 => return Err((part, Problem::Shared { base, key })),
            Some(stage) => &mut choices[stage - 1..stage],
        };
        if relation == Relation::Drawn {
            let distribution =
                value.text.parse().map_err(|error| (value, Problem::UnknownDistribution(error)))?;
            choices.iter_mut().for_each(|choice| choice.distribution = distribution);
            return Ok(());
        }
        let read = |part: Part<'a>| admitted(base, axis, stage, part);
        let wanted = Wanted::read(key, relation, value, &read)?;
        if let (Wanted::Range(low, high), true) = (&wanted, value.text.contains("..")) {
            let values = axis.values(base);
            let bounds = (values[0], values[values.len() - 1]);
            let inside = |x: f64| x.is_infinite() || (bounds.0..=bounds.1).contains(&x);
            if !(inside(*low) && inside(*high)) {
                return Err((value, Problem::Outside { base, key, bounds }));
            }
        }
        choices.iter_mut().try_for_each(|choice| wanted.apply(key, choice).map_err(|problem| (part, problem)))
    }

    fn constrain_stages<'a>(
        &mut self,
        part: Part<'a>,
        relation: Relation,
        value: Part<'a>,
    ) -> Result<(), Wrong<'a>> {
        let (base, key) = (self.base, Key::Stages);
        if relation == Relation::Drawn {
            return Err((part, Problem::OnlyEquals { key }));
        }
        let counts: Vec<f64> = (1..=MAX_STAGES as u32).map(f64::from).collect();
        let read = |part: Part<'a>| {
            let number = number(part.text).filter(|x| counts.contains(x));
            number.ok_or((part, Problem::Value { base, key }))
        };
        let wanted = Wanted::read(key, relation, value, &read)?;
        let mut choice = Choice { values: counts.clone(), distribution: Distribution::Uniform };
        wanted.apply(key, &mut choice).map_err(|problem| (part, problem))?;
        self.stages = choice.values.iter().map(|&count| count as usize).collect();
        Ok(())
    }

    fn constrain_figure(
        &mut self,
        figure: Figure,
        relation: Relation,
        value: Part<'_>,
    ) -> Result<(), Problem> {
        let key = Key::Figure(figure);
        let wrong = Problem::Value { base: self.base, key };
        let read = |text: &str| units::figure(text).ok_or_else(|| wrong.clone());
        let (mut low, mut high) = (0, u64::MAX);
        match relation {
            Relation::AtLeast => low = read(value.text)?,
            Relation::Above => low = read(value.text)?.saturating_add(1),
            Relation::AtMost => high = read(value.text)?,
            Relation::Below => high = read(value.text)?.saturating_sub(1),
            Relation::Drawn => return Err(Problem::OnlyEquals { key }),
            Relation::Equals => {
                let Some((from, to)) = range(value) else {
                    return Err(wrong);
                };
                low = if from.text.is_empty() { low } else { read(from.text)? };
                high = if to.text.is_empty() { high } else { read(to.text)? };
            }
        }
        if low > high {
            return Err(Problem::Window(SampleError::Reversed { figure, low, high }));
        }
        let window = self.windows.of_mut(figure);
        let (before, after) = window.clone().map_or((0, u64::MAX), |window| (*window.start(), *window.end()));
        // `flops >= 300M, flops <= 400M` is one window.
        let both = low.max(before)..=high.min(after);
        *window = Some(if relation == Relation::Equals || both.is_empty() { low..=high } else { both });
        Ok(())
    }

    /// What several constraints leave no way for.
    fn contradiction(&self) -> Option<Problem> {
        for (axis, choices) in &self.axes {
            let never = |choice: &&Choice| choice.probabilities().iter().all(|&p| p == 0.0);
            if let Some(choice) = choices.iter().find(never) {
                let key = Key::Axis(*axis, None);
                return Some(Problem::NoPower { key, values: choice.describe() });
            }
        }
        let describe = |axis| self.choices(axis).first().map(Choice::describe).unwrap_or_default();
        (self.tied && self.tied_choice().values.is_empty())
            .then(|| Problem::NotTied { w0: describe(Axis::W0), wa: describe(Axis::Wa) })
    }

    /// The values that w0 and wa have in common, drawn as w0 is.
    pub(crate) fn tied_choice(&self) -> Choice {
        let [w0, wa] = [Axis::W0, Axis::Wa].map(|axis| self.choices(axis).first());
        let (Some(w0), Some(wa)) = (w0, wa) else {
            return Choice { values: Vec::new(), distribution: Distribution::default() };
        };
        let values = w0.values.iter().copied().filter(|x| wa.values.contains(x)).collect();
        Choice { values, distribution: w0.distribution }
    }
}

/// A number that the parameter may be given.
fn admitted(base: SpaceName, axis: Axis, stage: Option<usize>, part: Part<'_>) -> Result<f64, Wrong<'_>> {
    let number = number(part.text).filter(|&x| axis.admits(base, x));
    let key = Key::Axis(axis, stage);
    number.ok_or((part, Problem::Value { base, key }))
}
