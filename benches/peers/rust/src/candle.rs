//! candle: modules of candle-nn on its CPU device, without BLAS libraries.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear, Module, ops::sigmoid};

use crate::Run;
use crate::images::Images;
use crate::network::{self, Network};

struct RegNet {
    stem: Conv2d,
    blocks: Vec<Block>,
    head: Linear,
}

struct Block {
    convolutions: [Conv2d; 3],
    excitation: Option<[Conv2d; 2]>,
    shortcut: Option<Conv2d>,
}

pub fn prepare(network: &Network, images: Images) -> anyhow::Result<Run> {
    let net = RegNet::new(network)?;
    let images = Tensor::from_vec(images.pixels, &images.shape, &Device::Cpu)?;
    Ok(Box::new(move || Ok(net.forward(&images)?.flatten_all()?.to_vec1()?)))
}

impl RegNet {
    fn new(network: &Network) -> Result<Self> {
        let Network { stem, blocks, head } = network;
        let weight = Tensor::from_slice(&head.weight, &head.shape, &Device::Cpu)?;
        let bias = Tensor::from_slice(&head.bias, head.bias.len(), &Device::Cpu)?;
        Ok(Self {
            stem: convolution(stem)?,
            blocks: blocks.iter().map(Block::new).collect::<Result<_>>()?,
            head: Linear::new(weight, Some(bias)),
        })
    }
}

impl Module for RegNet {
    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let mut x = self.stem.forward(images)?.relu()?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.head.forward(&pooled(&x)?.flatten_from(1)?)
    }
}

impl Block {
    fn new(block: &network::Block) -> Result<Self> {
        let [first, second, third] = &block.convolutions;
        Ok(Self {
            convolutions: [convolution(first)?, convolution(second)?, convolution(third)?],
            excitation: match &block.excitation {
                Some([squeeze, excite]) => Some([convolution(squeeze)?, convolution(excite)?]),
                None => None,
            },
            shortcut: block.shortcut.as_ref().map(convolution).transpose()?,
        })
    }
}

impl Module for Block {
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let [first, second, third] = &self.convolutions;
        let mut x = second.forward(&first.forward(input)?.relu()?)?.relu()?;
        if let Some([squeeze, excite]) = &self.excitation {
            let gates = excite.forward(&squeeze.forward(&pooled(&x)?)?.relu()?)?;
            x = x.broadcast_mul(&sigmoid(&gates)?)?;
        }
        let x = third.forward(&x)?;
        match &self.shortcut {
            Some(projection) => (x + projection.forward(input)?)?.relu(),
            None => (x + input)?.relu(),
        }
    }
}

/// The mean over height and width, which stay as axes of 1.
fn pooled(x: &Tensor) -> Result<Tensor> {
    x.mean_keepdim((D::Minus2, D::Minus1))
}

fn convolution(layer: &network::Convolution) -> Result<Conv2d> {
    let config = Conv2dConfig {
        padding: layer.padding(),
        stride: layer.stride,
        groups: layer.groups,
        ..Conv2dConfig::default()
    };
    let weight = Tensor::from_slice(&layer.weight, &layer.shape, &Device::Cpu)?;
    let bias = Tensor::from_slice(&layer.bias, layer.bias.len(), &Device::Cpu)?;
    Ok(Conv2d::new(weight, Some(bias), config))
}
