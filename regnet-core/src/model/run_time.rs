//! Networks shaped at run time: the declared networks' blocks with `usize` dimensions.

mod blocks;
mod regulated;

use std::sync::Arc;

use dfdx::prelude::*;
use regnet_space::{AnyNet, Block, CellConv, SpecError};

use super::{Head, Stem};
use crate::Backend;
use crate::forward::Run;
use crate::layers::{BatchNorm2d, Conv2d, MaxPool};
use crate::peek::peek;
use crate::tensors::{Logits, Map};
use blocks::Blocks;
use regulated::RegulatedStages;

/// A network whose shape is a value, an [`AnyNet`], where a declared network's is a type.
///
/// It is what the command line and sweeps train: the blocks, the initialisation and the tensor names are those
/// of the declared network of the same numbers, and so are the results, bit by bit. Built by
/// [`DynRegNet::try_new`]; a network that dfdx builds of the type alone has no layers.
#[derive(Debug, Clone)]
pub struct DynRegNet<E: Dtype, D: Storage<E>> {
    spec: Arc<AnyNet>,
    stem: DynStem<E, D>,
    blocks: Blocks<E, D>,
    stages: RegulatedStages<E, D>,
    head: Head<usize, usize, E, D>,
}

type DynStem<E, D> = Stem<usize, usize, usize, usize, Option<MaxPool>, E, D>;

/// Why a network cannot be built of a spec.
#[derive(Debug, thiserror::Error)]
pub enum BuildError<DeviceError: std::fmt::Debug + std::fmt::Display> {
    /// The numbers do not make a network; all that is wrong with them.
    #[error("{}", join(.0))]
    Spec(Vec<SpecError>),
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
    /// A spec that [`AnyNet::check`] refuses, or a device that fails.
    pub fn try_new(device: &D, spec: &AnyNet) -> Result<Self, BuildError<D::Err>> {
        spec.check().map_err(BuildError::Spec)?;
        Self::build(device, spec).map_err(BuildError::Device)
    }

    fn build(device: &D, spec: &AnyNet) -> Result<Self, D::Err> {
        let stem = build_stem(device, spec)?;
        let blocks = Blocks::build(device, spec)?;
        let stages = RegulatedStages::build(device, spec)?;
        let input = spec.stages.last().map_or(spec.stem.width, |stage| stage.width);
        let head = Head::try_new(device, input, spec.classes)?;
        Ok(Self { spec: Arc::new(spec.clone()), stem, blocks, stages, head })
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

impl<E: Dtype, D: Backend<E>> DynRegNet<E, D> {
    /// The stages alone, from what the stem puts out to what the head takes, with running statistics.
    ///
    /// # Errors
    /// As [`Run::try_run`].
    pub fn try_run_stages<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.try_run_seen(x, &mut |_| ())
    }

    pub(super) fn try_run_stem<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.stem.try_run(x)
    }

    /// The stages, and `see` what each of their blocks puts out.
    pub(super) fn try_run_seen<T: Tape<E, D>>(
        &self,
        x: Map<E, D, T>,
        see: &mut impl FnMut(&Map<E, D, T>),
    ) -> Result<Map<E, D, T>, D::Err> {
        let x = self.blocks.try_run(x, see)?;
        self.stages.try_run(x, see)
    }

    /// The same with the batch's statistics.
    ///
    /// # Errors
    /// As [`Run::try_run`].
    pub fn try_run_stages_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Map<E, D, T>, D::Err> {
        self.stages.try_run_mut(self.blocks.try_run_mut(x)?)
    }

    /// What each block puts out for these images, stage by stage, with running statistics. Block `s2.b1`'s is
    /// `[1][0]`.
    ///
    /// # Shapes
    /// Input `(batch, channels, height, width)`; the maps of a stage have its width and resolution.
    ///
    /// # Errors
    /// As [`Run::try_run`].
    pub fn try_run_blocks(&self, x: Map<E, D>) -> Result<Vec<Vec<Map<E, D>>>, D::Err> {
        let mut maps = Vec::new();
        self.try_run_seen(self.stem.try_run(x)?, &mut |map| maps.push(map.clone()))?;
        let mut maps = maps.into_iter();
        Ok(self.spec.stages.iter().map(|stage| maps.by_ref().take(stage.depth).collect()).collect())
    }
}

