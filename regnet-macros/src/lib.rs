//! The procedural macros behind `regnet!` and its siblings: parse, check, expand.
//!
//! Use `regnet::regnet!` and the others, which pass on the path of the `regnet` crate and are documented there.
//! Everything the macros write starts at that path, so it works under any name and beside anything the caller has defined.
//!
//! | module | what it does |
//! | --- | --- |
//! | `key` | the three macros and the keys of their declarations |
//! | `parse` | tokens to a declaration that keeps the tokens, so that each can be pointed at |
//! | `value` | one literal to a number |
//! | `figure` | one literal with a unit, such as `400M`, to a number |
//! | `budget` | the limits on what a network may cost |
//! | `check` | a declaration to a network; every number comes from `regnet-space` |
//! | `expand` | a network to tokens |
//! | `population` | the same three steps for `population!` |
//! | `code` | short names of mistakes |
//! | `report` | everything wrong with a declaration, reported at once |

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod budget;
mod check;
mod code;
mod expand;
mod figure;
mod key;
mod parse;
mod population;
mod report;
#[cfg(test)]
mod tests;
mod value;

/// The macros as functions of a library, for a fuzzer: see `fuzz/`.
#[cfg(fuzzing)]
pub mod fuzz {
    pub use crate::expand::declare;
    pub use crate::key::Form;
    pub use crate::population::declare as population;
}

#[cfg(not(fuzzing))]
use proc_macro::TokenStream;

#[cfg(not(fuzzing))]
use key::Form;

/// `[path of the regnet crate] declaration`: what `regnet!` expands to.
#[cfg(not(fuzzing))]
#[proc_macro]
pub fn declare(input: TokenStream) -> TokenStream {
    expand::declare(Form::RegNet, input.into()).into()
}

/// `[path of the regnet crate] declaration`: what `anynet!` expands to.
#[cfg(not(fuzzing))]
#[proc_macro]
pub fn declare_anynet(input: TokenStream) -> TokenStream {
    expand::declare(Form::AnyNet, input.into()).into()
}

/// `[path of the regnet crate] declaration`: what `self_regulated!` expands to.
#[cfg(not(fuzzing))]
#[proc_macro]
pub fn declare_self_regulated(input: TokenStream) -> TokenStream {
    expand::declare(Form::SelfRegulated, input.into()).into()
}

/// `[path of the regnet crate] population`: what `population!` expands to.
#[cfg(not(fuzzing))]
#[proc_macro]
pub fn population(input: TokenStream) -> TokenStream {
    population::declare(input.into()).into()
}
