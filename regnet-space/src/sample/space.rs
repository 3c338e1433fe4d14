//! The spaces that networks are drawn from.

use std::fmt;

use super::distribution::{LogUniform, PowersThenMultiples};
use super::rng::Rng;
use crate::bottleneck::Bottleneck;
use crate::compat::Compatibility;
use crate::params::{RegNetParams, SE_RATIO};
use crate::quantise::{QUANTUM, Steps};
use crate::spec::Stage;

/// Sampled networks have four stages, as every network of the paper has.
const STAGES: usize = 4;

const D: LogUniform = LogUniform { low: 1, high: 63 };
/// In multiples of 8.
const W0: LogUniform = LogUniform { low: 1, high: 31 };
/// In tenths. The paper says only that w_a < 256; 8 is the least that pycls's sweeps draw.
const WA: LogUniform = LogUniform { low: 80, high: 2559 };
/// In thousandths.
const WM: LogUniform = LogUniform { low: 1500, high: 3000 };
/// The paper says only that g > 1; 128 is the most that pycls's sweeps draw.
const G: PowersThenMultiples = PowersThenMultiples { quantum: 8, high: 128 };

/// A design space that networks can be drawn from.
///
/// Ranges are those of "Designing Network Design Spaces" (2020), section 3.3 and 4, and every number is drawn
/// log-uniformly, quantised as in pycls's sweeps:
///
/// | parameter | values |
/// | --- | --- |
/// | d | 1 to 63 |
/// | w0 | 8 to 248 in steps of 8 |
/// | wa | 8 to 255.9 in steps of 0.1 |
/// | wm | 1.5 to 3 in steps of 0.001 |
/// | g | 2, 4, and 8 to 128 in steps of 8, at most the widest stage's width |
/// | b | 1 |
///
/// Only networks of four stages are kept, and none whose widths skip a power of wm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampledSpace {
    /// RegNets without squeeze-and-excitation.
    RegNetX,
    /// RegNets with squeeze-and-excitation of the published ratio.
    RegNetY,
}

impl SampledSpace {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::RegNetX, Self::RegNetY];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::RegNetX => "RegNetX",
            Self::RegNetY => "RegNetY",
        }
    }

    /// The space of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|space| space.name() == name)
    }

    /// Draws one candidate: its parameters and stages, if they are a network of the space.
    ///
    /// Each number is drawn without a look at the others, and a candidate is given up as soon as no value of those
    /// left could save it; what is kept is distributed as if every candidate had been drawn whole.
    pub(super) fn draw(self, rng: &mut Rng) -> Option<(RegNetParams, Vec<Stage>)> {
        let d = D.draw(rng) as usize;
        if d < STAGES {
            return None;
        }
        let w0 = W0.draw(rng) as usize * QUANTUM;
        let wa = f64::from(WA.draw(rng)) / 10.0;
        let wm = f64::from(WM.draw(rng)) / 1000.0;
        let params = RegNetParams { d, w0, wa, wm, g: 1, b: Bottleneck::ONE, se: self.se() };
        // Steps count from 0 and grow with the blocks, so the last block alone rules out most candidates.
        if Steps::new(&params).of(d - 1) != (STAGES - 1) as f64 {
            return None;
        }
        let params = RegNetParams { g: G.draw(rng) as usize, ..params };
        let stages = params.sound_stages(Compatibility::Published);
        // A stage too narrow for g uses its own width; where all are, g means nothing.
        let group_fits = stages.last()?.group_width == params.g;
        (stages.len() == STAGES && group_fits).then_some((params, stages))
    }

    fn se(self) -> Option<f64> {
        match self {
            Self::RegNetX => None,
            Self::RegNetY => Some(SE_RATIO),
        }
    }
}

impl fmt::Display for SampledSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
