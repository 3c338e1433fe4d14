//! The names of classes.

use std::path::Path;

use anyhow::{Context, ensure};

/// Reads names, one a line or a JSON list of strings, and checks that there are as many as classes.
pub fn read(path: &Path, classes: usize) -> anyhow::Result<Vec<String>> {
    let place = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    let names: Vec<String> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text).with_context(|| format!("{place} is no JSON list of names"))?
    } else {
        text.lines().map(|line| line.trim().to_owned()).collect()
    };
    let count = names.len();
    ensure!(count == classes, "{place} has {count} names, the network tells {classes} classes apart");
    Ok(names)
}
