//! The names of a regulated branch's tensors.

use dfdx::prelude::*;

use super::Regulated;
use crate::dims::LayerDim;
use crate::layers::NoExcite;
use crate::model::{Bottleneck, Pair};

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
