//! In what two descriptions of a run differ.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// A field that differs from an earlier run's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it stands in `model.json`, such as `recipe.lr`.
    pub field: String,
    /// Its value in the earlier run, as JSON, cut to a line.
    pub before: String,
    /// Its value now.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, before, now } = self;
        write!(f, "`{field}` was {before} and is {now} now")?;
        if field == FINGERPRINT {
            f.write_str(" (other images, labels, or another order of them)")
        } else {
            Ok(())
        }
    }
}

/// The field of a digest, which differs whenever other fields of the data do.
const FINGERPRINT: &str = "fingerprint";

/// What a user is more likely to have chosen stands first, and what follows from it last.
const ORDER: [&str; 5] = ["recipe", "network", "data", "input", "classes"];

/// The most telling field in which two values differ.
pub(crate) fn first_difference<T: Serialize>(before: &T, now: &T) -> Option<Difference> {
    let json = |value| serde_json::to_value(value).expect("numbers, strings and structs of them are JSON");
    let mut all = Vec::new();
    differences("", &json(before), &json(now), &mut all);
    let rank = |difference: &Difference| {
        let top = difference.field.split(['.', '[']).next().unwrap_or_default();
        let place = ORDER.iter().position(|&field| field == top).unwrap_or(ORDER.len());
        (difference.field == FINGERPRINT, place)
    };
    // The first of equals.
    all.into_iter().min_by_key(rank)
}

fn differences(field: &str, before: &Value, now: &Value, all: &mut Vec<Difference>) {
    match (before, now) {
        _ if before == now => {}
        (Value::Object(before), Value::Object(now)) => {
            let new = now.keys().filter(|&key| !before.contains_key(key));
            for key in before.keys().chain(new) {
                let path = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
                let value = |object: &serde_json::Map<_, _>| object.get(key).cloned().unwrap_or_default();
                differences(&path, &value(before), &value(now), all);
            }
        }
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            for (i, (before, now)) in before.iter().zip(now).enumerate() {
                differences(&format!("{field}[{i}]"), before, now, all);
            }
        }
        _ => all.push(Difference { field: field.to_owned(), before: line(before), now: line(now) }),
    }
}

/// JSON escapes control characters itself.
fn line(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ..", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn assert_difference(before: Value, now: Value, expected: Option<&str>) {
        let found = first_difference(&before, &now).map(|difference| difference.to_string());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn names_the_field_and_both_values() {
        let lr = |lr: f64| json!({ "recipe": { "epochs": 3, "lr": lr } });
        assert_difference(lr(0.1), lr(0.1), None);
        assert_difference(lr(0.1), lr(0.01), Some("`recipe.lr` was 0.1 and is 0.01 now"));
        assert_difference(json!({}), lr(0.1), Some("`recipe` was null and is {\"epochs\":3,\"lr\":0.1} now"));
        let depths = |depths: &[u32]| json!({ "network": { "depths": depths } });
        assert_difference(depths(&[1, 2]), depths(&[1, 3]), Some("`network.depths[1]` was 2 and is 3 now"));
        assert_difference(depths(&[1, 2]), depths(&[1]), Some("`network.depths` was [1,2] and is [1] now"));
    }

    #[test]
    fn what_the_user_chose_is_named_before_what_follows_from_it() {
        let card = |seed: u32, digest: &str| json!({ "fingerprint": digest, "mean": [seed], "recipe": { "seed": seed } });
        assert_difference(card(0, "ab"), card(1, "cd"), Some("`recipe.seed` was 0 and is 1 now"));
        let text =
            "`fingerprint` was \"ab\" and is \"cd\" now (other images, labels, or another order of them)";
        assert_difference(card(0, "ab"), card(0, "cd"), Some(text));
    }

    #[test]
    fn a_long_value_is_cut() {
        let difference =
            first_difference(&json!({ "a": "x" }), &json!({ "a": "é\u{1b}".repeat(1000) })).unwrap();
        assert!(
            difference.now.chars().count() < 100 && !difference.now.contains('\u{1b}'),
            "{}",
            difference.now
        );
    }
}
