//! Drawing networks from a design space, reproducibly.
//!
//! ```
//! use regnet_space::{SampledSpace, Sampler, Stem, StemKind};
//!
//! let mut sampler = Sampler::new(SampledSpace::RegNetX, 7);
//! sampler.stem = Stem { kind: StemKind::Cifar, width: 16 };
//! sampler.input = [3, 32, 32];
//! sampler.classes = 10;
//! sampler.windows.flops = Some(80_000_000..=100_000_000);
//! let nets = sampler.draw(8).map_err(|mut errors| errors.remove(0))?;
//! assert_eq!(nets, sampler.draw(8).map_err(|mut errors| errors.remove(0))?);
//! # Ok::<(), regnet_space::SampleError>(())
//! ```
//!
//! The seed decides everything, on every platform. Drawing uses integers and operations that IEEE 754 rounds exactly;
//! `ln` and `powf`, whose last bit may differ between platforms, enter only where widths are quantised, and there
//! they are rounded to whole steps and multiples of 8.

mod cost;
mod distribution;
mod error;
pub(crate) mod rng;
mod space;
mod window;

use std::collections::HashSet;

use crate::complexity::Complexity;
use crate::declaration::Declaration;
use crate::error::{ParamError, SpecError};
use crate::limits::MAX_INPUT;
use crate::spec::{Stage, Stem, check_ends};
pub use error::{Blamed, SampleError};
use rng::Rng;
pub use space::SampledSpace;
use window::Tally;
pub use window::{Figure, Windows};

/// How many draws in a row may fail to give one more network.
///
/// Of a window that one candidate in 10,000 falls into, a search this long misses every model with probability e^-10;
/// an empty one is found out in a fraction of a second, even by an unoptimised macro.
pub const MAX_TRIES: usize = 100_000;

/// What to draw from, and what to keep of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    /// The design space.
    pub space: SampledSpace,
    /// What every draw follows from.
    pub seed: u64,
    /// The complexity of the networks kept.
    pub windows: Windows,
    /// Channels, height and width of the images that complexity is counted for.
    pub input: [usize; 3],
    /// Classes the head tells apart.
    pub classes: usize,
    /// The stem.
    pub stem: Stem,
}

impl Sampler {
    /// All of a space, for ImageNet: images of 3 x 224 x 224, 1,000 classes, the published stem.
    pub fn new(space: SampledSpace, seed: u64) -> Self {
        let (windows, stem) = (Windows::default(), Stem::default());
        Self { space, seed, windows, input: [3, 224, 224], classes: 1000, stem }
    }

    /// The networks of this seed, one after the other, no two of them with the same stages.
    ///
    /// # Errors
    ///
    /// Everything wrong with the input, the stem, the head and the windows.
    pub fn samples(&self) -> Result<Samples, Vec<SampleError>> {
        let errors = self.errors();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Samples {
            sampler: self.clone(),
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
    pub fn draw(&self, count: usize) -> Result<Vec<Declaration>, Vec<SampleError>> {
        self.samples()?.take(count).collect::<Result<_, _>>().map_err(|error| vec![error])
    }

    fn errors(&self) -> Vec<SampleError> {
        let [channels, height, width] = self.input;
        let mut errors = check_ends(channels, self.stem, self.classes);
        let sides = 1..=MAX_INPUT;
        if !(sides.contains(&height) && sides.contains(&width)) {
            errors.push(SpecError::InputSize { height, width });
        }
        let ends = errors.into_iter().map(|error| SampleError::Network(ParamError::Spec(error)));
        ends.chain(self.windows.errors()).collect()
    }
}

/// Networks as they are drawn; after an error there are no more.
#[derive(Debug, Clone)]
pub struct Samples {
    sampler: Sampler,
    rng: Rng,
    /// The stages of every network given out. Only asked for members, so its order does not matter.
    seen: HashSet<Vec<Stage>>,
    tally: Tally,
    exhausted: bool,
}

impl Iterator for Samples {
    type Item = Result<Declaration, SampleError>;

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
    fn attempt(&mut self) -> Option<Declaration> {
        let Sampler { space, ref windows, stem, input: [input_channels, height, width], classes, .. } =
            self.sampler;
        self.tally.tries += 1;
        let (params, stages) = space.draw(&mut self.rng)?;
        let declaration = Declaration { stem, input_channels, classes, ..Declaration::new(params) };
        let cost: Complexity = cost::complexity(&declaration, &stages, [height, width]);
        let inside = self.tally.count(windows, cost);
        (inside && self.seen.insert(stages)).then_some(declaration)
    }
}
