use dfdx::prelude::*;
use regnet::builders::{
    FullRegulator, Lent, Lstm, NoCarry, NoExcite, RegulatedBasicBlock, RegulatedBasicNext, RegulatedStage,
};

/// 16 to 32 channels, stride 2; a state is two maps of 32 channels.
type Stage = RegulatedStage<
    FullRegulator<Lstm, 32>,
    NoCarry,
    RegulatedBasicBlock<2, 16, 32, 2, Lent, NoExcite>,
    RegulatedBasicNext<2, 32, Lent, NoExcite>,
    3,
>;

fn step(
    stage: &<Stage as BuildOnDevice<Cpu, f32>>::Built,
    x: Tensor<Rank4<4, 16, 8, 8>, f32, Cpu>,
    state: Tensor<Rank5<4, 2, 32, 8, 8>, f32, Cpu>,
) {
    stage.forward((x, state));
}

fn main() {}
