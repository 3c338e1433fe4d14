//! Host memory that a device copies from while the program goes on, and that is written to again once the copy has ended.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// Memory that a device can copy from.
pub trait Memory {
    /// A copy's end.
    type End: End<Error = Self::Error> + Debug;

    /// Why something did not work.
    type Error;

    /// The bytes.
    fn bytes(&self) -> &[u8];

    /// The bytes, to write to.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// The end of a copy, in the future or not.
pub trait End {
    /// Why it cannot be waited for.
    type Error;

    /// Returns when it has come.
    ///
    /// # Errors
    /// The device's.
    fn wait(&self) -> Result<(), Self::Error>;
}

/// A memory with the copy that was last made from it.
#[derive(Debug)]
pub struct Stage<M: Memory> {
    memory: M,
    copied: Option<M::End>,
}

impl<M: Memory> Stage<M> {
    fn new(memory: M) -> Self {
        Self { memory, copied: None }
    }

    /// The bytes, to write to; waits for the last copy.
    ///
    /// # Errors
    /// The device's.
    pub fn write(&mut self) -> Result<&mut [u8], M::Error> {
        if let Some(copied) = &self.copied {
            copied.wait()?;
        }
        self.copied = None;
        Ok(self.memory.bytes_mut())
    }

    /// The bytes, for a copy to be made.
    pub fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    /// Says that a copy of the bytes was started.
    pub fn copying(&mut self, until: M::End) {
        self.copied = Some(until);
    }
}

impl<M: Memory> Drop for Stage<M> {
    fn drop(&mut self) {
        // A device that cannot say when a copy ends makes no more copies either.
        let _ = self.copied.as_ref().map(End::wait);
    }
}

/// Memories that are not being written to.
#[derive(Debug)]
pub struct Pool<M: Memory>(Mutex<VecDeque<Stage<M>>>);

impl<M: Memory> Default for Pool<M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<M: Memory> Pool<M> {
    /// The memory whose copy was started first, if it holds so many bytes; else one that `make` makes.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn take(
        &self,
        bytes: usize,
        make: impl FnOnce(usize) -> Result<M, M::Error>,
    ) -> Result<Stage<M>, M::Error> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match first {
            Some(stage) if stage.bytes().len() >= bytes => Ok(stage),
            // One that is too small is let go: batches of an epoch are of one size, but for the last.
            _ => Ok(Stage::new(make(bytes)?)),
        }
    }

    /// Takes a memory back, which may still be copied from.
    pub fn put(&self, stage: Stage<M>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(stage);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// The bytes that a device copied.
    type Copied = Arc<Mutex<Vec<u8>>>;

    #[derive(Debug)]
    struct Host {
        bytes: Vec<u8>,
        /// The first of them, for a copy to see.
        first: Arc<AtomicU8>,
    }

    /// The end of the latest copy that may be: it is made when it is waited for.
    #[derive(Debug)]
    struct Late {
        first: Arc<AtomicU8>,
        copied: Copied,
    }

    impl End for Late {
        type Error = &'static str;

        fn wait(&self) -> Result<(), &'static str> {
            self.copied.lock().map_err(|_| "poisoned")?.push(self.first.load(Ordering::SeqCst));
            Ok(())
        }
    }

    impl Memory for Host {
        type End = Late;
        type Error = &'static str;

        fn bytes(&self) -> &[u8] {
            &self.bytes
        }

        fn bytes_mut(&mut self) -> &mut [u8] {
            &mut self.bytes
        }
    }

    fn make(bytes: usize) -> Result<Host, &'static str> {
        Ok(Host { bytes: vec![0; bytes], first: Arc::default() })
    }

    fn fill(stage: &mut Stage<Host>, value: u8) {
        stage.write().expect("the device works").fill(value);
        stage.memory.first.store(value, Ordering::SeqCst);
    }

    fn start(copied: &Copied, pool: &Pool<Host>, mut stage: Stage<Host>) {
        let first = stage.memory.first.clone();
        stage.copying(Late { first, copied: copied.clone() });
        pool.put(stage);
    }

    #[test]
    fn nothing_is_overwritten_that_is_still_to_be_copied() {
        let (copied, pool) = (Copied::default(), Pool::default());
        // Two at a time, as with a batch in preparation while the one before is copied.
        for value in 0..3 {
            let [mut first, mut second] = [(); 2].map(|()| pool.take(8, make).expect("there is memory"));
            fill(&mut first, 2 * value);
            fill(&mut second, 2 * value + 1);
            start(&copied, &pool, first);
            start(&copied, &pool, second);
        }
        assert_eq!(*copied.lock().expect("no test failed with it"), [0, 1, 2, 3]);
        drop(pool);
        assert_eq!(*copied.lock().expect("no test failed with it"), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn memory_is_made_only_where_none_is_large_enough() {
        let pool = Pool::default();
        pool.put(pool.take(8, make).expect("there is memory"));
        let none = |_| Err("none may be made");
        let stage = pool.take(5, none).expect("the first is large enough");
        assert_eq!(stage.bytes().len(), 8);
        pool.put(stage);
        assert_eq!(pool.take(9, none).map(drop), Err("none may be made"));
        assert_eq!(pool.take(9, make).map(|stage| stage.bytes().len()), Ok(9));
    }
}
