//! Threads that wait for work: for a moment awake, then asleep.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Looks at what is awaited before the processor is given to others: some tens of microseconds.
const SPINS: usize = 4_000;

/// A job that is running, with its lifetime taken away.
#[derive(Clone, Copy)]
struct Erased(*const (dyn Fn(usize) + Sync));

// SAFETY: what it points to may be shared between threads.
unsafe impl Send for Erased {}

/// What the caller and the workers see.
#[derive(Default)]
struct Desk {
    /// Jobs that have begun. It changes under `job`'s lock, and is looked at without.
    begun: AtomicUsize,
    /// Workers that have not yet finished the job.
    busy: AtomicUsize,
    panicked: AtomicBool,
    closing: AtomicBool,
    job: Mutex<Option<Erased>>,
    wake: Condvar,
}

impl Desk {
    fn job(&self) -> MutexGuard<'_, Option<Erased>> {
        // Nothing that can panic happens under the lock.
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some threads, of which the one that brings the work is one.
pub(crate) struct Pool {
    desk: Arc<Desk>,
    workers: Vec<JoinHandle<()>>,
    /// Held by the one whose job is running.
    turn: Mutex<()>,
}

impl Pool {
    /// So many threads, the caller's included.
    ///
    /// # Errors
    /// Where the system has no thread left to give.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let desk = Arc::<Desk>::default();
        let mut pool = Self { desk: Arc::clone(&desk), workers: Vec::new(), turn: Mutex::new(()) };
        for index in 1..threads {
            let desk = Arc::clone(&desk);
            let name = format!("regnet-{index}");
            pool.workers.push(thread::Builder::new().name(name).spawn(move || work(&desk, index))?);
        }
        Ok(pool)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `job` once on every thread, with the thread's number, and returns when all have finished.
    ///
    /// # Panics
    /// If `job` does, on any thread.
    pub fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let desk = &*self.desk;
        type Here<'a> = *const (dyn Fn(usize) + Sync + 'a);
        // SAFETY: only the lifetime changes. Workers use the job between the moment `begun` is raised and the moment they
        // lower `busy`, and this function does not return, or unwind, before `busy` is 0 and the job is taken away.
        let erased = Erased(unsafe { std::mem::transmute::<Here<'_>, Here<'static>>(job) });
        desk.busy.store(self.workers.len(), Ordering::Relaxed);
        let mut slot = desk.job();
        *slot = Some(erased);
        desk.begun.fetch_add(1, Ordering::Release);
        drop(slot);
        desk.wake.notify_all();

        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        await_that(|| desk.busy.load(Ordering::Acquire) == 0);
        *desk.job() = None;
        let panicked = desk.panicked.swap(false, Ordering::Relaxed);
        if let Err(panic) = own {
            resume_unwind(panic);
        }
        assert!(!panicked, "a thread of the engine panicked");
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let job = self.desk.job();
        self.desk.closing.store(true, Ordering::Release);
        drop(job);
        self.desk.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs, and has none of its own.
            let _ = worker.join();
        }
    }
}

/// What a worker does, until the desk closes.
fn work(desk: &Desk, index: usize) {
    let mut done = 0;
    loop {
        let news = || desk.begun.load(Ordering::Acquire) != done || desk.closing.load(Ordering::Acquire);
        for _ in 0..SPINS {
            if news() {
                break;
            }
            std::hint::spin_loop();
        }
        let mut job = desk.job();
        while !news() {
            job = desk.wake.wait(job).unwrap_or_else(PoisonError::into_inner);
        }
        if desk.closing.load(Ordering::Acquire) {
            return;
        }
        let Some(Erased(pointer)) = *job else { continue };
        drop(job);
        done = desk.begun.load(Ordering::Acquire);
        // SAFETY: `Pool::run` keeps the job alive until this worker has lowered `busy`; see there.
        let call = || unsafe { (*pointer)(index) };
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            desk.panicked.store(true, Ordering::Relaxed);
        }
        desk.busy.fetch_sub(1, Ordering::Release);
    }
}

/// Looks until it is so, at first without pause.
fn await_that(there: impl Fn() -> bool) {
    for _ in 0..SPINS {
        if there() {
            return;
        }
        std::hint::spin_loop();
    }
    while !there() {
        thread::yield_now();
    }
}

/// Where the threads of a job wait for one another.
#[derive(Debug, Default)]
pub(crate) struct Barrier {
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
}

impl Barrier {
    /// Waits until `threads` threads have come.
    ///
    /// # Panics
    /// If one of them panicked.
    pub fn wait(&self, threads: usize) {
        if threads == 1 {
            return;
        }
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        await_that(|| self.round.load(Ordering::Acquire) != round || self.broken.load(Ordering::Acquire));
        assert!(!self.broken.load(Ordering::Acquire), "another thread of the engine panicked");
    }

    /// Something to keep on the stack: if it is dropped by a panic, no thread waits any longer.
    pub fn guard(&self) -> Guard<'_> {
        Guard(self)
    }
}

/// See [`Barrier::guard`].
pub(crate) struct Guard<'a>(&'a Barrier);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_runs_every_job_once() {
        let pool = Pool::new(3).expect("threads");
        for _ in 0..if cfg!(miri) { 5 } else { 500 } {
            let counts: [AtomicUsize; 3] = Default::default();
            pool.run(&|thread| {
                counts[thread].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn threads_meet_at_a_barrier() {
        let pool = Pool::new(3).expect("threads");
        let (barrier, count) = (Barrier::default(), AtomicUsize::new(0));
        pool.run(&|_| {
            for round in 1..=20 {
                count.fetch_add(1, Ordering::Relaxed);
                barrier.wait(3);
                assert_eq!(count.load(Ordering::Relaxed), 3 * round);
                barrier.wait(3);
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let pool = Pool::new(2).expect("threads");
        for culprit in 0..2 {
            let barrier = Barrier::default();
            let run = AssertUnwindSafe(|| {
                pool.run(&|thread| {
                    let _guard = barrier.guard();
                    assert_ne!(thread, culprit);
                    barrier.wait(2);
                });
            });
            assert!(catch_unwind(run).is_err());
        }
        pool.run(&|_| {});
    }
}
