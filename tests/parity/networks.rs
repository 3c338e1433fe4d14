//! Whole networks, as the generated and run-time-shaped form.

use regnet::space::{AnyNet, Bottleneck, RegNetParams, Stem};
use regnet::{Backend, DynRegNet};

use crate::reference::{Case, cases};
use crate::run::{Dev, Element, Loss, check};

fn spec(case: &Case) -> AnyNet {
    let se = case.number("se_ratio");
    let params = RegNetParams {
        d: case.size("d"),
        w0: case.size("w0"),
        wa: case.number("wa"),
        wm: case.number("wm"),
        g: case.size("g"),
        b: Bottleneck::from_ratio(case.number("b")).unwrap(),
        se: (se > 0.0).then_some(se),
    };
    let stem = Stem { kind: case.str("stem").parse().unwrap(), width: case.size("stem_width") };
    let spec = params.to_anynet(stem, 3, case.size("classes")).unwrap();
    let column = |f: fn(&regnet::space::Stage) -> usize| spec.stages.iter().map(f).collect::<Vec<_>>();
    assert_eq!(column(|s| s.width), case.sizes("stage_widths"));
    assert_eq!(column(|s| s.depth), case.sizes("stage_depths"));
    assert_eq!(column(|s| s.inner_width()), case.sizes("inner_widths"));
    assert_eq!(column(|s| s.group_width), case.sizes("group_widths"));
    spec
}

fn all<E: Element>()
where
    Dev: Backend<E>,
{
    let dev = Dev::default();
    for case in cases("networks") {
        let network: DynRegNet<E, _> = DynRegNet::try_new(&dev, &spec(&case)).unwrap();
        let labels = case.sizes("labels");
        check(&case, network, Loss::CrossEntropy(&labels, case.number("label_smoothing")));
    }
}

#[test]
fn networks_agree_with_timm_in_f64() {
    all::<f64>();
}

#[test]
fn networks_agree_with_timm_in_f32() {
    all::<f32>();
}
