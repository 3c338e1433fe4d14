//! X and Y blocks: strides, projections, bottleneck ratios, odd sizes.

use dfdx::prelude::*;
use regnet::Backend;
use regnet::layers::{BatchNorm2d, Conv2d, Excite, NoExcite, SqueezeExcite};
use regnet::model::{Bottleneck, Identity, Projection, ResBlock};

use crate::reference::{Case, cases};
use crate::run::{Dev, Element, Loss, check};

fn all<E: Element>()
where
    Dev: Backend<E>,
{
    for case in cases("blocks") {
        let dev = Dev::default();
        match case.size("se_width") {
            0 => with_excite::<E, _>(&case, &dev, NoExcite),
            hidden => {
                let excite: SqueezeExcite<usize, usize, E, _> =
                    SqueezeExcite::try_new(&dev, case.size("inner"), hidden).unwrap();
                with_excite(&case, &dev, excite);
            }
        }
    }
}

fn with_excite<E: Element, Se>(case: &Case, dev: &Dev, se: Se)
where
    Dev: Backend<E>,
    Se: Excite<E, Dev> + TensorCollection<E, Dev>,
{
    let (input, out, stride) = (case.size("in"), case.size("out"), case.size("stride"));
    let f = branch(case, dev, se);
    if input == out && stride == 1 {
        check(case, ResBlock { shortcut: Identity, f }, Loss::Dot);
    } else {
        let shortcut: Projection<usize, usize, usize, E, _> = Projection {
            proj: Conv2d::try_new(dev, out, input, Const, stride).unwrap(),
            bn: BatchNorm2d::try_new(dev, out).unwrap(),
        };
        check(case, ResBlock { shortcut, f }, Loss::Dot);
    }
}

type Branch<Se, E> = Bottleneck<usize, usize, usize, usize, usize, Se, E, Dev>;

fn branch<E: Element, Se>(case: &Case, dev: &Dev, se: Se) -> Branch<Se, E>
where
    Dev: Backend<E>,
{
    let (input, inner, out) = (case.size("in"), case.size("inner"), case.size("out"));
    Bottleneck {
        a: Conv2d::try_new(dev, inner, input, Const, Const).unwrap(),
        a_bn: BatchNorm2d::try_new(dev, inner).unwrap(),
        b: Conv2d::try_new(dev, inner, case.size("group_width"), Const, case.size("stride")).unwrap(),
        b_bn: BatchNorm2d::try_new(dev, inner).unwrap(),
        se,
        c: Conv2d::try_new(dev, out, inner, Const, Const).unwrap(),
        c_bn: BatchNorm2d::try_new(dev, out).unwrap(),
    }
}

#[test]
fn blocks_agree_with_timm_in_f64() {
    all::<f64>();
}

#[test]
fn blocks_agree_with_timm_in_f32() {
    all::<f32>();
}
