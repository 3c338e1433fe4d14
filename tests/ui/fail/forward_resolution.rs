use dfdx::prelude::*;
use regnet::regnet;

type Net = regnet!(< d=1, w0=24, wa=0, wm=2, g=8 >, classes = 10);

fn logits(net: &<Net as BuildOnDevice<Cpu, f32>>::Built, images: Tensor<Rank4<2, 3, 2048, 2048>, f32, Cpu>) {
    net.forward(images);
}

fn main() {}
