//! A pool of threads of this process.
//!
//! Arguments and values are moved, not encoded. What a thread lacks that a process has is that it
//! can be killed: a call that is given up (by a timeout, by being cancelled, by the end of the
//! pool) has its outcome at once, and its thread, which goes on until the call returns, is replaced
//! by another one.

mod builder;
mod calls;
mod copier;
mod crew;
mod end;
mod orphan;
mod seats;
mod task;
mod timer;
mod worker;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use procspawn_core::Function;

pub use builder::ThreadPoolBuilder;
use calls::{Calls, Job};
use copier::Copier;
use crew::Crew;
use orphan::Orphan;
use task::Task;

use crate::cell::Cell;
use crate::control::Control;
use crate::executor::Executor;
use crate::work::Work;
use crate::{Data, Handle, Options, PoolError, TaskError};

/// Runs tasks in threads of this process: for work that waits, or that shares memory, and in tests.
///
/// A task that panics costs nobody anything. One that exits or crashes takes this process along,
/// and one that is cancelled, or runs into its [`timeout`](crate::Call::timeout), is told so
/// ([`should_stop`](crate::should_stop)) but goes on if it does not listen; nobody waits for it.
///
/// # The end
///
/// [`join`](ThreadPool::join) waits for all tasks; [`terminate`](ThreadPool::terminate) ends them
/// without waiting. Dropping the pool is the latter: it does not wait for calls that run, which
/// could be for ever. In a process that is forked off, the pool's threads do not exist: tasks given
/// to it there are [`TaskError::NotOwner`].
///
/// # Examples
///
/// ```
/// use pool::{Executor, ThreadPool};
///
/// let pool = ThreadPool::with_workers(4)?;
/// assert_eq!(pool.map(|x: u32| x * x, 1..4)?, [1, 4, 9]);
///
/// // In threads, a task may be any closure.
/// let name = String::from("closure");
/// assert_eq!(pool.run(move || name.len()).get()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ThreadPool {
    crew: Arc<Crew>,
}

impl ThreadPool {
    /// A pool of as many threads as this process may use processors.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started.
    pub fn new() -> Result<ThreadPool, PoolError> {
        ThreadPool::builder().build()
    }

    /// A pool of so many threads.
    ///
    /// # Errors
    ///
    /// When there are none, or a thread cannot be started.
    pub fn with_workers(workers: usize) -> Result<ThreadPool, PoolError> {
        ThreadPool::builder().workers(workers).build()
    }

    /// What a pool is made of.
    pub fn builder() -> ThreadPoolBuilder {
        ThreadPoolBuilder::new()
    }

    /// Calls `body` with a pool, and waits for all tasks and callbacks when it has returned. If it
    /// panics, the pool is terminated.
    ///
    /// # Errors
    ///
    /// As [`new`](ThreadPool::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use pool::{Executor, ThreadPool};
    ///
    /// let handle = ThreadPool::scope(|pool| pool.submit(|x: u32| x + 1, (1,)))?;
    /// assert!(handle.ready());
    /// # Ok::<(), pool::PoolError>(())
    /// ```
    pub fn scope<T>(body: impl FnOnce(&ThreadPool) -> T) -> Result<T, PoolError> {
        ThreadPool::builder().scope(body)
    }

    /// Calls `closure` in a worker. It may capture, which tasks of an [`Executor`] may not.
    pub fn run<R: Data>(&self, closure: impl FnOnce() -> R + Send + 'static) -> Handle<R> {
        let cell = Cell::new();
        let (function, options) = (|closure: Once<_>| closure.call(), Options::default());
        let job = Job { function, options, outcomes: cell.clone(), copier: None };
        self.take_on(job, 0, vec![(Once(closure),)], 1);
        Handle::new(cell, self.control())
    }

    /// Takes no more tasks: from now on they are [`TaskError::Closed`]. Those that were given
    /// before are done.
    pub fn close(&self) {
        if self.crew.is_own() {
            self.crew.close();
        }
    }

    /// Closes the pool, and waits until all tasks have ended and all callbacks have run; in a
    /// callback, not for the callbacks. Calls that were given up are not waited for.
    ///
    /// # Panics
    ///
    /// In a task of this pool, which would wait for itself.
    pub fn join(&self) {
        self.join_until(None);
    }

    /// The same, but not longer than `timeout`; false if it takes longer.
    ///
    /// # Panics
    ///
    /// In a task of this pool, which would wait for itself.
    #[must_use]
    pub fn join_timeout(&self, timeout: Duration) -> bool {
        // A timeout beyond the end of the clock is no timeout.
        self.join_until(Instant::now().checked_add(timeout))
    }

    /// Ends all tasks as [`TaskError::Terminated`], and returns at once. Those that run are asked
    /// to stop, and are not waited for.
    pub fn terminate(&self) {
        if self.crew.is_own() {
            self.crew.terminate();
        }
    }

    fn join_until(&self, deadline: Option<Instant>) -> bool {
        if !self.crew.is_own() {
            return true;
        }
        assert!(!self.crew.is_within(), "a task waits for the end of its own pool");
        self.crew.close();
        self.crew.join(deadline)
    }

    /// Cuts calls into tasks of `chunk` calls.
    fn take_on<F, A>(&self, job: Job<F, A>, first: u64, calls: Vec<A>, chunk: usize)
    where
        F: Function<A, Output: Data>,
        A: Send + 'static,
    {
        let (mut first, mut calls) = (first, VecDeque::from(calls));
        let mut tasks: Vec<Arc<dyn Task>> = Vec::with_capacity(calls.len().div_ceil(chunk));
        while calls.len() > chunk {
            let task = calls.drain(..chunk).collect();
            tasks.push(Calls::new(job.clone(), first, task));
            first += chunk as u64;
        }
        if !calls.is_empty() {
            tasks.push(Calls::new(job, first, calls));
        }
        self.crew.push(tasks);
    }
}

impl Executor for ThreadPool {
    fn workers(&self) -> usize {
        self.crew.hiring.workers
    }

    fn accept<F, A>(&self, work: Work<F, A>)
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        if !self.crew.is_own() {
            return work.fail(&TaskError::NotOwner);
        }
        let Work { function, calls, first, chunk, options, outcomes } = work;
        let copier = Copier::for_retry(&options);
        self.take_on(Job { function, options, outcomes, copier }, first, calls, chunk.max(1));
    }

    fn control(&self) -> Arc<dyn Control> {
        if self.crew.is_own() { self.crew.clone() } else { Arc::new(Orphan::default()) }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        if self.crew.is_own() {
            self.crew.terminate();
        } else {
            // What belongs to threads that this process does not have is best left alone.
            std::mem::forget(self.crew.clone());
        }
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ThreadPool")
            .field("name", &self.crew.hiring.prefix)
            .field("workers", &self.crew.hiring.workers)
            .finish_non_exhaustive()
    }
}

/// A closure on its way to its only call.
struct Once<C>(C);

impl<R, C: FnOnce() -> R> Once<C> {
    fn call(self) -> R {
        (self.0)()
    }
}
