//! The type of a stage with a regulator beside its blocks.

use proc_macro2::TokenStream;
use quote::quote;
use regnet_space::{Block, CellConv, Regulator, Share, Stage};

use super::network::{excite, ident, keeps, number};
use crate::check::Model;

/// `RegulatedStage<..>` of every stage.
pub fn stages(builders: &TokenStream, model: &Model, regulator: Regulator) -> Vec<TokenStream> {
    let regulated = Regulated { builders, block: model.net.block, regulator };
    let states = model.net.state_widths();
    let before = std::iter::once(None).chain(states.into_iter().map(Some));
    let stages = model.stages().zip(&model.se_widths).zip(before);
    stages.map(|(((input, stage), se), before)| regulated.stage(input, stage, *se, before)).collect()
}

/// What the stages have in common.
struct Regulated<'a> {
    builders: &'a TokenStream,
    block: Block,
    regulator: Regulator,
}

impl Regulated<'_> {
    /// One stage; `before` is the width of the state that comes out of the stage before.
    fn stage(&self, input: usize, stage: &Stage, se: [usize; 2], before: Option<usize>) -> TokenStream {
        let builders = self.builders;
        let regulator = self.regulator(stage);
        let (shared, own) = match self.regulator.share {
            Share::Stage => (regulator, quote!(#builders::Lent)),
            Share::Block => (quote!(#builders::PerBlock), regulator),
        };
        let carry = self.carry(stage, before);
        let [first, next] = se.map(|hidden| excite(builders, stage.width, hidden));
        let next = self.next(stage, &own, &next);
        let first = if keeps(input, stage) {
            self.next(stage, &own, &first)
        } else {
            self.first(input, stage, &own, &first)
        };
        let depth = number(stage.depth);
        quote!(#builders::RegulatedStage<#shared, #carry, #first, #next, #depth>)
    }

    /// `FullRegulator<Lstm, 16>`.
    fn regulator(&self, stage: &Stage) -> TokenStream {
        let builders = self.builders;
        let regulator = ident(match self.regulator.conv {
            CellConv::Full => "FullRegulator",
            CellConv::Efficient => "EfficientRegulator",
        });
        let cell = ident(&format!("{:?}", self.regulator.cell));
        let width = number(stage.inner_width());
        quote!(#builders::#regulator<#builders::#cell, #width>)
    }

    /// The way of the state into the stage.
    fn carry(&self, stage: &Stage, before: Option<usize>) -> TokenStream {
        let builders = self.builders;
        let Some(before) = before.filter(|_| self.regulator.carry) else { return quote!(#builders::NoCarry) };
        let [maps, before, width, stride] =
            [self.maps(), before, stage.inner_width(), stage.stride].map(number);
        quote!(#builders::Carry<#maps, #before, #width, #stride>)
    }

    /// The first block of a stage that changes width or resolution.
    fn first(&self, input: usize, stage: &Stage, own: &TokenStream, se: &TokenStream) -> TokenStream {
        let builders = self.builders;
        let [maps, input, width, stride] = [self.maps(), input, stage.width, stage.stride].map(number);
        if self.block == Block::Bottleneck {
            let [inner, group] = [stage.inner_width(), stage.group_width].map(number);
            quote!(#builders::RegulatedXBlock<#maps, #input, #width, #inner, #group, #stride, #own, #se>)
        } else {
            quote!(#builders::RegulatedBasicBlock<#maps, #input, #width, #stride, #own, #se>)
        }
    }

    /// A block that keeps both.
    fn next(&self, stage: &Stage, own: &TokenStream, se: &TokenStream) -> TokenStream {
        let builders = self.builders;
        let [maps, width] = [self.maps(), stage.width].map(number);
        if self.block == Block::Bottleneck {
            let [inner, group] = [stage.inner_width(), stage.group_width].map(number);
            quote!(#builders::RegulatedXNext<#maps, #width, #inner, #group, #own, #se>)
        } else {
            quote!(#builders::RegulatedBasicNext<#maps, #width, #own, #se>)
        }
    }

    /// Feature maps of a state.
    fn maps(&self) -> usize {
        self.regulator.cell.maps()
    }
}