impl<E: Dtype, D: Backend<E>> Run<E, D> for DynRegNet<E, D> {
    type Out = (usize, usize);
    /// All its layers are this crate's.
    const LEAVES_CLONES: bool = false;
    const FOLLOWS_SPEC: bool = true;

    fn try_run<T: Tape<E, D>>(&self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
        let x = self.stem.try_run(x)?;
        let x = self.try_run_stages(x)?;
        self.head.try_run(x)
    }

    fn try_run_mut<T: Tape<E, D>>(&mut self, x: Map<E, D, T>) -> Result<Logits<E, D, T>, D::Err> {
        let x = self.stem.try_run_mut(x)?;
        let x = self.try_run_stages_mut(x)?;
        self.head.try_run_mut(x)
    }
}

impl<E: Dtype, D: Device<E>> TensorCollection<E, D> for DynRegNet<E, D> {
    type To<E2: Dtype, D2: Device<E2>> = DynRegNet<E2, D2>;

    fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
        visitor: &mut V,
    ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
        let spec = peek(visitor, |net: &Self| net.spec.clone())?.unwrap_or_else(|| Arc::new(no_layers()));
        let (names, regulated) = (block_names(&spec), stage_names(&spec));
        // Only the list of the spec's kind has blocks or stages.
        macro_rules! fields {
            ($names:ident, $there:expr, $part:ident.$list:ident) => {
                $names
                    .iter()
                    .filter(|_| $there)
                    .enumerate()
                    .map(|(i, name)| {
                        Self::module(name, move |s| &s.$part.$list[i], move |s| &mut s.$part.$list[i])
                    })
                    .collect::<Vec<_>>()
            };
        }
        macro_rules! blocks {
            ($list:ident, $kind:ident) => {
                fields!(names, spec.block == Block::$kind, blocks.$list)
            };
        }
        let conv = spec.regulator.map(|regulator| regulator.conv);
        macro_rules! stages {
            ($list:ident, $conv:ident, $kind:ident) => {
                fields!(regulated, conv == Some(CellConv::$conv) && spec.block == Block::$kind, stages.$list)
            };
        }
        let blocks = (blocks!(bottleneck, Bottleneck), blocks!(basic, Basic), blocks!(vanilla, Vanilla));
        let stages = (
            stages!(full_basic, Full, Basic),
            stages!(full_bottleneck, Full, Bottleneck),
            stages!(efficient_basic, Efficient, Basic),
            stages!(efficient_bottleneck, Efficient, Bottleneck),
        );
        visitor.visit_fields(
            (
                Self::module("stem.conv", |s| &s.stem.conv, |s| &mut s.stem.conv),
                Self::module("stem.bn", |s| &s.stem.bn, |s| &mut s.stem.bn),
                blocks,
                stages,
                Self::module("head", |s| &s.head, |s| &mut s.head),
            ),
            |(conv, bn, (bottleneck, basic, vanilla), stages, head)| {
                let blocks = Blocks { bottleneck, basic, vanilla };
                let (full_basic, full_bottleneck, efficient_basic, efficient_bottleneck) = stages;
                let stages =
                    RegulatedStages { full_basic, full_bottleneck, efficient_basic, efficient_bottleneck };
                let stem = Stem { conv, bn, pool: pool(&spec) };
                DynRegNet { spec, stem, blocks, stages, head }
            },
        )
    }
}

/// `s1.b1`, `s1.b2`, ..., `s2.b1`, ...; none where the stages are regulated.
fn block_names(spec: &AnyNet) -> Vec<String> {
    if spec.regulator.is_some() {
        return Vec::new();
    }
    let stages = spec.stages.iter().enumerate();
    stages.flat_map(|(s, stage)| (1..=stage.depth).map(move |b| format!("s{}.b{b}", s + 1))).collect()
}

/// `s1`, `s2`, ..., where they are regulated.
fn stage_names(spec: &AnyNet) -> Vec<String> {
    let regulated = spec.regulator.map_or(0, |_| spec.stages.len());
    (1..=regulated).map(|stage| format!("s{stage}")).collect()
}

/// What a network of the type alone stands for.
fn no_layers() -> AnyNet {
    let stem = regnet_space::Stem { width: 0, ..Default::default() };
    AnyNet {
        input_channels: 0,
        stem,
        block: Block::Bottleneck,
        stages: Vec::new(),
        se: None,
        regulator: None,
        classes: 0,
    }
}
