//! Branches of self-regulated blocks: a plain branch, with a hidden state fused into its features.

use dfdx::prelude::*;

use super::block::{Shortcut, end_block};
use super::{Bottleneck, Pair, ResBlock};
use crate::Backend;
use crate::backend::Activation;
use crate::dims::{LayerDim, Matches, Strided};
use crate::forward::{Accepts, Run};
use crate::layers::{BatchNorm2d, Conv2d, Excite, NoExcite};
use crate::regulator::{Fuse, Lends, Regulate, Serves, StepStatistics};
use crate::tensors::Map;

/// The branch of a block that a regulator runs beside (Xu et al., 2021, equations 6 and 7). `F` is the plain branch, `N`
/// its inner width.
///
/// With a [`Pair`], the regulated basic block's:
///
/// ```text
/// In -(a: 3x3, Stride, norm, relu)-> N -(fuse: 1x1 over it and H, norm, relu)-> N -(b: 3x3, norm)-> N
/// ```
///
/// With a [`Bottleneck`], the regulated X or Y block's:
///
/// ```text
/// In -(a: 1x1, norm, relu)-> N -(b: 3x3, groups, Stride, norm, relu)-> N
///    -(fuse: 1x1 over it and H, norm, relu)-> N -(c: 1x1, norm)-> Out
/// ```
///
/// In both, the next state [H, C] is made of what comes out of `a`, at the resolution that comes out of the branch.
/// Squeeze-and-excitation follows the last norm. The ReLU that ends the block follows the addition of the shortcut.
///
/// # Shapes
/// Input `(batch, In, height, width)`, output `(batch, Out, ceil(height / Stride), ceil(width / Stride))`, states
/// `(batch, Maps, N, ceil(height / Stride), ceil(width / Stride))`.
#[derive(Debug, Clone)]
pub struct Regulated<F, R, Maps, N, Se, E, D>
where
    Maps: LayerDim,
    N: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    /// The branch without the state.
    pub plain: F,
    /// The block's own regulator, or [`Lent`](crate::regulator::Lent) where its stage lends one.
    pub r: R,
    /// The statistics of the regulator's norm at this block.
    pub r_bn: StepStatistics<Maps, N, E, D>,
    /// The convolution that fuses the hidden state into the features.
    pub fuse: Fuse<N, E, D>,
    /// Its norm.
    pub fuse_bn: BatchNorm2d<N, E, D>,
    /// Squeeze-and-excitation, or nothing.
    pub se: Se,
}

/// Sizes of a regulated branch.
#[derive(Debug, Clone, Copy)]
pub struct BranchSizes<In, N, Out, Group, Stride, Maps> {
    /// Channels in.
    pub input: In,
    /// Channels inside.
    pub inner: N,
    /// Channels out.
    pub out: Out,
    /// Channels of a group of the 3x3 convolution.
    pub group: Group,
    /// The stride.
    pub stride: Stride,
    /// Feature maps of a state.
    pub maps: Maps,
}

impl<In, N, Stride, R, Maps, Se, E, D> Regulated<Pair<In, N, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    In: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    Maps: LayerDim,
    E: Dtype,
    D: Device<E>,
{
    /// A freshly initialised branch with the regulator that `r` makes and the squeeze-and-excitation that `se` makes,
    /// built in the order in which dfdx builds declared ones.
    ///
    /// # Errors
    /// The device's.
    pub fn try_basic(
        device: &D,
        sizes: BranchSizes<In, N, N, N, Stride, Maps>,
        r: impl FnOnce() -> Result<R, D::Err>,
        se: impl FnOnce() -> Result<Se, D::Err>,
    ) -> Result<Self, D::Err> {
        let BranchSizes { input, inner, stride, maps, .. } = sizes;
        let a = Conv2d::try_new(device, inner, input, Const, stride)?;
        let a_bn = BatchNorm2d::try_new(device, inner)?;
        let r = r()?;
        let r_bn = StepStatistics::try_new(device, maps, inner)?;
        let fuse = Fuse::try_new(device, inner)?;
        let fuse_bn = BatchNorm2d::try_new(device, inner)?;
        let b = Conv2d::try_new(device, inner, inner, Const, Const)?;
        let b_bn = BatchNorm2d::try_new(device, inner)?;
        let plain = Pair { a, a_bn, b, b_bn, se: NoExcite };
        Ok(Self { plain, r, r_bn, fuse, fuse_bn, se: se()? })
    }
}

