//! What a pool of threads is made of.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, mpsc};

use procspawn_core::{Function, cpu_count};

use super::ThreadPool;
use super::crew::{Crew, Hiring};
use super::worker::Initializer;
use crate::{PoolError, TaskError};

/// Makes a [`ThreadPool`] with what is asked for.
///
/// # Examples
///
/// ```
/// use pool::{Executor, ThreadPool, payload, with_state};
///
/// let pool = ThreadPool::builder()
///     .workers(2)
///     .initializer(|start: u64| start, (100,))
///     .payload(String::from("shared by all"))
///     .build()?;
/// let count = pool.apply(|| with_state(|calls: &mut u64| { *calls += 1; *calls }), ())?;
/// assert_eq!(count, Some(101));
/// assert_eq!(pool.apply(|| payload::<String>().unwrap().len(), ())?, 13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "there is no pool before it is built"]
pub struct ThreadPoolBuilder {
    workers: Option<usize>,
    prefix: String,
    initializer: Option<Initializer>,
    payload: Option<Arc<dyn Any + Send + Sync>>,
}

impl ThreadPoolBuilder {
    pub(super) fn new() -> ThreadPoolBuilder {
        let prefix = "ThreadPool".into();
        ThreadPoolBuilder { workers: None, prefix, initializer: None, payload: None }
    }

    /// How many threads; as many as this process may use processors unless said.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// What the names of the threads begin with, before `-` and the number of the worker.
    pub fn name(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Has `function` called in every worker before its first task. What it returns is the worker's
    /// state, which its tasks reach by [`with_state`](crate::with_state).
    ///
    /// A worker that takes the place of one whose call was given up gets a new state. If no worker
    /// is left because this panics there, the pool is [`TaskError::Broken`].
    pub fn initializer<F, A>(mut self, function: F, args: A) -> Self
    where
        F: Function<A, Output: 'static>,
        A: Clone + Send + Sync + 'static,
    {
        self.initializer = Some(Arc::new(move || Box::new(function.call(args.clone()))));
        self
    }

    /// A value that all tasks can see, by [`payload`](crate::payload).
    pub fn payload<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.shared_payload(Arc::new(value))
    }

    /// The same of a value that others share, too.
    pub fn shared_payload<T: Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.payload = Some(value);
        self
    }

    /// Starts the threads, and waits until each has its state.
    ///
    /// # Errors
    ///
    /// [`PoolError::NoWorkers`]; [`PoolError::Initializer`] if the initializer panics;
    /// [`PoolError::Io`] if a thread cannot be started. None is left behind then.
    pub fn build(self) -> Result<ThreadPool, PoolError> {
        let workers = self.workers.unwrap_or_else(cpu_count);
        if workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        let (prefix, initializer, payload) = (self.prefix, self.initializer, self.payload);
        let crew = Crew::new(Hiring { workers, prefix, initializer, payload });
        let hired = hire_all(&crew);
        if hired.is_err() {
            crew.terminate();
            crew.join(None);
        }
        hired.map(|()| ThreadPool { crew })
    }

    /// Makes the pool, calls `body` with it, and waits for its tasks: see [`ThreadPool::scope`].
    ///
    /// # Errors
    ///
    /// As [`build`](ThreadPoolBuilder::build).
    pub fn scope<T>(self, body: impl FnOnce(&ThreadPool) -> T) -> Result<T, PoolError> {
        let pool = self.build()?;
        let value = body(&pool);
        pool.join();
        Ok(value)
    }
}

fn hire_all(crew: &Crew) -> Result<(), PoolError> {
    let (ready, answers) = mpsc::channel();
    for id in 0..crew.hiring.workers {
        crew.hire(id, ready.clone()).map_err(PoolError::io("starting a thread"))?;
    }
    drop(ready);
    let states: Result<(), TaskError> = answers.into_iter().collect();
    states.map_err(PoolError::Initializer)
}

impl fmt::Debug for ThreadPoolBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ThreadPoolBuilder")
            .field("workers", &self.workers)
            .field("name", &self.prefix)
            .finish_non_exhaustive()
    }
}
