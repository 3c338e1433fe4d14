//! Networks to a module.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use regnet_space::{AnyNet, Drawn, Stage, text::grouped};
use syn::parse_quote;

use super::check::Candidate;
use super::parse::Population;
use crate::expand::{item, number, primitive};
use crate::parse::{Body, Item};

/// The module: a struct for each network, their number, and the visitor.
pub fn module(krate: &TokenStream, population: &Population, drawn: &[Candidate]) -> TokenStream {
    let Population { attributes, visibility, name, .. } = population;
    let names: Vec<Ident> =
        (0..drawn.len()).map(|i| Ident::new(&format!("Candidate{i}"), Span::call_site())).collect();
    let docs = docs(population, drawn, &names);
    let items = drawn.iter().zip(&names).map(|(drawn, name)| candidate(krate, drawn, name));
    let count = number(drawn.len());
    let usize = primitive(krate, "usize");
    quote! {
        #(#attributes)*
        #(#[doc = #docs])*
        // A network nobody names is no mistake, and the module's own visibility says who may.
        #[allow(dead_code, unreachable_pub)]
        #visibility mod #name {
            #(#items)*

            /// The number of networks.
            pub const COUNT: #usize = #count;

            /// Calls the visitor with each network, in the order they were drawn.
            pub fn visit_all<V: #krate::Visitor>(visitor: &mut V) {
                #(#krate::Visitor::visit::<#names>(visitor);)*
            }
        }
    }
}

/// One network, written as `regnet!` writes its items.
fn candidate(krate: &TokenStream, drawn: &Candidate, name: &Ident) -> TokenStream {
    let doc = match &drawn.drawn {
        Some(Drawn { declaration: Some(declaration), .. }) => {
            format!("Drawn as `{}`.", declaration.params.to_source())
        }
        Some(Drawn { net, .. }) => drawn_stages(net),
        None => "Stands in for a network that could not be drawn.".to_owned(),
    };
    let item = Item {
        attributes: vec![parse_quote!(#[doc = #doc])],
        visibility: parse_quote!(pub),
        name: name.clone(),
        body: Body { whole: TokenStream::new(), preset: None, entries: Vec::new() },
    };
    self::item(krate, &item, &drawn.model)
}

/// What was drawn of an AnyNet, fitted to its groups.
fn drawn_stages(net: &AnyNet) -> String {
    let columns: [fn(&Stage) -> usize; 4] = [
        |stage| stage.depth,
        |stage| stage.width,
        |stage| stage.bottleneck.factor(),
        |stage| stage.group_width,
    ];
    let [d, w, b, g] = columns.map(|column| self::column(net, column));
    format!("Drawn stage by stage: d = {d}; w = {w}; b = {b}; g = {g}.")
}

/// The module's documentation, to follow what the user wrote: a row for each network.
fn docs(population: &Population, drawn: &[Candidate], names: &[Ident]) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("Drawn from {}.", population.space),
        String::new(),
        "| network | widths | depths | group widths | flops | params |".to_owned(),
        "| --- | --- | --- | --- | ---: | ---: |".to_owned(),
    ];
    lines.extend(drawn.iter().zip(names).map(|(Candidate { model, .. }, name)| {
        let cost = model.complexity();
        let columns: [fn(&Stage) -> usize; 3] =
            [|stage| stage.width, |stage| stage.depth, |stage| stage.group_width];
        let [widths, depths, groups] = columns.map(|column| self::column(&model.net, column));
        let (flops, params) = (grouped(cost.flops), grouped(cost.params));
        format!("| [`{name}`] | {widths} | {depths} | {groups} | {flops} | {params} |")
    }));
    lines
}

fn column(net: &AnyNet, number: fn(&Stage) -> usize) -> String {
    net.stages.iter().map(|stage| number(stage).to_string()).collect::<Vec<_>>().join(", ")
}