impl<In, N, Out, Group, Stride, R, Maps, Se, E, D>
    Regulated<Bottleneck<In, N, Out, Group, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    In: LayerDim,
    N: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Stride: LayerDim,
    Maps: LayerDim,
    E: Dtype,
    D: Device<E>,
{
    /// As the basic block's.
    ///
    /// # Errors
    /// The device's.
    pub fn try_bottleneck(
        device: &D,
        sizes: BranchSizes<In, N, Out, Group, Stride, Maps>,
        r: impl FnOnce() -> Result<R, D::Err>,
        se: impl FnOnce() -> Result<Se, D::Err>,
    ) -> Result<Self, D::Err> {
        let BranchSizes { input, inner, out, group, stride, maps } = sizes;
        let a = Conv2d::try_new(device, inner, input, Const, Const)?;
        let a_bn = BatchNorm2d::try_new(device, inner)?;
        let r = r()?;
        let r_bn = StepStatistics::try_new(device, maps, inner)?;
        let fuse = Fuse::try_new(device, inner)?;
        let fuse_bn = BatchNorm2d::try_new(device, inner)?;
        let b = Conv2d::try_new(device, inner, group, Const, stride)?;
        let b_bn = BatchNorm2d::try_new(device, inner)?;
        let c = Conv2d::try_new(device, out, inner, Const, Const)?;
        let c_bn = BatchNorm2d::try_new(device, out)?;
        let plain = Bottleneck { a, a_bn, b, b_bn, se: NoExcite, c, c_bn };
        Ok(Self { plain, r, r_bn, fuse, fuse_bn, se: se()? })
    }
}

/// A branch that takes a state and makes the next; `L` is what its stage lends.
pub trait RegulatedBranch<L, E: Dtype, D: Backend<E>> {
    /// Evaluates with running statistics; gives the output and the next state.
    ///
    /// # Errors
    /// The device's.
    fn try_branch<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        lent: &L,
        shortcut: Map<E, D>,
    ) -> Result<Threaded<E, D, T>, D::Err>;

    /// Evaluates with the batch's statistics.
    ///
    /// # Errors
    /// The device's.
    fn try_branch_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        lent: &L,
        shortcut: Map<E, D>,
    ) -> Result<Threaded<E, D, T>, D::Err>;
}

/// Feature maps and the state that goes with them.
pub type Threaded<E, D, T> = (Map<E, D, T>, Map<E, D>);

/// One block of a self-regulated stage; `L` is what the stage lends.
pub trait Step<L, E: Dtype, D: Backend<E>> {
    /// Evaluates with running statistics, from `state`, or from zero where there is none; gives the output and the next
    /// state.
    ///
    /// # Errors
    /// The device's.
    fn try_step<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        lent: &L,
    ) -> Result<Threaded<E, D, T>, D::Err>;

    /// Evaluates with the batch's statistics.
    ///
    /// # Errors
    /// The device's.
    fn try_step_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        lent: &L,
    ) -> Result<Threaded<E, D, T>, D::Err>;
}

impl<L, S: Shortcut<E, D>, F: RegulatedBranch<L, E, D>, E: Dtype, D: Backend<E>> Step<L, E, D>
    for ResBlock<S, F>
{
    fn try_step<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        lent: &L,
    ) -> Result<Threaded<E, D, T>, D::Err> {
        let (x, tape) = x.split_tape();
        let (shortcut, tape) = self.shortcut.try_shortcut(x.clone().put_tape(tape))?.split_tape();
        self.f.try_branch(x.put_tape(tape), state, lent, shortcut)
    }

    fn try_step_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
        lent: &L,
    ) -> Result<Threaded<E, D, T>, D::Err> {
        let (x, tape) = x.split_tape();
        let (shortcut, tape) = self.shortcut.try_shortcut_mut(x.clone().put_tape(tape))?.split_tape();
        self.f.try_branch_mut(x.put_tape(tape), state, lent, shortcut)
    }
}

/// Gives a branch both its passes, which differ in whether norms use and change what they keep.
macro_rules! both_passes {
    ($pass:ident) => {
        fn try_branch<T: Tape<E, D>>(
            &self,
            x: Map<E, D, T>,
            state: Option<Map<E, D>>,
            lent: &L,
            shortcut: Map<E, D>,
        ) -> Result<Threaded<E, D, T>, D::Err> {
            $pass!(self, x, state, lent, shortcut, try_run_fused, try_run)
        }

        fn try_branch_mut<T: Tape<E, D>>(
            &mut self,
            x: Map<E, D, T>,
            state: Option<Map<E, D>>,
            lent: &L,
            shortcut: Map<E, D>,
        ) -> Result<Threaded<E, D, T>, D::Err> {
            $pass!(self, x, state, lent, shortcut, try_run_fused_mut, try_run_mut)
        }
    };
}

