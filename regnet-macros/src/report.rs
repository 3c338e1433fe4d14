//! Everything wrong with a declaration, reported at once, and the form in which each mistake is told.

use std::fmt;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use regnet_space::membership::UnknownSpace;
use regnet_space::{BudgetError, ParamError, SampleError, SpaceError, SpecError, Words};

use crate::code::Code;

/// One mistake: what is wrong, its short name, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    code: &'static str,
    words: Words,
}

impl Mistake {
    /// A mistake that only the macros know; those in numbers come from `regnet-space`.
    pub fn new(code: Code, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: code.name(), words: Words::new(what, help) }
    }
}

/// `what is wrong [short-name]` and, on a line of its own, `help: what to do`, which the compiler prints below each other.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, words: Words { what, help } } = self;
        write!(f, "{what} [{code}]\nhelp: {help}")
    }
}

/// Errors that have a short name and words.
macro_rules! mistakes {
    ($($error:ty),*) => { $(
        impl From<$error> for Mistake {
            fn from(error: $error) -> Self {
                Self { code: error.code(), words: error.words() }
            }
        }
    )* };
}

mistakes!(ParamError, SpecError, SpaceError, UnknownSpace, BudgetError, SampleError);

/// The mistakes found so far, in the order they were found.
#[derive(Default)]
pub struct Report(Vec<syn::Error>);

impl Report {
    /// Adds one mistake, shown under `tokens`; under the whole macro call where there are none.
    pub fn at(&mut self, tokens: impl ToTokens, mistake: impl Into<Mistake>) {
        self.0.push(syn::Error::new_spanned(tokens, mistake.into()));
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One `compile_error!` a mistake, as items.
    pub fn into_items(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }

    /// The same as one type. Several macro calls in a row are no type; members of a tuple are.
    pub fn into_type(self) -> TokenStream {
        match self.0.as_slice() {
            [only] => only.to_compile_error(),
            all => {
                let all = all.iter().map(syn::Error::to_compile_error);
                quote!((#(#all),*))
            }
        }
    }
}
