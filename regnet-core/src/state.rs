//! A model's tensors by name.

use std::convert::Infallible;

use dfdx::prelude::*;

/// One tensor of a model, copied out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<E> {
    /// Its name, as pycls's (`s1.b1.f.a.weight`).
    pub name: String,
    /// Its dimensions, as PyTorch's layers have them.
    pub dims: Vec<usize>,
    /// Whether training changes it by its gradient; running statistics it does not.
    pub trained: bool,
    /// Its elements, row by row.
    pub values: Vec<E>,
}

/// One tensor of a model without its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// As in [`Entry`].
    pub name: String,
    /// As in [`Entry`].
    pub dims: Vec<usize>,
}

/// Calls `each` with the name and dimensions of every tensor of `model`, in the order they were declared.
pub fn names<E: Dtype, D: Device<E>, M: TensorCollection<E, D>>(model: &M, each: impl FnMut(Slot)) {
    let walked = M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut Names(each) });
    match walked {
        Ok(_) => {}
        Err(never) => match never {},
    }
}

/// Calls `each` with every tensor of `model`; what it returns replaces the elements, and `None` leaves them. Unlike
/// [`write()`] it does not copy the elements first.
///
/// # Errors
/// The first that `each` returns; tensors before it were replaced.
///
/// # Panics
/// As [`write()`].
pub fn fill<E: Dtype, D: Device<E>, M: TensorCollection<E, D>, Failure: std::fmt::Debug>(
    model: &mut M,
    each: impl FnMut(Slot) -> Result<Option<Vec<E>>, Failure>,
) -> Result<(), Failure> {
    M::iter_tensors(&mut RecursiveWalker { m: (model, String::new()), f: &mut Fill(each) }).map(drop)
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

fn slot<S: Shape, E: Dtype, D: Device<E>>(name: String, tensor: &Tensor<S, E, D>) -> Slot {
    Slot { dims: pytorch_dims(&name, &tensor.shape().concrete().into()), name }
}

fn entry<S: Shape, E: Dtype, D: Device<E>>(
    options: &TensorOptions<S, E, D>,
    name: String,
    tensor: &Tensor<S, E, D>,
) -> Entry<E> {
    let Slot { name, dims } = slot(name, tensor);
    // `as_vec` would go from index to index.
    let mut values = vec![E::default(); tensor.shape().num_elements()];
    tensor.clone().reshape_like(&(values.len(),)).copy_into(&mut values);
    Entry { name, dims, trained: options.do_gradient_update, values }
}

/// The dimensions that PyTorch's layers give a tensor of a regulator, which has none for gates, for maps of a state and for
/// the parts of a concatenation; those of all other tensors are the same.
fn pytorch_dims(name: &str, dims: &[usize]) -> Vec<usize> {
    let mut path = name.rsplit('.').skip(1);
    let regulates = path.clone().any(|part| matches!(part, "r" | "r_bn"));
    match (path.next(), dims) {
        (_, &[gates, out, group, height, width]) => vec![gates * out, group, height, width],
        (_, &[rows, channels]) if regulates => vec![rows * channels],
        (Some("carry"), &[maps, out, previous]) => vec![maps * out, previous, 1, 1],
        (Some("fuse"), &[out, parts, channels]) => vec![out, parts * channels, 1, 1],
        _ => dims.to_vec(),
    }
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

struct Names<F>(F);

impl<E: Dtype, D: Device<E>, F: FnMut(Slot)> TensorVisitor<E, D> for Names<F> {
    type Viewer = (ViewTensorRef, ViewTensorName);
    type Err = Infallible;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        _: TensorOptions<S, E, D>,
        (tensor, name): (&Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, Infallible> {
        (self.0)(slot(name, tensor));
        Ok(None)
    }
}

struct Fill<F>(F);

impl<E, D, Failure, F> TensorVisitor<E, D> for Fill<F>
where
    E: Dtype,
    D: Device<E>,
    Failure: std::fmt::Debug,
    F: FnMut(Slot) -> Result<Option<Vec<E>>, Failure>,
{
    type Viewer = (ViewTensorMut, ViewTensorName);
    type Err = Failure;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        _: TensorOptions<S, E, D>,
        (tensor, name): (&mut Tensor<S, E, D>, String),
    ) -> Result<Option<Tensor<S, E, D>>, Failure> {
        if let Some(values) = (self.0)(slot(name, tensor))? {
            tensor.copy_from(&values);
        }
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

#[cfg(test)]
mod tests {
    use super::pytorch_dims;

    #[test]
    fn dimensions_are_pytorchs() {
        for (name, dims, expected) in [
            ("s1.r.x.weight", &[4, 8, 8, 3, 3][..], &[32, 8, 3, 3][..]),
            ("s1.b1.f.r.spatial.weight", &[4, 8, 1, 3, 3], &[32, 1, 3, 3]),
            ("r.bn.weight", &[2, 8], &[16]),
            ("s1.b1.f.r_bn.running_mean", &[2, 8], &[16]),
            ("s2.carry.weight", &[2, 8, 4], &[16, 4, 1, 1]),
            ("s1.b1.f.fuse.weight", &[8, 2, 8], &[8, 16, 1, 1]),
            ("s1.b1.f.fuse_bn.weight", &[8], &[8]),
            ("s1.b1.f.a.weight", &[8, 4, 3, 3], &[8, 4, 3, 3]),
            ("head.fc.weight", &[10, 8], &[10, 8]),
        ] {
            assert_eq!(pytorch_dims(name, dims), expected, "{name}");
        }
    }
}
