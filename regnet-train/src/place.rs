//! Which thread a device's training runs on.

use dfdx::tensor::Cpu;
use regnet_core::Backend;

use crate::learner::Classifier;
use crate::train::in_pool;
use crate::training::Training;

/// A device that networks of type `M` can be trained on.
pub trait Place<M>: Backend<f32> {
    /// What `run` makes of a training, on the thread where the device works best.
    fn run<'a, T: Send>(
        training: Training<'a, M, Self>,
        run: impl FnOnce(Training<'a, M, Self>) -> T + Send,
    ) -> T
    where
        M: 'a;
}

/// In the pool that the kernels share.
impl<M: Classifier<Cpu> + Send> Place<M> for Cpu {
    fn run<'a, T: Send>(
        training: Training<'a, M, Self>,
        run: impl FnOnce(Training<'a, M, Self>) -> T + Send,
    ) -> T
    where
        M: 'a,
    {
        in_pool(|| run(training))
    }
}

/// On the calling thread, which launches the kernels.
#[cfg(feature = "cuda")]
impl<M: Classifier<Self>> Place<M> for dfdx::tensor::Cuda {
    fn run<'a, T: Send>(
        training: Training<'a, M, Self>,
        run: impl FnOnce(Training<'a, M, Self>) -> T + Send,
    ) -> T
    where
        M: 'a,
    {
        run(training)
    }
}
