//! The self-regulated stages of networks shaped at run time.

use dfdx::prelude::*;
use regnet_space::{AnyNet, Block, Cell, CellConv, Share, Stage};

use super::blocks::{DynExcite, DynShortcut, PRESENT, optional};
use crate::layers::NoExcite;
use crate::model::{Bottleneck, BranchSizes, Pair, Regulated, ResBlock, Step, Threaded};
use crate::peek::peek;
use crate::regulator::{Carries, Carry, EfficientConv, FullConv, Lends, Regulator};
use crate::tensors::Map;
use crate::{Backend, init};

/// All regulated stages of a network, whose blocks and convolutions are of one kind: three of the lists are empty.
#[derive(Debug, Clone)]
pub struct RegulatedStages<E: Dtype, D: Storage<E>> {
    pub full_basic: Vec<DynStage<Full<E, D>, Basic<E, D>, E, D>>,
    pub full_bottleneck: Vec<DynStage<Full<E, D>, Inner<E, D>, E, D>>,
    pub efficient_basic: Vec<DynStage<Efficient<E, D>, Basic<E, D>, E, D>>,
    pub efficient_bottleneck: Vec<DynStage<Efficient<E, D>, Inner<E, D>, E, D>>,
}

type Full<E, D> = FullConv<Cell, usize, E, D>;
type Efficient<E, D> = EfficientConv<Cell, usize, E, D>;
type Basic<E, D> = Pair<usize, usize, usize, NoExcite, E, D>;
type Inner<E, D> = Bottleneck<usize, usize, usize, usize, usize, NoExcite, E, D>;

/// A stage of blocks with the plain branch `F` and a regulator with convolutions `C`.
#[derive(Debug, Clone)]
pub struct DynStage<C, F, E: Dtype, D: Storage<E>> {
    /// What the blocks share, if they do.
    r: Shared<C, E, D>,
    /// The way of the previous stage's state into this one, if there is one.
    carry: Option<Carry<usize, usize, usize, usize, E, D>>,
    blocks: Vec<ResBlock<DynShortcut<E, D>, DynBranch<C, F, E, D>>>,
}

type Shared<C, E, D> = Option<Regulator<Cell, usize, C, E, D>>;
type DynBranch<C, F, E, D> = Regulated<F, Own<C, E, D>, usize, usize, DynExcite<E, D>, E, D>;

/// A block's own regulator, or `None` where its stage lends one.
#[derive(Debug, Clone)]
pub struct Own<C, E: Dtype, D: Storage<E>>(Shared<C, E, D>);

impl<C, E: Dtype, D: Storage<E>> Lends<Shared<C, E, D>> for Own<C, E, D> {
    type Regulator = Regulator<Cell, usize, C, E, D>;

    fn choose<'a>(&'a self, lent: &'a Shared<C, E, D>) -> &'a Self::Regulator {
        self.0.as_ref().or(lent.as_ref()).expect("a regulator is the stage's or the block's")
    }
}

/// Convolutions of gates of `n` channels.
pub trait NewConvolutions<E: Dtype, D: Device<E>>: Sized {
    fn try_new(device: &D, cell: Cell, n: usize) -> Result<Self, D::Err>;
}

impl<E: Dtype, D: Device<E>> NewConvolutions<E, D> for Full<E, D> {
    fn try_new(device: &D, cell: Cell, n: usize) -> Result<Self, D::Err> {
        Self::try_new(device, cell, n)
    }
}

impl<E: Dtype, D: Device<E>> NewConvolutions<E, D> for Efficient<E, D> {
    fn try_new(device: &D, cell: Cell, n: usize) -> Result<Self, D::Err> {
        Self::try_new(device, cell, n)
    }
}

