//! How training runs on each device: on which thread, how batches come to it, and how often it is waited for.

use std::fmt::Debug;
use std::num::NonZeroUsize;

use dfdx::tensor::Cpu;
use regnet_core::Backend;

use crate::data::Batches;
use crate::error::TrainError;
use crate::learner::{Classifier, Input, upload};
use crate::train::in_pool;
use crate::training::Training;

/// A device that networks of type `M` can be trained on.
pub trait Place<M>: Backend<f32> {
    /// What brings batches to the device.
    type Feed: Feed<Self>;

    /// Steps from one reading of losses and accuracies to the next, unless told otherwise. The device is waited for at
    /// each reading, and at no other time.
    const READ_EVERY: NonZeroUsize;

    /// What brings batches to this device.
    ///
    /// # Errors
    ///
    /// The device's.
    fn feed(&self) -> Result<Self::Feed, Self::Err>;

    /// What `run` makes of a training, on the thread where the device works best.
    fn run<'a, T: Send>(
        training: Training<'a, M, Self>,
        run: impl FnOnce(Training<'a, M, Self>) -> T + Send,
    ) -> T
    where
        M: 'a;
}

/// What brings batches to a device.
pub trait Feed<D: Backend<f32>>: Debug {
    /// The batches of an epoch from the `first` on, counted from 0, on the device.
    fn inputs(
        &self,
        device: &D,
        batches: &Batches,
        epoch: u64,
        first: usize,
    ) -> impl Iterator<Item = Result<Input<D>, TrainError>>;
}

/// Makes each batch a tensor when it is asked for.
#[derive(Debug)]
pub struct Direct;

impl<D: Backend<f32>> Feed<D> for Direct {
    fn inputs(
        &self,
        device: &D,
        batches: &Batches,
        epoch: u64,
        first: usize,
    ) -> impl Iterator<Item = Result<Input<D>, TrainError>> {
        let batches = batches.epoch_from(epoch, first, |batch| batch);
        batches.map(|batch| upload(device, &batch?).map_err(TrainError::device))
    }
}

/// In the pool that the kernels share.
impl<M: Classifier<Cpu> + Send> Place<M> for Cpu {
    type Feed = Direct;

    /// A step has ended when its call returns, so that reading costs nothing.
    const READ_EVERY: NonZeroUsize = NonZeroUsize::MIN;

    fn feed(&self) -> Result<Direct, Self::Err> {
        Ok(Direct)
    }

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
    type Feed = cuda::Beside;

    /// Often enough for the eye; waiting for a step and starting the next costs tens of microseconds.
    const READ_EVERY: NonZeroUsize = NonZeroUsize::new(20).expect("is not zero");

    fn feed(&self) -> Result<cuda::Beside, Self::Err> {
        cuda::Beside::new(self)
    }

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

#[cfg(feature = "cuda")]
mod cuda {
    use std::sync::Arc;

    use dfdx::prelude::*;
    use dfdx::tensor::CudaError;
    use regnet_core::cuda::{Sent, Staging};

    use super::Feed;
    use crate::ahead::Ahead;
    use crate::data::Batches;
    use crate::error::TrainError;
    use crate::learner::{Input, image_dims};

    /// Copies each batch while the device computes on the one before: the thread that prepares batches leaves them in
    /// page-locked memory, and a stream of its own copies them.
    #[derive(Debug)]
    pub struct Beside(Arc<Staging>);

    impl Beside {
        pub(super) fn new(device: &Cuda) -> Result<Self, CudaError> {
            Ok(Self(Arc::new(Staging::new(device)?)))
        }
    }

    impl Feed<Cuda> for Beside {
        fn inputs(
            &self,
            device: &Cuda,
            batches: &Batches,
            epoch: u64,
            first: usize,
        ) -> impl Iterator<Item = Result<Input<Cuda>, TrainError>> {
            let staging = self.0.clone();
            let loaded =
                batches.epoch_from(epoch, first, move |batch| staging.load(&batch.images, &batch.labels));
            let sent = loaded.map(|loaded| {
                self.0.send(device, loaded?.map_err(TrainError::device)?).map_err(TrainError::device)
            });
            Ahead::new(sent, |sent: Result<Sent, TrainError>| arrived(sent?).map_err(TrainError::device))
        }
    }

    fn arrived(sent: Sent) -> Result<Input<Cuda>, CudaError> {
        let (images, labels) = sent.arrive()?;
        let dims = image_dims(images.shape().0, labels.shape().0);
        Ok((images.try_reshape_like(&dims)?, labels))
    }
}
