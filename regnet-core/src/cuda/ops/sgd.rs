//! A step of stochastic gradient descent on many tensors in one launch.

use super::{Launch, PRELUDE, THREADS, length_mut};
use crate::cuda::queue::{Argument, Element, Grid, Queue};
use crate::cuda::view::ViewMut;

const SOURCES: &[&str] = &[PRELUDE, include_str!("../kernels/sgd.cu")];

/// Elements of a block: a few for each thread, so that finding its row costs little.
const RUN: usize = 8 * THREADS;

/// A tensor that is trained.
#[derive(Debug)]
pub struct Trained<'a, E> {
    /// Its elements.
    pub parameter: ViewMut<'a, E>,
    /// Their gradients, which are zero afterwards.
    pub gradient: ViewMut<'a, E>,
    /// Their velocities.
    pub velocity: ViewMut<'a, E>,
    /// Whether the weight decay is for it.
    pub decays: bool,
}

/// How parameters move: as PyTorch's `SGD` with `momentum`, `weight_decay` and `nesterov`.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The learning rate.
    pub rate: f64,
    /// The part of its velocity that a parameter keeps.
    pub momentum: f64,
    /// Whether momentum is Nesterov's.
    pub nesterov: bool,
    /// L2 penalty.
    pub decay: f64,
}

/// The rows of a launch, which stay on the device as long as the tensors stay where they are.
#[derive(Debug)]
pub struct Table<Memory> {
    rows: Vec<u64>,
    on_device: Option<Memory>,
}

impl<Memory> Default for Table<Memory> {
    fn default() -> Self {
        Self { rows: Vec::new(), on_device: None }
    }
}

/// Moves all `tensors` by one step and sets their gradients to zero.
pub fn step<E: Element, Q: Queue>(
    queue: &Q,
    rule: &Rule,
    tensors: &mut [Trained<'_, E>],
    table: &mut Table<Q::Memory<u64>>,
) -> Result<(), Q::Error> {
    let rows: Vec<[u64; 5]> = tensors.iter_mut().flat_map(runs).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let memory = match &mut table.on_device {
        Some(memory) if table.rows == *rows.as_flattened() => memory,
        other => {
            table.rows = rows.as_flattened().to_vec();
            other.insert(queue.upload(&table.rows)?)
        }
    };
    let rows_on_device = queue.elements(memory);
    let launch = Launch { queue, sources: SOURCES, constants: &[] };
    let arguments = [
        rows_on_device.view().into(),
        E::argument(rule.rate),
        E::argument(rule.momentum),
        E::argument(rule.decay),
        Argument::flag(rule.nesterov),
    ];
    launch.run::<E>("sgd", Grid { blocks: [rows.len(), 1, 1], threads: THREADS }, &arguments)
}

/// The rows of a tensor.
fn runs<E>(tensor: &mut Trained<'_, E>) -> Vec<[u64; 5]> {
    let len = tensor.parameter.len();
    length_mut("gradient", &tensor.gradient, len);
    length_mut("velocity", &tensor.velocity, len);
    let row = |start| {
        let run = start..len.min(start + RUN);
        let count = run.len() as u64;
        let Trained { parameter, gradient, velocity, decays } = &*tensor;
        let [p, g, v] = [parameter, gradient, velocity].map(|all| all.view().part(run.clone()).address());
        [p, g, v, count, u64::from(*decays)]
    };
    (0..len).step_by(RUN).map(row).collect()
}
