//! The convolution layer.

use dfdx::prelude::*;

use crate::dims::{LayerDim, Matches, Strided};
use crate::forward::{Accepts, Run};
use crate::tensors::Map;
use crate::{Backend, init, ops};

/// A "same"-padded convolution without bias: `Out` filters of `Kernel` x `Kernel` over groups of `Group`
/// input channels (the group *width*; `Group` = `In` is a dense convolution), moved by `Stride`.
///
/// Sizes are `Const<N>` or, for run-time-shaped networks, `usize`. The kernel is odd, the padding half of it.
///
/// # Shapes
/// Input `(batch, In, height, width)`, output `(batch, Out, ceil(height / Stride), ceil(width / Stride))`,
/// weight `(Out, Group, Kernel, Kernel)`.
///
/// Weights start as He et al. (2015) with fan-out.
#[derive(Debug, Clone)]
pub struct Conv2d<In, Out, Group, Kernel, Stride, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    /// The filters.
    pub weight: Tensor<ConvShape<Out, Group, Kernel>, E, D>,
    /// The step between outputs.
    pub stride: Stride,
    input: std::marker::PhantomData<In>,
}

/// The shape of a convolution's weight.
pub type ConvShape<Out, Group, Kernel> = (
    <Out as LayerDim>::Param,
    <Group as LayerDim>::Param,
    <Kernel as LayerDim>::Param,
    <Kernel as LayerDim>::Param,
);

impl<In, Out, Group, Kernel, Stride, E, D> Conv2d<In, Out, Group, Kernel, Stride, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Device<E>,
{
    /// A freshly initialised layer of the given sizes.
    ///
    /// # Errors
    /// The device's.
    pub fn try_new(
        device: &D,
        out: Out,
        group: Group,
        kernel: Kernel,
        stride: Stride,
    ) -> Result<Self, D::Err> {
        let shape = (out.param(), group.param(), kernel.param(), kernel.param());
        let mut weight = device.try_zeros_like(&shape)?;
        init::he_fan_out(&mut weight)?;
        Ok(Self { weight, stride, input: Default::default() })
    }
}

impl<In, Out, Group, Kernel, Stride, E, D> TensorCollection<E, D>
    for Conv2d<In, Out, Group, Kernel, Stride, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Device<E>,
{
    type To<E2: Dtype, D2: Device<E2>> = Conv2d<In, Out, Group, Kernel, Stride, E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let stride = Stride::seen(visitor, |conv: &Self| conv.stride)?;
        visitor.visit_fields(
            Self::tensor(
                "weight",
                |s| &s.weight,
                |s| &mut s.weight,
                TensorOptions::reset_with(init::he_fan_out),
            ),
            |weight| Conv2d { weight, stride, input: Default::default() },
        )
    }
}

impl<In, Out, Group, Kernel, Stride, E, D> Run<E, D> for Conv2d<In, Out, Group, Kernel, Stride, E, D>
where
    In: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Backend<E>,
{
    type Out = (usize, usize, usize, usize);
    const LEAVES_CLONES: bool = false;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        ops::conv2d(x, &self.weight, self.stride.size())
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_run(x)
    }
}

impl<Batch, C, H, W, In, Out, Group, Kernel, Stride, E, D> Accepts<(Batch, C, H, W)>
    for Conv2d<In, Out, Group, Kernel, Stride, E, D>
where
    Batch: Dim,
    C: Dim + Matches<In>,
    H: Strided<Stride>,
    W: Strided<Stride>,
    In: LayerDim,
    Out: LayerDim,
    Group: LayerDim,
    Kernel: LayerDim,
    Stride: LayerDim,
    E: Dtype,
    D: Storage<E>,
{
    type Output = (Batch, Out, H::Out, W::Out);
}
