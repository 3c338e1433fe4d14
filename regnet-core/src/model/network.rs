//! Declared networks.

use dfdx::prelude::*;

use crate::Backend;
use crate::forward::{Accepts, Run};
use crate::tensors::{Logits, Map};

/// A stem, one to six stages in a tuple, and a head.
///
/// Both what [`regnet!`](https://docs.rs/regnet) expands to (with the parts of
/// [`builders`](crate::builders)) and what a device builds of it.
///
/// # Shapes
/// Input `(batch, channels, height, width)`, output `(batch, classes)`.
#[derive(Debug, Default, Clone)]
pub struct RegNet<Stem, Stages, Head> {
    /// The first convolution.
    pub stem: Stem,
    /// The stages, in order.
    pub stages: Stages,
    /// Pooling and classification.
    pub head: Head,
}

impl<Stem, Stages, Head, E, D> BuildOnDevice<D, E> for RegNet<Stem, Stages, Head>
where
    Stem: BuildOnDevice<D, E>,
    Stages: BuildOnDevice<D, E>,
    Head: BuildOnDevice<D, E>,
    RegNet<Stem::Built, Stages::Built, Head::Built>: BuildModule<D, E>,
    E: Dtype,
    D: Device<E>,
{
    type Built = RegNet<Stem::Built, Stages::Built, Head::Built>;
}

/// Everything that depends on the number of stages: names, and the way through them.
macro_rules! stages {
    ($($stage:ident $name:literal $index:tt),+) => {
        impl<Stem, $($stage,)+ Head, E, D> TensorCollection<E, D> for RegNet<Stem, ($($stage,)+), Head>
        where
            Stem: TensorCollection<E, D>,
            $($stage: TensorCollection<E, D>,)+
            Head: TensorCollection<E, D>,
            E: Dtype,
            D: Device<E>,
        {
            type To<E2: Dtype, D2: Device<E2>> =
                RegNet<Stem::To<E2, D2>, ($($stage::To<E2, D2>,)+), Head::To<E2, D2>>;

            fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
                visitor: &mut V,
            ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
                visitor.visit_fields(
                    (
                        Self::module("stem", |s| &s.stem, |s| &mut s.stem),
                        ($(Self::module($name, |s| &s.stages.$index, |s| &mut s.stages.$index),)+),
                        Self::module("head", |s| &s.head, |s| &mut s.head),
                    ),
                    |(stem, stages, head)| RegNet { stem, stages, head },
                )
            }
        }

        impl<Stem, $($stage,)+ Head, E, D> Run<E, D> for RegNet<Stem, ($($stage,)+), Head>
        where
            Stem: Run<E, D, Out = (usize, usize, usize, usize)>,
            $($stage: Run<E, D, Out = (usize, usize, usize, usize)>,)+
            Head: Run<E, D, Out = (usize, usize)>,
            E: Dtype,
            D: Backend<E>,
        {
            type Out = (usize, usize);
            const LEAVES_CLONES: bool =
                Stem::LEAVES_CLONES $(|| $stage::LEAVES_CLONES)+ || Head::LEAVES_CLONES;
            const FOLLOWS_SPEC: bool =
                Stem::FOLLOWS_SPEC $(&& $stage::FOLLOWS_SPEC)+ && Head::FOLLOWS_SPEC;

            fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
                let x = (self.stem.try_run(x)?, None);
                $(let x = self.stages.$index.try_run_after(x.0, x.1)?;)+
                self.head.try_run(x.0)
            }

            fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
                let x = (self.stem.try_run_mut(x)?, None);
                $(let x = self.stages.$index.try_run_after_mut(x.0, x.1)?;)+
                self.head.try_run_mut(x.0)
            }
        }
    };
}

stages!(S1 "s1" 0);
stages!(S1 "s1" 0, S2 "s2" 1);
stages!(S1 "s1" 0, S2 "s2" 1, S3 "s3" 2);
stages!(S1 "s1" 0, S2 "s2" 1, S3 "s3" 2, S4 "s4" 3);
stages!(S1 "s1" 0, S2 "s2" 1, S3 "s3" 2, S4 "s4" 3, S5 "s5" 4);
stages!(S1 "s1" 0, S2 "s2" 1, S3 "s3" 2, S4 "s4" 3, S5 "s5" 4, S6 "s6" 5);

/// Whatever the resolution, the head pools it away. So the layers are asked about a `usize` one: the answer is the same,
/// there is no bound on a `Const` one, and the compiler need not look through all that a stride can halve.
impl<Batch: Dim, C: Dim, H: Dim, W: Dim, Stem, Stages, Head> Accepts<(Batch, C, H, W)>
    for RegNet<Stem, Stages, Head>
where
    Stem: Accepts<(Batch, C, usize, usize)>,
    Stages: Accepts<Stem::Output>,
    Head: Accepts<Stages::Output>,
{
    type Output = Head::Output;
}

/// Stages follow one another: each accepts what the one before it puts out.
macro_rules! sequence {
    ($first:ident $(, $before:ident => $stage:ident)*; $last:ident) => {
        impl<Input: Shape, $first, $($stage),*> Accepts<Input> for ($first, $($stage,)*)
        where
            $first: Accepts<Input>,
            $($stage: Accepts<$before::Output>,)*
        {
            type Output = $last::Output;
        }
    };
}

sequence!(S1; S1);
sequence!(S1, S1 => S2; S2);
sequence!(S1, S1 => S2, S2 => S3; S3);
sequence!(S1, S1 => S2, S2 => S3, S3 => S4; S4);
sequence!(S1, S1 => S2, S2 => S3, S3 => S4, S4 => S5; S5);
sequence!(S1, S1 => S2, S2 => S3, S3 => S4, S4 => S5, S5 => S6; S6);
