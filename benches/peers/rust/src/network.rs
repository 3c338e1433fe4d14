//! A RegNet as its weights describe it, with batch norm folded into the convolutions.

use std::path::Path;

use anyhow::{Context, ensure};
use safetensors::SafeTensors;

use crate::images::floats;

/// Added to a variance, as timm and the paper have it.
const EPSILON: f32 = 1e-5;

/// A simple stem, residual bottleneck blocks, global average pooling and a linear classifier.
pub struct Network {
    /// Followed by ReLU.
    pub stem: Convolution,
    pub blocks: Vec<Block>,
    pub head: Linear,
}

/// ReLU follows each of the first two convolutions and the sum with the shortcut.
pub struct Block {
    pub convolutions: [Convolution; 3],
    /// Squeeze and excitation between the second and the third convolution: to fewer channels, and back.
    pub excitation: Option<[Convolution; 2]>,
    /// The projection of a block that changes the shape.
    pub shortcut: Option<Convolution>,
}

/// Padded to keep height and width at a stride of 1.
pub struct Convolution {
    pub weight: Vec<f32>,
    /// Output channels, input channels of a group, height and width of the kernel.
    pub shape: [usize; 4],
    pub bias: Vec<f32>,
    pub stride: usize,
    pub groups: usize,
}

pub struct Linear {
    pub weight: Vec<f32>,
    /// Classes and features.
    pub shape: [usize; 2],
    pub bias: Vec<f32>,
}

impl Network {
    /// Reads a safetensors file with timm's names. Names say the depths, shapes the rest.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path)?;
        let file = Weights(SafeTensors::deserialize(&bytes).context("it is no safetensors file")?);
        let mut blocks = Vec::new();
        for stage in 1..=4 {
            blocks.extend(file.stage(stage)?);
        }
        ensure!(
            !blocks.is_empty(),
            "there is no `s1.b1.conv1.conv.weight`: export the weights with timm's names"
        );
        let (weight, shape) = floats(&file.0, "head.fc.weight")?;
        let head = Linear { weight, shape, bias: file.vector("head.fc.bias")? };
        Ok(Self { stem: file.folded("stem", 2)?, blocks, head })
    }
}

impl Convolution {
    pub fn padding(&self) -> usize {
        self.shape[2] / 2
    }

    pub fn input_channels(&self) -> usize {
        self.shape[1] * self.groups
    }
}

struct Weights<'a>(SafeTensors<'a>);

impl Weights<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    fn vector(&self, name: &str) -> anyhow::Result<Vec<f32>> {
        floats::<1>(&self.0, name).map(|(numbers, _)| numbers)
    }

    fn stage(&self, stage: usize) -> anyhow::Result<Vec<Block>> {
        let names = (1..).map(|block| format!("s{stage}.b{block}"));
        let names = names.take_while(|name| self.has(&format!("{name}.conv1.conv.weight")));
        names.enumerate().map(|(index, name)| self.block(&name, if index == 0 { 2 } else { 1 })).collect()
    }

    fn block(&self, name: &str, stride: usize) -> anyhow::Result<Block> {
        let mut grouped = self.folded(&format!("{name}.conv2"), stride)?;
        // As many channels go into it as come out.
        grouped.groups = grouped.shape[0] / grouped.shape[1];
        let excites = self.has(&format!("{name}.se.fc1.weight"));
        let projects = self.has(&format!("{name}.downsample.conv.weight"));
        Ok(Block {
            convolutions: [
                self.folded(&format!("{name}.conv1"), 1)?,
                grouped,
                self.folded(&format!("{name}.conv3"), 1)?,
            ],
            excitation: excites.then(|| self.excitation(name)).transpose()?,
            shortcut: projects.then(|| self.folded(&format!("{name}.downsample"), stride)).transpose()?,
        })
    }

    fn excitation(&self, block: &str) -> anyhow::Result<[Convolution; 2]> {
        let layer = |name: &str| {
            let (weight, shape) = floats(&self.0, &format!("{block}.se.{name}.weight"))?;
            let bias = self.vector(&format!("{block}.se.{name}.bias"))?;
            anyhow::Ok(Convolution { weight, shape, bias, stride: 1, groups: 1 })
        };
        Ok([layer("fc1")?, layer("fc2")?])
    }

    /// A convolution of one group that does what it and the batch norm after it do.
    fn folded(&self, name: &str, stride: usize) -> anyhow::Result<Convolution> {
        let (mut weight, shape) = floats::<4>(&self.0, &format!("{name}.conv.weight"))?;
        let norm = |part: &str| self.vector(&format!("{name}.bn.{part}"));
        let (gamma, beta, mean, variance) =
            (norm("weight")?, norm("bias")?, norm("running_mean")?, norm("running_var")?);
        let channels = [&gamma, &beta, &mean, &variance].map(Vec::len);
        ensure!(
            channels == [shape[0]; 4],
            "`{name}.bn` has {channels:?} channels, the convolution before it {}",
            shape[0]
        );
        let scale: Vec<f32> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, variance)| gamma / (variance + EPSILON).sqrt())
            .collect();
        for (filter, scale) in weight.chunks_mut(shape[1..].iter().product()).zip(&scale) {
            filter.iter_mut().for_each(|weight| *weight *= scale);
        }
        let bias =
            beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
        Ok(Convolution { weight, shape, bias, stride, groups: 1 })
    }
}
