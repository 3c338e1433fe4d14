//! A network to tokens.

mod docs;
mod item;
mod network;
mod regulated;

pub use item::{item, primitive};
pub use network::number;

use proc_macro2::TokenStream;

use crate::check;
use crate::key::Form;
use crate::parse::{Declaration, Input};
use crate::report::Report;

/// Expands `[path] declaration`: reads it, checks it, and writes what it stands for, or everything wrong with it.
///
/// A wrong item still gets its name, with a network that stands in, so that the rest of the file makes sense.
pub fn declare(form: Form, tokens: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let Some(Input { krate, declaration }) = Input::parse(&mut report, form, tokens) else {
        return report.into_items();
    };
    match declaration {
        Declaration::Type(body) => {
            let model = check::model(&mut report, form, &body);
            if report.is_empty() { network::network(&krate, &model) } else { report.into_type() }
        }
        Declaration::Items(items) => {
            let mut expanded = TokenStream::new();
            for item in items {
                let model = check::model(&mut report, form, &item.body);
                expanded.extend(item::item(&krate, &item, &model));
            }
            expanded.extend(report.into_items());
            expanded
        }
    }
}
