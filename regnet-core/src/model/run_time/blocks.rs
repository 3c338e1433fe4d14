//! The blocks of networks shaped at run time.

use dfdx::prelude::*;
use regnet_space::{AnyNet, Block, Stage};

use crate::forward::Run;
use crate::layers::{BatchNorm2d, Conv2d, EXCITE_NAMES, Excite, NoExcite, SqueezeExcite};
use crate::model::block::Shortcut;
use crate::model::{Bottleneck, Pair, Projection, ResBlock};
use crate::peek::peek;
use crate::tensors::Map;
use crate::{Backend, init};

/// All blocks of a network without a regulator, which are of one kind: two of the lists are empty.
#[derive(Debug, Clone)]
pub struct Blocks<E: Dtype, D: Storage<E>> {
    pub bottleneck: Vec<DynBlock<DynBranch<E, D>, E, D>>,
    pub basic: Vec<DynBlock<DynPair<DynExcite<E, D>, E, D>, E, D>>,
    pub vanilla: Vec<DynPair<NoExcite, E, D>>,
}

type DynBlock<F, E, D> = ResBlock<DynShortcut<E, D>, F>;
type DynBranch<E, D> = Bottleneck<usize, usize, usize, usize, usize, DynExcite<E, D>, E, D>;
type DynPair<Se, E, D> = Pair<usize, usize, usize, Se, E, D>;

/// A projection, or `None` for the identity.
#[derive(Debug, Clone)]
pub struct DynShortcut<E: Dtype, D: Storage<E>>(Option<Projection<usize, usize, usize, E, D>>);

/// Squeeze-and-excitation, or `None`.
#[derive(Debug, Clone)]
pub struct DynExcite<E: Dtype, D: Storage<E>>(Option<SqueezeExcite<usize, usize, E, D>>);

impl<E: Dtype, D: Backend<E>> Blocks<E, D> {
    /// Builds in the order that dfdx builds declared blocks, so that one seed gives one initialisation.
    pub fn build(device: &D, spec: &AnyNet) -> Result<Self, D::Err> {
        let mut blocks = Self { bottleneck: Vec::new(), basic: Vec::new(), vanilla: Vec::new() };
        if spec.regulator.is_some() {
            return Ok(blocks);
        }
        let mut input = spec.stem.width;
        for stage in &spec.stages {
            for block in 0..stage.depth {
                let stride = if block == 0 { stage.stride } else { 1 };
                let out = stage.width;
                match spec.block {
                    Block::Bottleneck => {
                        let shortcut = DynShortcut::build(device, input, out, stride)?;
                        let f = branch(device, input, stage, stride, spec.se_width(input))?;
                        blocks.bottleneck.push(ResBlock { shortcut, f });
                    }
                    Block::Basic => {
                        let shortcut = DynShortcut::build(device, input, out, stride)?;
                        let se = || DynExcite::build(device, out, spec.se_width(input));
                        let f = Pair::try_new(device, input, out, stride, se)?;
                        blocks.basic.push(ResBlock { shortcut, f });
                    }
                    Block::Vanilla => {
                        blocks.vanilla.push(Pair::try_new(device, input, out, stride, || Ok(NoExcite))?)
                    }
                }
                input = out;
            }
        }
        Ok(blocks)
    }
}

fn branch<E: Dtype, D: Backend<E>>(
    device: &D,
    input: usize,
    stage: &Stage,
    stride: usize,
    excite: Option<usize>,
) -> Result<DynBranch<E, D>, D::Err> {
    let (inner, out, group) = (stage.inner_width(), stage.width, stage.group_width);
    Ok(Bottleneck {
        a: Conv2d::try_new(device, inner, input, Const, Const)?,
        a_bn: BatchNorm2d::try_new(device, inner)?,
        b: Conv2d::try_new(device, inner, group, Const, stride)?,
        b_bn: BatchNorm2d::try_new(device, inner)?,
        se: DynExcite::build(device, inner, excite)?,
        c: Conv2d::try_new(device, out, inner, Const, Const)?,
        c_bn: BatchNorm2d::try_new(device, out)?,
    })
}

impl<E: Dtype, D: Backend<E>> DynExcite<E, D> {
    /// Of `hidden` units, or nothing.
    pub fn build(device: &D, channels: usize, hidden: Option<usize>) -> Result<Self, D::Err> {
        Ok(Self(hidden.map(|hidden| SqueezeExcite::try_new(device, channels, hidden)).transpose()?))
    }
}

impl<E: Dtype, D: Backend<E>> DynShortcut<E, D> {
    pub fn build(device: &D, input: usize, out: usize, stride: usize) -> Result<Self, D::Err> {
        if input == out && stride == 1 {
            return Ok(Self(None));
        }
        let proj = Conv2d::try_new(device, out, input, Const, stride)?;
        let bn = BatchNorm2d::try_new(device, out)?;
        Ok(Self(Some(Projection { proj, bn })))
    }
}

