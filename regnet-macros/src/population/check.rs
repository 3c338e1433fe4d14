//! A population to the networks drawn. Every number comes from `regnet-space`.

use proc_macro2::TokenTree;
use regnet_space::membership::UnknownSpace;
use regnet_space::{Drawn, ParamError, SampleError, Sampler, SpaceName, suggest};

use super::key::Key;
use super::parse::{Entry, Population};
use super::range::range;
use crate::check::{Model, image, set_twice, stand_in_model, stem};
use crate::code::Code;
use crate::parse::stream;
use crate::report::{Mistake, Report};
use crate::value::{self, text};

/// The most networks in one population: each is compiled as a model of its own.
pub const MAX_COUNT: usize = 64;

/// One network.
pub struct Candidate {
    pub model: Model,
    /// What was drawn; `None` where the model stands in.
    pub drawn: Option<Drawn>,
}

/// Draws the networks. They are the ones declared unless something was reported.
pub fn draw(report: &mut Report, population: &Population) -> Vec<Candidate> {
    let space = space(report, population);
    let count = count(report, population);
    let known = known(report, &population.entries);
    let missing = population.complete && !known.iter().any(|(key, _)| *key == Key::Seed);
    let misspelt = known.len() < population.entries.len();
    if missing && !misspelt {
        let help = "write it out, as in `seed = 7`; the same seed draws the same models every time";
        report.at(&population.space, Mistake::new(Code::MissingKey, "missing `seed`", help));
    }
    let sampler = sampler(report, space, &known);
    for error in sampler.samples().err().unwrap_or_default() {
        blame(report, population, &known, error);
    }
    if report.is_empty() {
        match drawn(&sampler, count) {
            Ok(drawn) => return drawn,
            Err(error) => blame(report, population, &known, error),
        }
    }
    (0..count).map(|_| Candidate { model: stand_in_model(), drawn: None }).collect()
}

fn drawn(sampler: &Sampler, count: usize) -> Result<Vec<Candidate>, SampleError> {
    let first = |mut errors: Vec<SampleError>| errors.remove(0);
    let [_, height, width] = sampler.space.input();
    let candidate = |drawn: Drawn| {
        let model = Model::new(drawn.net.clone(), height, width)
            .map_err(|error| SampleError::from(ParamError::from(error)))?;
        Ok(Candidate { model, drawn: Some(drawn) })
    };
    sampler.draw(count).map_err(first)?.into_iter().map(candidate).collect()
}

/// The design space named, or the one that stands in for it.
fn space(report: &mut Report, population: &Population) -> SpaceName {
    let name = population.space.to_string();
    name.parse().unwrap_or_else(|error: UnknownSpace| {
        let remedy = match error.nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => error.words().help,
        };
        let what = format!("there is no design space `{name}` to draw from");
        report.at(&population.space, Mistake::new(Code::DrawnSpace, what, remedy));
        SpaceName::RegNetX
    })
}

/// The number of networks, within its bounds.
fn count(report: &mut Report, population: &Population) -> usize {
    let Some((brackets, tokens)) = &population.count else { return 1 };
    let example = format!("{}[8]", population.space);
    let mistake = match value::whole("count", &example, tokens) {
        Ok(count) if (1..=MAX_COUNT).contains(&count) => return count,
        Ok(count) => Mistake::new(
            Code::Count,
            format!(
                "count = {count} is out of range: a population has 1 to {MAX_COUNT} models, each compiled on its own"
            ),
            format!("the nearest is {}", count.clamp(1, MAX_COUNT)),
        ),
        Err(mistake) => mistake,
    };
    if tokens.is_empty() {
        report.at(brackets, mistake)
    } else {
        report.at(stream(tokens), mistake)
    }
    1
}

/// Looks up the keys and reports unknown and repeated ones.
fn known<'a>(report: &mut Report, entries: &'a [Entry]) -> Vec<(Key, &'a Entry)> {
    let mut known: Vec<(Key, &Entry)> = Vec::new();
    for entry in entries {
        let name = entry.key.to_string();
        let Some(key) = Key::find(&name) else {
            report.at(&entry.key, unknown(&name));
            continue;
        };
        match known.iter().find(|(other, _)| *other == key) {
            Some((_, first)) => {
                report.at(&entry.key, set_twice(&name, &format!(" = {}", text(&first.value))));
            }
            None => known.push((key, entry)),
        }
    }
    known
}

fn unknown(name: &str) -> Mistake {
    let names = Key::ALL.map(Key::name);
    let remedy = match (suggest::nearest(name, names), crate::key::Form::RegNet.find(name)) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, Some(key)) if key.is_parameter() => {
            "leave it out: the parameters are what is drawn".to_owned()
        }
        _ => format!("the keys are {}", names.map(|name| format!("`{name}`")).join(", ")),
    };
    Mistake::new(Code::UnknownKey, format!("a population has no key `{name}`"), remedy)
}

/// What to draw from, as far as it can be read; the rest is reported.
fn sampler(report: &mut Report, space: SpaceName, known: &[(Key, &Entry)]) -> Sampler {
    let mut sampler = Sampler::new(space, 0);
    for (key, entry) in known {
        if let Err(mistake) = set(report, &mut sampler, *key, &entry.value) {
            report.at(stream(&entry.value), mistake);
        }
    }
    sampler
}

fn set(report: &mut Report, sampler: &mut Sampler, key: Key, tokens: &[TokenTree]) -> Result<(), Mistake> {
    let whole = || value::whole(key.name(), key.example(), tokens);
    let space = &mut sampler.space;
    match key {
        Key::Seed => sampler.seed = whole()? as u64,
        Key::Flops => space.windows.flops = range(report, key, tokens),
        Key::Params => space.windows.params = range(report, key, tokens),
        Key::Acts => space.windows.acts = range(report, key, tokens),
        Key::Input => space.image = Some(image(tokens)?),
        Key::Classes => space.classes = whole()?,
        Key::Stem => space.stem = stem(tokens)?,
    }
    Ok(())
}

/// Reports under the key's value, or else under the design space.
fn blame(report: &mut Report, population: &Population, known: &[(Key, &Entry)], error: SampleError) {
    match known.iter().find(|(key, _)| key.name() == error.key()) {
        Some((_, entry)) => report.at(stream(&entry.value), error),
        None => report.at(&population.space, error),
    }
}
