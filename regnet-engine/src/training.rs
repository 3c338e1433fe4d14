//! A training step of a whole network: forward with the statistics of the batch, and backward.
//!
//! A [`Plan`] is made of a layer graph and a batch size once; running it allocates nothing. Activations lie in blocks of
//! channels, as in [`frozen`](crate::frozen), whose kernels it shares. What batch norms make of a convolution's result is
//! never stored: the steps around them take their sums and normalise what they load (`norm`).
//!
//! | file | holds |
//! | --- | --- |
//! | `plan` | from the graph to the steps, and where their memory lies |
//! | `exec` | running steps on threads; all it knows of one is the trait `Step` |
//! | `tensor`, `window`, `patches` | how activations lie in memory, and near the processor while they are worked on |
//! | `norm` | batch norms and activations, applied when a feature map or a gradient is loaded |
//! | `pointwise`, `spatial`, `excite`, `simple` | the steps of each layer, forward and backward |
//! | `outer` | the kernel of weight gradients |
//! | `pack` | weights in the order in which kernels read them |
//!
//! # Determinism
//! Steps are cut into tasks, and sums into parts, that depend on the network and the batch alone; partial sums are added in
//! a fixed order. So results are the same bits for any number of threads.

// Kernels count registers, from 0 to a constant; the compiler unrolls such loops, and keeps what is indexed in registers.
#![allow(clippy::needless_range_loop)]

mod excite;
mod exec;
mod norm;
mod outer;
mod pack;
mod patches;
mod plan;
mod pointwise;
mod simple;
mod spatial;
mod tensor;
mod window;

use regnet_space::graph::{Graph, Shape};

use self::exec::{Context, Counter, Step, execute};
use self::norm::Row;
use self::plan::Steps;
use crate::aligned::Aligned;
use crate::frozen::Isa;
use crate::frozen::options::processors;
use crate::frozen::pool::Pool;
use crate::frozen::shared::Shared;

/// A layer that a [`Plan`] has no steps for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the layer `{layer}` cannot be trained by a plan for the whole network")]
pub struct Unsupported {
    /// Its name.
    pub layer: String,
}

/// The training step of a network on a batch of images of one size.
#[derive(Debug)]
pub struct Plan {
    steps: Steps,
    isa: Isa,
    batch: usize,
    input: Shape,
    threads: usize,
    pool: Pool,
}

/// The memory of a training step: what the forward pass leaves for the backward pass.
#[derive(Debug)]
pub struct Workspace {
    memory: Aligned<f32>,
    counters: Vec<Counter>,
}

/// The statistics of a batch that a norm has seen.
#[derive(Debug, Clone, Copy)]
pub struct BatchStatistics<'a> {
    /// The norm's name, such as `stem.bn`.
    pub name: &'a str,
    /// By channel.
    pub mean: &'a [f32],
    /// By channel, biased: the mean of the squared deviations.
    pub variance: &'a [f32],
    /// How many values of a channel they are over.
    pub count: usize,
}

/// How long a step took.
#[derive(Debug, Clone, PartialEq)]
pub struct StepTime {
    /// What it computes.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
    /// Multiply-adds.
    pub multiply_adds: usize,
}

impl Plan {
    /// A plan for `batch` images, on `threads` threads, the caller's included.
    ///
    /// # Errors
    /// Layers that it has no steps for, such as regulators.
    pub fn new(graph: &Graph, batch: usize, threads: usize, isa: Isa) -> Result<Self, PlanError> {
        let steps = plan::build(graph, batch, isa)?;
        let input = graph.nodes()[0].shape;
        let threads = threads.clamp(1, processors());
        Ok(Self { steps, isa, batch, input, threads, pool: Pool::new(threads, true)? })
    }

    /// Images of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The shape of an image.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// Classes.
    pub fn classes(&self) -> usize {
        self.steps.classes
    }

