//! Accepted spellings of regulators, in type and item position, and a stage by hand that takes and gives a state.

use dfdx::prelude::*;
use regnet::builders::{
    FullRegulator, Lent, Lstm, NoCarry, NoExcite, RegulatedBasicBlock, RegulatedBasicNext, RegulatedStage,
};
use regnet::space::{Cell, CellConv, Regulator, Share};
use regnet::{Declared, anynet, regnet, self_regulated};

type _Typed = regnet!(RegNetX-200MF, regulator = lstm);
type _Inside = regnet!(< d=4, w0=8, wa=8, wm=2, g=4, regulator = rnn() >, space = any);
type _Stages = anynet!(depths = [1, 2], widths = [8, 16], block = basic, se = true, regulator = gru(conv = full,));
type _Paper = self_regulated!(depth = 20, cell = lstm, classes = 10);

regnet! {
    /// An item.
    pub struct Net = RegNetY-400MF;
    regulator = gru(conv = efficient, share = block, carry = true);
    classes   = 10;
}

self_regulated! {
    pub struct Paper = < depth = 20 >;
    cell   = rnn;
    carry  = true;
    input  = 3 x 64 x 64;
    budget = params <= 1M;
}

/// 4 to 6 channels, stride 2; a state is two maps of 6 channels.
type Stage = RegulatedStage<
    FullRegulator<Lstm, 6>,
    NoCarry,
    RegulatedBasicBlock<2, 4, 6, 2, Lent, NoExcite>,
    RegulatedBasicNext<2, 6, Lent, NoExcite>,
    2,
>;

fn main() {
    let gru = Regulator { conv: CellConv::Efficient, share: Share::Block, carry: true, ..Cell::Gru.into() };
    assert_eq!(Net::spec().regulator, Some(gru));
    assert_eq!(Paper::spec().regulator, Some(Regulator { carry: true, ..Cell::Rnn.into() }));

    let dev = Cpu::default();
    let stage = dev.build_module::<Stage, f32>();
    let x: Tensor<Rank4<3, 4, 8, 8>, f32, _> = dev.sample_normal();
    let state: Tensor<Rank5<3, 2, 6, 4, 4>, f32, _> = dev.zeros();
    let (x, state) = stage.forward((x, state));
    let _: (Tensor<Rank4<3, 6, 4, 4>, f32, _>, Tensor<Rank5<3, 2, 6, 4, 4>, f32, _>) = (x, state);
}
