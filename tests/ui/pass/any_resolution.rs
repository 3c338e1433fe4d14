//! A network pools its features, so its images may be of any static size, also beyond what a stride can halve in types.

use dfdx::prelude::*;
use regnet::regnet;

type Net = regnet!(< d=1, w0=24, wa=0, wm=2, g=8 >, classes = 10);

type Logits = Tensor<Rank2<2, 10>, f32, Cpu>;

#[allow(dead_code)]
fn logits(net: &<Net as BuildOnDevice<Cpu, f32>>::Built, images: Tensor<Rank4<2, 3, 2048, 3000>, f32, Cpu>) -> Logits {
    net.forward(images)
}

fn main() {}
