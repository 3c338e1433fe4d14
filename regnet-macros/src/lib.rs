//! The procedural macro behind `regnet!`: parse, check, expand.
//!
//! Use `regnet::regnet!`, which passes on the path of the `regnet` crate and is documented there. Everything the
//! macro writes starts at that path, so it works under any name and beside anything the caller has defined.
//!
//! | module | what it does |
//! | --- | --- |
//! | `parse` | tokens to a declaration that keeps the tokens, so that each can be pointed at |
//! | `value` | one literal to a number |
//! | `check` | a declaration to a network; every number comes from `regnet-space` |
//! | `expand` | a network to tokens |
//! | `population` | the same three steps for `population!` |
//! | `report` | everything wrong with a declaration, reported at once |

mod check;
mod expand;
mod key;
mod parse;
mod population;
mod report;
#[cfg(test)]
mod tests;
mod value;

use proc_macro::TokenStream;

/// `[path of the regnet crate] declaration`: what `regnet!` expands to.
#[proc_macro]
pub fn declare(input: TokenStream) -> TokenStream {
    expand::declare(input.into()).into()
}

/// `[path of the regnet crate] population`: what `population!` expands to.
#[proc_macro]
pub fn population(input: TokenStream) -> TokenStream {
    population::declare(input.into()).into()
}