/// The next state, of features `$x` that carry a tape; the tape moves on to the features again.
macro_rules! regulate {
    ($self:ident, $x:ident, $state:ident, $lent:ident, $stride:expr, $state_norm:ident) => {{
        let (x, tape) = $x.split_tape();
        let regulator = $self.r.choose($lent);
        let next = regulator.try_step(x.clone().put_tape(tape), $state, $stride)?;
        let (next, tape) = $self.r_bn.$state_norm(next, regulator)?.split_tape();
        (x.put_tape(tape), next)
    }};
}

/// The fields that both kinds of branch have.
macro_rules! regulation {
    () => {
        (
            Self::module("r", |s| &s.r, |s| &mut s.r),
            Self::module("r_bn", |s| &s.r_bn, |s| &mut s.r_bn),
            Self::module("fuse", |s| &s.fuse, |s| &mut s.fuse),
            Self::module("fuse_bn", |s| &s.fuse_bn, |s| &mut s.fuse_bn),
        )
    };
}

macro_rules! basic {
    ($self:ident, $x:ident, $state:ident, $lent:ident, $shortcut:ident, $norm:ident, $state_norm:ident) => {{
        let x = $self.plain.a_bn.$norm($self.plain.a.try_run($x)?, None, Activation::Relu)?;
        let (x, next) = regulate!($self, x, $state, $lent, 1, $state_norm);
        let x = $self.fuse.try_run(x, next.clone())?;
        let x = $self.fuse_bn.$norm(x, None, Activation::Relu)?;
        let x = $self.plain.b.try_run(x)?;
        Ok((end_block!($self.plain.b_bn.$norm, x, $self.se, $shortcut)?, next))
    }};
}

macro_rules! bottleneck {
    ($self:ident, $x:ident, $state:ident, $lent:ident, $shortcut:ident, $norm:ident, $state_norm:ident) => {{
        let x = $self.plain.a_bn.$norm($self.plain.a.try_run($x)?, None, Activation::Relu)?;
        let stride = $self.plain.b.stride.size();
        let (x, next) = regulate!($self, x, $state, $lent, stride, $state_norm);
        let x = $self.plain.b_bn.$norm($self.plain.b.try_run(x)?, None, Activation::Relu)?;
        let x = $self.fuse.try_run(x, next.clone())?;
        let x = $self.fuse_bn.$norm(x, None, Activation::Relu)?;
        let x = $self.plain.c.try_run(x)?;
        Ok((end_block!($self.plain.c_bn.$norm, x, $self.se, $shortcut)?, next))
    }};
}

impl<L, In, N, Stride, R, Maps, Se, E, D> RegulatedBranch<L, E, D>
    for Regulated<Pair<In, N, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    In: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    R: Lends<L, Regulator: Regulate<E, D>>,
    Maps: LayerDim,
    Se: Excite<E, D>,
    E: Dtype,
    D: Backend<E>,
{
    both_passes!(basic);
}

impl<L, In, N, Out, Group, Stride, R, Maps, Se, E, D> RegulatedBranch<L, E, D>
    for Regulated<Bottleneck<In, N, Out, Group, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    In: LayerDim,
    N: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Stride: LayerDim,
    R: Lends<L, Regulator: Regulate<E, D>>,
    Maps: LayerDim,
    Se: Excite<E, D>,
    E: Dtype,
    D: Backend<E>,
{
    both_passes!(bottleneck);
}

/// The compile-time half of a state: which one goes with an input.
pub trait Threads<Input: Shape> {
    /// The shape of the states that go in and come out, `(batch, Maps, N, height, width)`.
    type State: Shape;
}

/// A block's state, apart from its resolution.
pub trait Remembers {
    /// Feature maps.
    type Maps: LayerDim;
    /// Channels of each.
    type Channels: LayerDim;
}

impl<Batch, C, H, W, In, N, Stride, R, Maps, Se, E, D> Threads<(Batch, C, H, W)>
    for Regulated<Pair<In, N, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    Batch: Dim,
    C: Dim + Matches<In>,
    H: Strided<Stride>,
    W: Strided<Stride>,
    In: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    Maps: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type State = (Batch, Maps, N, H::Out, W::Out);
}

