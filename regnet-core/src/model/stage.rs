//! Stages: blocks of one width and resolution.

use dfdx::prelude::*;

use crate::Backend;
use crate::forward::{Accepts, Run};
use crate::tensors::Map;

/// `DEPTH` blocks: the `First`, which may change width and resolution, and `DEPTH - 1` of `Next`.
#[derive(Debug, Clone)]
pub struct Stage<First, Next, const DEPTH: usize> {
    /// Block `b1`.
    pub first: First,
    /// Blocks `b2` to the last.
    pub next: Vec<Next>,
}

impl<First, Next, const DEPTH: usize, E, D> BuildOnDevice<D, E> for Stage<First, Next, DEPTH>
where
    First: BuildOnDevice<D, E>,
    Next: BuildOnDevice<D, E>,
    E: Dtype,
    D: Device<E>,
{
    type Built = Stage<First::Built, Next::Built, DEPTH>;
}

impl<First, Next, const DEPTH: usize, E, D> TensorCollection<E, D> for Stage<First, Next, DEPTH>
where
    First: TensorCollection<E, D>,
    Next: TensorCollection<E, D>,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = Stage<First::To<E2, D2>, Next::To<E2, D2>, DEPTH>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let names: Vec<String> = (2..=DEPTH).map(|block| format!("b{block}")).collect();
        let next = names
            .iter()
            .enumerate()
            .map(|(i, name)| Self::module(name, move |s| &s.next[i], move |s| &mut s.next[i]))
            .collect::<Vec<_>>();
        visitor.visit_fields((Self::module("b1", |s| &s.first, |s| &mut s.first), next), |(first, next)| {
            Stage { first, next }
        })
    }
}

impl<First, Next, const DEPTH: usize, E, D> Run<E, D> for Stage<First, Next, DEPTH>
where
    First: Run<E, D, Out = (usize, usize, usize, usize)>,
    Next: Run<E, D, Out = (usize, usize, usize, usize)>,
    E: Dtype,
    D: Backend<E>,
{
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = First::LEAVES_CLONES || Next::LEAVES_CLONES;
    const FOLLOWS_SPEC: bool = First::FOLLOWS_SPEC && Next::FOLLOWS_SPEC;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = self.first.try_run(x)?;
        self.next.iter().try_fold(x, |x, block| block.try_run(x))
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        let x = self.first.try_run_mut(x)?;
        self.next.iter_mut().try_fold(x, |x, block| block.try_run_mut(x))
    }
}

impl<Input: Shape, First, Next, const DEPTH: usize> Accepts<Input> for Stage<First, Next, DEPTH>
where
    First: Accepts<Input>,
    Next: Accepts<First::Output, Output = First::Output>,
{
    type Output = First::Output;
}
