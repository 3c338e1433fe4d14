//! Self-regulated blocks and stages: plain branches, with a hidden state fused into their features.

mod build;
mod passes;
mod stage;
mod tensors;
mod threaded;

use dfdx::prelude::*;

use super::ResBlock;
use super::block::Shortcut;
use crate::Backend;
use crate::dims::LayerDim;
use crate::forward::Accepts;
use crate::layers::BatchNorm2d;
use crate::regulator::{Fuse, Serves, StepStatistics};
use crate::tensors::Map;

pub use build::BranchSizes;
pub use stage::RegulatedStage;
pub use threaded::MatchesState;

/// The branch of a block that a regulator runs beside (Xu et al., 2021, equations 6 and 7). `F` is the plain branch, `N`
/// its inner width.
///
/// With a [`Pair`](super::Pair), the regulated basic block's:
///
/// ```text
/// In -(a: 3x3, Stride, norm, relu)-> N -(fuse: 1x1 over it and H, norm, relu)-> N -(b: 3x3, norm)-> N
/// ```
///
/// With a [`Bottleneck`](super::Bottleneck), the regulated X or Y block's:
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

/// A branch that takes a state and makes the next; `L` is what its stage lends.
pub trait RegulatedBranch<L, E: Dtype, D: Backend<E>> {
    /// As [`Run::LEAVES_CLONES`](crate::Run::LEAVES_CLONES).
    const LEAVES_CLONES: bool = true;

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
    /// As [`Run::LEAVES_CLONES`](crate::Run::LEAVES_CLONES); the state is part of the output.
    const LEAVES_CLONES: bool = true;

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
    const LEAVES_CLONES: bool = S::LEAVES_CLONES || F::LEAVES_CLONES;

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

/// A state has the resolution of the output that goes with it.
impl<Input, Batch, Out, H, W, F, R, Maps, N, Se, E, D> Threads<Input> for Regulated<F, R, Maps, N, Se, E, D>
where
    Input: Shape,
    Batch: Dim,
    Out: Dim,
    H: Dim,
    W: Dim,
    F: Accepts<Input, Output = (Batch, Out, H, W)>,
    Maps: LayerDim,
    N: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type State = (Batch, Maps, N, H, W);
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
