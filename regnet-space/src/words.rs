//! What an error says, in parts.

use std::fmt;

/// The two parts of what an error says: a command line prints them as one sentence, a compiler as two lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What is wrong, and what is allowed.
    pub what: String,
    /// What to do about it: the nearest value that works, where there is one.
    pub help: String,
}

impl Words {
    /// Both parts.
    pub fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// `what; help`.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.help)
    }
}

/// `Display` and `Error` of types that have `words`.
macro_rules! says_its_words {
    ($($error:ty),*) => { $(
        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.words().fmt(f)
            }
        }

        impl std::error::Error for $error {}
    )* };
}
pub(crate) use says_its_words;
