//! What regulated branches compute.

use dfdx::prelude::*;

use super::{Regulated, RegulatedBranch, Threaded};
use crate::Backend;
use crate::backend::Activation;
use crate::dims::LayerDim;
use crate::forward::Run;
use crate::layers::{Excite, NoExcite};
use crate::model::block::end_block;
use crate::model::{Bottleneck, Pair};
use crate::regulator::{Lends, Regulate};
use crate::tensors::Map;

/// Gives a branch both its passes, which differ in whether norms use and change what they keep.
macro_rules! both_passes {
    ($pass:ident) => {
        const LEAVES_CLONES: bool = R::Regulator::LEAVES_CLONES || Se::LEAVES_CLONES;

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
