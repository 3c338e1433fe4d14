//! Basic and vanilla blocks.

use dfdx::prelude::*;
use regnet::Backend;
use regnet::layers::{BatchNorm2d, Conv2d, NoExcite};
use regnet::model::{Identity, Pair, Projection, ResBlock};

use crate::reference::cases;
use crate::run::{Dev, Element, Loss, check};

fn all<E: Element>()
where
    Dev: Backend<E>,
{
    for case in cases("plain_blocks") {
        let dev = Dev::default();
        let (input, out, stride) = (case.size("in"), case.size("out"), case.size("stride"));
        let f: Pair<usize, usize, usize, NoExcite, E, _> =
            Pair::try_new(&dev, input, out, stride, || Ok(NoExcite)).unwrap();
        if case.str("kind") == "vanilla_block" {
            check(&case, f, Loss::Dot);
        } else if input == out && stride == 1 {
            check(&case, ResBlock { shortcut: Identity, f }, Loss::Dot);
        } else {
            let shortcut: Projection<usize, usize, usize, E, _> = Projection {
                proj: Conv2d::try_new(&dev, out, input, Const, stride).unwrap(),
                bn: BatchNorm2d::try_new(&dev, out).unwrap(),
            };
            check(&case, ResBlock { shortcut, f }, Loss::Dot);
        }
    }
}

#[test]
fn plain_blocks_agree_with_torchvision_in_f64() {
    all::<f64>();
}

#[test]
fn plain_blocks_agree_with_torchvision_in_f32() {
    all::<f32>();
}
