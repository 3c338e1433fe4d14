use dfdx::prelude::*;
use regnet::builders::XStage;

type Stage = XStage<1, 32, 24, 24, 8, 2>;

fn features(stage: &<Stage as BuildOnDevice<Cpu, f32>>::Built, maps: Tensor<Rank4<2, 32, 2048, 2048>, f32, Cpu>) {
    stage.forward(maps);
}

fn main() {}
