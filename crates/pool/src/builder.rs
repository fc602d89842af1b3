//! Describing a pool, and making it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ipc_pipe::Message;
use procspawn_core::{Function, RemoteFn, StartMethod, cpu_count};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_primitives::Origin;

use crate::hire::Employer;
use crate::inner::Inner;
use crate::lane::Bell;
use crate::limits::Limits;
use crate::parcel::Errand;
use crate::pool::Pool;
use crate::state::State;
use crate::supervisor::supervise;
use crate::{Data, PoolError, TaskError};

/// How many workers in a row may fail to start, unless said.
const FAILURES: usize = 10;

/// A pool to be: what [`Pool::builder`] gives.
///
/// # Examples
///
/// ```
/// use pool::{Executor, Pool, with_state, worker_id};
///
/// fn open(path: String) -> Vec<String> {
///     vec![path]
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # procspawn_core::init();
/// let pool = Pool::builder()
///     .workers(1)
///     .initializer(open, ("first".to_string(),))
///     .exit_function(|| with_state(|log: &mut Vec<String>| log.len()))
///     .build()?;
/// pool.apply(|| with_state(|log: &mut Vec<String>| log.push("second".to_string())), ())?;
/// pool.close();
/// pool.join();
/// assert_eq!(pool.exit_values::<Option<usize>>()[0].clone()?, Some(2));
/// # Ok(())
/// # }
/// ```
#[must_use = "a pool has no workers before it is built"]
pub struct PoolBuilder {
    workers: Option<usize>,
    employer: Employer,
    limits: Limits,
    #[cfg(feature = "interrupt")]
    stops_on_interrupt: bool,
}

impl Default for PoolBuilder {
    fn default() -> Self {
        let limits =
            Limits { calls: None, age: None, memory: None, idle: None, failures: FAILURES };
        PoolBuilder {
            workers: None,
            employer: Employer::default(),
            limits,
            #[cfg(feature = "interrupt")]
            stops_on_interrupt: false,
        }
    }
}

