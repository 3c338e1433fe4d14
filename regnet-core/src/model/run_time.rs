//! Networks shaped at run time: the declared networks' blocks with `usize` dimensions.

use std::sync::Arc;

use dfdx::prelude::*;
use regnet_space::{AnyNet, Block, SpecError};

use super::block::Shortcut;
use super::{Bottleneck, Head, Projection, ResBlock, Stem};
use crate::forward::Run;
use crate::layers::{BatchNorm2d, Conv2d, EXCITE_NAMES, Excite, MaxPool, SqueezeExcite};
use crate::peek::peek;
use crate::tensors::{Logits, Map};
use crate::{Backend, init};

/// A network whose shape is a value, an [`AnyNet`], where a declared network's is a type.
///
/// It is what the command line and sweeps train: the blocks, the initialisation and the tensor names are those
/// of the declared network of the same numbers, and so are the results, bit by bit. Built by
/// [`DynRegNet::try_new`]; a network that dfdx builds of the type alone has no layers.
#[derive(Debug, Clone)]
pub struct DynRegNet<E: Dtype, D: Storage<E>> {
    spec: Arc<AnyNet>,
    stem: DynStem<E, D>,
    blocks: Vec<DynBlock<E, D>>,
    head: Head<usize, usize, E, D>,
}

type DynStem<E, D> = Stem<usize, usize, usize, usize, Option<MaxPool>, E, D>;
type DynBlock<E, D> = ResBlock<DynShortcut<E, D>, DynBranch<E, D>>;
type DynBranch<E, D> = Bottleneck<usize, usize, usize, usize, usize, DynExcite<E, D>, E, D>;

/// A projection, or `None` for the identity.
#[derive(Debug, Clone)]
pub struct DynShortcut<E: Dtype, D: Storage<E>>(Option<Projection<usize, usize, usize, E, D>>);

/// Squeeze-and-excitation, or `None`.
#[derive(Debug, Clone)]
pub struct DynExcite<E: Dtype, D: Storage<E>>(Option<SqueezeExcite<usize, usize, E, D>>);

/// Why a network cannot be built of a spec.
#[derive(Debug, thiserror::Error)]
pub enum BuildError<DeviceError: std::fmt::Debug + std::fmt::Display> {
    /// The numbers do not make a network; all that is wrong with them.
    #[error("{}", join(.0))]
    Spec(Vec<SpecError>),
    /// A kind of block that has no run-time-shaped form.
    #[error("networks of {0} blocks cannot be built yet; use bottleneck blocks")]
    Block(Block),
    /// The device failed.
    #[error("the device failed while the network was built: {0}")]
    Device(DeviceError),
}

fn join(errors: &[SpecError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl<E: Dtype, D: Backend<E>> DynRegNet<E, D> {
    /// A freshly initialised network.
    ///
    /// # Errors
    /// A spec that [`AnyNet::check`] refuses, blocks other than bottlenecks, or a device that fails.
    pub fn try_new(device: &D, spec: &AnyNet) -> Result<Self, BuildError<D::Err>> {
        spec.check().map_err(BuildError::Spec)?;
        if spec.block != Block::Bottleneck {
            return Err(BuildError::Block(spec.block));
        }
        Self::build(device, spec).map_err(BuildError::Device)
    }

    fn build(device: &D, spec: &AnyNet) -> Result<Self, D::Err> {
        let stem = build_stem(device, spec)?;
        let mut blocks = Vec::new();
        let mut input = spec.stem.width;
        for stage in &spec.stages {
            for block in 0..stage.depth {
                let stride = if block == 0 { stage.stride } else { 1 };
                let sizes = BlockSizes {
                    input,
                    inner: stage.inner_width(),
                    out: stage.width,
                    group: stage.group_width,
                    stride,
                    excite: spec.se_width(input),
                };
                blocks.push(sizes.build(device)?);
                input = stage.width;
            }
        }
        let head = Head::try_new(device, input, spec.classes)?;
        Ok(Self { spec: Arc::new(spec.clone()), stem, blocks, head })
    }
}

impl<E: Dtype, D: Storage<E>> DynRegNet<E, D> {
    /// The numbers this network was built of.
    pub fn spec(&self) -> &AnyNet {
        &self.spec
    }
}

fn build_stem<E: Dtype, D: Backend<E>>(device: &D, spec: &AnyNet) -> Result<DynStem<E, D>, D::Err> {
    let regnet_space::Stem { kind, width } = spec.stem;
    Ok(Stem {
        conv: Conv2d::try_new(device, width, spec.input_channels, kind.kernel(), kind.stride())?,
        bn: BatchNorm2d::try_new(device, width)?,
        pool: pool(spec),
    })
}

fn pool(spec: &AnyNet) -> Option<MaxPool> {
    spec.stem.kind.pools().then_some(MaxPool)
}

struct BlockSizes {
    input: usize,
    inner: usize,
    out: usize,
    group: usize,
    stride: usize,
    excite: Option<usize>,
}

impl BlockSizes {
    /// Builds in the order that dfdx builds declared blocks, so that one seed gives one initialisation.
    fn build<E: Dtype, D: Backend<E>>(&self, device: &D) -> Result<DynBlock<E, D>, D::Err> {
        let &Self { input, inner, out, group, stride, excite } = self;
        let shortcut = DynShortcut(
            (input != out || stride != 1)
                .then(|| {
                    Ok(Projection {
                        proj: Conv2d::try_new(device, out, input, Const, stride)?,
                        bn: BatchNorm2d::try_new(device, out)?,
                    })
                })
                .transpose()?,
        );
        let f = Bottleneck {
            a: Conv2d::try_new(device, inner, input, Const, Const)?,
            a_bn: BatchNorm2d::try_new(device, inner)?,
            b: Conv2d::try_new(device, inner, group, Const, stride)?,
            b_bn: BatchNorm2d::try_new(device, inner)?,
            se: DynExcite(excite.map(|hidden| SqueezeExcite::try_new(device, inner, hidden)).transpose()?),
            c: Conv2d::try_new(device, out, inner, Const, Const)?,
            c_bn: BatchNorm2d::try_new(device, out)?,
        };
        Ok(ResBlock { shortcut, f })
    }
}

impl<E: Dtype, D: Backend<E>> Shortcut<E, D> for DynShortcut<E, D> {
    fn try_shortcut<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        match &self.0 {
            Some(projection) => projection.try_shortcut(x),
            None => Ok(x),
        }
    }

    fn try_shortcut_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        match &mut self.0 {
            Some(projection) => projection.try_shortcut_mut(x),
            None => Ok(x),
        }
    }
}