impl<E: Dtype, D: Backend<E>> Blocks<E, D> {
    /// Runs block after block and shows `see` what each puts out.
    pub fn try_run<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        see: &mut impl FnMut(&Map<E, D, T>),
    ) -> Result<Map<E, D, T>, D::Err> {
        let x = try_run_all(&self.bottleneck, x, see)?;
        let x = try_run_all(&self.basic, x, see)?;
        try_run_all(&self.vanilla, x, see)
    }

    pub fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = self.bottleneck.iter_mut().try_fold(x, |x, block| block.try_run_mut(x))?;
        let x = self.basic.iter_mut().try_fold(x, |x, block| block.try_run_mut(x))?;
        self.vanilla.iter_mut().try_fold(x, |x, block| block.try_run_mut(x))
    }
}

fn try_run_all<B, T, E, D>(
    blocks: &[B],
    x: Map<E, D, T>,
    see: &mut impl FnMut(&Map<E, D, T>),
) -> Result<Map<E, D, T>, D::Err>
where
    B: Run<E, D, Out = (usize, usize, usize, usize)>,
    T: Tape<E, D>,
    E: Dtype,
    D: Backend<E>,
{
    blocks.iter().try_fold(x, |x, block| block.try_run(x).inspect(&mut *see))
}

impl<E: Dtype, D: Backend<E>> Shortcut<E, D> for DynShortcut<E, D> {
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_shortcut<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        match &self.0 {
            Some(projection) => projection.try_shortcut(x),
            None => Ok(x),
        }
    }

    fn try_shortcut_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        match &mut self.0 {
            Some(projection) => projection.try_shortcut_mut(x),
            None => Ok(x),
        }
    }
}

impl<E: Dtype, D: Backend<E>> Excite<E, D> for DynExcite<E, D> {
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn acts(&self) -> bool {
        self.0.is_some()
    }

    fn try_excite<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        match &self.0 {
            Some(excite) => excite.try_excite(x),
            None => Ok(x),
        }
    }
}

/// A field that is there or not.
pub fn optional<T>(present: bool, field: impl FnOnce() -> T) -> Vec<T> {
    present.then(field).into_iter().collect()
}

pub const PRESENT: &str = "a field is visited only where it was seen to be present";

impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for DynExcite<E, D> {
    type To<E2: Dtype, D2: Device<E2>> = DynExcite<E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let there = peek(visitor, |excite: &Self| excite.0.is_some())?.unwrap_or(false);
        macro_rules! field {
            ($index:literal, $field:ident, $reset:expr) => {
                optional(there, || {
                    Self::tensor(
                        EXCITE_NAMES[$index],
                        |s| &s.0.as_ref().expect(PRESENT).$field,
                        |s| &mut s.0.as_mut().expect(PRESENT).$field,
                        $reset,
                    )
                })
            };
        }
        visitor.visit_fields(
            (
                field!(0, reduce, TensorOptions::reset_with(init::he_fan_out)),
                field!(1, reduce_bias, TensorOptions::reset_to_zeros()),
                field!(2, expand, TensorOptions::reset_with(init::he_fan_out)),
                field!(3, expand_bias, TensorOptions::reset_to_zeros()),
            ),
            |(mut w1, mut b1, mut w2, mut b2)| {
                let parts = (w1.pop(), b1.pop(), w2.pop(), b2.pop());
                DynExcite(match parts {
                    (Some(reduce), Some(reduce_bias), Some(expand), Some(expand_bias)) => {
                        Some(SqueezeExcite { reduce, reduce_bias, expand, expand_bias })
                    }
                    _ => None,
                })
            },
        )
    }
}

impl<F: TensorCollection<E, D>, E: Dtype, D: Device<E>> TensorCollection<E, D> for DynBlock<F, E, D> {
    type To<E2: Dtype, D2: Device<E2>> = DynBlock<F::To<E2, D2>, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let projects = peek(visitor, |block: &Self| block.shortcut.0.is_some())?.unwrap_or(false);
        macro_rules! field {
            ($name:literal, $field:ident) => {
                optional(projects, || {
                    Self::module(
                        $name,
                        |s| &s.shortcut.0.as_ref().expect(PRESENT).$field,
                        |s| &mut s.shortcut.0.as_mut().expect(PRESENT).$field,
                    )
                })
            };
        }
        visitor.visit_fields(
            (field!("proj", proj), field!("bn", bn), Self::module("f", |s| &s.f, |s| &mut s.f)),
            |(mut proj, mut bn, f)| {
                let parts = proj.pop().zip(bn.pop());
                ResBlock { shortcut: DynShortcut(parts.map(|(proj, bn)| Projection { proj, bn })), f }
            },
        )
    }
}
