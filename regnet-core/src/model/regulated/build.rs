//! Regulated branches of given sizes, freshly initialised.

use dfdx::prelude::*;

use super::Regulated;
use crate::dims::LayerDim;
use crate::layers::{BatchNorm2d, Conv2d, NoExcite};
use crate::model::{Bottleneck, Pair};
use crate::regulator::{Fuse, StepStatistics};

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
        let (r_bn, fuse, fuse_bn) = try_memory(device, inner, maps)?;
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
        let (r_bn, fuse, fuse_bn) = try_memory(device, inner, maps)?;
        let b = Conv2d::try_new(device, inner, group, Const, stride)?;
        let b_bn = BatchNorm2d::try_new(device, inner)?;
        let c = Conv2d::try_new(device, out, inner, Const, Const)?;
        let c_bn = BatchNorm2d::try_new(device, out)?;
        let plain = Bottleneck { a, a_bn, b, b_bn, se: NoExcite, c, c_bn };
        Ok(Self { plain, r, r_bn, fuse, fuse_bn, se: se()? })
    }
}

/// What a branch has beside its convolutions and its regulator.
type Memory<Maps, N, E, D> = (StepStatistics<Maps, N, E, D>, Fuse<N, E, D>, BatchNorm2d<N, E, D>);

fn try_memory<Maps: LayerDim, N: LayerDim, E: Dtype, D: Device<E>>(
    device: &D,
    n: N,
    maps: Maps,
) -> Result<Memory<Maps, N, E, D>, D::Err> {
    let r_bn = StepStatistics::try_new(device, maps, n)?;
    Ok((r_bn, Fuse::try_new(device, n)?, BatchNorm2d::try_new(device, n)?))
}
