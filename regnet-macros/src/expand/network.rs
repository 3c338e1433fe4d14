//! The type of a network and its spec as an expression.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;
use regnet_space::{Block, Bottleneck, Regulator, Stage, Stem, StemKind};

use super::regulated;
use crate::check::Model;

/// `RegNet<Stem, (Stage1, .., StageN), Head>`.
pub fn network(krate: &TokenStream, model: &Model) -> TokenStream {
    let builders = quote!(#krate::builders);
    let [channels, ..] = model.input.map(number);
    let stem = ident(match model.net.stem.kind {
        StemKind::Simple => "SimpleStem",
        StemKind::Cifar => "CifarStem",
        StemKind::ResNet => "ResNetStem",
    });
    let [stem_width, features, classes] =
        [model.net.stem.width, model.features(), model.net.classes].map(number);
    let stages = match model.net.regulator {
        Some(regulator) => regulated::stages(&builders, model, regulator),
        None => stages(&builders, model),
    };
    quote! {
        #builders::RegNet<
            #builders::#stem<#channels, #stem_width>,
            (#(#stages,)*),
            #builders::Head<#features, #classes>
        >
    }
}

/// The stages without a regulator.
fn stages(builders: &TokenStream, model: &Model) -> Vec<TokenStream> {
    let stages = model.stages().zip(&model.se_widths).map(|((input, stage), se)| match model.net.block {
        Block::Bottleneck => self::stage(builders, input, stage, *se),
        Block::Basic => basic(builders, input, stage, *se),
        Block::Vanilla => vanilla(builders, input, stage),
    });
    stages.collect()
}

/// `XStage<..>`, or `YStage<..>` with squeeze-and-excitation.
///
/// A squeeze-and-excitation width that rounds to 0 stands for none, in the first block or in those after it.
fn stage(builders: &TokenStream, input_width: usize, stage: &Stage, se_widths: [usize; 2]) -> TokenStream {
    let &Stage { depth, width, group_width, stride, .. } = stage;
    let [depth, input, width, inner, group_width, stride] =
        [depth, input_width, width, stage.inner_width(), group_width, stride].map(number);
    let [first, next] = se_widths.map(number);
    let block = match se_widths[1] {
        0 => quote!(#builders::XNext<#width, #inner, #group_width>),
        _ => quote!(#builders::YNext<#width, #inner, #group_width, #next>),
    };
    match se_widths {
        _ if keeps(input_width, stage) => quote!(#builders::Stage<#block, #block, #depth>),
        [0, 0] => quote!(#builders::XStage<#depth, #input, #width, #inner, #group_width, #stride>),
        [0, _] => quote! {
            #builders::Stage<
                #builders::XBlock<#input, #width, #inner, #group_width, #stride>,
                #builders::YNext<#width, #inner, #group_width, #next>,
                #depth
            >
        },
        [_, 0] => quote! {
            #builders::Stage<
                #builders::YBlock<#input, #width, #inner, #group_width, #stride, #first>,
                #builders::XNext<#width, #inner, #group_width>,
                #depth
            >
        },
        [_, _] => quote! {
            #builders::YStage<#depth, #input, #width, #inner, #group_width, #stride, #first, #next>
        },
    }
}

/// Whether a stage's first block changes neither width nor resolution, so that its shortcut is the identity, too.
pub fn keeps(input: usize, stage: &Stage) -> bool {
    input == stage.width && stage.stride == 1
}

/// `BasicStage<..>`, or what it is made of: with squeeze-and-excitation, or where all blocks are alike.
fn basic(builders: &TokenStream, input_width: usize, stage: &Stage, se_widths: [usize; 2]) -> TokenStream {
    let [depth, input, width, stride] = [stage.depth, input_width, stage.width, stage.stride].map(number);
    match se_widths {
        [0, 0] if keeps(input_width, stage) => {
            let block = quote!(#builders::BasicNext<#width>);
            quote!(#builders::Stage<#block, #block, #depth>)
        }
        [0, 0] => quote!(#builders::BasicStage<#depth, #input, #width, #stride>),
        _ => {
            let [first, next] = se_widths.map(|hidden| excite(builders, stage.width, hidden));
            let shortcut = shortcut(builders, input_width, stage);
            quote! {
                #builders::Stage<
                    #builders::ResBlock<#shortcut, #builders::Pair<#input, #width, #stride, #first>>,
                    #builders::ResBlock<#builders::Identity, #builders::Pair<#width, #width, 1, #next>>,
                    #depth
                >
            }
        }
    }
}

/// The shortcut of a stage's first block.
fn shortcut(builders: &TokenStream, input: usize, stage: &Stage) -> TokenStream {
    if keeps(input, stage) {
        return quote!(#builders::Identity);
    }
    let [input, width, stride] = [input, stage.width, stage.stride].map(number);
    quote!(#builders::Projection<#input, #width, #stride>)
}

/// Squeeze-and-excitation on so many channels; of no hidden units it is none.
pub fn excite(builders: &TokenStream, channels: usize, hidden: usize) -> TokenStream {
    if hidden == 0 {
        return quote!(#builders::NoExcite);
    }
    let [channels, hidden] = [channels, hidden].map(number);
    quote!(#builders::SqueezeExcite<#channels, #hidden>)
}

/// `VanillaStage<..>`, which has no shortcut.
fn vanilla(builders: &TokenStream, input: usize, stage: &Stage) -> TokenStream {
    let [depth, input, width, stride] = [stage.depth, input, stage.width, stage.stride].map(number);
    quote!(#builders::VanillaStage<#depth, #input, #width, #stride>)
}

/// The network's `AnyNet`, field by field.
pub fn spec(private: &TokenStream, model: &Model) -> TokenStream {
    let (space, core) = (quote!(#private::space), quote!(#private::core));
    let net = &model.net;
    let [input_channels, classes] = [net.input_channels, net.classes].map(number);
    let stem = stem(&space, net.stem);
    let block = ident(&format!("{:?}", net.block));
    let stages = net.stages.iter().map(|stage| {
        let &Stage { depth, width, stride, group_width, bottleneck } = stage;
        let [depth, width, stride, group_width] = [depth, width, stride, group_width].map(number);
        let bottleneck = self::bottleneck(bottleneck);
        quote! {
            #space::Stage {
                depth: #depth,
                width: #width,
                stride: #stride,
                bottleneck: #space::Bottleneck::#bottleneck,
                group_width: #group_width,
            }
        }
    });
    let se = match net.se {
        Some(ratio) => {
            let ratio = Literal::f64_unsuffixed(ratio);
            quote!(#core::option::Option::Some(#ratio))
        }
        None => quote!(#core::option::Option::None),
    };
    let regulator = match net.regulator {
        Some(regulator) => {
            let regulator = self::regulator(&space, regulator);
            quote!(#core::option::Option::Some(#regulator))
        }
        None => quote!(#core::option::Option::None),
    };
    quote! {
        #space::AnyNet {
            input_channels: #input_channels,
            stem: #stem,
            block: #space::Block::#block,
            stages: #core::convert::From::from([#(#stages),*]),
            se: #se,
            regulator: #regulator,
            classes: #classes,
        }
    }
}

fn regulator(space: &TokenStream, regulator: Regulator) -> TokenStream {
    let Regulator { cell, conv, share, carry } = regulator;
    let [cell, conv, share] =
        [format!("{cell:?}"), format!("{conv:?}"), format!("{share:?}")].map(|name| ident(&name));
    quote! {
        #space::Regulator {
            cell: #space::Cell::#cell,
            conv: #space::CellConv::#conv,
            share: #space::Share::#share,
            carry: #carry,
        }
    }
}

fn stem(space: &TokenStream, stem: Stem) -> TokenStream {
    let kind = ident(&format!("{:?}", stem.kind));
    let width = number(stem.width);
    quote!(#space::Stem { kind: #space::StemKind::#kind, width: #width })
}

fn bottleneck(ratio: Bottleneck) -> TokenStream {
    let make = ident(if ratio.is_inverted() { "expands" } else { "reduces" });
    let factor = number(ratio.factor());
    quote!(#make(#factor))
}

/// A number without a type, as one writes it.
pub fn number(n: usize) -> Literal {
    Literal::usize_unsuffixed(n)
}

pub fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}
