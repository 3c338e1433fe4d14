//! A named network: the struct, its documentation, constants and impls.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Path, Token};

use super::docs;
use super::network::{network, number, spec};
use crate::check::Model;
use crate::parse::Item;

/// Everything that one `pub struct NAME = ..;` stands for.
pub fn item(krate: &TokenStream, item: &Item, model: &Model) -> TokenStream {
    let Item { attributes, visibility, name, .. } = item;
    let private = quote!(#krate::__private);
    let docs = docs::markdown(model);
    let derives = derives(&private, attributes);
    let constants = constants(krate, item, model);
    let declared = declared(krate, name, model);
    let build = build_on_device(krate, name);
    quote! {
        #(#attributes)*
        #(#[doc = #docs])*
        #derives
        #visibility struct #name;
        #constants
        #declared
        #build
    }
}

/// `Debug`, `Clone`, `Copy` and `Default`, less those that the user derives as well.
fn derives(private: &TokenStream, attributes: &[Attribute]) -> TokenStream {
    let derived: Vec<Path> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .filter_map(|attribute| {
            attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated).ok()
        })
        .flatten()
        .collect();
    let ours = [("fmt", "Debug"), ("clone", "Clone"), ("marker", "Copy"), ("default", "Default")];
    let ours = ours
        .into_iter()
        .filter(|(_, name)| {
            !derived.iter().any(|path| path.segments.last().is_some_and(|last| last.ident == name))
        })
        .map(|(module, name)| {
            let [module, name] = [module, name].map(|word| Ident::new(word, Span::call_site()));
            quote!(#private::core::#module::#name)
        });
    quote!(#[derive(#(#ours),*)])
}

/// What the compiler knows about the network. The constants are as visible as the struct.
fn constants(krate: &TokenStream, item: &Item, model: &Model) -> TokenStream {
    let Item { visibility, name, .. } = item;
    let stages = &model.net.stages;
    let count = number(stages.len());
    let depth = number(stages.iter().map(|stage| stage.depth).sum());
    let depths = stages.iter().map(|stage| number(stage.depth));
    let widths = stages.iter().map(|stage| number(stage.width));
    let group_widths = stages.iter().map(|stage| number(stage.group_width));
    let inner_widths = stages.iter().map(|stage| number(stage.inner_width()));
    let strides = stages.iter().map(|stage| number(stage.stride));
    let input = model.input.map(number);
    let classes = number(model.net.classes);
    let cost = model.complexity();
    let [flops, params, acts] = [cost.flops, cost.params, cost.acts].map(Literal::u64_unsuffixed);
    let [usize, u64] = ["usize", "u64"].map(|name| primitive(krate, name));
    quote! {
        // A constant nobody asks for is no mistake.
        #[allow(dead_code)]
        #[automatically_derived]
        impl #name {
            /// Number of blocks.
            #visibility const DEPTH: #usize = #depth;
            /// Blocks of each stage.
            #visibility const STAGE_DEPTHS: [#usize; #count] = [#(#depths),*];
            /// Channels out of each stage.
            #visibility const STAGE_WIDTHS: [#usize; #count] = [#(#widths),*];
            /// Channels in each group of a stage's 3x3 convolutions.
            #visibility const GROUP_WIDTHS: [#usize; #count] = [#(#group_widths),*];
            /// Channels of a stage's 3x3 convolutions.
            #visibility const INNER_WIDTHS: [#usize; #count] = [#(#inner_widths),*];
            /// Stride of each stage.
            #visibility const STRIDES: [#usize; #count] = [#(#strides),*];
            /// Channels, height and width of the images it was declared for.
            #visibility const INPUT: [#usize; 3] = [#(#input),*];
            /// Number of classes.
            #visibility const CLASSES: #usize = #classes;
            /// Multiply-adds for one image of size [`INPUT`](Self::INPUT).
            #visibility const FLOPS: #u64 = #flops;
            /// Trained numbers.
            #visibility const PARAMS: #u64 = #params;
            /// Values out of convolutions, max pooling and the head, for one image of size [`INPUT`](Self::INPUT).
            #visibility const ACTS: #u64 = #acts;
        }
    }
}

/// The type behind the name, and the spec.
fn declared(krate: &TokenStream, name: &Ident, model: &Model) -> TokenStream {
    let private = quote!(#krate::__private);
    let network = network(krate, model);
    let spec = spec(&private, model);
    let usize = primitive(krate, "usize");
    quote! {
        #[automatically_derived]
        impl #krate::Declared for #name {
            type Network = #network;
            const INPUT: [#usize; 3] = #name::INPUT;
            fn spec() -> #private::space::AnyNet {
                #spec
            }
        }
    }
}

/// `device.build_module::<NAME, f32>()` builds the network.
fn build_on_device(krate: &TokenStream, name: &Ident) -> TokenStream {
    let private = quote!(#krate::__private);
    let dfdx = quote!(#private::dfdx);
    let network = quote!(<#name as #krate::Declared>::Network);
    let build = quote!(#dfdx::nn::BuildOnDevice<__Device, __Dtype>);
    quote! {
        #[automatically_derived]
        impl<__Device, __Dtype> #build for #name
        where
            __Dtype: #dfdx::dtypes::Dtype,
            __Device: #dfdx::tensor_ops::Device<__Dtype>,
            #network: #build,
        {
            type Built = <#network as #build>::Built;
            fn try_build_on_device(
                device: &__Device,
            ) -> #private::core::result::Result<Self::Built, __Device::Err> {
                <#network as #build>::try_build_on_device(device)
            }
        }
    }
}

/// A primitive type by its path, since even those can be shadowed.
pub fn primitive(krate: &TokenStream, name: &str) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    quote!(#krate::__private::core::primitive::#name)
}