impl<Batch, C, H, W, In, N, Out, Group, Stride, R, Maps, Se, E, D> Threads<(Batch, C, H, W)>
    for Regulated<Bottleneck<In, N, Out, Group, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    Batch: Dim,
    C: Dim + Matches<In>,
    H: Strided<Stride>,
    W: Strided<Stride>,
    In: LayerDim,
    N: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Stride: LayerDim,
    Maps: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type State = (Batch, Maps, N, H::Out, W::Out);
}

impl<Input: Shape, S, F: Threads<Input>> Threads<Input> for ResBlock<S, F> {
    type State = F::State;
}

impl<F, R, Maps: LayerDim, N: LayerDim, Se, E: Dtype, D: Storage<E>> Remembers
    for Regulated<F, R, Maps, N, Se, E, D>
{
    type Maps = Maps;
    type Channels = N;
}

impl<S, F: Remembers> Remembers for ResBlock<S, F> {
    type Maps = F::Maps;
    type Channels = F::Channels;
}

impl<Input, F, R, Maps, N, Se, E, D> Accepts<Input> for Regulated<F, R, Maps, N, Se, E, D>
where
    Input: Shape,
    F: Accepts<Input>,
    R: Serves<Maps, N>,
    Self: Threads<Input>,
    Maps: LayerDim,
    N: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type Output = F::Output;
}

impl<In, N, Stride, R, Maps, Se, E, D> TensorCollection<E, D>
    for Regulated<Pair<In, N, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    In: LayerDim,
    N: LayerDim,
    Stride: LayerDim,
    R: TensorCollection<E, D>,
    Maps: LayerDim,
    Se: TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> =
        Regulated<Pair<In, N, Stride, NoExcite, E2, D2>, R::To<E2, D2>, Maps, N, Se::To<E2, D2>, E2, D2>;

    /// The plain branch's tensors are the branch's own.
    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                Self::module("a", |s| &s.plain.a, |s| &mut s.plain.a),
                Self::module("a_bn", |s| &s.plain.a_bn, |s| &mut s.plain.a_bn),
                regulation!(),
                Self::module("b", |s| &s.plain.b, |s| &mut s.plain.b),
                Self::module("b_bn", |s| &s.plain.b_bn, |s| &mut s.plain.b_bn),
                Self::module("se", |s| &s.se, |s| &mut s.se),
            ),
            |(a, a_bn, (r, r_bn, fuse, fuse_bn), b, b_bn, se)| Regulated {
                plain: Pair { a, a_bn, b, b_bn, se: NoExcite },
                r,
                r_bn,
                fuse,
                fuse_bn,
                se,
            },
        )
    }
}

impl<In, N, Out, Group, Stride, R, Maps, Se, E, D> TensorCollection<E, D>
    for Regulated<Bottleneck<In, N, Out, Group, Stride, NoExcite, E, D>, R, Maps, N, Se, E, D>
where
    In: LayerDim,
    N: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Stride: LayerDim,
    R: TensorCollection<E, D>,
    Maps: LayerDim,
    Se: TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = Regulated<
        Bottleneck<In, N, Out, Group, Stride, NoExcite, E2, D2>,
        R::To<E2, D2>,
        Maps,
        N,
        Se::To<E2, D2>,
        E2,
        D2,
    >;

    /// The plain branch's tensors are the branch's own.
    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        visitor.visit_fields(
            (
                (
                    Self::module("a", |s| &s.plain.a, |s| &mut s.plain.a),
                    Self::module("a_bn", |s| &s.plain.a_bn, |s| &mut s.plain.a_bn),
                ),
                regulation!(),
                (
                    Self::module("b", |s| &s.plain.b, |s| &mut s.plain.b),
                    Self::module("b_bn", |s| &s.plain.b_bn, |s| &mut s.plain.b_bn),
                ),
                (
                    Self::module("c", |s| &s.plain.c, |s| &mut s.plain.c),
                    Self::module("c_bn", |s| &s.plain.c_bn, |s| &mut s.plain.c_bn),
                ),
                Self::module("se", |s| &s.se, |s| &mut s.se),
            ),
            |((a, a_bn), (r, r_bn, fuse, fuse_bn), (b, b_bn), (c, c_bn), se)| Regulated {
                plain: Bottleneck { a, a_bn, b, b_bn, se: NoExcite, c, c_bn },
                r,
                r_bn,
                fuse,
                fuse_bn,
                se,
            },
        )
    }
}
