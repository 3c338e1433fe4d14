//! Batches: shuffled, augmented, normalised, and prepared ahead of their use.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rayon::prelude::*;

use super::augment::{Augment, Change};
use super::error::DataError;
use super::rng::Rng;
use super::set::{Normalise, Split};

/// Batches prepared while earlier ones are in use.
const AHEAD: usize = 2;

/// How long a thread of the pool sleeps before it looks again whether there is something to help with.
const NAP: Duration = Duration::from_micros(200);

/// Images and labels to be processed together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Normalised pixels, n x 3 x size x size.
    pub images: Vec<f32>,
    /// The class of each of the n images.
    pub labels: Vec<usize>,
}

/// A way to cut a split into batches, epoch after epoch.
///
/// What a batch holds depends on the seed, the epoch and its place in the epoch only, so that training
/// can resume at any step and see what it would have seen.
#[derive(Clone, Debug)]
pub struct Batches {
    split: Arc<Split>,
    normalise: Normalise,
    batch: usize,
    order: Order,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    AsIs,
    Shuffled { augment: Augment, seed: u64 },
}

impl Batches {
    /// Batches for training: in an order drawn anew each epoch, and augmented.
    ///
    /// All are of the same size. Images left over are not used in that epoch: a static batch shape
    /// would not fit them, and batch norm learns nothing useful from one or two. A split smaller than
    /// `batch` is one batch.
    ///
    /// # Errors
    ///
    /// [`DataError::ZeroBatch`], and [`DataError::Padding`] if crops could miss the image.
    pub fn shuffled(
        split: Arc<Split>,
        normalise: Normalise,
        batch: usize,
        augment: Augment,
        seed: u64,
    ) -> Result<Self, DataError> {
        if augment.pad >= split.size() {
            return Err(DataError::Padding { pad: augment.pad, size: split.size() });
        }
        let batch = batch.min(split.len());
        Self { split, normalise, batch, order: Order::Shuffled { augment, seed } }.checked()
    }

    /// Batches for measuring: every image once, in order, unchanged; the last batch may be smaller.
    ///
    /// # Errors
    ///
    /// [`DataError::ZeroBatch`].
    pub fn in_order(split: Arc<Split>, normalise: Normalise, batch: usize) -> Result<Self, DataError> {
        Self { split, normalise, batch, order: Order::AsIs }.checked()
    }

    fn checked(self) -> Result<Self, DataError> {
        if self.batch == 0 { Err(DataError::ZeroBatch) } else { Ok(self) }
    }

    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        match self.order {
            Order::AsIs => self.split.len().div_ceil(self.batch),
            Order::Shuffled { .. } => self.split.len() / self.batch,
        }
    }

    /// Whether an epoch has no batch; never so for a loaded data set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of images in a full batch.
    pub fn batch_size(&self) -> usize {
        self.batch
    }

    /// The batches of one epoch, prepared on a thread of their own.
    pub fn epoch(&self, epoch: u64) -> Epoch {
        self.epoch_from(epoch, 0, |batch| batch)
    }

    /// The batches of an [`epoch`](Self::epoch) from the `first` on, counted from 0, with what `finish` makes of each on
    /// that thread.
    pub fn epoch_from<T: Send + 'static>(
        &self,
        epoch: u64,
        first: usize,
        finish: impl Fn(Batch) -> T + Send + 'static,
    ) -> Epoch<T> {
        let (sender, receiver) = sync_channel(AHEAD);
        let batches = self.clone();
        let thread = thread::spawn(move || {
            let order = batches.order_of(epoch);
            for indices in order.chunks(batches.batch).take(batches.len()).skip(first) {
                let batch = batches.make(indices, epoch);
                let failed = batch.is_err();
                // A receiver that is gone means that the rest of the epoch is not wanted.
                if sender.send(batch.map(&finish)).is_err() || failed {
                    return;
                }
            }
        });
        Epoch { receiver, thread: Some(thread), left: self.len().saturating_sub(first) }
    }

    fn order_of(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.split.len()).collect();
        if let Order::Shuffled { seed, .. } = self.order {
            Rng::new(&[seed, epoch]).shuffle(&mut order);
        }
        order
    }

    fn make(&self, indices: &[usize], epoch: u64) -> Result<Batch, DataError> {
        let length = 3 * self.split.size() * self.split.size();
        let (count, size) = (indices.len(), self.split.size());
        let mut images = Vec::new();
        images.try_reserve_exact(count * length).map_err(|_| DataError::Memory { images: count, size })?;
        images.resize(count * length, 0.0);
        images.par_chunks_exact_mut(length).zip(indices).try_for_each(|(out, &index)| {
            self.change(epoch, index).apply(&self.split.image(index)?, &self.normalise, out);
            Ok(())
        })?;
        Ok(Batch { images, labels: indices.iter().map(|&index| self.split.labels()[index]).collect() })
    }

    fn change(&self, epoch: u64, index: usize) -> Change {
        match self.order {
            Order::AsIs => Change::NONE,
            Order::Shuffled { augment, seed } => augment.draw(&mut Rng::new(&[seed, epoch, index as u64])),
        }
    }
}

/// The batches of one epoch, from a background thread that stays two batches ahead.
///
/// After an error there are no more batches. Dropping it early stops the thread.
#[derive(Debug)]
pub struct Epoch<T = Batch> {
    receiver: Receiver<Result<T, DataError>>,
    thread: Option<JoinHandle<()>>,
    left: usize,
}

impl<T> Epoch<T> {
    /// The next batch, once it is there.
    ///
    /// A thread of the pool helps the others meanwhile: if all of them only waited for batches, as where several networks
    /// are trained at a time, nobody would be left to prepare one.
    fn wait(&self) -> Result<Result<T, DataError>, RecvError> {
        loop {
            match self.receiver.try_recv() {
                Ok(batch) => return Ok(batch),
                Err(TryRecvError::Disconnected) => return Err(RecvError),
                Err(TryRecvError::Empty) => {}
            }
            match rayon::yield_now() {
                None => return self.receiver.recv(),
                Some(rayon::Yield::Executed) => {}
                Some(rayon::Yield::Idle) => match self.receiver.recv_timeout(NAP) {
                    Ok(batch) => return Ok(batch),
                    Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
                    Err(RecvTimeoutError::Timeout) => {}
                },
            }
        }
    }
}

impl<T> Iterator for Epoch<T> {
    type Item = Result<T, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.wait() {
            Ok(batch) => {
                self.left -= 1;
                Some(batch)
            }
            Err(_) => {
                // The thread has ended; if by a panic, an epoch cut short must not look complete.
                if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                    resume_unwind(panic);
                }
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}
