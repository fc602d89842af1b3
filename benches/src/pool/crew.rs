//! The pools that are measured, of two workers each, who are there before the first round.

use multiproc::{Pool, ThreadPool};

use crate::contender::Missing;

/// How many workers every pool has.
pub(crate) const WORKERS: usize = 2;

/// Our pool of processes.
pub(crate) fn processes() -> Result<Pool, Missing> {
    Pool::with_workers(WORKERS).map_err(|e| format!("no pool: {e}"))
}

/// A pool of one process.
pub(crate) fn one_process() -> Result<Pool, Missing> {
    Pool::with_workers(1).map_err(|e| format!("no pool: {e}"))
}

/// Our pool of threads.
pub(crate) fn threads() -> Result<ThreadPool, Missing> {
    ThreadPool::with_workers(WORKERS).map_err(|e| format!("no pool: {e}"))
}

/// The threads of the crate `threadpool`.
pub(crate) fn threadpool() -> threadpool::ThreadPool {
    threadpool::ThreadPool::new(WORKERS)
}

/// The threads of the crate `rayon`.
pub(crate) fn rayon() -> Result<rayon::ThreadPool, Missing> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build();
    pool.map_err(|e| format!("no pool: {e}"))
}
