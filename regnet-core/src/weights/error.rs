//! What can be wrong with a file of weights.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use regnet_space::Naming;
use regnet_space::text::{printable, printable_lines};

use super::finite::NonFinite;

/// Why weights could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The bytes are not what the file's beginning promises.
    #[error("{} is not {what}: {}", path.display(), printable_lines(.reason))]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What the reader found.
        reason: String,
    },
    /// The tensors are not the network's; nothing was loaded.
    #[error("{} does not fit this network:{}{}", path.display(), list(.mismatches), advice(.fits))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// How its tensors are named.
        naming: Naming,
        /// Every difference.
        mismatches: Vec<Mismatch>,
        /// The published models that it fits.
        fits: Vec<&'static str>,
    },
    /// Tensors hold NaN, infinite numbers or negative variances; nothing was loaded.
    #[error("{} holds numbers that no trained network has:{}{}", path.display(), few(.tensors), NON_FINITE)]
    NonFinite {
        /// The file.
        path: PathBuf,
        /// All such tensors.
        tensors: Vec<NonFinite>,
    },
    /// The file is of a network that no published model is, so its layers are not known.
    #[error("{} holds the weights of no published model: say which network they are of", path.display())]
    UnknownModel {
        /// The file.
        path: PathBuf,
    },
    /// A library has no layer of this kind, and so no name for its tensors.
    #[error("{naming} has no name for `{name}`: write this network with pycls's names")]
    NoName {
        /// Whose names were asked for.
        naming: Naming,
        /// The tensor's name in pycls.
        name: String,
    },
}

/// One difference between a file and a network. Names are the file's where it has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The network has a tensor that the file lacks.
    Missing {
        /// What the file should call it.
        name: String,
        /// The file's tensor that is nearest in name, of those that are not the network's.
        nearest: Option<String>,
    },
    /// The file has a tensor that the network lacks.
    Extra(String),
    /// Both have it, in different shapes.
    Shape {
        /// The tensor.
        name: String,
        /// Its shape in the network.
        expected: Vec<usize>,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// The file holds it in an element type that weights do not have.
    Dtype {
        /// The tensor.
        name: String,
        /// The file's element type.
        found: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, nearest: None } => {
                write!(f, "`{}` is missing from the file", printable(name))
            }
            Self::Missing { name, nearest: Some(nearest) } => {
                let (name, nearest) = (printable(name), printable(nearest));
                write!(f, "`{name}` is missing from the file, whose nearest is `{nearest}`")
            }
            Self::Extra(name) => write!(f, "`{}` is not part of the network", printable(name)),
            Self::Shape { name, expected, found } => {
                let found = printable(&format!("{found:?}"));
                write!(f, "`{}` has shape {found}, the network's is {expected:?}", printable(name))
            }
            Self::Dtype { name, found } => {
                write!(f, "`{}` holds {found}; f16, bf16, f32 and f64 can be read", printable(name))
            }
        }
    }
}

/// How many differences of one kind an error spells out; it holds all of them.
const LISTED: usize = 5;

fn list(mismatches: &[Mismatch]) -> String {
    let mut lines = Vec::new();
    let mut counts = BTreeMap::new();
    for mismatch in mismatches {
        let (kind, plural) = match mismatch {
            Mismatch::Missing { .. } => (0, "missing"),
            Mismatch::Shape { .. } => (1, "of another shape"),
            Mismatch::Dtype { .. } => (2, "of another element type"),
            Mismatch::Extra(_) => (3, "not part of the network"),
        };
        let count = counts.entry((kind, plural)).or_insert(0);
        *count += 1;
        if *count <= LISTED {
            lines.push(mismatch.to_string());
        }
    }
    let more = counts.into_iter().filter(|&(_, count)| count > LISTED);
    lines.extend(more.map(|((_, plural), count)| format!("{} more {plural}", count - LISTED)));
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

/// What the end of [`WeightsError::NonFinite`] says.
const NON_FINITE: &str =
    "\n  its training diverged, or the file is damaged; set `allow_non_finite` to go on with them";

fn few(tensors: &[NonFinite]) -> String {
    let mut lines: Vec<String> = tensors.iter().take(LISTED).map(ToString::to_string).collect();
    if tensors.len() > LISTED {
        lines.push(format!("{} more tensors", tensors.len() - LISTED));
    }
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

fn advice(models: &[&str]) -> String {
    if models.is_empty() { String::new() } else { format!("\n  this file fits {}", models.join(" and ")) }
}
