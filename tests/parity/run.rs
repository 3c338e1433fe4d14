//! Running a module as the reference did: parameters by formula, one forward pass, one backward pass.

use std::collections::BTreeMap;
use std::convert::Infallible;

use dfdx::prelude::*;
use regnet::{Backend, Run, state};

use crate::formula;
use crate::reference::Case;

type Dev = Cpu;

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

/// Sets every parameter, runs the module on `input`, and collects what the reference holds.
pub fn check<E: Element, M>(case: &Case, mut module: M, loss: Loss<'_>)
where
    Dev: Backend<E>,
    M: Run<E, Dev> + TensorCollection<E, Dev>,
{
    let dev = Dev::default();
    set_by_formula(&mut module);
    let shape = (case.size("batch"), input_channels(case), case.size("height"), case.size("width"));
    let x = tensor::<_, E>(&dev, "input", shape);
    let computed = if case.trains() {
        let y = module.try_run_mut(x.leaky_trace()).unwrap();
        let mut computed = BTreeMap::from([("output".to_owned(), doubles(&y))]);
        let loss = scalar(&dev, y, loss);
        computed.insert("loss".to_owned(), doubles(&loss));
        let gradients = loss.backward();
        computed.insert("grad.input".to_owned(), doubles(&gradients.get(&x)));
        let mut collect = Collect { gradients: &gradients, into: &mut computed };
        M::iter_tensors(&mut RecursiveWalker { m: (&module, String::new()), f: &mut collect }).unwrap();
        computed
    } else {
        let y = module.try_run(x).unwrap();
        let output = doubles(&y);
        let loss = scalar(&dev, y, loss);
        BTreeMap::from([("output".to_owned(), output), ("loss".to_owned(), doubles(&loss))])
    };
    case.compare(&computed, E::TOLERANCE);
}

fn input_channels(case: &Case) -> usize {
    if case.str("kind").ends_with("network") { 3 } else { case.size("in") }
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
    gradients: &'a Gradients<E, Dev>,
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
            true => self.into.insert(format!("grad.{name}"), doubles(&self.gradients.get(t))),
            false => self.into.insert(format!("running.{name}"), doubles(t)),
        };
        Ok(None)
    }
}
