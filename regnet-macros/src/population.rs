//! `population!`: networks drawn from a design space, as a module.
//!
//! | module | what it does |
//! | --- | --- |
//! | `parse` | tokens to a population that keeps the tokens |
//! | `key` | the keys between the braces |
//! | `range` | `80M..=100M` to two numbers |
//! | `check` | a population to the networks drawn |
//! | `expand` | networks to a module |

mod check;
mod expand;
mod key;
mod parse;
mod range;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::report::Report;
use parse::Population;

/// Expands `[path] population`: reads it, draws the networks, and writes the module, or everything wrong with it.
///
/// A wrong population still gets its module, of networks that stand in, so that the rest of the file makes sense.
pub fn declare(tokens: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let Some((krate, population)) = Population::parse(&mut report, tokens) else {
        return report.into_items();
    };
    let drawn = check::draw(&mut report, &population);
    let mut expanded = expand::module(&krate, &population, &drawn);
    expanded.extend(report.into_items());
    expanded
}