impl PoolBuilder {
    /// How many workers there are. The default is how many processors this process may use
    /// ([`cpu_count`](procspawn_core::cpu_count)).
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Names the workers, for people: worker 3 of `name` is `name-3`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.employer.name = Some(name.into());
        self
    }

    /// How workers are started. The default is
    /// [`StartMethod::current`](procspawn_core::StartMethod::current).
    ///
    /// A pool has threads, and a process with threads cannot fork safely: with
    /// [`StartMethod::Fork`](procspawn_core::StartMethod::Fork) only the first workers can be started,
    /// and one that dies is replaced by a spawned one.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.employer.method = Some(method);
        self
    }

    /// Has every worker call `function` with `args` before its first task. What it returns is the
    /// worker's state, which tasks reach by [`with_state`](crate::with_state).
    ///
    /// If it panics, [`build`](PoolBuilder::build) fails with the reason; a worker that is replaced
    /// later and fails so counts as one that has failed to start.
    pub fn initializer<F, A>(mut self, function: F, args: A) -> Self
    where
        F: Function<A, Output: 'static>,
        A: Data + Sync,
    {
        let function = RemoteFn::new(function);
        self.employer.initializer = Some(Box::new(move || {
            let message = Message::encode(&(function, &args))?;
            Ok(Errand::new(initialize::<A, F::Output>, message))
        }));
        self
    }

    /// The same with a function that may fail: its error is a failure of the worker to start.
    pub fn try_initializer<F, A, S, E>(mut self, function: F, args: A) -> Self
    where
        F: Function<A, Output = Result<S, E>>,
        A: Data + Sync,
        S: 'static,
        E: fmt::Display + 'static,
    {
        let function = RemoteFn::new(function);
        self.employer.initializer = Some(Box::new(move || {
            let message = Message::encode(&(function, &args))?;
            Ok(Errand::new(try_initialize::<A, S, E>, message))
        }));
        self
    }

    /// Has every worker call `function` when it leaves in good order; see
    /// [`Pool::exit_values`] for what these return.
    pub fn exit_function<F>(mut self, function: F) -> Self
    where
        F: Function<(), Output: Data>,
    {
        let function = RemoteFn::new(function);
        self.employer.exit = Some(Box::new(move || {
            Ok(Errand::new(say_farewell::<F::Output>, Message::encode(&function)?))
        }));
        self
    }

    /// Sends a value to every worker once, for all tasks to read ([`payload`](crate::payload)).
    ///
    /// Long numbers in it ([`Bulk`](ipc_pipe::Bulk)) and shared memory are not copied for each
    /// worker.
    pub fn payload<T>(mut self, payload: T) -> Self
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.employer.payload =
            Some(Box::new(move || Ok(Errand::new(unpack::<T>, Message::encode(&payload)?))));
        self
    }

    /// Has worker `n` run on the processors `cpus[n % cpus.len()]` only.
    pub fn pin(mut self, cpus: impl IntoIterator<Item = Vec<usize>>) -> Self {
        self.employer.cpus = cpus.into_iter().collect();
        self
    }

    /// Replaces a worker when it has made so many calls.
    pub fn max_tasks_per_worker(mut self, calls: u64) -> Self {
        self.limits.calls = Some(calls);
        self
    }

    /// Replaces a worker that is so old when it is between two tasks.
    pub fn max_worker_age(mut self, age: Duration) -> Self {
        self.limits.age = Some(age);
        self
    }

    /// Replaces a worker that holds more than so many bytes of memory when it is between two tasks.
    /// It is looked at ten times a second.
    pub fn max_worker_memory(mut self, bytes: u64) -> Self {
        self.limits.memory = Some(bytes);
        self
    }

    /// Lets a worker go that has had nothing to do for so long. It is replaced when there are tasks
    /// again.
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.limits.idle = Some(idle);
        self
    }

    /// How many workers in a row may fail to start before the pool gives up, and all its tasks are
    /// [`TaskError::Broken`](crate::TaskError::Broken). The default is 10.
    ///
    /// A worker that dies in a task has not failed to start, however many do.
    pub fn max_start_failures(mut self, failures: usize) -> Self {
        self.limits.failures = failures;
        self
    }

    /// Has the first Ctrl-C (SIGINT) end the pool: its tasks are
    /// [`TaskError::Interrupted`](crate::TaskError::Interrupted), its workers go, and this process goes
    /// on, to end in its own way. The second one ends this process, as without this. Needs the
    /// feature `interrupt`.
    ///
    /// Without it, Ctrl-C ends this process unless it has a handler of its own, and the workers,
    /// which ignore it, go with this process without a word.
    #[cfg(feature = "interrupt")]
    pub fn stop_on_interrupt(mut self) -> Self {
        self.stops_on_interrupt = true;
        self
    }

    /// Makes the pool, and waits until all workers are ready.
    ///
    /// # Errors
    ///
    /// When it is to have no workers or a limit of 0, when a worker cannot be started or dies
    /// before it is ready, or when its initializer fails. The other workers are gone then.
    pub fn build(self) -> Result<Pool, PoolError> {
        let workers = self.workers.unwrap_or_else(cpu_count);
        if workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        if self.limits.calls == Some(0) {
            return Err(PoolError::Zero("the limit of tasks per worker"));
        }
        let origin = Origin::here().map_err(|error| {
            PoolError::io("noticing forks")(std::io::Error::other(error.to_string()))
        })?;
        let state = State::new(workers, self.limits);
        let inner = Arc::new(Inner::new(state, Bell::new()?, self.employer, origin));
        #[cfg(feature = "interrupt")]
        let stops_on_interrupt = self.stops_on_interrupt;
        #[allow(unused_mut, reason = "a feature changes it")]
        let mut pool = Pool::from_inner(inner.clone());
        // All are on their way before the first thread is: a process with threads cannot fork.
        let hired = (0..workers).try_for_each(|index| inner.hire(index));
        inner.employer.is_past_forking();
        let watched = hired.and_then(|()| (0..workers).try_for_each(|index| inner.watch(index)));
        if let Err(error) = watched {
            inner.abandon();
            return Err(error);
        }
        let supervised = inner.clone();
        let supervisor = thread::Builder::new().name("pool".into());
        if let Err(error) = supervisor.spawn(move || supervise(&supervised)) {
            inner.abandon();
            return Err(PoolError::io("starting a thread")(error));
        }
        if let Some(error) = inner.wait_until_ready() {
            return Err(error);
        }
        #[cfg(feature = "interrupt")]
        if stops_on_interrupt {
            let interrupt = crate::interrupt::Interrupt::terminates(&inner);
            pool.interrupt = Some(interrupt.map_err(PoolError::io("listening for Ctrl-C"))?);
        }
        Ok(pool)
    }
}

fn initialize<A: Data, S: 'static>(message: Message) -> Result<Box<dyn Any>, TaskError> {
    let (function, args): (RemoteFn<A, S>, A) = decode(message)?;
    Ok(Box::new(function.call(args)))
}

fn try_initialize<A: Data, S: 'static, E: fmt::Display + 'static>(
    message: Message,
) -> Result<Box<dyn Any>, TaskError> {
    let (function, args): (RemoteFn<A, Result<S, E>>, A) = decode(message)?;
    match function.call(args) {
        Ok(state) => Ok(Box::new(state)),
        Err(error) => Err(TaskError::Invalid(error.to_string())),
    }
}

fn say_farewell<R: Data>(message: Message) -> Result<Message, TaskError> {
    let function: RemoteFn<(), R> = decode(message)?;
    Message::encode(&function.call(())).map_err(|error| TaskError::EncodeValue(error.to_string()))
}

fn unpack<T: DeserializeOwned + Send + Sync + 'static>(
    message: Message,
) -> Result<Arc<dyn Any + Send + Sync>, TaskError> {
    Ok(Arc::new(decode::<T>(message)?))
}

fn decode<T: DeserializeOwned>(message: Message) -> Result<T, TaskError> {
    message.decode().map_err(|error| TaskError::Arguments(error.to_string()))
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PoolBuilder")
            .field("workers", &self.workers)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
