//! 100,000 random parameter sets against an independent numpy implementation: ../../tests/reference/quantise.py.
#![allow(clippy::unwrap_used)]

use regnet_space::{Bottleneck, RegNetParams};

const REFERENCE: &str = include_str!("../../tests/reference/quantise.txt");
const BLOCK: usize = 1_000;
const BOTTLENECKS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// Knuth's 64-bit linear congruential generator; the upper half of the state is used.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32) % n) as usize
    }

    fn params(&mut self) -> RegNetParams {
        let round_numbers = self.below(4) == 0;
        let d = 1 + self.below(64);
        let w0 = 8 * (1 + self.below(40));
        let wa = if round_numbers { (4 * self.below(64)) as f64 } else { self.below(25_600) as f64 / 100.0 };
        let wm = if round_numbers {
            (5 + self.below(8)) as f64 / 4.0
        } else {
            (1_050 + self.below(1_951)) as f64 / 1_000.0
        };
        let g = if self.below(2) == 0 { 8 * (1 + self.below(32)) } else { 1 + self.below(300) };
        let b = Bottleneck::from_ratio(BOTTLENECKS[self.below(BOTTLENECKS.len() as u64)]).unwrap();
        RegNetParams { d, w0, wa, wm, g, b, se: None }
    }
}

fn line(params: &RegNetParams) -> String {
    let stages = params.stages().unwrap();
    let texts: Vec<_> = stages.iter().map(|s| format!("{}x{}/{}", s.depth, s.width, s.group_width)).collect();
    texts.join(" ")
}

fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

#[test]
fn random_sets_agree_with_numpy() {
    let (shown, hashes): (Vec<_>, Vec<_>) =
        REFERENCE.lines().filter(|line| !line.starts_with('#')).partition(|line| line.contains('='));
    assert_eq!((shown.len(), hashes.len() * BLOCK), (12, 100_000));

    let mut draws = Draws(2020);
    let mut shown = shown.into_iter();
    for (block, hash) in hashes.into_iter().enumerate() {
        let mut text = String::new();
        for _ in 0..BLOCK {
            let params = draws.params();
            let stages = line(&params);
            if let Some(expected) = shown.next() {
                let RegNetParams { d, w0, wa, wm, g, b, .. } = params;
                assert_eq!(format!("{d} {w0} {wa} {wm} {g} {} = {stages}", b.ratio()), expected);
            }
            text += &stages;
            text.push('\n');
        }
        let first = block * BLOCK;
        assert_eq!(format!("{:016x}", fnv1a(&text)), hash, "sets {first} to {}", first + BLOCK - 1);
    }
}
