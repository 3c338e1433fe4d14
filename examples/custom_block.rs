//! Composing the typed blocks by hand, without the macro: stages of the library's blocks beside a block of one's own.
//!
//! ```sh
//! cargo run --release --example custom_block
//! ```

use dfdx::optim::Sgd;
use dfdx::prelude::*;
use regnet::builders::{
    BatchNorm2d, Bottleneck, CifarStem, Conv2d, Head, Identity, NoExcite, RegNet, Relu, ResBlock,
    SqueezeExcite, Stage, XBlock, XNext, XStage,
};

// A plain stack of layers is a tuple, as everywhere in dfdx.
type Downsample<const IN: usize, const OUT: usize> = (Conv2d<IN, OUT, IN, 3, 2>, BatchNorm2d<OUT>, Relu);

// A stage by hand: two X blocks that change the width, then two that keep it.
type Hourglass = (XBlock<24, 48, 24, 8, 1>, XBlock<48, 24, 24, 8, 1>, XNext<24, 24, 8>, XNext<24, 24, 8>);

// A block of one's own choosing: an inverted bottleneck (24 -> 96 -> 24) in groups of 16, in both families.
type Inverted = ResBlock<Identity, Bottleneck<24, 96, 24, 16, 1, NoExcite>>;
type InvertedY = ResBlock<Identity, Bottleneck<24, 96, 24, 16, 1, SqueezeExcite<96, 6>>>;

// Parts of the library's own networks: `Stage` repeats a block, `RegNet` strings stages together.
type Custom = RegNet<
    CifarStem<3, 16>,
    (XStage<1, 16, 24, 24, 8, 2>, Stage<Inverted, InvertedY, 3>, XStage<2, 24, 64, 64, 16, 2>),
    Head<64, 10>,
>;

fn main() {
    let dev = Cpu::seed_from_u64(0);

    let tuple = dev.build_module::<(Downsample<3, 24>, Hourglass), f32>();
    let maps: Tensor<Rank4<2, 24, 16, 16>, f32, _> = tuple.forward(dev.zeros::<Rank4<2, 3, 32, 32>>());
    println!("the tuple puts out {:?}", maps.shape().concrete());

    // Any dfdx optimiser trains it.
    let mut net = dev.build_module::<Custom, f32>();
    let mut sgd = Sgd::new(&net, SgdConfig { lr: 0.05, ..Default::default() });
    let mut gradients = net.alloc_grads();
    let images: Tensor<Rank4<8, 3, 32, 32>, f32, _> = dev.sample_normal();
    let labels: Tensor<Rank1<8>, usize, _> = dev.tensor([0, 1, 2, 3, 4, 5, 6, 7]);
    for step in 0..20 {
        let logits: Tensor<Rank2<8, 10>, f32, _, _> = net.forward_mut(images.clone().traced(gradients));
        let loss = regnet::cross_entropy(logits, &labels, 0.0).expect("labels are below 10");
        if step % 5 == 0 {
            println!("step {step}: loss {:.3}", loss.array());
        }
        gradients = loss.backward();
        sgd.update(&mut net, &gradients).expect("every parameter has a gradient");
        net.zero_grads(&mut gradients);
    }
}
