//! How long one expansion takes: users wait for it on every build, and their macros are not optimised.

use std::time::{Duration, Instant};

use proc_macro2::TokenStream;
use regnet_space::{AnyNet, Bottleneck, RegNetParams, Stem, presets, torchvision_presets};

use crate::expand;
use crate::key::Form;

/// How often each is expanded; the shortest time counts, because other processes get in the way of some.
const TRIES: usize = 5;

fn time(form: Form, declaration: &str) -> Duration {
    let tokens: TokenStream = format!("[::regnet] {declaration}").parse().unwrap();
    let once = || {
        let start = Instant::now();
        assert!(!expand::declare(form, tokens.clone()).is_empty());
        start.elapsed()
    };
    (0..TRIES).map(|_| once()).min().unwrap()
}

/// Every published model as it is, as an item with budgets that it keeps and that it does not, and as stages.
fn published() -> Vec<(Form, String)> {
    let mut declarations = Vec::new();
    for preset in presets().iter().chain(torchvision_presets()) {
        let name = preset.name;
        let limits = |least: &str| format!("budget = flops <= {least}, params <= {least}, memory <= {least}");
        declarations.extend([
            (Form::RegNet, name.to_owned()),
            (Form::RegNet, format!("pub struct Net = {name}; {};", limits("999G"))),
            (Form::RegNet, format!("pub struct Net = {name}; {};", limits("1M"))),
            (Form::AnyNet, stages(&preset.declaration().to_anynet().unwrap(), "RegNetX")),
        ]);
    }
    declarations
}

fn stages(net: &AnyNet, space: &str) -> String {
    let list = |number: fn(&regnet_space::Stage) -> usize| net.stages.iter().map(number).collect::<Vec<_>>();
    format!(
        "depths = {:?}, widths = {:?}, groups = {:?}, bottleneck = {}, space = {space}",
        list(|stage| stage.depth),
        list(|stage| stage.width),
        list(|stage| stage.group_width),
        net.stages[0].bottleneck,
    )
}

/// A sequence of numbers from 0 to 1 that is the same every time.
fn numbers() -> impl FnMut() -> f64 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    }
}

/// Models of the published box, and stages of which one is no RegNet's: to refuse those takes a search.
fn random(count: usize) -> Vec<(Form, String)> {
    let mut random = numbers();
    let mut below = move |n: usize| (random() * n as f64) as usize;
    let mut declarations = Vec::new();
    while declarations.len() < count {
        let params = RegNetParams {
            d: 1 + below(63),
            w0: 8 * (1 + below(31)),
            wa: below(25_600) as f64 / 100.0,
            wm: 1.5 + below(150) as f64 / 100.0,
            g: [1, 4, 8, 16, 24, 64, 248, 512][below(8)],
            b: Bottleneck::reduces([1, 2, 4][below(3)]),
            se: None,
        };
        let Ok(mut net) = params.to_anynet(Stem::default(), 3, 10) else { continue };
        declarations.push((Form::RegNet, format!("pub struct Net = {};", params.to_source())));
        let stage = below(net.stages.len());
        net.stages[stage].depth = 1 + below(20);
        declarations.push((Form::AnyNet, stages(&net, "RegNetX")));
        for stage in &mut net.stages {
            let step = stage.bottleneck.outer(stage.group_width);
            stage.width = step * (1 + below(2 * stage.width / step));
        }
        net.stages.sort_by_key(|stage| stage.width);
        declarations.push((Form::AnyNet, stages(&net, "RegNetX")));
    }
    declarations
}

/// The deepest network of `regnet!`, and a ResNet for CIFAR of 1,202 layers.
fn deep() -> Vec<(Form, String)> {
    let resnet = "depths = [200, 200, 200], widths = [16, 32, 64], strides = [1, 2, 2], block = basic";
    vec![
        (
            Form::RegNet,
            "pub struct Net = < d=1024, w0=8, wa=8, wm=5, g=8, se=true >; space = any;".to_owned(),
        ),
        (Form::AnyNet, format!("pub struct Net = {resnet}; stem = cifar(16);")),
        (Form::SelfRegulated, "pub struct Net = depth = 1202, share = block, carry = true;".to_owned()),
    ]
}

/// Printed, not asserted, because machines differ: `cargo test -p regnet-macros speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn expansion() {
    let declarations = [published(), deep(), random(1000)].concat();
    let timed = declarations.iter().map(|(form, text)| (time(*form, text), text));
    let mut timed: Vec<_> = timed.collect();
    timed.sort();
    let (median, _) = timed[timed.len() / 2];
    let (longest, declaration) = timed[timed.len() - 1];
    println!("{} expansions: median {median:.1?}, longest {longest:.1?}: {declaration}", timed.len());
}
