//! A network that is frozen for inference: the fastest way to run it on a CPU.
//!
//! [`Engine::new`] reads a layer graph and its tensors once. Batch norms, activations and shortcuts become part of the
//! convolutions around them; weights are packed in the order in which the kernels read them; every activation gets its
//! place in one arena. After the first call nothing is allocated any more.
//!
//! ```
//! use regnet_engine::frozen::{Engine, Options};
//! use regnet_space::Preset;
//!
//! let spec = Preset::find("RegNetX-200MF")?.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
//! let graph = spec.graph(64, 64)?;
//! # let lens: std::collections::HashMap<_, usize> =
//! #     graph.parameters().map(|tensor| (tensor.name, tensor.shape.iter().product())).collect();
//! # let weights = |name: &str| Some(vec![0.01; *lens.get(name)?]);
//! let engine = Engine::new(&graph, weights, &Options::default())?;
//! let mut logits = vec![0.0; 2 * 1000];
//! engine.run(&vec![0.5; 2 * 3 * 64 * 64], &mut logits)?;
//! assert_eq!(logits[..1000], logits[1000..]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it works
//!
//! | file | holds |
//! | --- | --- |
//! | `lower` | from the graph to fused layers, `fold` the arithmetic of norms |
//! | `pack` | the order of the weights |
//! | `plan`, `memory` | the steps, and where activations lie: `map` |
//! | `image`, `dense`, `grouped`, `winograd`, `cell`, `simple` | the kinds of steps; `tile` and `store` what some share |
//! | `narrow` | the same in bf16 and int8, for [`Precision`] |
//! | `way`, `tuning` | which kernels compute a convolution: as estimated, or as measured |
//! | `isa` | instruction sets |
//! | `pool`, `shared`, `work` | threads, the memory they share, and a thread's part |
//!
//! Activations lie in blocks of as many channels as a register has lanes, `[block][image][row][column][lane]`, so that
//! a kernel multiplies a broadcast input value by a register of weights, whatever the size of the map. Batches are split
//! by image; images that are fewer than the threads are split by rows or by channels. For one image the weights, which are
//! read once, are what takes long to come: they lie in large pages where the system has them (`pages`), and kernels ask for
//! them some time before they need them.

// Kernels count registers, from 0 to a constant; the compiler unrolls such loops, and keeps what is indexed in registers.
#![allow(clippy::needless_range_loop)]

mod cell;
pub(crate) mod dense;
mod error;
mod fold;
pub(crate) mod grouped;
mod image;
pub(crate) mod isa;
mod lower;
pub(crate) mod map;
pub(crate) mod memory;
mod narrow;
pub(crate) mod options;
mod pack;
pub mod peak;
mod plan;
pub(crate) mod pool;
mod profile;
mod run;
pub(crate) mod shared;
mod simple;
mod step;
pub(crate) mod store;
pub(crate) mod tile;
mod tuning;
mod way;
mod winograd;
pub(crate) mod work;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use regnet_space::graph::{Graph, Shape};

pub use self::error::FreezeError;
pub use self::fold::{Affine, Norm, fold};
pub use self::isa::Isa;
use self::lower::{Layer, Lowered};
pub use self::narrow::Precision;
pub use self::narrow::calibrate::{Calibration, Ranges};
use self::narrow::{Choice, Format};
pub use self::options::Options;
use self::pack::Packed;
use self::plan::{Plan, Source, late, used};
use self::pool::Pool;
pub use self::profile::StepTime;
use self::run::Call;
use self::shared::{Shared, share};
pub use self::tuning::Tuning;
pub use self::way::Way;
use crate::aligned::Aligned;

/// A network that is ready to run. See the [module](self).
#[derive(Debug)]
pub struct Engine {
    layers: Vec<Layer>,
    packed: Packed,
    isa: Isa,
    precision: Precision,
    input: Shape,
    /// The shapes of the results: the logits, then features.
    results: Vec<Shape>,
    /// For one image, and for a group.
    single: Plan,
    group: Plan,
    pool: Pool,
    /// Held by the call that is running.
    arenas: Mutex<Arenas>,
}

/// What a call works in; it stays for the next one.
#[derive(Debug)]
struct Arenas {
    /// Activations, of each thread that works on its own.
    values: Aligned<f32>,
    /// For each image, whether a NaN or an infinity was lost on the way: see [`Work::lose`](work::Work::lose).
    lost: Vec<AtomicBool>,
}

/// Images that a group has at most.
const GROUP: usize = 8;

impl Engine {
    /// Freezes a network: `tensor` gives the tensors of the graph by name.
    ///
    /// # Errors
    /// Any [`FreezeError`].
    pub fn new(
        graph: &Graph,
        tensor: impl FnMut(&str) -> Option<Vec<f32>>,
        options: &Options,
    ) -> Result<Self, FreezeError> {
        let format = options.precision.format().filter(|format| format.is_available(options.isa));
        Self::build(graph, tensor, options, options.pool()?, format, |lowered| {
            options.results(graph, lowered)
        })
    }

