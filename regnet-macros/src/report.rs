//! Everything wrong with a declaration, reported at once.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// The mistakes found so far, in the order they were found.
#[derive(Default)]
pub struct Report(Vec<syn::Error>);

impl Report {
    /// Adds one mistake, shown under `tokens`; under the whole macro call where there are none.
    pub fn at(&mut self, tokens: impl ToTokens, text: impl Display) {
        self.0.push(syn::Error::new_spanned(tokens, text));
    }

    /// Adds what syn found.
    pub fn syntax(&mut self, error: syn::Error) {
        self.0.push(error);
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
