//! What can be wrong with a network written as JSON.

use std::fmt;

use regnet_space::SpecError;
use serde_json::Value;

/// One thing wrong with a network written as JSON.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is no JSON.
    #[error("this is no JSON: {reason}")]
    NotJson {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A key that has no default is not there.
    #[error("{at} is missing; give {expected}")]
    Missing {
        /// The key.
        at: At,
        /// What it should be.
        expected: &'static str,
    },
    /// A key that means nothing.
    #[error("there is no key {at}; {help}")]
    Unknown {
        /// The key.
        at: At,
        /// The nearest key, or all of them.
        help: String,
    },
    /// A value of the wrong kind.
    #[error("{at} is {found}; give {expected}")]
    Kind {
        /// The key.
        at: At,
        /// What it is, cut short.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A word or ratio that means nothing.
    #[error("{at}: {reason}")]
    Value {
        /// The key.
        at: At,
        /// What is wrong with it and what is allowed.
        reason: String,
    },
    /// Numbers that make no network.
    #[error(transparent)]
    Network(SpecError),
    /// Images that are not the network's.
    #[error(
        "`input` is {found}; give channels, height and width of the images, as in [{channels}, 224, 224]: \
         `input_channels` is {channels}"
    )]
    Input {
        /// What it is, cut short.
        found: String,
        /// Channels of the network's images.
        channels: usize,
    },
}

/// Where in the JSON a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The key; empty for the whole object.
    pub key: String,
    /// The stage, counted from 1; `None` outside the stages.
    pub stage: Option<usize>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), self.stage) {
            ("", None) => f.write_str("the network"),
            ("", Some(stage)) => write!(f, "stage {stage}"),
            (key, None) => write!(f, "`{key}`"),
            (key, Some(stage)) => write!(f, "`{key}` of stage {stage}"),
        }
    }
}

/// A value, cut short.
pub(super) fn brief(value: &Value) -> String {
    const MOST: usize = 40;
    let text = value.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain("...".chars()).collect()
}