/// A branch of a block with the regulator and the squeeze-and-excitation that are made for it.
pub trait NewBranch<C, E: Dtype, D: Backend<E>>: Sized {
    fn try_new(
        device: &D,
        sizes: BranchSizes<usize, usize, usize, usize, usize, usize>,
        r: impl FnOnce() -> Result<Own<C, E, D>, D::Err>,
        se: impl FnOnce() -> Result<DynExcite<E, D>, D::Err>,
    ) -> Result<DynBranch<C, Self, E, D>, D::Err>;
}

impl<C, E: Dtype, D: Backend<E>> NewBranch<C, E, D> for Basic<E, D> {
    fn try_new(
        device: &D,
        sizes: BranchSizes<usize, usize, usize, usize, usize, usize>,
        r: impl FnOnce() -> Result<Own<C, E, D>, D::Err>,
        se: impl FnOnce() -> Result<DynExcite<E, D>, D::Err>,
    ) -> Result<DynBranch<C, Self, E, D>, D::Err> {
        Regulated::try_basic(device, sizes, r, se)
    }
}

impl<C, E: Dtype, D: Backend<E>> NewBranch<C, E, D> for Inner<E, D> {
    fn try_new(
        device: &D,
        sizes: BranchSizes<usize, usize, usize, usize, usize, usize>,
        r: impl FnOnce() -> Result<Own<C, E, D>, D::Err>,
        se: impl FnOnce() -> Result<DynExcite<E, D>, D::Err>,
    ) -> Result<DynBranch<C, Self, E, D>, D::Err> {
        Regulated::try_bottleneck(device, sizes, r, se)
    }
}

impl<E: Dtype, D: Backend<E>> RegulatedStages<E, D> {
    /// No stages.
    pub fn none() -> Self {
        Self {
            full_basic: Vec::new(),
            full_bottleneck: Vec::new(),
            efficient_basic: Vec::new(),
            efficient_bottleneck: Vec::new(),
        }
    }

    /// The stages of a network that has a regulator, built in the order that dfdx builds declared ones; none of
    /// another network.
    pub fn build(device: &D, net: &AnyNet) -> Result<Self, D::Err> {
        let mut stages = Self::none();
        let Some(regulator) = net.regulator else { return Ok(stages) };
        match (regulator.conv, net.block) {
            (_, Block::Vanilla) => {}
            (CellConv::Full, Block::Basic) => stages.full_basic = build_all(device, net)?,
            (CellConv::Full, Block::Bottleneck) => stages.full_bottleneck = build_all(device, net)?,
            (CellConv::Efficient, Block::Basic) => stages.efficient_basic = build_all(device, net)?,
            (CellConv::Efficient, Block::Bottleneck) => stages.efficient_bottleneck = build_all(device, net)?,
        }
        Ok(stages)
    }

    /// Runs block after block and shows `see` what each puts out.
    pub fn try_run<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        see: &mut impl FnMut(&Map<E, D, T>),
    ) -> Result<Map<E, D, T>, D::Err> {
        let x = try_run_all(&self.full_basic, x, see)?;
        let x = try_run_all(&self.full_bottleneck, x, see)?;
        let x = try_run_all(&self.efficient_basic, x, see)?;
        try_run_all(&self.efficient_bottleneck, x, see)
    }

    pub fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = try_run_all_mut(&mut self.full_basic, x)?;
        let x = try_run_all_mut(&mut self.full_bottleneck, x)?;
        let x = try_run_all_mut(&mut self.efficient_basic, x)?;
        try_run_all_mut(&mut self.efficient_bottleneck, x)
    }
}

fn build_all<C, F, E, D>(device: &D, net: &AnyNet) -> Result<Vec<DynStage<C, F, E, D>>, D::Err>
where
    C: NewConvolutions<E, D>,
    F: NewBranch<C, E, D>,
    E: Dtype,
    D: Backend<E>,
{
    let inputs = std::iter::once(net.stem.width).chain(net.stages.iter().map(|stage| stage.width));
    let before = std::iter::once(None).chain(net.stages.iter().map(Some));
    let stages = net.stages.iter().zip(inputs).zip(before);
    stages.map(|((stage, input), before)| DynStage::build(device, net, stage, input, before)).collect()
}

