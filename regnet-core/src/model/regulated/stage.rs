//! Self-regulated stages: blocks of one width and resolution, and the state that passes from one to the next.

use dfdx::prelude::*;

use super::{Remembers, Step, Threaded, Threads};
use crate::Backend;
use crate::forward::{Accepts, Run};
use crate::regulator::{Carries, NoCarry, Serves};
use crate::tensors::Map;

/// `DEPTH` blocks with a regulator beside them: the `First`, which may change width and resolution, and `DEPTH - 1` of
/// `Next`.
///
/// `R` is the regulator that all blocks share, or [`PerBlock`](crate::regulator::PerBlock); `Y` is the
/// [`Carry`](crate::regulator::Carry) from the stage before, or [`NoCarry`].
///
/// # Shapes
/// Input `(batch, In, height, width)`. On its own the stage starts from a state of zero and keeps its last state to
/// itself. Without a carry it also takes a pair of an input and a state, and gives a pair; a state of another shape
/// than `(batch, Maps, N, height, width)` of the stage does not compile.
#[derive(Debug, Clone)]
pub struct RegulatedStage<R, Y, First, Next, const DEPTH: usize> {
    /// What the blocks share.
    pub r: R,
    /// The way of the previous stage's state into this one.
    pub carry: Y,
    /// Block `b1`.
    pub first: First,
    /// Blocks `b2` to the last.
    pub next: Vec<Next>,
}

impl<R, Y, First, Next, const DEPTH: usize, E, D> BuildOnDevice<D, E>
    for RegulatedStage<R, Y, First, Next, DEPTH>
where
    R: BuildOnDevice<D, E>,
    Y: BuildOnDevice<D, E>,
    First: BuildOnDevice<D, E>,
    Next: BuildOnDevice<D, E>,
    E: Dtype,
    D: Device<E>,
{
    type Built = RegulatedStage<R::Built, Y::Built, First::Built, Next::Built, DEPTH>;
}

impl<R, Y, First, Next, const DEPTH: usize, E, D> TensorCollection<E, D>
    for RegulatedStage<R, Y, First, Next, DEPTH>
where
    R: TensorCollection<E, D>,
    Y: TensorCollection<E, D>,
    First: TensorCollection<E, D>,
    Next: TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> =
        RegulatedStage<R::To<E2, D2>, Y::To<E2, D2>, First::To<E2, D2>, Next::To<E2, D2>, DEPTH>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let names: Vec<String> = (2..=DEPTH).map(|block| format!("b{block}")).collect();
        let next = names
            .iter()
            .enumerate()
            .map(|(i, name)| Self::module(name, move |s| &s.next[i], move |s| &mut s.next[i]))
            .collect::<Vec<_>>();
        visitor.visit_fields(
            (
                Self::module("r", |s| &s.r, |s| &mut s.r),
                Self::module("carry", |s| &s.carry, |s| &mut s.carry),
                Self::module("b1", |s| &s.first, |s| &mut s.first),
                next,
            ),
            |(r, carry, first, next)| RegulatedStage { r, carry, first, next },
        )
    }
}

impl<R, Y, First, Next, const DEPTH: usize> RegulatedStage<R, Y, First, Next, DEPTH> {
    pub(super) fn try_thread<T: Tape<E, D>, E: Dtype, D: Backend<E>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<Threaded<E, D, T>, D::Err>
    where
        First: Step<R, E, D>,
        Next: Step<R, E, D>,
    {
        let x = self.first.try_step(x, state, &self.r)?;
        self.next.iter().try_fold(x, |(x, state), block| block.try_step(x, Some(state), &self.r))
    }

    pub(super) fn try_thread_mut<T: Tape<E, D>, E: Dtype, D: Backend<E>>(
        &mut self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<Threaded<E, D, T>, D::Err>
    where
        First: Step<R, E, D>,
        Next: Step<R, E, D>,
    {
        let x = self.first.try_step_mut(x, state, &self.r)?;
        self.next.iter_mut().try_fold(x, |(x, state), block| block.try_step_mut(x, Some(state), &self.r))
    }
}

impl<R, Y, First, Next, const DEPTH: usize, E, D> Run<E, D> for RegulatedStage<R, Y, First, Next, DEPTH>
where
    Y: Carries<E, D>,
    First: Step<R, E, D>,
    Next: Step<R, E, D>,
    E: Dtype,
    D: Backend<E>,
{
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = Y::LEAVES_CLONES || First::LEAVES_CLONES || Next::LEAVES_CLONES;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        Ok(self.try_thread(x, None)?.0)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        Ok(self.try_thread_mut(x, None)?.0)
    }

    fn try_run_after<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<(Map<E, D, T>, Option<Map<E, D>>), D::Err> {
        let (x, tape) = x.split_tape();
        let (state, tape) = self.carry.try_carry(state, tape)?;
        let (x, state) = self.try_thread(x.put_tape(tape), state)?;
        Ok((x, Some(state)))
    }

    fn try_run_after_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<(Map<E, D, T>, Option<Map<E, D>>), D::Err> {
        let (x, tape) = x.split_tape();
        let (state, tape) = self.carry.try_carry(state, tape)?;
        let (x, state) = self.try_thread_mut(x.put_tape(tape), state)?;
        Ok((x, Some(state)))
    }
}

impl<Input: Shape, R, Y, First, Next, const DEPTH: usize> Accepts<Input>
    for RegulatedStage<R, Y, First, Next, DEPTH>
where
    First: Accepts<Input> + Threads<Input> + Remembers,
    Next: Accepts<First::Output, Output = First::Output> + Threads<First::Output, State = First::State>,
    R: Serves<First::Maps, First::Channels>,
{
    type Output = First::Output;
}

impl<Input: Shape, R, First: Threads<Input>, Next, const DEPTH: usize> Threads<Input>
    for RegulatedStage<R, NoCarry, First, Next, DEPTH>
{
    type State = First::State;
}
