//! The typed passes of what takes an input and a state, and gives an output and the next state.

use dfdx::prelude::*;

use super::RegulatedStage;
use super::{Step, Threaded, Threads};
use crate::Backend;
use crate::forward::Accepts;
use crate::model::ResBlock;
use crate::regulator::{NoCarry, PerBlock};
use crate::tensors::{Map, cast};

/// Features and a state as typed tensors; the features carry the tape.
type Typed<X, S, E, D, T> = (Tensor<X, E, D, T>, Tensor<S, E, D>);

/// The pair as kernels take it; the tape sees a state that has to be copied for it.
fn untyped<X: Shape, S: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    (x, state): Typed<X, S, E, D, T>,
) -> Result<Threaded<E, D, T>, D::Err> {
    let (x, tape) = x.split_tape();
    let dims = state.shape().concrete();
    let map = match S::NUM_DIMS {
        5 => (dims[0], dims[1] * dims[2], dims[3], dims[4]),
        _ => return Err(x.device().shape_error()),
    };
    let (state, tape) = state.put_tape(tape).try_reshape_like(&map)?.split_tape();
    Ok((cast(x.put_tape(tape))?, state))
}

fn typed<X: Shape, S: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>>(
    (x, state): Threaded<E, D, T>,
    before: &S,
) -> Result<Typed<X, S, E, D, T>, D::Err> {
    Ok((cast(x)?, state.try_reshape_like(before)?))
}

/// A state of the shape that goes into a block or stage: what `State = Expected` would say, in words.
#[diagnostic::on_unimplemented(
    message = "expected a state of shape `{Expected}`, found `{Self}`",
    label = "this state is not of the shape that goes with the input",
    note = "states are (batch, maps, channels, height, width): lstm has two maps, channels are those inside the blocks, \
            and height and width those of what comes out"
)]
pub trait MatchesState<Expected> {}

impl<S: Shape> MatchesState<S> for S {}

/// Gives blocks and stages their typed passes over pairs.
macro_rules! threaded_forward {
    ($( [$($generics:tt)*] $module:ty, $run:ident / $run_mut:ident where { $($bounds:tt)* }; )*) => { $(
        impl<Input, State, E, D, T, $($generics)*> Module<Typed<Input, State, E, D, T>> for $module
        where
            Input: Shape,
            State: Shape + MatchesState<<Self as Threads<Input>>::State>,
            E: Dtype,
            D: Backend<E>,
            T: Tape<E, D>,
            Self: Accepts<Input> + Threads<Input>,
            $($bounds)*
        {
            type Output = Typed<<Self as Accepts<Input>>::Output, State, E, D, T>;
            type Error = D::Err;

            fn try_forward(&self, pair: Typed<Input, State, E, D, T>) -> Result<Self::Output, D::Err> {
                let shape = *pair.1.shape();
                let (x, state) = untyped(pair)?;
                typed(self.$run(x, Some(state))?, &shape)
            }
        }

        impl<Input, State, E, D, T, $($generics)*> ModuleMut<Typed<Input, State, E, D, T>> for $module
        where
            Input: Shape,
            State: Shape + MatchesState<<Self as Threads<Input>>::State>,
            E: Dtype,
            D: Backend<E>,
            T: Tape<E, D>,
            Self: Accepts<Input> + Threads<Input>,
            $($bounds)*
        {
            type Output = Typed<<Self as Accepts<Input>>::Output, State, E, D, T>;
            type Error = D::Err;

            fn try_forward_mut(&mut self, pair: Typed<Input, State, E, D, T>) -> Result<Self::Output, D::Err> {
                let shape = *pair.1.shape();
                let (x, state) = untyped(pair)?;
                typed(self.$run_mut(x, Some(state))?, &shape)
            }
        }
    )* };
}

threaded_forward! {
    [S, F] ResBlock<S, F>, try_alone / try_alone_mut where { Self: Step<PerBlock, E, D> };
    [R, First, Next, const DEPTH: usize] RegulatedStage<R, NoCarry, First, Next, DEPTH>,
        try_thread / try_thread_mut where { First: Step<R, E, D>, Next: Step<R, E, D> };
}

impl<S, F> ResBlock<S, F> {
    /// A step of a block that has its own regulator.
    fn try_alone<T: Tape<E, D>, E: Dtype, D: Backend<E>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<Threaded<E, D, T>, D::Err>
    where
        Self: Step<PerBlock, E, D>,
    {
        self.try_step(x, state, &PerBlock)
    }

    fn try_alone_mut<T: Tape<E, D>, E: Dtype, D: Backend<E>>(
        &mut self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<Threaded<E, D, T>, D::Err>
    where
        Self: Step<PerBlock, E, D>,
    {
        self.try_step_mut(x, state, &PerBlock)
    }
}