impl<C, F, E, D> DynStage<C, F, E, D>
where
    C: NewConvolutions<E, D>,
    F: NewBranch<C, E, D>,
    E: Dtype,
    D: Backend<E>,
{
    fn build(
        device: &D,
        net: &AnyNet,
        stage: &Stage,
        mut input: usize,
        before: Option<&Stage>,
    ) -> Result<Self, D::Err> {
        let regulator = net.regulator.unwrap_or(Cell::default().into());
        let (cell, n, out) = (regulator.cell, stage.inner_width(), stage.width);
        let make = |wanted: bool| {
            let make = || Regulator::try_new(device, cell, n, C::try_new(device, cell, n)?);
            wanted.then(make).transpose()
        };
        let r = make(regulator.share == Share::Stage)?;
        let carry = before.filter(|_| regulator.carry);
        let carry = carry
            .map(|before| Carry::try_new(device, cell.maps(), before.inner_width(), n, stage.stride))
            .transpose()?;
        let mut blocks = Vec::new();
        for block in 0..stage.depth {
            let stride = if block == 0 { stage.stride } else { 1 };
            let group = stage.group_width;
            let sizes = BranchSizes { input, inner: n, out, group, stride, maps: cell.maps() };
            let shortcut = DynShortcut::build(device, input, out, stride)?;
            let own = || make(regulator.share == Share::Block).map(Own);
            let se = || DynExcite::build(device, out, net.se_width(input));
            blocks.push(ResBlock { shortcut, f: F::try_new(device, sizes, own, se)? });
            input = out;
        }
        Ok(Self { r, carry, blocks })
    }
}

/// Runs stages one after the other; each leaves its state for the next.
fn try_run_all<C, F, T, E, D>(
    stages: &[DynStage<C, F, E, D>],
    x: Map<E, D, T>,
    see: &mut impl FnMut(&Map<E, D, T>),
) -> Result<Map<E, D, T>, D::Err>
where
    T: Tape<E, D>,
    E: Dtype,
    D: Backend<E>,
    ResBlock<DynShortcut<E, D>, DynBranch<C, F, E, D>>: Step<Shared<C, E, D>, E, D>,
{
    let mut thread = (x, None);
    for stage in stages {
        thread = try_enter(&stage.carry, thread)?;
        for block in &stage.blocks {
            thread = handed_on(block.try_step(thread.0, thread.1, &stage.r)?);
            see(&thread.0);
        }
    }
    Ok(thread.0)
}

fn try_run_all_mut<C, F, T, E, D>(
    stages: &mut [DynStage<C, F, E, D>],
    x: Map<E, D, T>,
) -> Result<Map<E, D, T>, D::Err>
where
    T: Tape<E, D>,
    E: Dtype,
    D: Backend<E>,
    ResBlock<DynShortcut<E, D>, DynBranch<C, F, E, D>>: Step<Shared<C, E, D>, E, D>,
{
    let mut thread = (x, None);
    for stage in stages {
        thread = try_enter(&stage.carry, thread)?;
        for block in &mut stage.blocks {
            thread = handed_on(block.try_step_mut(thread.0, thread.1, &stage.r)?);
        }
    }
    Ok(thread.0)
}

/// Features, and the state that goes with them if it is not zero.
type Thread<E, D, T> = (Map<E, D, T>, Option<Map<E, D>>);

fn handed_on<E: Dtype, D: Storage<E>, T>((x, state): Threaded<E, D, T>) -> Thread<E, D, T> {
    (x, Some(state))
}

/// The state that a stage starts from, of the one that the stage before left.
fn try_enter<T: Tape<E, D>, E: Dtype, D: Backend<E>>(
    carry: &Option<Carry<usize, usize, usize, usize, E, D>>,
    (x, state): Thread<E, D, T>,
) -> Result<Thread<E, D, T>, D::Err> {
    let Some(carry) = carry else { return Ok((x, None)) };
    let (x, tape) = x.split_tape();
    let (state, tape) = carry.try_carry(state, tape)?;
    Ok((x.put_tape(tape), state))
}

