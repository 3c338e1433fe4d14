//! The three stems, as declared types.

use dfdx::prelude::*;
use regnet::Backend;
use regnet::builders::{CifarStem, ResNetStem, SimpleStem};

use crate::reference::{Case, cases};
use crate::run::{Dev, Element, Loss, check};

fn all<E: Element>()
where
    Dev: Backend<E>,
{
    for case in cases("stems") {
        match case.size("out") {
            16 => stem::<E, 16>(&case),
            24 => stem::<E, 24>(&case),
            32 => stem::<E, 32>(&case),
            other => panic!("no stem type of width {other} here"),
        }
    }
}

fn stem<E: Element, const OUT: usize>(case: &Case)
where
    Dev: Backend<E>,
{
    let dev = Dev::default();
    match case.str("kind") {
        "simple" => check(case, dev.build_module::<SimpleStem<3, OUT>, E>(), Loss::Dot),
        "cifar" => check(case, dev.build_module::<CifarStem<3, OUT>, E>(), Loss::Dot),
        "resnet" => check(case, dev.build_module::<ResNetStem<3, OUT>, E>(), Loss::Dot),
        other => panic!("no stem is called {other}"),
    }
}

#[test]
fn stems_agree_with_pytorch_in_f64() {
    all::<f64>();
}

#[test]
fn stems_agree_with_pytorch_in_f32() {
    all::<f32>();
}
