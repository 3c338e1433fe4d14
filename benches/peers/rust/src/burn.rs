//! burn: its modules on burn-flex, the CPU backend that its documentation puts in the place of burn-ndarray.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, TensorData};

use crate::Run;
use crate::images::Images;
use crate::network::{self, Network};

#[derive(Module, Debug)]
struct RegNet {
    stem: Conv2d,
    blocks: Vec<Block>,
    head: Linear,
}

#[derive(Module, Debug)]
struct Block {
    convolutions: [Conv2d; 3],
    excitation: Option<[Conv2d; 2]>,
    shortcut: Option<Conv2d>,
}

pub fn prepare(network: Network, images: Images) -> anyhow::Result<Run> {
    let device = Device::flex();
    let net = RegNet::new(network, &device);
    let images = Tensor::from_data(TensorData::new(images.pixels, images.shape), &device);
    Ok(Box::new(move || Ok(net.forward(images.clone()).try_into_data()?.try_into_vec()?)))
}

impl RegNet {
    fn new(network: Network, device: &Device) -> Self {
        let Network { stem, blocks, head } = network;
        let weight = Tensor::<2>::from_data(TensorData::new(head.weight, head.shape), device);
        let bias = Tensor::from_data(TensorData::from(head.bias.as_slice()), device);
        Self {
            stem: convolution(stem, device),
            blocks: blocks.into_iter().map(|block| Block::new(block, device)).collect(),
            head: Linear {
                weight: Param::from_tensor(weight.transpose()),
                bias: Some(Param::from_tensor(bias)),
            },
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let stem = relu(self.stem.forward(images));
        let features = self.blocks.iter().fold(stem, |x, block| block.forward(x));
        self.head.forward(pooled(features).flatten(1, 3))
    }
}

impl Block {
    fn new(block: network::Block, device: &Device) -> Self {
        let convolution = |layer| convolution(layer, device);
        Self {
            convolutions: block.convolutions.map(convolution),
            excitation: block.excitation.map(|layers| layers.map(convolution)),
            shortcut: block.shortcut.map(convolution),
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let [first, second, third] = &self.convolutions;
        let mut x = relu(second.forward(relu(first.forward(input.clone()))));
        if let Some([squeeze, excite]) = &self.excitation {
            let gates = sigmoid(excite.forward(relu(squeeze.forward(pooled(x.clone())))));
            x = x * gates;
        }
        let shortcut = match &self.shortcut {
            Some(projection) => projection.forward(input),
            None => input,
        };
        relu(third.forward(x) + shortcut)
    }
}

/// The mean over height and width, which stay as axes of 1.
fn pooled(x: Tensor<4>) -> Tensor<4> {
    adaptive_avg_pool2d(x, [1, 1])
}

fn convolution(layer: network::Convolution, device: &Device) -> Conv2d {
    let [outputs, _, height, width] = layer.shape;
    let padding = layer.padding();
    let config = Conv2dConfig::new([layer.input_channels(), outputs], [height, width])
        .with_stride([layer.stride; 2])
        .with_groups(layer.groups)
        .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding));
    let weight = Tensor::from_data(TensorData::new(layer.weight, layer.shape), device);
    let bias = Tensor::from_data(TensorData::new(layer.bias, [outputs]), device);
    Conv2d { weight: Param::from_tensor(weight), bias: Some(Param::from_tensor(bias)), ..config.init(device) }
}
