//! The training step of a whole network as one operation on the tape, where the device has one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use dfdx::prelude::*;
use regnet_engine::frozen::Isa;
use regnet_engine::training::{BatchStatistics, Plan, Workspace};
use regnet_space::AnyNet;

use crate::backend::{elements, filled, with_gradients_of};
use crate::layers::batch_norm2d::MOMENTUM;
use crate::tensors::{Flat, Logits, Map, flat};

/// The plans of a network's training steps, each for a batch of some size, and their memory. They are made when they are
/// first needed, and the memory is used again.
#[derive(Debug)]
pub struct TrainingPlans {
    spec: AnyNet,
    planned: Vec<(Dims, Option<Planned>)>,
}

/// Images, height and width.
type Dims = [usize; 3];

/// Batch sizes that are remembered: an epoch's last batch is often a smaller one.
const REMEMBERED: usize = 2;

#[derive(Debug, Clone)]
struct Planned {
    plan: Arc<Plan>,
    /// The memory, when no step is using it.
    workspace: Arc<Mutex<Option<Workspace>>>,
}

/// What becomes of images: logits, or the images again where the network is to be run layer by layer.
pub type Outcome<E, D> = Result<Logits<E, D, OwnedTape<E, D>>, Map<E, D, OwnedTape<E, D>>>;

impl TrainingPlans {
    /// None yet, for the network of `spec`.
    pub fn new(spec: &AnyNet) -> Self {
        Self { spec: spec.clone(), planned: Vec::new() }
    }

    /// The plan for a batch; `None` where the network has layers that plans do not know.
    fn get(&mut self, dims: Dims) -> Option<Planned> {
        if let Some(index) = self.planned.iter().position(|(of, _)| *of == dims) {
            return self.planned[index].1.clone();
        }
        let [batch, height, width] = dims;
        let graph = self.spec.graph(height, width).ok()?;
        let plan = Plan::new(&graph, batch, rayon::current_num_threads(), Isa::best()).ok();
        let planned = plan.map(|plan| Planned { plan: Arc::new(plan), workspace: Arc::default() });
        if self.planned.len() == REMEMBERED {
            self.planned.remove(0);
        }
        self.planned.push((dims, planned.clone()));
        planned
    }
}

/// The memory of a step, given back when the step ends, with or without a backward pass.
#[derive(Debug)]
struct Lent {
    workspace: Option<Workspace>,
    home: Arc<Mutex<Option<Workspace>>>,
}

impl Lent {
    fn new(Planned { plan, workspace }: &Planned) -> Self {
        let there = workspace.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self { workspace: Some(there.unwrap_or_else(|| plan.workspace())), home: Arc::clone(workspace) }
    }

    fn get(&mut self) -> &mut Workspace {
        self.workspace.as_mut().expect("it is there until this is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.workspace.take();
    }
}

/// Runs `model`, the network that `plans` are of, with the statistics of the batch, which the running ones then follow.
///
/// # Errors
/// The device's.
pub(crate) fn run<M: TensorCollection<f32, Cpu>>(
    model: &mut M,
    plans: &mut TrainingPlans,
    x: Map<f32, Cpu, OwnedTape<f32, Cpu>>,
) -> Result<Outcome<f32, Cpu>, CpuError> {
    let &(batch, channels, height, width) = x.shape();
    let planned = plans.get([batch, height, width]);
    let Some(planned) = planned.filter(|planned| planned.plan.input().c == channels) else {
        return Ok(Err(x));
    };
    let plan = Arc::clone(&planned.plan);
    let Some(parameters) = parameters(model, &plan) else { return Ok(Err(x)) };
    let device = x.device().clone();
    let (x, mut tape) = flat(x)?.split_tape();
    let mut lent = Lent::new(&planned);
    let logits = filled(&device, batch * plan.classes(), |logits| {
        plan.forward(lent.get(), elements(&x), &slices(&parameters), logits);
    })?;
    follow(model, &device, &plan, lent.get())?;
    let (saved, shape) = (logits.clone(), (batch, plan.classes()));
    tape.add_backward_op(move |gradients| {
        let mut of = vec![&saved];
        of.extend(&parameters);
        with_gradients_of(gradients, &of, |buffers| {
            let logits = buffers.next().expect("a gradient for each tensor");
            let mut buffers: Vec<&mut [f32]> = buffers.map(|buffer| &mut buffer[..]).collect();
            plan.backward(lent.get(), elements(&x), &slices(&parameters), logits, &mut buffers);
            Ok(())
        })
    });
    Ok(Ok(logits.put_tape(tape).try_reshape_like(&shape)?))
}

fn slices(parameters: &[Flat<f32, Cpu>]) -> Vec<&[f32]> {
    parameters.iter().map(elements).collect()
}

/// The trainable parameters in the plan's order; `None` if they are not the plan's.
fn parameters<M: TensorCollection<f32, Cpu>>(model: &M, plan: &Plan) -> Option<Vec<Flat<f32, Cpu>>> {
    let mut found = Parameters(HashMap::new());
    let walked = M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut found });
    match walked {
        Ok(_) => {}
        Err(never) => match never {},
    }
    let Parameters(mut found) = found;
    let of = plan.parameters().map(|(name, len)| found.remove(name).filter(|tensor| tensor.shape().0 == len));
    let parameters: Option<Vec<_>> = of.collect();
    parameters.filter(|_| found.is_empty())
}

