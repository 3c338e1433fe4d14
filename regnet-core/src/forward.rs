//! The two halves of a forward pass: what the compiler checks, and what runs.

use dfdx::prelude::*;

use crate::Backend;
use crate::dims::LayerDim;
use crate::layers::{BatchNorm2d, Conv2d, MaxPool, Relu, SqueezeExcite};
use crate::model::{Head, Pair, RegNet, RegulatedStage, ResBlock, Stage, Stem};
use crate::tensors::{Map, cast};

/// The compile-time half: which input shapes a module takes, and the shape that comes out.
///
/// Shapes are `(batch, channels, height, width)`. The typed `forward` of every module here asks for it.
#[diagnostic::on_unimplemented(
    message = "this module does not take an input of shape `{Input}`",
    label = "an input of this shape does not fit",
    note = "inputs are rank-4 tensors of shape (batch, channels, height, width)"
)]
pub trait Accepts<Input: Shape> {
    /// The shape of the output.
    type Output: Shape;
}

/// [`Accepts`], asked of the input.
///
/// The typed `forward` asks this way round because the compiler looks into a bound only when it knows the type that the
/// bound is on: until it knows the input's shape, it would go through a whole network in vain, at every call.
pub trait Enters<Module>: Shape {
    /// The shape of the output.
    type Output: Shape;
}

impl<Input: Shape, M: Accepts<Input>> Enters<M> for Input {
    type Output = M::Output;
}

/// The run-time half: a forward pass over feature maps whose dimensions are plain numbers.
///
/// The typed `forward` is a thin shell around it; code that only knows shapes at run time (the training
/// loop, run-time-shaped networks) calls it directly.
pub trait Run<E: Dtype, D: Backend<E>> {
    /// The run-time shape of the output.
    type Out: Shape;

    /// Whether a run may leave clones of the module's tensors anywhere but on the tape: in the module, its output, or
    /// elsewhere.
    ///
    /// The training loop lets an optimiser write to the tensors of a network that says no without a look at who shares
    /// their storage, which some devices do much faster: clones that a run did leave would change with the network.
    /// What is made of parts says what they say.
    const LEAVES_CLONES: bool = true;

    /// Whether a run computes what the layer graph of the module's numbers says, no more and no less.
    ///
    /// The training loop may then compute a whole network at once from its spec, and never call the module. What is made of
    /// parts says what they say.
    const FOLLOWS_SPEC: bool = false;

    /// Evaluates with running statistics, as [`Module::try_forward`] does.
    ///
    /// # Errors
    /// The device's error: memory, or dimensions that do not fit the layer.
    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Tensor<Self::Out, E, D, T>, D::Err>;

    /// Evaluates with the batch's statistics and updates the running ones, as [`ModuleMut::try_forward_mut`]
    /// does.
    ///
    /// # Errors
    /// As [`Run::try_run`].
    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Tensor<Self::Out, E, D, T>, D::Err>;

    /// [`Run::try_run`] in a network whose stages hand a state on: `state` is the last one of the stage before. What
    /// knows no state leaves none for the stage after.
    ///
    /// # Errors
    /// As [`Run::try_run`].
    fn try_run_after<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<After<Self::Out, E, D, T>, D::Err> {
        let _ = state;
        Ok((self.try_run(x)?, None))
    }

    /// [`Run::try_run_mut`], likewise.
    ///
    /// # Errors
    /// As [`Run::try_run`].
    fn try_run_after_mut<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        state: Option<Map<E, D>>,
    ) -> Result<After<Self::Out, E, D, T>, D::Err> {
        let _ = state;
        Ok((self.try_run_mut(x)?, None))
    }
}

/// Feature maps, and the state that a stage leaves for the next.
pub type After<Out, E, D, T> = (Tensor<Out, E, D, T>, Option<Map<E, D>>);

/// Gives modules their typed `forward` and `forward_mut`, from [`Accepts`] and [`Run`].
macro_rules! typed_forward {
    ($( [$($generics:tt)*] $module:ty; )*) => { $(
        impl<Input: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>, $($generics)*> Module<Tensor<Input, E, D, T>>
            for $module
        where
            Input: Enters<Self>,
            Self: Run<E, D>,
        {
            type Output = Tensor<<Input as Enters<Self>>::Output, E, D, T>;
            type Error = D::Err;

            fn try_forward(&self, x: Tensor<Input, E, D, T>) -> Result<Self::Output, D::Err> {
                cast(self.try_run(cast(x)?)?)
            }
        }

        impl<Input: Shape, E: Dtype, D: Backend<E>, T: Tape<E, D>, $($generics)*> ModuleMut<Tensor<Input, E, D, T>>
            for $module
        where
            Input: Enters<Self>,
            Self: Run<E, D>,
        {
            type Output = Tensor<<Input as Enters<Self>>::Output, E, D, T>;
            type Error = D::Err;

            fn try_forward_mut(&mut self, x: Tensor<Input, E, D, T>) -> Result<Self::Output, D::Err> {
                cast(self.try_run_mut(cast(x)?)?)
            }
        }
    )* };
}

typed_forward! {
    [In: LayerDim, Out: LayerDim, Group: LayerDim, Kernel: LayerDim, Stride: LayerDim]
        Conv2d<In, Out, Group, Kernel, Stride, E, D>;
    [Channels: LayerDim] BatchNorm2d<Channels, E, D>;
    [] Relu;
    [] MaxPool;
    [Channels: LayerDim, Hidden: LayerDim] SqueezeExcite<Channels, Hidden, E, D>;
    [In: LayerDim, Out: LayerDim, Kernel: LayerDim, Stride: LayerDim, P]
        Stem<In, Out, Kernel, Stride, P, E, D>;
    [Shortcut, F] ResBlock<Shortcut, F>;
    [In: LayerDim, Out: LayerDim, Stride: LayerDim, Se] Pair<In, Out, Stride, Se, E, D>;
    [First, Next, const DEPTH: usize] Stage<First, Next, DEPTH>;
    [R, Y, First, Next, const DEPTH: usize] RegulatedStage<R, Y, First, Next, DEPTH>;
    [In: LayerDim, Classes: LayerDim] Head<In, Classes, E, D>;
    [S, Stages, H] RegNet<S, Stages, H>;
}
