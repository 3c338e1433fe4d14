//! Threads that wait for work: for a moment awake, then asleep.
#![allow(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// How many times a thread looks whether it still has to wait before it goes to sleep: some tens of microseconds, about
/// what waking it takes. Where every thread has a core of its own, most waits in a run are shorter. Where one has not, what
/// it holds up would otherwise keep the others' cores busy with waiting, when it could run on one of them.
const SPINS: usize = 1_000;

/// Locks, also after a panic: nothing that can panic happens under the locks here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where threads wait for what others do.
#[derive(Debug, Default)]
struct Bell {
    sleepers: AtomicUsize,
    mutex: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    /// Waits until something has happened: looks `spins` times, and then sleeps until the bell is rung.
    fn wait(&self, spins: usize, happened: impl Fn() -> bool) {
        for _ in 0..spins {
            if happened() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut guard = lock(&self.mutex);
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        // With the fence in `ring`: either this thread sees what has happened, or the ringing one sees the sleeper.
        fence(Ordering::SeqCst);
        while !happened() {
            guard = self.rung.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Wakes those who sleep, after something has happened.
    fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            // Who has looked but does not sleep yet holds the lock.
            drop(lock(&self.mutex));
            self.rung.notify_all();
        }
    }
}

/// A job that is running, with its lifetime taken away.
#[derive(Clone, Copy)]
struct Erased(*const (dyn Fn(usize) + Sync));

// SAFETY: what it points to may be shared between threads.
unsafe impl Send for Erased {}

/// What a panic brings.
type Payload = Box<dyn Any + Send>;

/// What the caller and the workers see.
#[derive(Default)]
struct Desk {
    /// Jobs that have begun.
    begun: AtomicUsize,
    /// Workers that have not yet finished the job.
    busy: AtomicUsize,
    closing: AtomicBool,
    job: Mutex<Option<Erased>>,
    /// The first panic of a worker in this job.
    panic: Mutex<Option<Payload>>,
    /// Rung when a job has begun, or the desk closes.
    news: Bell,
    /// Rung when no worker is busy any more.
    done: Bell,
}

/// A pool of threads; the caller is one of them.
///
/// A process that is forked has none of the others. There, the pool is the calling thread alone.
pub(crate) struct Pool {
    desk: Arc<Desk>,
    workers: Vec<JoinHandle<()>>,
    /// Held by the one whose job is running.
    turn: Mutex<()>,
    spins: usize,
    /// The process that the workers belong to.
    process: u32,
}

impl Pool {
    /// So many threads, the caller's included, which `spin` for a moment before they sleep, or do not.
    ///
    /// # Errors
    /// Where the system has no thread left to give.
    pub fn new(threads: usize, spin: bool) -> std::io::Result<Self> {
        let desk = Arc::<Desk>::default();
        let spins = if spin { SPINS } else { 0 };
        let (workers, turn, process) = (Vec::new(), Mutex::new(()), std::process::id());
        let mut pool = Self { desk: Arc::clone(&desk), workers, turn, spins, process };
        for index in 1..threads {
            let desk = Arc::clone(&desk);
            let worker = thread::Builder::new().name(format!("regnet-{index}"));
            pool.workers.push(worker.spawn(move || work(&desk, index, spins))?);
        }
        Ok(pool)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        if self.is_forked() { 1 } else { self.workers.len() + 1 }
    }

    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Where the threads of a job wait for one another.
    pub fn barrier(&self) -> Barrier {
        Barrier { spins: self.spins, ..Barrier::default() }
    }