macro_rules! stages {
    ($($conv:ident $branch:ident;)*) => { $(
        impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for DynStage<$conv<E, D>, $branch<E, D>, E, D> {
            type To<E2: Dtype, D2: Device<E2>> = DynStage<$conv<E2, D2>, $branch<E2, D2>, E2, D2>;

            fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
                visitor: &mut V,
            ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
                let seen = peek(visitor, |stage: &Self| {
                    (stage.r.is_some(), stage.carry.is_some(), stage.blocks.len())
                })?;
                let (shares, carries, depth) = seen.unwrap_or_default();
                macro_rules! field {
                    ($there:ident, $field:ident) => {
                        optional($there, || {
                            Self::module(
                                stringify!($field),
                                |s| s.$field.as_ref().expect(PRESENT),
                                |s| s.$field.as_mut().expect(PRESENT),
                            )
                        })
                    };
                }
                let names: Vec<String> = (1..=depth).map(|block| format!("b{block}")).collect();
                let blocks = names.iter().enumerate();
                let blocks =
                    blocks.map(|(i, name)| Self::module(name, move |s| &s.blocks[i], move |s| &mut s.blocks[i]));
                visitor.visit_fields(
                    (field!(shares, r), field!(carries, carry), blocks.collect::<Vec<_>>()),
                    |(mut r, mut carry, blocks)| DynStage { r: r.pop(), carry: carry.pop(), blocks },
                )
            }
        }
    )* };
}

stages! {
    Full Basic;
    Full Inner;
    Efficient Basic;
    Efficient Inner;
}

/// Gives a block's own regulator its tensors, under the names that a stage's has.
macro_rules! own {
    ($form:ident $conv:ident { $($field:ident $name:literal $reset:ident),* }) => {
        impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for Own<$form<E, D>, E, D> {
            type To<E2: Dtype, D2: Device<E2>> = Own<$form<E2, D2>, E2, D2>;

            fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
                visitor: &mut V,
            ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
                let kind = peek(visitor, |own: &Self| own.0.as_ref().map(|r| r.kind))?.flatten();
                macro_rules! tensor {
                    ($tensor:literal, $options:expr, $r:ident => $place:expr) => {
                        optional(kind.is_some(), || {
                            Self::tensor(
                                $tensor,
                                |s| {
                                    let $r = s.0.as_ref().expect(PRESENT);
                                    &$place
                                },
                                |s| {
                                    let $r = s.0.as_mut().expect(PRESENT);
                                    &mut $place
                                },
                                $options,
                            )
                        })
                    };
                }
                visitor.visit_fields(
                    (
                        ($(tensor!($name, TensorOptions::reset_with(init::$reset), r => r.conv.$field),)*),
                        tensor!("bias", TensorOptions::reset_with(init::gate_bias), r => r.bias),
                        tensor!("bn.weight", TensorOptions::reset_to_ones(), r => r.scale),
                        tensor!("bn.bias", TensorOptions::reset_to_zeros(), r => r.shift),
                    ),
                    |(($(mut $field,)*), mut bias, mut scale, mut shift)| {
                        let mut regulator = || {
                            Some(Regulator {
                                kind: kind?,
                                conv: $conv { $($field: $field.pop()?),* },
                                bias: bias.pop()?,
                                scale: scale.pop()?,
                                shift: shift.pop()?,
                            })
                        };
                        Own(regulator())
                    },
                )
            }
        }
    };
}

own! { Full FullConv { x "x.weight" gates, h "h.weight" gates } }

own! {
    Efficient EfficientConv {
        x_scale "x_scale" gate_scales,
        h_scale "h_scale" gate_scales,
        spatial "spatial.weight" depthwise
    }
}