    /// Names and sizes of the trainable parameters, in the order in which passes take them.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = (&str, usize)> {
        self.steps.parameters.iter().map(|(name, len)| (name.as_str(), *len))
    }

    /// Memory for a step, as much as [`workspace_bytes`](Self::workspace_bytes) says.
    pub fn workspace(&self) -> Workspace {
        let len = self.floats();
        let mut memory = Aligned::with_capacity(len);
        memory.extend_zeros(len);
        let count = self.steps.forward.len().max(self.steps.backward.len());
        Workspace { memory, counters: (0..count).map(|_| Counter::default()).collect() }
    }

    /// Bytes of a workspace.
    pub fn workspace_bytes(&self) -> usize {
        self.floats() * size_of::<f32>()
    }

    fn floats(&self) -> usize {
        self.steps.len + self.steps.scratch * self.threads
    }

    /// The forward pass, with the statistics of the batch: `images` are `[n, c, h, w]`, `logits` `[n, classes]`.
    ///
    /// # Panics
    /// If a slice's length does not follow from the sizes.
    pub fn forward(
        &self,
        workspace: &mut Workspace,
        images: &[f32],
        parameters: &[&[f32]],
        logits: &mut [f32],
    ) {
        self.run(workspace, images, parameters, logits, &mut [], Pass::Forward, None);
    }

    /// The backward pass: adds to `gradients` the gradient of each parameter, given that of the logits. `images`,
    /// `parameters` and the workspace are those of the forward pass, and the workspace is of no use any more.
    ///
    /// # Panics
    /// If a slice's length does not follow from the sizes.
    pub fn backward(
        &self,
        workspace: &mut Workspace,
        images: &[f32],
        parameters: &[&[f32]],
        logits_gradient: &mut [f32],
        gradients: &mut [&mut [f32]],
    ) {
        self.run(workspace, images, parameters, logits_gradient, gradients, Pass::Backward, None);
    }

    /// Both passes with a gradient of the logits of one everywhere, and how long each step of them took.
    pub fn profile(&self, workspace: &mut Workspace, images: &[f32], parameters: &[&[f32]]) -> Vec<StepTime> {
        let mut logits = vec![0.0; self.batch * self.classes()];
        let mut gradients: Vec<Vec<f32>> = self.parameters().map(|(_, len)| vec![0.0; len]).collect();
        let mut gradients: Vec<&mut [f32]> = gradients.iter_mut().map(|values| &mut values[..]).collect();
        let mut times = Vec::new();
        for pass in [Pass::Forward, Pass::Backward] {
            let steps = self.steps(pass);
            let mut seconds = vec![0.0; steps.len()];
            self.run(workspace, images, parameters, &mut logits, &mut gradients, pass, Some(&mut seconds));
            logits.fill(1.0);
            times.extend(steps.iter().zip(seconds).map(|(step, seconds)| StepTime {
                name: step.name(),
                seconds,
                multiply_adds: step.multiply_adds(),
            }));
        }
        times
    }

    fn steps(&self, pass: Pass) -> &[Box<dyn Step>] {
        match pass {
            Pass::Forward => &self.steps.forward,
            Pass::Backward => &self.steps.backward,
        }
    }

    #[allow(unsafe_code, clippy::too_many_arguments)]
    fn run(
        &self,
        workspace: &mut Workspace,
        images: &[f32],
        parameters: &[&[f32]],
        logits: &mut [f32],
        gradients: &mut [&mut [f32]],
        pass: Pass,
        seconds: Option<&mut [f64]>,
    ) {
        let Steps { offsets, len, .. } = &self.steps;
        assert_eq!(images.len(), self.batch * self.input.len(), "the images' length");
        assert_eq!(logits.len(), self.batch * self.classes(), "the logits' length");
        let expected = || self.parameters().map(|(_, len)| len);
        assert!(parameters.iter().map(|values| values.len()).eq(expected()), "the parameters' lengths");
        let given = gradients.iter().map(|values| values.len());
        assert!(
            gradients.is_empty() && pass == Pass::Forward || given.eq(expected()),
            "the gradients' lengths"
        );
        assert_eq!(workspace.memory.as_ref().len(), self.floats(), "a workspace of another plan");
        // SAFETY: a task writes no part of a buffer, gradient or result that another task of its step reads or writes
        // (`Step::tasks`), and steps are apart by a barrier; buffers that are needed at the same time lie apart
        // (`memory::place`); each thread has its own scratch memory.
        let memory = unsafe { Shared::new(workspace.memory.as_mut()) };
        // SAFETY: as above.
        let logits = unsafe { Shared::new(logits) };
        // SAFETY: as above.
        let gradients: Vec<_> = gradients.iter_mut().map(|values| unsafe { Shared::new(values) }).collect();
        let context = Context {
            isa: self.isa,
            memory: &memory.part(0..*len),
            offsets,
            images,
            parameters,
            gradients: &gradients,
            logits: &logits,
        };
        let scratch = memory.part(*len..memory.len());
        execute(&self.pool, self.steps(pass), &context, &scratch, &mut workspace.counters, seconds);
    }

    /// The statistics of the batch that the forward pass has seen last.
    pub fn statistics<'a>(&'a self, workspace: &'a Workspace) -> impl Iterator<Item = BatchStatistics<'a>> {
        self.steps.norms.iter().map(move |(name, norm, count)| {
            let rows = &workspace.memory.as_ref()[self.steps.offsets[norm.buffer]..];
            let row = |row: Row| &rows[row as usize * norm.padded..][..norm.channels];
            BatchStatistics { name, mean: row(Row::Mean), variance: row(Row::Variance), count: *count }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Forward,
    Backward,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A layer that is not trained by a plan.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The system has no thread to give.
    #[error("a thread cannot be started: {0}")]
    Threads(#[from] std::io::Error),
}