    /// Runs `job` once on every thread, with the thread's number, and returns when all have finished.
    ///
    /// # Panics
    /// If `job` does, on any thread, with what it panicked with there, or on the first of several.
    pub fn run(&self, job: &(dyn Fn(usize) + Sync)) {
        if self.threads() == 1 {
            return job(0);
        }
        let _turn = lock(&self.turn);
        let desk = &*self.desk;
        type Here<'a> = *const (dyn Fn(usize) + Sync + 'a);
        // SAFETY: only the lifetime changes. Workers use the job between the moment `begun` is raised and the moment they
        // lower `busy`, and this function does not return, or unwind, before `busy` is 0 and the job is taken away.
        let erased = Erased(unsafe { std::mem::transmute::<Here<'_>, Here<'static>>(job) });
        desk.busy.store(self.workers.len(), Ordering::Relaxed);
        *lock(&desk.job) = Some(erased);
        desk.begun.fetch_add(1, Ordering::Release);
        desk.news.ring();

        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        desk.done.wait(self.spins, || desk.busy.load(Ordering::Acquire) == 0);
        *lock(&desk.job) = None;
        let other = lock(&desk.panic).take();
        match (own, other) {
            (Ok(()), None) => {}
            (Ok(()), Some(payload)) => resume_unwind(payload),
            (Err(payload), other) => {
                // See `work`: dropping it may panic.
                std::mem::forget(other);
                resume_unwind(payload);
            }
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.is_forked() {
            // They are not here, so that waiting for them would never end.
            self.workers.drain(..).for_each(std::mem::forget);
            return;
        }
        self.desk.closing.store(true, Ordering::Release);
        self.desk.news.ring();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its jobs, and has none of its own.
            let _ = worker.join();
        }
    }
}

/// What a worker does, until the desk closes.
fn work(desk: &Desk, index: usize, spins: usize) {
    let mut done = 0;
    loop {
        let closing = || desk.closing.load(Ordering::Acquire);
        desk.news.wait(spins, || desk.begun.load(Ordering::Acquire) != done || closing());
        if closing() {
            return;
        }
        done = desk.begun.load(Ordering::Acquire);
        let job = *lock(&desk.job);
        let Some(Erased(pointer)) = job else { continue };
        // SAFETY: `Pool::run` keeps the job alive until this worker has lowered `busy`; see there.
        let call = || unsafe { (*pointer)(index) };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            // Not dropped here, since that may panic as well: the first goes to the caller, and others leak.
            let mut first = lock(&desk.panic);
            match *first {
                None => *first = Some(payload),
                Some(_) => std::mem::forget(payload),
            }
        }
        if desk.busy.fetch_sub(1, Ordering::Release) == 1 {
            desk.done.ring();
        }
    }
}

/// Where the threads of a job wait for one another.
#[derive(Debug, Default)]
pub(crate) struct Barrier {
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
    bell: Bell,
    spins: usize,
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
            self.bell.ring();
            return;
        }
        let broken = || self.broken.load(Ordering::Acquire);
        self.bell.wait(self.spins, || self.round.load(Ordering::Acquire) != round || broken());
        assert!(!broken(), "another thread of the engine panicked");
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
            self.0.bell.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pools of so many threads that spin, and of such that do not.
    fn pools(threads: usize) -> [Pool; 2] {
        [true, false].map(|spin| Pool::new(threads, spin).expect("threads"))
    }

    #[test]
    fn every_thread_runs_every_job_once() {
        for pool in pools(3) {
            for _ in 0..if cfg!(miri) { 5 } else { 500 } {
                let counts: [AtomicUsize; 3] = Default::default();
                pool.run(&|thread| {
                    counts[thread].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn threads_meet_at_a_barrier() {
        for pool in pools(3) {
            let (barrier, count) = (pool.barrier(), AtomicUsize::new(0));
            pool.run(&|_| {
                for round in 1..=if cfg!(miri) { 20 } else { 2000 } {
                    count.fetch_add(1, Ordering::Relaxed);
                    barrier.wait(3);
                    assert_eq!(count.load(Ordering::Relaxed), 3 * round);
                    barrier.wait(3);
                }
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        for pool in pools(2) {
            for culprit in 0..2 {
                let barrier = pool.barrier();
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

    /// What a panic may bring, too.
    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_panic_that_panics_again_when_dropped_stops_no_thread() {
        for pool in pools(3) {
            for first in [0, 1] {
                let run = AssertUnwindSafe(|| {
                    pool.run(&|thread| {
                        if thread >= first {
                            std::panic::panic_any(PanicsWhenDropped);
                        }
                    });
                });
                let payload = catch_unwind(run).expect_err("threads panicked");
                assert!(payload.is::<PanicsWhenDropped>(), "the caller gets what a thread panicked with");
                std::mem::forget(payload);
                let count = AtomicUsize::new(0);
                pool.run(&|_| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(count.into_inner(), 3);
            }
        }
    }
}
