//! The networks of `examples/anynet.rs` against their published figures (pycls, as in
//! `regnet-space/tests/published.rs`), and on the CPU.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../examples/anynet.rs"]
mod example;

use dfdx::prelude::*;
use example::{ResNeXt50, ResNet50, ResNet56, V56};
use regnet::space::{Block, Complexity};
use regnet::{Declared, anynet};

#[test]
fn declared_resnets_have_the_published_figures() {
    fn same<N: Declared>(name: &str, declared: [u64; 3], [flops, params, acts]: [u64; 3]) {
        assert_eq!(declared, [flops, params, acts], "{name}");
        let [_, height, width] = N::INPUT;
        let computed = N::spec().complexity(height, width).unwrap();
        assert_eq!(computed, Complexity { flops, params, acts }, "{name}");
        // The types say the same as the spec.
        assert_eq!(N::spec().check(), Ok(()));
    }
    macro_rules! same {
        ($net:ident, $figures:expr) => {
            same::<$net>(stringify!($net), [$net::FLOPS, $net::PARAMS, $net::ACTS], $figures);
            type Network = <$net as Declared>::Network;
            assert_eq!(<Network as Declared>::spec(), $net::spec());
        };
    }
    {
        same!(ResNet56, [125_747_850, 855_770, 544_778]);
    }
    {
        same!(V56, [125_485_706, 853_018, 532_490]);
    }
    {
        same!(ResNet50, [4_089_185_256, 25_557_032, 11_315_688]);
    }
    {
        same!(ResNeXt50, [4_230_480_872, 25_028_904, 14_602_216]);
    }
}

#[test]
fn declared_names_build_and_run() {
    anynet! {
        struct Tiny = < depths=[1, 2], widths=[8, 12], strides=[1, 2], block=basic >;
        stem = cifar(8);
        classes = 10;
    }
    assert_eq!(Tiny::spec().block, Block::Basic);
    let dev = Cpu::default();
    let net = dev.build_module::<Tiny, f32>();
    let logits: Tensor<Rank2<2, 10>, f32, _> = net.forward(dev.zeros::<Rank4<2, 3, 8, 8>>());
    assert!(logits.as_vec().iter().all(|logit| logit.is_finite()));
}
