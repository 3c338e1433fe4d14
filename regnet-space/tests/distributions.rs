//! Parameters are drawn as they should be: the probabilities of values against scipy, and networks against samplers that
//! draw until they find.
#![allow(clippy::unwrap_used)]

use regnet_space::design::Axis;
use regnet_space::{
    AnyNet, Bottleneck, Compatibility, DesignSpace, Distribution, Drawn, RegNetParams, Sampler, SpaceName,
    Stage,
};
use serde_json::Value;

/// Written by `tests/reference/distributions.py`.
const REFERENCE: &str = include_str!("../../tests/reference/distributions.json");

/// The values of a case, by its name.
fn values(name: &str) -> Vec<f64> {
    let (space, axis) = name.split_once(' ').unwrap();
    let Ok(space) = space.parse::<SpaceName>() else {
        return if name == "some depths" { vec![12.0, 13.0, 14.0, 20.0] } else { vec![0.25, 0.5, 1.0, 2.0] };
    };
    let axis = Axis::of(space).iter().find(|known| known.name() == axis).unwrap();
    DesignSpace::new(space).choices(*axis)[0].values().to_vec()
}

#[test]
fn probabilities_agree_with_scipy() {
    let cases: Vec<Value> = serde_json::from_str(REFERENCE).unwrap();
    assert_eq!(cases.len(), 47);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let distribution: Distribution = case["distribution"].as_str().unwrap().parse().unwrap();
        let values = values(name);
        assert_eq!(case["values"], values.len(), "{name}");
        let p = distribution.probabilities(&values);
        let (places, expected) =
            (case["places"].as_array().unwrap(), case["probabilities"].as_array().unwrap());
        for (place, expected) in places.iter().zip(expected) {
            let (p, expected) = (p[place.as_u64().unwrap() as usize], expected.as_f64().unwrap());
            assert!(
                (p - expected).abs() <= 1e-12 * expected + 1e-15,
                "{name} {distribution}: {p} {expected}"
            );
        }
        let (mean, expected): (f64, _) =
            (p.iter().zip(&values).map(|(p, x)| p * x).sum(), case["mean"].as_f64().unwrap());
        assert!((mean - expected).abs() <= 1e-12 * expected, "{name} {distribution}: {mean} {expected}");
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name} {distribution}");
    }
}

/// Knuth's generator: not the sampler's.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A log-uniform real number, rounded up to one of these values.
    fn log_uniform(&mut self, values: &[f64]) -> f64 {
        let (first, last) = (values[0], values[values.len() - 1]);
        let low = first - (first / 2.0).min(values[1] - first);
        let x = low * (last / low).powf(self.unit());
        *values.iter().find(|&&value| value >= x).unwrap_or(&last)
    }
}

/// The largest distance between the cumulative distributions of two samples.
fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let sorted = |sample: &[f64]| {
        let mut sorted = sample.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (a, b) = (sorted(a), sorted(b));
    let below = |sample: &[f64], x: f64| sample.partition_point(|&y| y <= x) as f64 / sample.len() as f64;
    a.iter().map(|&x| (below(&a, x) - below(&b, x)).abs()).fold(0.0, f64::max)
}

/// Two samples of n from one distribution are further apart than this once in 10,000 times.
fn bound(n: usize) -> f64 {
    2.225 * (2.0 / n as f64).sqrt()
}

/// Asserts that every figure of a network is distributed alike in both samples.
fn assert_alike(what: &str, sampled: &[AnyNet], brute: &[AnyNet]) {
    let n = sampled.len();
    assert_eq!(n, brute.len());
    let stages = sampled[0].stages.len();
    let figures: [(&str, fn(&Stage) -> f64); 4] = [
        ("depth", |stage| stage.depth as f64),
        ("width", |stage| stage.width as f64),
        ("bottleneck", |stage| stage.bottleneck.ratio()),
        ("group width", |stage| stage.group_width as f64),
    ];
    for (name, figure) in figures {
        for i in 0..stages {
            let of = |nets: &[AnyNet]| nets.iter().map(|net| figure(&net.stages[i])).collect::<Vec<_>>();
            let distance = kolmogorov_smirnov(&of(sampled), &of(brute));
            assert!(distance < bound(n), "{what}: {name} of stage {}: {distance}", i + 1);
        }
    }
    let total = |nets: &[AnyNet]| nets.iter().map(|net| flops(net) as f64).collect::<Vec<_>>();
    let distance = kolmogorov_smirnov(&total(sampled), &total(brute));
    assert!(distance < bound(n), "{what}: flops: {distance}");
}

fn flops(net: &AnyNet) -> u64 {
    net.complexity(32, 32).unwrap().flops
}