    /// Freezes a network to run on a pool, for a format that is available, if for any; `results` says which values are
    /// handed out.
    fn build(
        graph: &Graph,
        mut tensor: impl FnMut(&str) -> Option<Vec<f32>>,
        options: &Options,
        pool: Pool,
        format: Option<Format>,
        results: impl FnOnce(&Lowered) -> Result<Vec<usize>, FreezeError>,
    ) -> Result<Self, FreezeError> {
        let lowered = lower::lower(graph, &mut tensor)?;
        let results = results(&lowered)?;
        let mut layers = lowered.layers;
        let ranges = options.precision.ranges(layers.len())?;
        let choice = format.map(|format| Choice::new(&layers, format, options.isa, ranges));
        let used = used(&layers, &results);
        let methods: Vec<_> = layers.iter().map(|layer| options.method(layer)).collect();
        let packed = pack::pack(&mut layers, &used, &methods, options.isa, choice.as_ref(), &mut tensor)?;
        let source = Source {
            layers: &layers,
            packed: &packed,
            methods: &methods,
            choice: choice.as_ref(),
            used: &used,
            isa: options.isa,
            results: &results,
        };
        let single = Plan::new(&source, 1, layers.len());
        let group = Plan::new(&source, GROUP, late(&layers, &used));
        Ok(Self {
            input: layers[0].shape,
            results: results.iter().map(|&value| layers[value].shape).collect(),
            layers,
            packed,
            isa: options.isa,
            precision: if format.is_some() { options.precision.clone() } else { Precision::F32 },
            single,
            group,
            pool,
            arenas: Mutex::new(Arenas { values: Aligned::zeros(0), lost: Vec::new() }),
        })
    }

    /// The shape of an image.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// The shapes of what an image gives: the logits, then the features asked for.
    pub fn results(&self) -> &[Shape] {
        &self.results
    }

    /// Threads, the caller's included: those asked for, if there are as many processors. In a process that was forked from
    /// the one that built the engine, the calling thread is the only one.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The instruction set it was built for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// What its convolutions are computed with: what was asked for, or f32 where the instruction set has no products of
    /// such numbers. bf16 needs AVX512_BF16 and int8 AVX512_VNNI.
    pub fn precision(&self) -> &Precision {
        &self.precision
    }

    /// Bytes of the weights.
    pub fn weight_bytes(&self) -> usize {
        size_of_val(self.packed.values.as_ref())
    }

    /// Bytes that a call with `batch` images works in, all threads together; they stay for the next call.
    pub fn arena_bytes(&self, batch: usize) -> usize {
        let (plan, arenas) = self.layout(batch);
        plan.floats(arenas, self.threads()) * size_of::<f32>()
    }

    /// Runs a batch: `images` are `[n, c, h, w]`, normalised as in training, `logits` `[n, classes]`.
    ///
    /// Calls from several threads take turns. A process must not be forked while one is running.
    ///
    /// # NaN and infinities
    /// They make what they make in PyTorch, in the image that they are in: NaN stays NaN in every layer. In int8, which has
    /// no code for them, everything of the image that is handed out after a layer lost one is NaN.
    ///
    /// # Errors
    /// [`FreezeError::Images`], [`FreezeError::Result`], [`FreezeError::Features`].
    pub fn run(&self, images: &[f32], logits: &mut [f32]) -> Result<(), FreezeError> {
        if self.results.len() != 1 {
            return Err(FreezeError::Features { count: self.results.len() - 1 });
        }
        let batch = self.batch(images, [&*logits])?;
        self.start(Call { images, batch, clock: None }, &[share(logits)]);
        Ok(())
    }

    /// Runs a batch: `results` are the logits and the features asked for, each `[n, c, h, w]`.
    ///
    /// # Errors
    /// [`FreezeError::Images`], [`FreezeError::Result`].
    ///
    /// # Panics
    /// If there are not as many results as [`Engine::results`] has.
    pub fn run_features(&self, images: &[f32], results: &mut [&mut [f32]]) -> Result<(), FreezeError> {
        assert_eq!(results.len(), self.results.len(), "a slice for each result");
        let batch = self.batch(images, results.iter().map(|result| &**result))?;
        let results: Vec<_> = results.iter_mut().map(|result| share(result)).collect();
        self.start(Call { images, batch, clock: None }, &results);
        Ok(())
    }

    fn start(&self, call: Call<'_>, results: &[Shared<'_>]) {
        let (plan, count) = self.layout(call.batch);
        let mut arenas = self.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let len = plan.floats(count, self.threads());
        if arenas.values.as_ref().len() < len {
            // The old one goes first, so that there are never two.
            arenas.values = Aligned::zeros(0);
            arenas.values = Aligned::with_capacity(len);
            arenas.values.extend_zeros(len);
        }
        arenas.lost.iter_mut().for_each(|lost| *lost.get_mut() = false);
        if arenas.lost.len() < call.batch {
            arenas.lost.resize_with(call.batch, AtomicBool::default);
        }
        self.compute(plan, call, results, &mut arenas, count);
    }

    /// The plan for so many images, and how many threads work on images of their own.
    fn layout(&self, batch: usize) -> (&Plan, usize) {
        let threads = self.pool.threads();
        if batch < threads.max(2) { (&self.single, 1) } else { (&self.group, threads) }
    }

    /// How many images there are.
    fn batch<'a>(
        &self,
        images: &[f32],
        results: impl IntoIterator<Item = &'a [f32]>,
    ) -> Result<usize, FreezeError> {
        let image = self.input.len();
        if !images.len().is_multiple_of(image) {
            return Err(FreezeError::Images { found: images.len(), image });
        }
        let batch = images.len() / image;
        for (result, shape) in results.into_iter().zip(&self.results) {
            if result.len() != batch * shape.len() {
                return Err(FreezeError::Result { found: result.len(), batch, image: shape.len() });
            }
        }
        Ok(batch)
    }
}