impl<E: Dtype, D: Backend<E>> Excite<E, D> for DynExcite<E, D> {
    fn try_excite<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        match &self.0 {
            Some(excite) => excite.try_excite(x),
            None => Ok(x),
        }
    }
}

impl<E: Dtype, D: Backend<E>> Run<E, D> for DynRegNet<E, D> {
    type Out = (usize, usize);

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
        let x = self.stem.try_run(x)?;
        let x = self.blocks.iter().try_fold(x, |x, block| block.try_run(x))?;
        self.head.try_run(x)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
        let x = self.stem.try_run_mut(x)?;
        let x = self.blocks.iter_mut().try_fold(x, |x, block| block.try_run_mut(x))?;
        self.head.try_run_mut(x)
    }
}

/// A field that is there or not.
fn optional<T>(present: bool, field: impl FnOnce() -> T) -> Vec<T> {
    present.then(field).into_iter().collect()
}

const PRESENT: &str = "a field is visited only where it was seen to be present";

impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for DynExcite<E, D> {
    type To<E2: Dtype, D2: Device<E2>> = DynExcite<E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let there = peek(visitor, |excite: &Self| excite.0.is_some())?.unwrap_or(false);
        macro_rules! field {
            ($index:literal, $field:ident, $reset:expr) => {
                optional(there, || {
                    Self::tensor(
                        EXCITE_NAMES[$index],
                        |s| &s.0.as_ref().expect(PRESENT).$field,
                        |s| &mut s.0.as_mut().expect(PRESENT).$field,
                        $reset,
                    )
                })
            };
        }
        visitor.visit_fields(
            (
                field!(0, reduce, TensorOptions::reset_with(init::he_fan_out)),
                field!(1, reduce_bias, TensorOptions::reset_to_zeros()),
                field!(2, expand, TensorOptions::reset_with(init::he_fan_out)),
                field!(3, expand_bias, TensorOptions::reset_to_zeros()),
            ),
            |(mut w1, mut b1, mut w2, mut b2)| {
                let parts = (w1.pop(), b1.pop(), w2.pop(), b2.pop());
                DynExcite(match parts {
                    (Some(reduce), Some(reduce_bias), Some(expand), Some(expand_bias)) => {
                        Some(SqueezeExcite { reduce, reduce_bias, expand, expand_bias })
                    }
                    _ => None,
                })
            },
        )
    }
}

impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for DynBlock<E, D> {
    type To<E2: Dtype, D2: Device<E2>> = DynBlock<E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let projects = peek(visitor, |block: &Self| block.shortcut.0.is_some())?.unwrap_or(false);
        macro_rules! field {
            ($name:literal, $field:ident) => {
                optional(projects, || {
                    Self::module(
                        $name,
                        |s| &s.shortcut.0.as_ref().expect(PRESENT).$field,
                        |s| &mut s.shortcut.0.as_mut().expect(PRESENT).$field,
                    )
                })
            };
        }
        visitor.visit_fields(
            (field!("proj", proj), field!("bn", bn), Self::module("f", |s| &s.f, |s| &mut s.f)),
            |(mut proj, mut bn, f)| {
                let parts = proj.pop().zip(bn.pop());
                ResBlock { shortcut: DynShortcut(parts.map(|(proj, bn)| Projection { proj, bn })), f }
            },
        )
    }
}

impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for DynRegNet<E, D> {
    type To<E2: Dtype, D2: Device<E2>> = DynRegNet<E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let spec = peek(visitor, |net: &Self| net.spec.clone())?.unwrap_or_else(|| Arc::new(no_layers()));
        let names = block_names(&spec);
        let blocks: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(i, name)| Self::module(name, move |s| &s.blocks[i], move |s| &mut s.blocks[i]))
            .collect();
        visitor.visit_fields(
            (
                Self::module("stem.conv", |s| &s.stem.conv, |s| &mut s.stem.conv),
                Self::module("stem.bn", |s| &s.stem.bn, |s| &mut s.stem.bn),
                blocks,
                Self::module("head", |s| &s.head, |s| &mut s.head),
            ),
            |(conv, bn, blocks, head)| {
                let stem = Stem { conv, bn, pool: pool(&spec) };
                DynRegNet { spec, stem, blocks, head }
            },
        )
    }
}

/// `s1.b1`, `s1.b2`, ..., `s2.b1`, ...
fn block_names(spec: &AnyNet) -> Vec<String> {
    let stages = spec.stages.iter().enumerate();
    stages.flat_map(|(s, stage)| (1..=stage.depth).map(move |b| format!("s{}.b{b}", s + 1))).collect()
}

/// What a network of the type alone stands for.
fn no_layers() -> AnyNet {
    let stem = regnet_space::Stem { width: 0, ..Default::default() };
    AnyNet { input_channels: 0, stem, block: Block::Bottleneck, stages: Vec::new(), se: None, classes: 0 }
}
