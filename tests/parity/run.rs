//! Running a module as the reference did: parameters by formula, one forward pass, one backward pass.

use std::collections::BTreeMap;
use std::convert::Infallible;

use dfdx::prelude::*;
use regnet::tensors::Map;
use regnet::{Backend, Run, state};

use crate::formula;
use crate::reference::Case;

/// The device of all comparisons, the CPU, or with the feature `cuda` the first GPU; and its errors.
#[cfg(not(feature = "cuda"))]
pub use dfdx::tensor::{Cpu as Dev, CpuError as DevError};
#[cfg(feature = "cuda")]
pub use dfdx::tensor::{Cuda as Dev, CudaError as DevError};

/// An element type of the comparison, and how close it must come: the issue asks for 1e-5 in f64.
pub trait Element: Dtype {
    const TOLERANCE: f64;
}

impl Element for f64 {
    const TOLERANCE: f64 = 1e-9;
}

impl Element for f32 {
    const TOLERANCE: f64 = 1e-4;
}

/// A tensor made by the formula.
pub fn tensor<S: Shape, E: Dtype>(dev: &Dev, name: &str, shape: S) -> Tensor<S, E, Dev>
where
    Dev: Device<E>,
{
    let values = formula::values(name, shape.concrete().as_ref());
    dev.tensor_from_vec(values.into_iter().map(|v| E::from_f64(v).unwrap()).collect(), shape)
}

/// How the output becomes a scalar.
pub enum Loss<'a> {
    /// `sum(output * loss)`.
    Dot,
    /// Cross-entropy with these labels and this smoothing.
    CrossEntropy(&'a [usize], f64),
}

/// Sets every parameter, runs the module on `input`, and compares what comes out with what the reference holds.
pub fn check<E: Element, M>(case: &Case, mut module: M, loss: Loss<'_>)
where
    Dev: Backend<E>,
    M: Run<E, Dev> + TensorCollection<E, Dev>,
{
    let dev = Dev::default();
    set_by_formula(&mut module);
    let x = input(&dev, case);
    let computed = if case.trains() {
        let y = module.try_run_mut(x.leaky_trace()).unwrap();
        let output = doubles(&y);
        let mut computed = gradients(&module, &[("input", &x)], scalar(&dev, y, loss));
        computed.insert("output".to_owned(), output);
        computed
    } else {
        let y = module.try_run(x).unwrap();
        let output = doubles(&y);
        let loss = scalar(&dev, y, loss);
        BTreeMap::from([("output".to_owned(), output), ("loss".to_owned(), doubles(&loss))])
    };
    case.compare(&computed, E::TOLERANCE);
}

/// The loss, its gradients by the inputs and parameters, and running statistics.
pub fn gradients<E: Element, M: TensorCollection<E, Dev>>(
    module: &M,
    inputs: &[(&str, &Map<E, Dev>)],
    loss: Tensor<Rank0, E, Dev, OwnedTape<E, Dev>>,
) -> BTreeMap<String, Vec<f64>>
where
    Dev: Backend<E>,
{
    let mut computed = BTreeMap::from([("loss".to_owned(), doubles(&loss))]);
    let mut gradients = loss.backward();
    for (name, x) in inputs {
        computed.insert(format!("grad.{name}"), doubles(&gradients.get(*x)));
    }
    let mut collect = Collect { gradients: &mut gradients, into: &mut computed };
    M::iter_tensors(&mut RecursiveWalker { m: (module, String::new()), f: &mut collect }).unwrap();
    computed
}

/// What a case runs on.
pub fn input<E: Element>(dev: &Dev, case: &Case) -> Map<E, Dev>
where
    Dev: Backend<E>,
{
    let channels = if case.str("kind").ends_with("network") { 3 } else { case.size("in") };
    tensor(dev, "input", (case.size("batch"), channels, case.size("height"), case.size("width")))
}

fn scalar<S: Shape, E: Dtype, T: Tape<E, Dev>>(
    dev: &Dev,
    y: Tensor<S, E, Dev, T>,
    loss: Loss<'_>,
) -> Tensor<Rank0, E, Dev, T>
where
    Dev: Backend<E>,
{
    match loss {
        Loss::Dot => {
            let weights: Tensor<S, E, Dev> = tensor(dev, "loss", *y.shape());
            (y * weights).sum()
        }
        Loss::CrossEntropy(labels, smoothing) => {
            let dims = y.shape().concrete();
            let y = y.try_reshape_like(&(dims[0], dims[1])).unwrap();
            let labels = dev.tensor((labels.to_vec(), (labels.len(),)));
            regnet::cross_entropy(y, &labels, smoothing).unwrap()
        }
    }
}

pub fn doubles<S: Shape, E: Dtype, T>(x: &Tensor<S, E, Dev, T>) -> Vec<f64>
where
    Dev: Device<E>,
{
    x.as_vec().into_iter().map(|v| v.to_f64().unwrap()).collect()
}

/// Gives every tensor of a module the values its name stands for.
pub fn set_by_formula<E: Dtype, M: TensorCollection<E, Dev>>(module: &mut M)
where
    Dev: Device<E>,
{
    state::write(module, |entry| {
        let values = formula::values(&entry.name, &entry.dims);
        Some(values.into_iter().map(|v| E::from_f64(v).unwrap()).collect())
    });
}

/// Collects the gradients of parameters and the values of running statistics.
struct Collect<'a, E: Dtype>
where
    Dev: Device<E>,
{
    gradients: &'a mut Gradients<E, Dev>,
    into: &'a mut BTreeMap<String, Vec<f64>>,
}

impl<E: Dtype> TensorVisitor<E, Dev> for Collect<'_, E>
where
    Dev: Device<E>,
{
    type Viewer = (ViewTensorRef, ViewTensorName);
    type Err = Infallible;
    type E2 = E;
    type D2 = Dev;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, Dev>,
        (t, name): (&Tensor<S, E, Dev>, String),
    ) -> Result<Option<Tensor<S, E, Dev>>, Infallible> {
        match options.do_gradient_update {
            true => {
                // What takes no part has no gradient on the tape, and one of zeros in the reference.
                self.gradients.try_alloc_for(t).unwrap();
                self.into.insert(format!("grad.{name}"), doubles(&self.gradients.get(t)))
            }
            false => self.into.insert(format!("running.{name}"), doubles(t)),
        };
        Ok(None)
    }
}