const N: usize = 1500;
const ENDS: &str = "stem = cifar(16), classes = 10";

fn sampled(text: &str) -> (DesignSpace, Vec<AnyNet>) {
    let mut space = DesignSpace::parse(text).unwrap();
    space.constrain(ENDS).unwrap();
    let drawn = Sampler::new(space.clone(), 5).draw(N).unwrap();
    (space, drawn.into_iter().map(|drawn| drawn.net).collect())
}

/// A network of these stages, with the ends of [`ENDS`].
fn net(space: &DesignSpace, stages: Vec<Stage>) -> AnyNet {
    let mut nets = Sampler::new(space.clone(), 1).draw(1).unwrap();
    let Drawn { net, .. } = nets.remove(0);
    AnyNet { stages, ..net }
}

/// Neither what rises nor the window leaves a mark beyond the condition itself.
#[test]
fn anynets_are_distributed_as_if_drawn_until_they_fit() {
    for (name, stages, window) in [
        (SpaceName::AnyNetXA, 4, 20_000_000..=200_000_000),
        (SpaceName::AnyNetXC, 3, 20_000_000..=200_000_000),
        (SpaceName::AnyNetXE, 2, 2_000_000..=20_000_000),
    ] {
        let text = format!("{name}, stages = {stages}, flops = {}..{}", window.start(), window.end());
        let (space, sampled) = sampled(&text);
        let template = net(&space, Vec::new());
        let mut random = Random(3);
        let mut brute = Vec::new();
        while brute.len() < N {
            let stages = naive_stages(name, stages, &mut random);
            let net = AnyNet { stages, ..template.clone() };
            if !net.stages.is_empty() && window.contains(&flops(&net)) {
                brute.push(net);
            }
        }
        assert_alike(&text, &sampled, &brute);
    }
}

/// Every number on its own; none where they do not rise as they must.
fn naive_stages(name: SpaceName, stages: usize, random: &mut Random) -> Vec<Stage> {
    let mut draw = |axis: Axis| -> Vec<f64> {
        let values = axis.values(name);
        let shared = match axis {
            Axis::B => name >= SpaceName::AnyNetXB,
            Axis::G => name >= SpaceName::AnyNetXC,
            _ => false,
        };
        if shared {
            return vec![random.log_uniform(&values); stages];
        }
        (0..stages).map(|_| random.log_uniform(&values)).collect()
    };
    let [d, w, b, g] = [Axis::D, Axis::W, Axis::B, Axis::G].map(&mut draw);
    let falls = |x: &[f64]| x.windows(2).any(|pair| pair[1] < pair[0]);
    if (name >= SpaceName::AnyNetXD && falls(&w)) || (name >= SpaceName::AnyNetXE && falls(&d)) {
        return Vec::new();
    }
    let stage = |i: usize| {
        // The published rule, written out for ratios of at least 1.
        let (inner, ratio) = ((w[i] / b[i]) as usize, b[i] as usize);
        let group_width = inner.min(g[i] as usize);
        let groups = (inner as f64 / group_width as f64).round_ties_even() as usize;
        let width = groups * group_width * ratio;
        let bottleneck = Bottleneck::reduces(ratio);
        Stage { depth: d[i] as usize, width, stride: 2, bottleneck, group_width }
    };
    (0..stages).map(stage).collect()
}

#[test]
fn regnets_are_distributed_as_if_drawn_until_they_fit() {
    let window = 20_000_000..=300_000_000;
    let text = format!("RegNetX, flops = {}..{}", window.start(), window.end());
    let (space, sampled) = sampled(&text);
    let template = net(&space, Vec::new());
    let mut random = Random(4);
    let mut brute = Vec::new();
    let values =
        Axis::of(SpaceName::RegNetX).iter().map(|axis| axis.values(SpaceName::RegNetX)).collect::<Vec<_>>();
    while brute.len() < N {
        let [d, w0, wa, wm, b, g] = std::array::from_fn(|i| random.log_uniform(&values[i]));
        let b = Bottleneck::reduces(b as usize);
        let params = RegNetParams { d: d as usize, w0: w0 as usize, wa, wm, g: g as usize, b, se: None };
        let steps = (1.0 + wa * (d - 1.0) / w0).ln() / wm.ln();
        if steps.round_ties_even() != 3.0 {
            continue;
        }
        let stages = params.stages_fitted(Compatibility::Published).unwrap();
        let fits = stages.len() == 4 && stages[3].inner_width() >= params.g;
        let net = AnyNet { stages, ..template.clone() };
        if fits && window.contains(&flops(&net)) {
            brute.push(net);
        }
    }
    assert_alike(&text, &sampled, &brute);
}
