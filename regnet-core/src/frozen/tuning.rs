//! [`Tuning`] in a file beside weights.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use regnet_engine::frozen::{Isa, Tuning, Way};
use serde::Deserialize;
use serde_json::json;

use crate::text_file;
use crate::weights::{WeightsError, write_whole};

/// A deep network has some thousand convolutions, of some twenty bytes each.
const MOST_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
struct File {
    isa: String,
    ways: BTreeMap<String, String>,
}

/// The file for the weights of `weights`: its name with `.tuning.json` behind it.
pub fn path(weights: &Path) -> PathBuf {
    let mut path = weights.as_os_str().to_owned();
    path.push(".tuning.json");
    path.into()
}

/// Writes the file beside `weights`, as a whole or not at all.
///
/// # Errors
/// [`WeightsError::Io`].
pub fn save(tuning: &Tuning, weights: &Path) -> Result<(), WeightsError> {
    let ways: BTreeMap<_, _> = tuning.ways.iter().map(|(layer, way)| (layer, way.name())).collect();
    let object = json!({ "isa": tuning.isa.name(), "ways": ways });
    write_whole(&path(weights), format!("{object:#}\n").as_bytes())
}

/// Reads the file beside `weights`: `None` if there is none, or it is for instructions that this machine has not.
///
/// # Errors
/// [`WeightsError::Io`]; [`WeightsError::Format`] if it is no such file.
pub fn load(weights: &Path) -> Result<Option<Tuning>, WeightsError> {
    let path = path(weights);
    let text = match text_file::read(&path, MOST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(WeightsError::Io { action: "read", path, source }),
    };
    let wrong = |reason: &str| {
        let (path, reason) = (path.clone(), format!("{reason}: delete it, or measure again"));
        WeightsError::Format { path, what: "a tuning of convolutions", reason }
    };
    let File { isa, ways } = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    let way = |(layer, way): (String, String)| Ok((layer, Way::from_str(&way)?));
    let ways = ways.into_iter().map(way).collect::<Result<_, String>>().map_err(|reason| wrong(&reason))?;
    Ok(Isa::from_str(&isa).ok().map(|isa| Tuning { isa, ways }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("net.safetensors");
        assert_eq!(load(&weights).unwrap(), None);
        let ways = Way::ALL.map(|way| (format!("s1.b{}.f.b", way as usize), way)).into();
        let tuning = Tuning { isa: Isa::Portable, ways };
        save(&tuning, &weights).unwrap();
        assert_eq!(load(&weights).unwrap(), Some(tuning));
    }

    #[test]
    fn other_files_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("net.safetensors");
        let read = |text: &str| {
            std::fs::write(path(&weights), text).unwrap();
            load(&weights)
        };
        assert_eq!(read(r#"{"isa": "of tomorrow", "ways": {}}"#).unwrap(), None);
        let unknown = r#"{"isa": "portable", "ways": {"s1.b1.f.b": "fast"}}"#;
        for text in ["", "[]", "{}", r#"{"isa": "portable", "ways": {"s1.b1.f.b": 1}}"#, unknown] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("net.safetensors.tuning.json"), "{error}");
        }
    }
}
