//! Design spaces: what they are, how large, and what their text means.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use regnet_space::design::Axis;
use regnet_space::{
    Bottleneck, Compatibility, DesignSpace, Distribution, Sampler, SpaceName, Stage, Stem, StemKind,
};

fn space(text: &str) -> DesignSpace {
    DesignSpace::parse(text).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

fn values(text: &str, axis: Axis) -> Vec<f64> {
    space(text).choices(axis)[0].values().to_vec()
}

#[test]
fn the_papers_spaces() {
    use SpaceName::{AnyNetXA, AnyNetXB, AnyNetXC, AnyNetXD, AnyNetXE, RegNetX, RegNetY};
    for (name, dimensions) in [
        (AnyNetXA, 16),
        (AnyNetXB, 13),
        (AnyNetXC, 10),
        (AnyNetXD, 10),
        (AnyNetXE, 10),
        (RegNetX, 6),
        (RegNetY, 6),
    ] {
        let space = DesignSpace::new(name);
        assert_eq!((space.degrees_of_freedom(), space.stages()), (dimensions, &[4][..]), "{name}");
        assert_eq!(space.se, (name == RegNetY).then_some(0.25));
        assert_eq!(space.to_string(), name.name());
        for &axis in Axis::of(name) {
            let values = axis.values(name);
            assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{name} {axis}");
        }
    }
    assert_eq!(values("AnyNetXA", Axis::G), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
    assert_eq!((values("RegNetX", Axis::D)[62], values("RegNetX", Axis::W0)[30]), (63.0, 248.0));
}

/// The paper's (16·128·3·6)^4 and so on, and rising numbers counted with equal neighbours.
#[test]
fn sizes() {
    let settings = |text: &str| space(text).settings().exact().unwrap();
    let a = (16_u128 * 128 * 3 * 6).pow(4);
    assert_eq!(settings("AnyNetXA"), a);
    assert_eq!(settings("AnyNetXB"), a / 27);
    assert_eq!(settings("AnyNetXC"), a / 27 / 216);
    let (widths, depths) = (131 * 130 * 129 * 128 / 24, 19 * 18 * 17 * 16 / 24);
    assert_eq!(settings("AnyNetXD"), 16_u128.pow(4) * widths * 18);
    assert_eq!(settings("AnyNetXE"), depths * widths * 18);
    assert_eq!(settings("RegNetX"), 63 * 31 * 2480 * 1501 * 2 * 18);
    assert_eq!(settings("RegNetX, w0 = wa, b = 1, wm = 2"), 63 * 31 * 18);
    assert_eq!(settings("AnyNetXC, stages = 1..2"), 16 * 128 * 18 + (16_u128 * 128).pow(2) * 18);
    assert_eq!(settings("AnyNetXD, w1 >= 1000, w4 <= 1008, d = 1, b = 1, g = 8"), 5);
    assert_eq!(settings("AnyNetXD, w1 >= 512, w2 <= 64, d = 1"), 0);
    let many: Vec<String> = (1..=1024).map(|g| g.to_string()).collect();
    let many = space(&format!("AnyNetXA, stages = 6, g = {{{}}}", many.join(", "))).settings();
    assert_eq!(many.exact(), None);
    assert!((many.near() / (16.0_f64 * 128.0 * 3.0 * 1024.0).powi(6) - 1.0).abs() < 1e-12);
    assert_eq!(many.to_string(), "6.20e40");
}

/// Every network of small spaces, one by one.
#[test]
fn networks_are_counted_as_enumerated() {
    for text in [
        "AnyNetXA, stages = 2, d <= 2, w <= 48",
        "AnyNetXB, stages = 2, d = {1, 3}, w <= 48, g1 >= 4",
        "AnyNetXC, stages = 3, d = 1, w <= 40",
        "AnyNetXD, stages = 3, d = 1, w <= 56, b = {1/2, 1, 4}",
        "AnyNetXD, stages = 3, d = 1, w1 = {24, 40}, w2 = {16, 24, 48}, w3 >= 24, w3 <= 64, b = 1",
        "AnyNetXE, stages = 3, d <= 3, w <= 48, g = {3, 16, 24, 32}",
    ] {
        let space = space(text);
        let (settings, networks) = enumerate(&space);
        assert_eq!(space.settings().exact(), Some(settings), "{text}");
        assert_eq!(space.networks().unwrap().exact(), Some(networks), "{text}");
        assert!(networks < settings, "{text}: {networks} {settings}");
    }
    assert_eq!(space("RegNetX").networks(), None);
}

fn enumerate(space: &DesignSpace) -> (u128, u128) {
    let stages = space.stages()[0];
    let sequences = |axis: Axis| -> Vec<Vec<f64>> {
        let choices = space.choices(axis);
        if let [shared] = choices {
            return shared.values().iter().map(|&x| vec![x; stages]).collect();
        }
        let mut sequences = vec![Vec::new()];
        for choice in &choices[..stages] {
            let longer = |sequence: &Vec<f64>| {
                let sequence = sequence.clone();
                choice.values().iter().map(move |&x| [&sequence[..], &[x]].concat()).collect::<Vec<_>>()
            };
            sequences = sequences.iter().flat_map(longer).collect();
        }
        let rises = axis.rises(space.base());
        sequences.retain(|sequence| !rises || sequence.windows(2).all(|pair| pair[0] <= pair[1]));
        sequences
    };
    let [d, w, b, g] = [Axis::D, Axis::W, Axis::B, Axis::G].map(sequences);
    let mut networks = HashSet::new();
    for w in &w {
        for b in &b {
            for g in &g {
                networks.insert(fitted(w, b, g));
            }
        }
    }
    let count = |sequences: &[Vec<f64>]| sequences.len() as u128;
    let settings = count(&d) * count(&w) * count(&b) * count(&g);
    (settings, count(&d) * networks.len() as u128)
}

/// Widths and group widths fitted by the generator itself: one stage is a RegNet of one block.
fn fitted(w: &[f64], b: &[f64], g: &[f64]) -> Vec<(usize, usize, usize)> {
    let stage = |i: usize| {
        let b = Bottleneck::from_ratio(b[i]).unwrap();
        let params = regnet_space::RegNetParams {
            d: 1,
            w0: w[i] as usize,
            wa: 0.0,
            wm: 2.0,
            g: g[i] as usize,
            b,
            se: None,
        };
        let Stage { width, group_width, bottleneck, .. } =
            params.stages_fitted(Compatibility::Published).unwrap()[0];
        (width, group_width, (bottleneck.ratio() * 64.0) as usize)
    };
    (0..w.len()).map(stage).collect()
}

/// The rule for widths and groups, on every width, ratio and group width of AnyNetXA.
#[test]
fn fitted_widths_are_near_and_in_the_space() {
    let axes = |axis: Axis| axis.values(SpaceName::AnyNetXA);
    for b in axes(Axis::B) {
        for g in axes(Axis::G) {
            let mut before = 0;
            for w in axes(Axis::W) {
                let (width, group, _) = fitted(&[w], &[b], &[g])[0];
                let inner = width / b as usize;
                assert!(
                    inner.is_multiple_of(group) && width.is_multiple_of(8) && width <= 1024,
                    "{w} {b} {g}"
                );
                assert_eq!(group, (g as usize).min(w as usize / b as usize), "{w} {b} {g}");
                assert!(3.0 * (width as f64 - w).abs() <= w, "{w} {b} {g}: {width}");
                assert!(width >= before, "{w} {b} {g}");
                before = width;
            }
        }
    }
}

#[test]
fn constraints() {
    assert_eq!(values("RegNetX, wm = 2", Axis::Wm), [2.0]);
    assert_eq!(values("RegNetX, wa = 36.97", Axis::Wa), [36.97]);
    assert_eq!(values("RegNetX, g >= 112", Axis::G), [112.0, 120.0, 128.0]);
    assert_eq!(values("RegNetX,g>104,g<=112", Axis::G), [112.0]);
    for text in [
        "RegNetX, d = 12..14",
        "RegNetX, d = 12..=14,",
        "RegNetX, d = { 14, 12,13 , 12 }",
        "RegNetX, d > 11, d < 15",
    ] {
        assert_eq!(values(text, Axis::D), [12.0, 13.0, 14.0], "{text}");
    }
    assert_eq!(values("RegNetX, d = ..2", Axis::D), [1.0, 2.0]);
    assert_eq!(values("RegNetX, d < 64, w0 < 256", Axis::D).len(), 63);
    assert_eq!(values("AnyNetXB, b in {1/4, 1/2, 1}", Axis::B), [0.25, 0.5, 1.0]);
    let one = space("AnyNetXA, d <= 8, w1 = 32, d4 = 2, g2 = {4, 12}");
    assert_eq!(one.choices(Axis::W)[0].values(), [32.0]);
    assert_eq!(one.choices(Axis::W)[1].values().len(), 128);
    assert_eq!((one.choices(Axis::D)[3].values(), one.choices(Axis::D)[0].values().len()), (&[2.0][..], 8));
    assert_eq!(one.degrees_of_freedom(), 14);
    assert_eq!(space("AnyNetXA, stages = 3..5").stages(), [3, 4, 5]);
    assert_eq!(space("RegNetY, se = false").se, None);
    assert_eq!(space("RegNetX, se = true").se, Some(0.25));
    let ends = space("RegNetX, stem = cifar(16), classes = 10");
    assert_eq!((ends.stem, ends.classes), (Stem { kind: StemKind::Cifar, width: 16 }, 10));
    assert_eq!(ends.input(), [3, 32, 32]);
    assert_eq!(space("RegNetX, input = 1 x 28x28, stem = cifar:8").input(), [1, 28, 28]);
    assert_eq!(space("RegNetX, resolution = 48").input(), [3, 48, 48]);
}

#[test]
fn windows() {
    let flops = |text: &str| space(&format!("RegNetX, {text}")).windows.flops.unwrap();
    assert_eq!(flops("flops = 360M..400M"), 360_000_000..=400_000_000);
    assert_eq!(flops("flops = 0.36G..=400_000K"), 360_000_000..=400_000_000);
    assert_eq!(flops("flops = ..100M"), 0..=100_000_000);
    assert_eq!(flops("flops = 100M.."), 100_000_000..=u64::MAX);
    assert_eq!(flops("flops >= 1K, flops < 2K"), 1000..=1999);
    let space = space("RegNetX, params <= 5M, acts > 3M");
    assert_eq!((space.windows.params, space.windows.acts), (Some(0..=5_000_000), Some(3_000_001..=u64::MAX)));
}

#[test]
fn a_space_reads_its_own_text() {
    for text in [
        "AnyNetXC",
        "RegNetX, d = 12..=28, wm = 2, b = 1, w0 = wa, stages = {4, 5}, flops = 1..=2000, classes = 10",
        "AnyNetXA, d2 = 3, w = 8..=64, b = {1/4, 1}, g3 = {3, 5}, g3 ~ uniform, se = 0.5, stem = cifar(16)",
        "RegNetY, wa = {0, 36.97}, wa ~ clipped-normal, params = 0..=5, se = false, input = 1x28x30",
    ] {
        let space = space(text);
        assert_eq!(space.to_string(), text);
        assert_eq!(DesignSpace::parse(&space.to_string()).unwrap(), space);
    }
}

#[test]
fn distributions_are_chosen_by_parameter() {
    let mut space = space("RegNetX, d ~ uniform, g ~ power-of-two");
    let distribution = |space: &DesignSpace, axis| space.choices(axis)[0].distribution();
    assert_eq!(distribution(&space, Axis::D), Distribution::Uniform);
    assert_eq!(distribution(&space, Axis::W0), Distribution::LogUniform);
    let drawn = Sampler::new(space.clone(), 1).draw(50).unwrap();
    assert!(drawn.iter().all(|drawn| drawn.params().unwrap().g.is_power_of_two()));
    space.draw_all_from(Distribution::ClippedNormal).unwrap();
    assert!(
        Axis::of(SpaceName::RegNetX)
            .iter()
            .all(|&axis| distribution(&space, axis) == Distribution::ClippedNormal)
    );
}

#[test]
fn drawn_networks_keep_to_the_constraints() {
    let draw = |text: &str| Sampler::new(space(text), 3).draw(40).unwrap();
    for drawn in draw("RegNetX, wm = 2, w0 = wa, g >= 8, b = 1, d <= 30, stages = 3..5") {
        let params = drawn.params().unwrap();
        assert!(
            (params.wm, params.wa) == (2.0, params.w0 as f64) && params.g >= 8 && params.d <= 30,
            "{params:?}"
        );
        assert!((3..=5).contains(&drawn.net.stages.len()));
        assert_eq!(drawn.declaration.unwrap().to_anynet().unwrap(), drawn.net);
    }
    let mut counts = HashSet::new();
    for drawn in draw(
        "AnyNetXD, b = {1/4, 1/2}, w <= 64, w1 = 16, d = 2, stages = {2, 6}, se = true, stem = cifar(16)",
    ) {
        let net = drawn.net;
        assert_eq!(net.check(), Ok(()));
        assert!(net.stages.iter().all(|stage| stage.bottleneck.is_inverted() && stage.depth == 2));
        assert!(net.stages.windows(2).all(|pair| pair[0].width <= pair[1].width));
        assert_eq!((net.se, net.stem.width), (Some(0.25), 16));
        counts.insert(net.stages.len());
    }
    assert_eq!(counts, HashSet::from([2, 6]));
}

/// What is wrong, what is allowed, and where.
#[test]
fn errors_point_at_the_part() {
    for (text, message) in [
        (
            "",
            "`` is not a design space's name; begin with one of AnyNetXA, AnyNetXB, AnyNetXC, AnyNetXD, AnyNetXE, RegNetX, RegNetY\n  \n  ^",
        ),
        (
            "wm = 2",
            "`wm = 2` is not a design space's name; begin with one of AnyNetXA, AnyNetXB, AnyNetXC, AnyNetXD, AnyNetXE, RegNetX, RegNetY\n  wm = 2\n  ^^^^^^",
        ),
        (
            "RegNetZ, wm = 2",
            "no design space is called `RegNetZ`; did you mean `RegNetX`? there are `AnyNetXA`, `AnyNetXB`, `AnyNetXC`, `AnyNetXD`, `AnyNetXE`, `RegNetX` and `RegNetY`\n  RegNetZ, wm = 2\n  ^^^^^^^",
        ),
        (
            "RegNetX, wm = 5",
            "wm = 5 is not possible; allowed are numbers from 1.5 to 3\n  RegNetX, wm = 5\n                ^",
        ),
        (
            "RegNetX, g = {8, 0}",
            "g = 0 is not possible; allowed are whole numbers from 1 to 1024\n  RegNetX, g = {8, 0}\n                   ^",
        ),
        (
            "RegNetX, d 12",
            "`d 12` is no constraint; write one as in `d = 12..28`, `g >= 8`, `wm = 2`\n  RegNetX, d 12\n           ^^^^",
        ),
        (
            "RegNetX, d = 12..70",
            "d = 12..70 reaches out of RegNetX; there it is 1 to 63\n  RegNetX, d = 12..70\n               ^^^^^^",
        ),
        (
            "RegNetX, d = 9..3",
            "d = 9..3 runs backwards; write the smaller number first\n  RegNetX, d = 9..3\n               ^^^^",
        ),
        (
            "RegNetX, d >= 64",
            "`d >= 64` leaves no value; d is one of 1 to 63\n  RegNetX, d >= 64\n           ^^^^^^^",
        ),
        (
            "RegNetX, d = 3, d = 4",
            "`d = 4` comes twice; write several values as in `d = {.., ..}`\n  RegNetX, d = 3, d = 4\n                  ^^^^^",
        ),
        (
            "RegNetX, d3 = 3",
            "`d3` cannot be constrained in RegNetX; did you mean `d`?\n  RegNetX, d3 = 3\n           ^^",
        ),
        (
            "AnyNetXB, b1 = 2",
            "all stages of AnyNetXB share b, so `b1 = 2` is not one stage's; write `b`, or begin with AnyNetXA\n  AnyNetXB, b1 = 2\n            ^^^^^^",
        ),
        (
            "AnyNetXA, wm = 2",
            "`wm` cannot be constrained in AnyNetXA; did you mean `w`?\n  AnyNetXA, wm = 2\n            ^^",
        ),
        (
            "RegNetX, depth = 2",
            "`depth` cannot be constrained in RegNetX; there are d, w0, wa, wm, b, g, stages, flops, params, acts, se, stem, input, resolution, classes\n  RegNetX, depth = 2\n           ^^^^^",
        ),
        (
            "RegNetX, d ~ unifrm",
            "no distribution is called `unifrm`; did you mean `uniform`?\n  RegNetX, d ~ unifrm\n               ^^^^^^",
        ),
        (
            "RegNetX, d = {3, 5}, d ~ power-of-two",
            "d is never a power of two: it is one of 3, 5; choose another distribution or other values\n  RegNetX, d = {3, 5}, d ~ power-of-two\n                       ^^^^^^^^^^^^^^^^",
        ),
        (
            "RegNetX, wa = 36.97, w0 = wa",
            "w0 = wa is never so: w0 is one of 8 to 248 in steps of 8, and wa of 36.97; leave a multiple of 8 in both\n  RegNetX, wa = 36.97, w0 = wa\n                       ^^^^^^^",
        ),
        (
            "RegNetX, flops = 4Q",
            "flops = 4Q is not possible; allowed are whole numbers, with K, M or G after them, and ranges such as 360M..400M\n  RegNetX, flops = 4Q\n                   ^^",
        ),
        (
            "RegNetX, flops = 4M..2M",
            "flops = 4000000..=2000000 runs backwards; write the smaller number first, 2000000..=4000000\n  RegNetX, flops = 4M..2M\n                   ^^^^^^",
        ),
        (
            "RegNetX, stem = big(3)",
            "no stem is called `big`; there are `simple`, `cifar` and `resnet`\n  RegNetX, stem = big(3)\n                  ^^^^^^",
        ),
        (
            "RegNetX, se >= 0.5",
            "`se >= 0.5` is nothing to compare; write it as in `se = 0.25`\n  RegNetX, se >= 0.5\n           ^^^^^^^^^",
        ),
        (
            "RegNetX, input = 32x32",
            "input = 32x32 is not possible; allowed are channels x height x width, as in 3x32x32\n  RegNetX, input = 32x32\n                   ^^^^^",
        ),
        (
            "RegNetX, stages = 0..9",
            "stages = 0..9 is not possible; allowed are whole numbers from 1 to 6\n  RegNetX, stages = 0..9\n                    ^^^^",
        ),
        (
            "RegNetX, b = 3/4",
            "b = 3/4 is not possible; allowed are whole numbers up to 64 and one over them, as in 1/4\n  RegNetX, b = 3/4\n               ^^^",
        ),
    ] {
        let errors = DesignSpace::parse(text).unwrap_err();
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [message], "{text}");
    }
}

#[test]
fn all_errors_are_found_and_nothing_is_changed() {
    let mut space = space("RegNetX");
    let errors = space.constrain("d = 99, q = 1, classes = 0, wm = 2, é ~ ü").unwrap_err();
    let at: Vec<&str> = errors.iter().map(|error| error.written()).collect();
    assert_eq!(at, ["99", "q", "0", "é"]);
    assert_eq!(space, DesignSpace::new(SpaceName::RegNetX));
    for odd in [
        "RegNetX,,",
        "RegNetX, = 3",
        "RegNetX, {",
        "RegNetX, d = {",
        "RegNetX, d = {}",
        "RegNetX, d = ..",
        "RegNetX, d = 1e999",
        "RegNetX, b = 1/0",
        "RegNetX, d = )(",
        "RegNetX, stem = (",
        "RegNetX, d = -1",
        "RegNetX, classes = 1.5",
        ",RegNetX",
    ] {
        assert!(DesignSpace::parse(odd).is_err(), "{odd}");
    }
}
