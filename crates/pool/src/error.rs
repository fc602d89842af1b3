//! Why there is no pool, and why a task has no value.

use std::fmt;
use std::io;
use std::time::Duration;

use ipc_shm::ShmError;
use procspawn_core::{ExitStatus, StartError};
use serde::{Deserialize, Serialize};

/// A pool could not be made. The workers that had been started are gone.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// A pool of no workers would never do anything.
    NoWorkers,
    /// A limit that must be at least 1 is 0: this one.
    Zero(&'static str),
    /// A worker could not be started.
    Start(StartError),
    /// The initializer, or the payload for it, failed in a worker.
    Initializer(TaskError),
    /// A worker ended before it was ready.
    WorkerDied(WorkerDied),
    /// There is no shared memory for a worker.
    Memory(ShmError),
    /// The operating system refused.
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A task has no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TaskError {
    /// It, or a callback, panicked.
    Panicked {
        /// The panic's message.
        message: String,
        /// Where it happened, as `file:line:column`.
        location: String,
        /// The worker's backtrace, if `RUST_BACKTRACE` asks for it.
        backtrace: Option<String>,
    },
    /// The worker that was running it died.
    WorkerDied(WorkerDied),
    /// It was cancelled.
    Cancelled,
    /// It ran for longer than it was allowed to, this long, and its worker was killed.
    TimedOut(Duration),
    /// The pool was terminated or dropped before it was done.
    Terminated,
    /// Ctrl-C ended the pool before it was done: see `PoolBuilder::stop_on_interrupt`.
    Interrupted,
    /// The pool takes no tasks any more: it has been closed.
    Closed,
    /// The pool belongs to another process, which this one was forked from.
    NotOwner,
    /// So many workers died in a short time that the pool starts no more of them: the last reason.
    Broken(String),
    /// The arguments could not be encoded: the reason.
    EncodeArguments(String),
    /// The worker could not decode the arguments, or has no such function: the reason.
    Arguments(String),
    /// The worker could not encode the value: the reason.
    EncodeValue(String),
    /// The value that came back could not be decoded: the reason.
    Value(String),
    /// What was asked for makes no sense, such as chunks of no calls: the reason.
    Invalid(String),
    /// The value has been taken by an earlier call.
    Taken,
}

/// A worker has ended in the middle of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerDied {
    /// Which worker, from 0 on. The one that replaces it has the same number.
    pub worker: usize,
    /// Its process id.
    pub pid: u32,
    /// How it ended.
    pub status: ExitStatus,
    /// The kernel killed it for want of memory, as far as the counters of the control group tell.
    pub out_of_memory: bool,
    /// The function that it was running, for people; empty if none.
    pub function: String,
    /// Which call of the job it was running: the element of a `map`, 0 for a single task.
    pub index: u64,
}

impl TaskError {
    /// True if the worker died while it ran the task.
    #[must_use]
    pub fn is_worker_died(&self) -> bool {
        matches!(self, TaskError::WorkerDied(_))
    }

    /// True if the task panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, TaskError::Panicked { .. })
    }

    /// True if the task was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, TaskError::Cancelled)
    }

    /// True if the task was stopped because it ran for too long.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        matches!(self, TaskError::TimedOut(_))
    }
}

impl PoolError {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> PoolError {
        move |source| PoolError::Io { doing, source }
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::NoWorkers => formatter.write_str("a pool needs at least one worker"),
            PoolError::Zero(what) => write!(formatter, "{what} must be at least 1"),
            PoolError::Start(error) => write!(formatter, "starting a worker: {error}"),
            PoolError::Initializer(error) => write!(formatter, "the initializer: {error}"),
            PoolError::WorkerDied(died) => write!(formatter, "before it was ready, {died}"),
            PoolError::Memory(error) => write!(formatter, "memory for a worker: {error}"),
            PoolError::Io { doing, source } => write!(formatter, "{doing}: {source}"),
        }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Panicked { message, location, .. } => {
                write!(formatter, "the task panicked at {location}: {message}")
            }
            TaskError::WorkerDied(died) => died.fmt(formatter),
            TaskError::Cancelled => formatter.write_str("the task was cancelled"),
            TaskError::TimedOut(limit) => {
                write!(formatter, "the task ran for longer than {limit:?}")
            }
            TaskError::Terminated => formatter.write_str("the pool was terminated"),
            TaskError::Interrupted => formatter.write_str("the pool was interrupted"),
            TaskError::Closed => formatter.write_str("the pool is closed"),
            TaskError::NotOwner => {
                formatter.write_str("the pool belongs to the process that this one was forked from")
            }
            TaskError::Broken(why) => write!(formatter, "the pool is broken: {why}"),
            TaskError::EncodeArguments(why) => write!(formatter, "arguments: {why}"),
            TaskError::Arguments(why) => write!(formatter, "arguments, in the worker: {why}"),
            TaskError::EncodeValue(why) => write!(formatter, "value, in the worker: {why}"),
            TaskError::Value(why) => write!(formatter, "value: {why}"),
            TaskError::Invalid(why) => formatter.write_str(why),
            TaskError::Taken => formatter.write_str("the value has already been taken"),
        }
    }
}

impl fmt::Display for WorkerDied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "worker {} (pid {}) died: {}", self.worker, self.pid, self.status)?;
        if self.out_of_memory {
            formatter.write_str(", out of memory")?;
        }
        if !self.function.is_empty() {
            write!(formatter, "; it ran call {} of {}", self.index, self.function)?;
        }
        Ok(())
    }
}

impl std::error::Error for PoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PoolError::Start(error) => Some(error),
            PoolError::Initializer(error) => Some(error),
            PoolError::WorkerDied(error) => Some(error),
            PoolError::Memory(error) => Some(error),
            PoolError::Io { source, .. } => Some(source),
            PoolError::NoWorkers | PoolError::Zero(_) => None,
        }
    }
}

impl std::error::Error for TaskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TaskError::WorkerDied(died) => Some(died),
            _ => None,
        }
    }
}

impl std::error::Error for WorkerDied {}

impl From<StartError> for PoolError {
    fn from(error: StartError) -> Self {
        PoolError::Start(error)
    }
}

impl From<ShmError> for PoolError {
    fn from(error: ShmError) -> Self {
        PoolError::Memory(error)
    }
}