struct Parameters(HashMap<String, Flat<f32, Cpu>>);

impl TensorVisitor<f32, Cpu> for Parameters {
    type Viewer = (ViewTensorRef, ViewTensorName);
    type Err = Infallible;
    type E2 = f32;
    type D2 = Cpu;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, f32, Cpu>,
        (tensor, name): (&Tensor<S, f32, Cpu>, String),
    ) -> Result<Option<Tensor<S, f32, Cpu>>, Infallible> {
        if options.do_gradient_update {
            let len = tensor.shape().num_elements();
            self.0.insert(name, tensor.clone().reshape_like(&(len,)));
        }
        Ok(None)
    }
}

/// Lets the running statistics follow those of the batch. A channel whose mean or variance is not finite keeps its own.
fn follow<M: TensorCollection<f32, Cpu>>(
    model: &mut M,
    device: &Cpu,
    plan: &Plan,
    workspace: &Workspace,
) -> Result<(), CpuError> {
    let mut followed = HashMap::new();
    for BatchStatistics { name, mean, variance, count } in plan.statistics(workspace) {
        // A single value has no unbiased variance; its biased one, 0, stands in.
        let count = count as f64;
        let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
        let finite: Arc<[bool]> =
            mean.iter().zip(variance).map(|(m, v)| m.is_finite() && v.is_finite()).collect();
        for (suffix, of_batch, factor) in [("running_mean", mean, 1.0), ("running_var", variance, unbiased)] {
            let share = (MOMENTUM * factor) as f32;
            followed.insert(format!("{name}.{suffix}"), Followed { of_batch, share, finite: finite.clone() });
        }
    }
    let mut follow = Follow { device, followed };
    M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut follow }).map(drop)
}

/// What a running statistic follows.
struct Followed<'a> {
    of_batch: &'a [f32],
    share: f32,
    finite: Arc<[bool]>,
}

struct Follow<'a> {
    device: &'a Cpu,
    followed: HashMap<String, Followed<'a>>,
}

impl TensorVisitor<f32, Cpu> for Follow<'_> {
    type Viewer = (ViewTensorMut, ViewTensorName);
    type Err = CpuError;
    type E2 = f32;
    type D2 = Cpu;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, f32, Cpu>,
        (tensor, name): (&mut Tensor<S, f32, Cpu>, String),
    ) -> Result<Option<Tensor<S, f32, Cpu>>, CpuError> {
        if options.do_gradient_update {
            return Ok(None);
        }
        let Some(Followed { of_batch, share, finite }) = self.followed.get(&name) else { return Ok(None) };
        let running = tensor.clone().try_reshape_like(&(of_batch.len(),))?;
        let numbers = elements(&running).iter().zip(*of_batch).zip(&**finite);
        let keep = (1.0 - MOMENTUM) as f32;
        let next = |((&running, &of_batch), &finite): ((&f32, &f32), &bool)| {
            if finite { running * keep + of_batch * share } else { running }
        };
        *tensor = self.device.try_tensor_from_vec(numbers.map(next).collect(), *tensor.shape())?;
        Ok(None)
    }
}
