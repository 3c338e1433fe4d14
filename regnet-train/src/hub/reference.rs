//! How a file of the hub is written.

use std::fmt;
use std::str::FromStr;

use super::{HubError, PREFIX};

/// A model of the hub, and maybe one of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// `owner/name`.
    pub model: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    pub file: Option<String>,
}

/// The branch that is meant where none is named.
const MAIN: &str = "main";

impl FromStr for Reference {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let wrong = |reason| HubError::Reference { reference: text.to_owned(), reason };
        let rest = text.strip_prefix(PREFIX).ok_or_else(|| wrong("it does not start with hf:"))?;
        let mut parts = rest.splitn(3, '/');
        let (Some(owner), Some(name), file) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("the model's name has no owner"));
        };
        let (name, revision) = name.split_once('@').unwrap_or((name, MAIN));
        if ![owner, name, revision].into_iter().all(is_name) {
            return Err(wrong("owner, model and revision are letters, digits, `-`, `_` and `.`"));
        }
        if !file.into_iter().flat_map(|file| file.split('/')).all(is_name) {
            return Err(wrong("the file is no path inside of the model"));
        }
        let model = format!("{owner}/{name}");
        Ok(Self { model, revision: revision.to_owned(), file: file.map(str::to_owned) })
    }
}

/// Whether this is a name and not a way to another folder.
fn is_name(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    part.chars().all(allowed) && part.contains(|c| c != '.')
}

impl fmt::Display for Reference {
    /// The model alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.model)?;
        if self.revision != MAIN { write!(f, "@{}", self.revision) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        for (text, model, revision, file) in [
            ("hf:timm/regnety_004.pycls_in1k", "timm/regnety_004.pycls_in1k", "main", None),
            ("hf:a/b@v1.0", "a/b", "v1.0", None),
            ("hf:a/b/c.bin", "a/b", "main", Some("c.bin")),
            ("hf:a/b@0f/c/d.bin", "a/b", "0f", Some("c/d.bin")),
        ] {
            let read: Reference = text.parse().unwrap_or_else(|error| panic!("{error}"));
            let expected = (model, revision, file);
            assert_eq!(
                (read.model.as_str(), read.revision.as_str(), read.file.as_deref()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in [
            "timm/regnet",
            "hf:",
            "hf:regnet",
            "hf:/b",
            "hf:a/",
            "hf:a/b@",
            "hf:a/b/",
            "hf:../b",
            "hf:a/..",
            "hf:a/b@..",
            "hf:a/b/../c",
            "hf:a/b/c//d",
            "hf:a/b?x=1",
            "hf:a/b c",
            "hf:a\\b/c",
            "hf:a/b/c\\..\\d",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
