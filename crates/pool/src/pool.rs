//! A pool of processes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use procspawn_core::Function;

use crate::builder::PoolBuilder;
use crate::control::Control;
use crate::executor::Executor;
use crate::inner::Inner;
use crate::state::Phase;
use crate::stats::PoolStats;
use crate::work::Work;
use crate::{Data, PoolError, TaskError};

/// Runs calls in worker processes that stay.
///
/// A worker that dies costs the call that it was in, and no other: the handle says so, another
/// worker takes its place, and all else goes on. No call is made twice unless
/// [`Retry`](crate::Retry) asks for it, and none is lost.
///
/// All workers are started at once and are ready when the pool is. They ignore Ctrl-C, die with
/// this process however that ends, and may have children and pools of their own. The pool belongs
/// to the process that made it: in a process forked from that, every task is
/// [`TaskError::NotOwner`].
///
/// Dropping a pool [terminates](Pool::terminate) it.
///
/// # Examples
///
/// ```
/// use pool::{Executor, Pool};
///
/// fn crash(code: i32) {
///     std::process::exit(code);
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # procspawn_core::init();
/// let pool = Pool::with_workers(2)?;
/// assert_eq!(pool.map(|x: u64| x * x, 1..=4)?, [1, 4, 9, 16]);
/// assert!(pool.apply(crash, (7,)).unwrap_err().is_worker_died());
/// assert_eq!(pool.apply(|x: u64| x + 1, (41,))?, 42);
/// # Ok(())
/// # }
/// ```
pub struct Pool {
    inner: Arc<Inner>,
    #[cfg(feature = "interrupt")]
    pub(crate) interrupt: Option<crate::interrupt::Interrupt>,
}

impl Pool {
    /// A pool of as many workers as this process may use processors
    /// ([`cpu_count`](procspawn_core::cpu_count)).
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn new() -> Result<Pool, PoolError> {
        Pool::builder().build()
    }

    /// A pool of so many workers.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn with_workers(workers: usize) -> Result<Pool, PoolError> {
        Pool::builder().workers(workers).build()
    }

    /// A pool of which more is to be said.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Pool {
        Pool {
            inner,
            #[cfg(feature = "interrupt")]
            interrupt: None,
        }
    }

    /// Takes no more tasks: they are [`TaskError::Closed`]. Those that it has are done, and then
    /// the workers leave.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Waits until all workers have left and all callbacks have run, which [`close`](Pool::close)
    /// or
    /// [`terminate`](Pool::terminate) bring about. In a callback it does not wait for callbacks.
    pub fn join(&self) {
        self.inner.wait_for_end(None);
        if self.inner.is_owner() {
            self.inner.callbacks().join();
        }
    }

    /// The same, but not longer than `timeout`, and without waiting for callbacks; false if it
    /// takes longer.
    pub fn join_timeout(&self, timeout: Duration) -> bool {
        // A timeout beyond the end of the clock is no timeout.
        self.inner.wait_for_end(Instant::now().checked_add(timeout))
    }

    /// Ends all tasks that have not ended as [`TaskError::Terminated`], and kills the workers.
    /// Returns at once; their handles resolve within milliseconds.
    pub fn terminate(&self) {
        self.inner.end(&TaskError::Terminated);
    }

    /// Changes how many workers there are. New ones start at once; those that are too many leave
    /// when they have done what they are in, and what they have not begun goes to others.
    ///
    /// # Errors
    ///
    /// [`PoolError::NoWorkers`] for 0.
    pub fn resize(&self, workers: usize) -> Result<(), PoolError> {
        if workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        self.inner.resize(workers);
        Ok(())
    }

    /// What the pool has done so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.inner.stats()
    }

    /// The process ids of the workers that are there.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        if !self.inner.is_owner() {
            return Vec::new();
        }
        self.inner.lock().workers().map(|worker| worker.process.pid()).collect()
    }

    /// What the exit functions gave of all workers that have left so far
    /// ([`PoolBuilder::exit_function`]), once; all of them after [`close`](Pool::close) and
    /// [`join`](Pool::join). Workers that were killed give nothing.
    pub fn exit_values<T: Data>(&self) -> Vec<Result<T, TaskError>> {
        if !self.inner.is_owner() {
            return Vec::new();
        }
        let farewells = std::mem::take(&mut self.inner.lock().farewells);
        let decode = |message: ipc_pipe::Message| {
            message.decode().map_err(|error| TaskError::Value(error.to_string()))
        };
        farewells.into_iter().map(|farewell| farewell.and_then(decode)).collect()
    }

    /// Makes a pool for `body`, and closes and joins it after that.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn scope<R>(builder: PoolBuilder, body: impl FnOnce(&Pool) -> R) -> Result<R, PoolError> {
        let pool = builder.build()?;
        let result = body(&pool);
        pool.close();
        pool.join();
        Ok(result)
    }
}

impl Executor for Pool {
    fn workers(&self) -> usize {
        if !self.inner.is_owner() {
            // The lock may be held by a thread that is not there.
            return 1;
        }
        self.inner.lock().places.iter().filter(|place| !place.closed).count().max(1)
    }

    fn accept<F, A>(&self, work: Work<F, A>)
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        self.inner.accept(work);
    }

    fn control(&self) -> Arc<dyn Control> {
        self.inner.clone()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.inner.is_owner() {
            self.terminate();
            self.inner.wait_for_end(Some(Instant::now() + crate::inner::END));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.inner.is_owner() {
            return formatter.debug_struct("Pool").finish_non_exhaustive();
        }
        let state = self.inner.lock();
        let phase = match state.phase {
            Phase::Open => "open",
            Phase::Closed => "closed",
            Phase::Over(_) => "over",
        };
        formatter
            .debug_struct("Pool")
            .field("phase", &phase)
            .field("workers", &state.workers().count())
            .field("waiting", &state.backlog.len())
            .finish_non_exhaustive()
    }
}
