//! `--threads`.

use std::num::NonZeroUsize;

use anyhow::Context;

/// As many threads as are asked for, or as there are cores for; says so where those are fewer.
pub fn on_cores(asked: NonZeroUsize) -> usize {
    let cores = std::thread::available_parallelism().unwrap_or(asked);
    if asked > cores {
        crate::report::note(format_args!(
            "note: --threads {asked} is more than the cores there are: computing with {cores}"
        ));
    }
    asked.min(cores).get()
}

/// Computes with so many threads, where it is not the frozen engine that computes.
pub fn share(threads: usize) -> anyhow::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().with_context(|| format!("cannot start {threads} threads"))
}
