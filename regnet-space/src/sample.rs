//! Drawing networks from a design space, reproducibly.
//!
//! ```
//! use regnet_space::{DesignSpace, Sampler, SpaceName};
//!
//! let mut space = DesignSpace::new(SpaceName::AnyNetXE);
//! space.constrain("stem = cifar(16), classes = 10, flops = 80M..100M").map_err(|mut errors| errors.remove(0))?;
//! let sampler = Sampler::new(space, 7);
//! let drawn = sampler.draw(8).map_err(|mut errors| errors.remove(0))?;
//! assert_eq!(drawn, sampler.draw(8).map_err(|mut errors| errors.remove(0))?);
//! assert!((80_000_000..=100_000_000).contains(&drawn[0].net.complexity(32, 32)?.flops));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The seed decides everything, on every platform. Drawing uses integers and operations that IEEE 754 rounds exactly;
//! `ln` and `powf`, whose last bit may differ between platforms, enter only where the widths of RegNets are quantised,
//! and there they are rounded to whole steps and multiples of 8.
//!
//! Whatever is not a network of the space, lies outside a window or was drawn before is passed over. What is left has
//! the distribution of the space under that condition and no other: the probability of a network is the product of the
//! probabilities of its parameters, but for a constant.

mod anynet;
mod cost;
mod error;
mod regnet;
pub(crate) mod rng;
mod table;
mod window;

use std::collections::HashSet;

use crate::complexity::Complexity;
use crate::declaration::Declaration;
use crate::design::DesignSpace;
use crate::params::RegNetParams;
use crate::spec::{AnyNet, Block, Stage};
use anynet::AnyNets;
use cost::Ends;
pub use error::{Blamed, SampleError};
use regnet::RegNets;
use rng::Rng;
use window::Tally;
pub use window::{Figure, Windows};

/// How many draws in a row may fail to give one more network.
///
/// Of a window that one candidate in 10,000 falls into, a search this long misses every model with probability e^-10;
/// an empty one is found out in a fraction of a second, even by an unoptimised macro.
pub const MAX_TRIES: usize = 100_000;

/// What to draw from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    /// The design space.
    pub space: DesignSpace,
    /// What every draw follows from.
    pub seed: u64,
}

/// A network that was drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The network.
    pub net: AnyNet,
    /// The declaration that makes it, for a RegNet.
    pub declaration: Option<Declaration>,
}

impl Drawn {
    /// The generating parameters of a RegNet.
    pub fn params(&self) -> Option<&RegNetParams> {
        self.declaration.as_ref().map(|declaration| &declaration.params)
    }
}

impl Sampler {
    /// The networks of a space by seed.
    pub fn new(space: impl Into<DesignSpace>, seed: u64) -> Self {
        Self { space: space.into(), seed }
    }

    /// The networks of this seed, one after the other, no two of them with the same stages.
    ///
    /// # Errors
    ///
    /// Everything wrong with the input, the stem, the head and the windows.
    pub fn samples(&self) -> Result<Samples, Vec<SampleError>> {
        let ends = self.space.end_errors().into_iter().map(SampleError::Network);
        let errors: Vec<_> = ends.chain(self.space.windows.errors()).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let plan = if self.space.base().is_regnet() {
            Plan::RegNets(Box::new(RegNets::new(&self.space)))
        } else {
            Plan::AnyNets(AnyNets::new(&self.space))
        };
        Ok(Samples {
            sampler: self.clone(),
            plan,
            rng: Rng::new(self.seed),
            seen: HashSet::new(),
            tally: Tally::default(),
            exhausted: false,
        })
    }

    /// The first `count` networks of this seed.
    ///
    /// # Errors
    ///
    /// As [`samples`](Self::samples), and [`SampleError::TooFew`].
    pub fn draw(&self, count: usize) -> Result<Vec<Drawn>, Vec<SampleError>> {
        self.samples()?.take(count).collect::<Result<_, _>>().map_err(|error| vec![error])
    }
}

/// What to draw, ready for drawing.
#[derive(Debug, Clone)]
enum Plan {
    AnyNets(AnyNets),
    RegNets(Box<RegNets>),
}

/// Networks as they are drawn; after an error there are no more.
#[derive(Debug, Clone)]
pub struct Samples {
    sampler: Sampler,
    plan: Plan,
    rng: Rng,
    /// The stages of every network given out. Only asked for members, so its order does not matter.
    seen: HashSet<Vec<Stage>>,
    tally: Tally,
    exhausted: bool,
}

impl Iterator for Samples {
    type Item = Result<Drawn, SampleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.exhausted {
            return None;
        }
        if let Some(found) = (0..MAX_TRIES).find_map(|_| self.attempt()) {
            return Some(Ok(found));
        }
        self.exhausted = true;
        Some(Err(self.tally.too_few(&self.sampler, self.seen.len())))
    }
}

impl Samples {
    /// Candidates drawn so far, and how many of them the windows admitted.
    pub fn tries(&self) -> (usize, usize) {
        (self.tally.tries, self.tally.inside)
    }

    /// One draw. `None` when it is no network of the space, lies outside a window, or was given out before.
    fn attempt(&mut self) -> Option<Drawn> {
        let space = &self.sampler.space;
        self.tally.tries += 1;
        let (params, stages) = match &self.plan {
            Plan::AnyNets(plan) => (None, plan.draw(&mut self.rng)?),
            Plan::RegNets(plan) => plan.draw(&mut self.rng).map(|(params, stages)| (Some(params), stages))?,
        };
        let &DesignSpace { stem, se, classes, .. } = space;
        let ends = Ends { stem, input: space.input(), se, classes };
        let cost: Complexity = cost::complexity(&ends, &stages);
        if !self.tally.count(&space.windows, cost) || !self.seen.insert(stages.clone()) {
            return None;
        }
        let [input_channels, ..] = ends.input;
        let declare = |params| Declaration { stem, input_channels, classes, ..Declaration::new(params) };
        let net =
            AnyNet { input_channels, stem, block: Block::Bottleneck, stages, se, regulator: None, classes };
        Some(Drawn { net, declaration: params.map(declare) })
    }
}
