//! A model's tensors by name.

use std::convert::Infallible;

use dfdx::prelude::*;

/// One tensor of a model, copied out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<E> {
    /// Its name, as pycls's (`s1.b1.f.a.weight`).
    pub name: String,
    /// Its dimensions.
    pub dims: Vec<usize>,
    /// Whether training changes it by its gradient; running statistics it does not.
    pub trained: bool,
    /// Its elements, row by row.
    pub values: Vec<E>,
}

/// Calls `each` with every tensor of `model`, in the order they were declared.
pub fn read<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(model: &M, each: impl FnMut(Entry<E>)) {
    let walked = M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut Read(each) });
    match walked {
        Ok(_) => {}
        Err(never) => match never {},
    }
}

/// Calls `each` with every tensor of `model`; what it returns replaces the elements, and `None` leaves them.
///
/// # Panics
/// Where other than as many elements as the tensor has are returned.
pub fn write<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(
    model: &mut M,
    each: impl FnMut(Entry<E>) -> Option<Vec<E>>,
) {
    let walked = M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut Write(each) });
    match walked {
        Ok(_) => {}
        Err(never) => match never {},
    }
}

fn entry<S: Shape, E: Dtype, D: Device<E>>(
    options: &TensorOptions<S, E, D>,
    name: String,
    tensor: &Tensor<S, E, D>,
) -> Entry<E> {
    let dims = tensor.shape().concrete().into();
    Entry { name, dims, trained: options.do_gradient_update, values: tensor.as_vec() }
}

struct Read<F>(F);

impl<E: Dtype, D: Device<E>, F: FnMut(Entry<E>)> TensorVisitor<E, D> for Read<F> {
    type Viewer = (ViewTensorRef, ViewTensorName);
    type Err = Infallible;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        (tensor, name): (&Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, Infallible> {
        (self.0)(entry(&options, name, tensor));
        Ok(None)
    }
}

struct Write<F>(F);

impl<E: Dtype, D: Device<E>, F: FnMut(Entry<E>) -> Option<Vec<E>>> TensorVisitor<E, D> for Write<F> {
    type Viewer = (ViewTensorMut, ViewTensorName);
    type Err = Infallible;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        (tensor, name): (&mut Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, Infallible> {
        if let Some(values) = (self.0)(entry(&options, name, tensor)) {
            tensor.copy_from(&values);
        }
        Ok(None)
    }
}
