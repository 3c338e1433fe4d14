//! Running statistics that a step may have to put back.

use dfdx::prelude::*;

/// The tensors of a network that no gradient trains, as they were. They share memory with the network's until those change.
pub(crate) struct RunningStatistics<E: Dtype, D: Storage<E>>(Vec<Tensor<(usize,), E, D>>);

impl<E: Dtype, D: Device<E>> RunningStatistics<E, D> {
    pub(crate) fn of<M: TensorCollection<E, D>>(model: &M) -> Result<Self, D::Err> {
        let mut kept = Self(Vec::new());
        M::iter_tensors(&mut RecursiveWalker { m: model, f: &mut kept })?;
        Ok(kept)
    }

    /// Gives them back to the network that they are of.
    pub(crate) fn put_back<M: TensorCollection<E, D>>(self, model: &mut M) -> Result<(), D::Err> {
        M::iter_tensors(&mut RecursiveWalker { m: model, f: &mut PutBack(self.0.into_iter()) }).map(drop)
    }
}

impl<E: Dtype, D: Device<E>> TensorVisitor<E, D> for RunningStatistics<E, D> {
    type Viewer = ViewTensorRef;
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        tensor: &Tensor<S, E, D>,
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if !options.do_gradient_update {
            self.0.push(tensor.clone().try_reshape_like(&(tensor.shape().num_elements(),))?);
        }
        Ok(None)
    }
}

struct PutBack<E: Dtype, D: Storage<E>>(std::vec::IntoIter<Tensor<(usize,), E, D>>);

impl<E: Dtype, D: Device<E>> TensorVisitor<E, D> for PutBack<E, D> {
    type Viewer = ViewTensorMut;
    type Err = D::Err;
    type E2 = E;
    type D2 = D;

    fn visit<S: Shape>(
        &mut self,
        options: TensorOptions<S, E, D>,
        tensor: &mut Tensor<S, E, D>,
    ) -> Result<Option<Tensor<S, E, D>>, D::Err> {
        if !options.do_gradient_update {
            let kept = self.0.next().expect("the network has the tensors that it had");
            *tensor = kept.try_reshape_like(tensor.shape())?;
        }
        Ok(None)
    }
}
