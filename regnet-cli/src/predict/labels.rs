//! The names of classes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use regnet::text_file;
use regnet::train::limits;
use serde::Deserialize;

/// Reads names and checks that there are as many as classes. They are one a line, or in JSON: a list; an object by class,
/// such as ImageNet's `imagenet_class_index.json`; or a model's `config.json`, with `id2label` or `label_names`.
pub fn read(path: &Path, classes: usize) -> anyhow::Result<Vec<String>> {
    let place = path.display();
    let text = text_file::read(path, limits::DOCUMENT).with_context(|| format!("cannot read {place}"))?;
    let names = match text.trim_start().chars().next() {
        Some('[') => {
            serde_json::from_str(&text).with_context(|| format!("{place} is no JSON list of names"))?
        }
        Some('{') => of_object(&text).with_context(|| format!("{place} holds no names of classes"))?,
        _ => text.trim_end().lines().map(|line| line.trim().to_owned()).collect(),
    };
    let count = names.len();
    ensure!(count == classes, "{place} has {count} names, the network tells {classes} classes apart");
    Ok(names)
}

/// The parts of a model's configuration that name its classes.
#[derive(Deserialize)]
struct Config {
    id2label: Option<BTreeMap<usize, Name>>,
    label_names: Option<Vec<String>>,
}

/// A name; or WordNet's number of it and the name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Alone(String),
    Numbered([String; 2]),
}

fn of_object(text: &str) -> anyhow::Result<Vec<String>> {
    let Config { id2label, label_names } = serde_json::from_str(text)?;
    if let (None, Some(names)) = (&id2label, label_names) {
        return Ok(names);
    }
    let by_class = match id2label {
        Some(by_class) => by_class,
        None => serde_json::from_str(text).context("give names by class: {\"0\": \"tench\", ..}")?,
    };
    for (expected, &class) in by_class.keys().enumerate() {
        ensure!(class == expected, "class {expected} has no name");
    }
    Ok(by_class.into_values().map(|(Name::Alone(name) | Name::Numbered([_, name]))| name).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read_text(text: &str, classes: usize) -> anyhow::Result<Vec<String>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("labels");
        std::fs::write(&path, text)?;
        read(&path, classes)
    }

    #[test]
    fn names_in_every_form() {
        for text in [
            "tench\ngoldfish",
            "tench\ngoldfish\n\n",
            "\u{feff}tench\r\n goldfish\r\n",
            "[\"tench\", \"goldfish\"]",
            "\u{feff}\n[\"tench\", \"goldfish\"]\n",
            r#"{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"]}"#,
            r#"{"0": "tench", "1": "goldfish"}"#,
            r#"{"num_labels": 2, "id2label": {"0": "tench", "1": "goldfish"}, "label2id": {"tench": "0"}}"#,
            r#"{"architecture": "regnetx_002", "num_classes": 2, "label_names": ["tench", "goldfish"]}"#,
        ] {
            assert_eq!(read_text(text, 2).unwrap(), ["tench", "goldfish"], "{text}");
        }
    }

    #[test]
    fn what_names_no_classes_is_refused() {
        for (text, part) in [
            ("tench\n\ngoldfish", "3 names, the network tells 2"),
            ("", "0 names"),
            ("[1, 2]", "no JSON list of names"),
            (r#"{"0": "tench", "2": "goldfish"}"#, "class 1 has no name"),
            (r#"{"architectures": ["RegNet"]}"#, "give names by class"),
        ] {
            let error = format!("{:#}", read_text(text, 2).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
        let endless = Path::new("/dev/zero");
        if endless.exists() {
            let error = format!("{:#}", read(endless, 2).unwrap_err());
            assert!(error.contains("larger than 4096 KiB"), "{error}");
        }
    }
}
