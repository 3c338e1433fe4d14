//! How training runs on each device.

use std::num::NonZeroUsize;

use dfdx::tensor::Cpu;
use regnet_core::Backend;

use crate::learner::Classifier;
use crate::train::in_pool;
use crate::training::Training;

/// A device that networks of type `M` can be trained on.
pub trait Place<M>: Backend<f32> {
    /// Steps from one reading of losses and accuracies to the next, unless told otherwise. The device is waited for at
    /// each reading, and at no other time.
    const READ_EVERY: NonZeroUsize;

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
    /// A step has ended when its call returns, so that reading costs nothing.
    const READ_EVERY: NonZeroUsize = NonZeroUsize::MIN;

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
    /// Often enough for the eye; waiting for a step and starting the next costs tens of microseconds.
    const READ_EVERY: NonZeroUsize = NonZeroUsize::new(20).expect("is not zero");

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
