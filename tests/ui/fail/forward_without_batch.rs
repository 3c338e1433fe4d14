use dfdx::prelude::*;
use regnet::regnet;

type Net = regnet!(RegNetX-200MF, classes = 10);

fn logits(net: &<Net as BuildOnDevice<Cpu, f32>>::Built, image: Tensor<Rank3<3, 64, 64>, f32, Cpu>) {
    net.forward(image);
}

fn main() {}
