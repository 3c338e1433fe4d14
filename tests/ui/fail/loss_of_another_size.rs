use dfdx::prelude::*;
use regnet::regnet;

type Net = regnet!(RegNetX-200MF, classes = 10);

fn loss(
    net: &<Net as BuildOnDevice<Cpu, f32>>::Built,
    images: Tensor<Rank4<2, 3, 64, 64>, f32, Cpu>,
    targets: Tensor<Rank2<2, 100>, f32, Cpu>,
) {
    cross_entropy_with_logits_loss(net.forward(images), targets);
}

fn main() {}
