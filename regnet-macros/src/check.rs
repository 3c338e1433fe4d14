//! A declaration to a network.
//!
//! What is missing or unreadable is taken from the preset named or, failing that, from a stand-in, so that everything
//! else can still be checked, and so that a declared name exists even when its declaration is wrong.

mod anynet;
mod draft;
mod list;
mod model;
mod regulator;
mod self_regulated;
#[cfg(test)]
mod tests;

pub use draft::{image, stem};
pub use model::Model;

use proc_macro2::TokenStream;
use regnet_space::{ParamError, Preset, suggest};

use crate::budget;
use crate::code::Code;
use crate::key::{Form, Key};
use crate::parse::{Body, Entry, stream};
use crate::report::{Mistake, Report};
use crate::value::text;
use draft::{Draft, stand_in};

/// Checks everything about one declaration. The model is the one declared unless something was reported.
pub fn model(report: &mut Report, form: Form, body: &Body) -> Model {
    let (mut model, limits) = match form {
        Form::RegNet => {
            let (draft, limits) = draft(report, body);
            (draft.into_model(), limits)
        }
        Form::AnyNet => anynet::model(report, body),
        Form::SelfRegulated => self_regulated::model(report, body),
    };
    budget::check(report, &limits, &mut model);
    model
}

/// Everything that one declaration of `regnet!` says, checked, and the limits it is to be held to if it is sound.
fn draft(report: &mut Report, body: &Body) -> (Draft, Vec<budget::Written>) {
    if body.is_empty() {
        return (Draft::new(stand_in()), Vec::new());
    }
    let preset = preset(report, body);
    let keys = keys(report, Form::RegNet.keys(), &body.entries);
    let complete = !missing(report, Form::RegNet, body, &keys.attempted);
    let mut draft = Draft::new(preset.unwrap_or_else(stand_in));
    let given = draft.read(report, &keys.known);
    let complete = complete && preset.is_some() == body.preset.is_some() && given.len() == body.entries.len();

    let limits = limits(report, &keys);
    let errors = draft.errors();
    let sound = complete && errors.iter().all(|error| !concerns(error, &given, complete));
    for error in errors {
        if concerns(&error, &given, complete) {
            report.at(blame(body, &given, error.key()), error);
        }
    }
    (draft, if sound { limits } else { Vec::new() })
}

/// The network that stands in for one that cannot be read.
pub fn stand_in_model() -> Model {
    Draft::new(stand_in()).into_model()
}

/// The limits of the `budget` entry, if there is one.
fn limits(report: &mut Report, keys: &Keys<'_>) -> Vec<budget::Written> {
    let entry = keys.known.iter().find(|(key, _)| *key == Key::Budget);
    match entry.and_then(|(_, entry)| entry.value.as_deref()) {
        Some(value) => budget::read(report, value),
        None => Vec::new(),
    }
}

/// The preset named, if any and if it exists.
fn preset(report: &mut Report, body: &Body) -> Option<&'static Preset> {
    let name = body.preset.as_deref()?;
    Preset::find(&text(name)).map_err(|error| report.at(stream(name), error)).ok()
}

/// Entries by key.
struct Keys<'a> {
    /// The first entry of each key.
    known: Vec<(Key, &'a Entry)>,
    /// The keys that are there, and those that misspelt ones were meant to be.
    attempted: Vec<Key>,
}

/// Looks up the keys and reports unknown and repeated ones.
fn keys<'a>(report: &mut Report, keys: &[Key], entries: &'a [Entry]) -> Keys<'a> {
    let mut known: Vec<(Key, &Entry)> = Vec::new();
    let mut attempted = Vec::new();
    for entry in entries {
        let name = entry.key.to_string();
        let Some(key) = Key::find(keys, &name) else {
            attempted.extend(unknown(report, keys, entry, &name));
            continue;
        };
        attempted.push(key);
        match known.iter().find(|(other, _)| *other == key) {
            Some((_, first)) => {
                let first =
                    first.value.as_deref().map_or(String::new(), |value| format!(" = {}", text(value)));
                report.at(&entry.key, set_twice(&name, &first));
            }
            None => known.push((key, entry)),
        }
    }
    Keys { known, attempted }
}

/// What to say of a key that came before with the value `first`.
pub fn set_twice(name: &str, first: &str) -> Mistake {
    Mistake::new(Code::DuplicateKey, format!("`{name}` is set twice: `{name}{first}` came first"), "keep one")
}

/// Reports an unknown key and returns the one that was probably meant.
fn unknown(report: &mut Report, keys: &[Key], entry: &Entry, name: &str) -> Option<Key> {
    let nearest = suggest::nearest(name, keys.iter().map(|key| key.name()));
    let remedy = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the keys are {}", list(keys)),
    };
    let option = Key::find(&Key::REGULATOR, name).filter(|_| keys.contains(&Key::Regulator));
    let mistake = if let Some(option) = option {
        regulator::outside(option)
    } else if budget::is_quantity(name) {
        budget::outside(name)
    } else {
        Mistake::new(Code::UnknownKey, format!("there is no key `{name}`"), remedy)
    };
    report.at(&entry.key, mistake);
    nearest.and_then(|name| Key::find(keys, name))
}

/// Reports all the keys that should be there and are not, and whether there were any.
fn missing(report: &mut Report, form: Form, body: &Body, attempted: &[Key]) -> bool {
    if body.preset.is_some() {
        return false;
    }
    let missing: Vec<Key> = form.required().iter().copied().filter(|key| !attempted.contains(key)).collect();
    if missing.is_empty() {
        return false;
    }
    let examples: Vec<&str> = missing.iter().map(|key| key.example()).collect();
    let them = if missing.len() == 1 { "it" } else { "them" };
    let (missing, examples) = (list(&missing), examples.join(", "));
    let preset = match form {
        Form::RegNet => ", or start from a preset, as in `RegNetX-200MF`",
        Form::AnyNet | Form::SelfRegulated => "",
    };
    let help = format!("write {them} out, as in `{examples}`{preset}");
    report.at(&body.whole, Mistake::new(Code::MissingKey, format!("missing {missing}"), help));
    true
}

/// `a`, `b` and `c`.
fn list(keys: &[Key]) -> String {
    let names: Vec<String> = keys.iter().map(|key| format!("`{}`", key.name())).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Whether an error is about what was declared, and not about what stands in for it.
fn concerns(error: &ParamError, given: &[(Key, &Entry)], complete: bool) -> bool {
    match error {
        // A preset may lie outside the box; what is changed about it may not.
        ParamError::OutsideSpace { key, .. } => given.iter().any(|(given, _)| given.name() == *key),
        // These weigh several numbers against each other.
        ParamError::TooWide { .. } | ParamError::TooManyStages { .. } | ParamError::GroupWidth { .. } => {
            complete
        }
        ParamError::Spec(error) if error.key() == "stages" => complete,
        _ => true,
    }
}

/// The tokens at fault: the key's value, or else the preset's name.
fn blame(body: &Body, given: &[(Key, &Entry)], key: &str) -> TokenStream {
    let entry = given.iter().find(|(given, _)| given.name() == key);
    let value = entry.and_then(|(_, entry)| entry.value.as_deref());
    match value.or(body.preset.as_deref()) {
        Some(tokens) => stream(tokens),
        None => body.whole.clone(),
    }
}
